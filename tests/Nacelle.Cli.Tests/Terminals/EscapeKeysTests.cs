using CsCheck;

namespace Nacelle.Cli.Tests;

public sealed class EscapeKeysTests
{
    private const byte Escape = 0x1D;
    private static readonly byte[] s_keys = [Escape, (byte)'q', (byte)'p', (byte)'a'];

    [Fact]
    public void Commands_are_found_and_taken_out()
    {
        (List<byte> guest, List<EscapeCommand> commands) = Feed([1, Escape, (byte)'q', 2, Escape, (byte)'p', Escape, Escape, Escape, (byte)'!'], 100);
        Assert.Equal([1, 2, Escape], guest);
        Assert.Equal([EscapeCommand.Quit, EscapeCommand.PauseOrContinue, EscapeCommand.Help], commands);
    }

    [Fact]
    public void Where_reads_end_makes_no_difference() =>
        Gen.Select(Gen.Int[0, 3].Select(place => s_keys[place]).Array[0, 40], Gen.Int[1, 7]).Sample((keys, piece) =>
        {
            (List<byte> guest, List<EscapeCommand> commands) = Feed(keys, piece);
            (List<byte> wholeGuest, List<EscapeCommand> wholeCommands) = Feed(keys, 100);
            Assert.Equal(wholeGuest, guest);
            Assert.Equal(wholeCommands, commands);
        });

    [Fact]
    public void Without_an_escape_key_everything_goes_to_the_guest() => Gen.Byte.Array.Sample(keys =>
    {
        EscapeKeys none = new(null);
        ReadOnlySpan<byte> left = keys;
        byte[] guest = new byte[keys.Length];
        Assert.Equal(EscapeCommand.None, none.Take(ref left, guest, out int count));
        Assert.Equal(keys, guest[..count]);
    });

    [Fact]
    public void The_watcher_finds_a_text_exactly_where_a_search_does() =>
        Gen.Select(Gen.Char['a', 'b'].Array[1, 6], Gen.Char['a', 'b'].Array[0, 60], Gen.Int[1, 9]).Sample((text, output, piece) =>
        {
            int found = 0;
            int seen = 0;
            OutputWatcher watcher = new(text.Select(c => (byte)c).ToArray(), () => found = seen);
            foreach (char[] chunk in output.Chunk(piece))
            {
                foreach (char character in chunk)
                {
                    seen++;
                    watcher.Observe([(byte)character]);
                }
            }

            int expected = new string(output).IndexOf(new string(text), StringComparison.Ordinal);
            Assert.Equal(expected < 0 ? 0 : expected + text.Length, found);
        });

    [Theory]
    [InlineData("ctrl-]", 0x1D)]
    [InlineData("ctrl-a", 1)]
    [InlineData("CTRL-A", 1)]
    [InlineData("none", -1)]
    public void Escape_keys_are_read(string text, int key) => Assert.Equal(key < 0 ? null : (byte)key, EscapeKeyOption.Parse(text));

    [Theory]
    [InlineData("")]
    [InlineData("a")]
    [InlineData("ctrl-")]
    [InlineData("ctrl-m")]
    [InlineData("ctrl-1")]
    [InlineData("alt-a")]
    public void Other_keys_are_refused(string text) =>
        Assert.Throws<Configuration.ConfigurationException>(() => EscapeKeyOption.Parse(text));

    private static (List<byte> Guest, List<EscapeCommand> Commands) Feed(byte[] keys, int piece)
    {
        EscapeKeys escape = new(Escape);
        List<byte> guest = [];
        List<EscapeCommand> commands = [];
        foreach (byte[] chunk in keys.Chunk(piece))
        {
            ReadOnlySpan<byte> left = chunk;
            byte[] taken = new byte[chunk.Length];
            while (!left.IsEmpty)
            {
                EscapeCommand command = escape.Take(ref left, taken, out int count);
                guest.AddRange(taken[..count]);
                if (command != EscapeCommand.None)
                {
                    commands.Add(command);
                }
            }
        }

        return (guest, commands);
    }
}
