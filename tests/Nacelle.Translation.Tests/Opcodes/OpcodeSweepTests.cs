using System.Globalization;
using Iced.Intel;
using Nacelle.Translation.Tests.Oracle;

namespace Nacelle.Translation.Tests.Opcodes;

/// <summary>
/// The whole opcode space against the host in user mode: whether an encoding raises an exception, which, where, with what error
/// code, and what else becomes of registers and memory. NACELLE_OPCODE_CASES and NACELLE_OPCODE_FIRST override how many there are.
/// </summary>
public sealed class OpcodeSweepTests(ITestOutputHelper output)
{
    private const int MostExamples = 5;

    [Theory]
    [InlineData(64)]
    [InlineData(32)]
    public void Every_opcode_does_what_the_host_does(int bitness) => Compare(bitness, 2 * OpcodeGenerator.Round);

    [Theory]
    [Trait("Duration", "Long")]
    [InlineData(64)]
    [InlineData(32)]
    public void Every_opcode_does_what_the_host_does_in_many_forms(int bitness) => Compare(bitness, 200 * OpcodeGenerator.Round);

    private void Compare(int bitness, int count)
    {
        ulong first = Setting("NACELLE_OPCODE_FIRST", 0);
        count = (int)Setting("NACELLE_OPCODE_CASES", (ulong)count);
        SortedDictionary<string, (int Count, string Examples)> found = new(StringComparer.Ordinal);
        OracleStatistics statistics = new();
        OracleSession? session = null;
        List<TestSequence> batch = [];
        for (ulong number = first; number < first + (ulong)count; number++)
        {
            if (OpcodeGenerator.Make(number, bitness) is TestSequence sequence)
            {
                batch.Add(sequence);
            }

            if (batch.Count == NativeProgram.MostEntries || (number == first + (ulong)count - 1 && batch.Count != 0))
            {
                if (session is null || session.IsBroken || !session.HasRoomFor(batch.Count))
                {
                    session?.Dispose();
                    session = new OracleSession(oneInstruction: false, bitness);
                }

                session.Run(batch, (different, text) => Note(found, different, text), statistics);
                batch.Clear();
            }
        }

        session?.Dispose();
        output.WriteLine(statistics.ToString());
        Assert.True(found.Count == 0, string.Join('\n', found.Select(kind => $"{kind.Key}: {kind.Value.Count}\n{kind.Value.Examples}")));
        Assert.True(statistics.Sequences > count / 2, statistics.ToString());
        Assert.True(statistics.Faults(6) > count / 4 && statistics.Finished > count / 20, statistics.ToString());
    }

    /// <summary>Gathers differences by instruction and by what they begin with.</summary>
    private static void Note(SortedDictionary<string, (int Count, string Examples)> found, TestSequence sequence, string text)
    {
        Instruction instruction = sequence.Items[0].Instruction;
        if (instruction.IsInvalid && IsOrderOfRefusal(sequence, text))
        {
            return;
        }

        byte[] bytes = sequence.Items[0].Bytes!;
        string name = instruction.IsInvalid ? $"undefined {OpcodeOf(bytes)}" : instruction.Code.ToString();
        string kind = $"{name}, {string.Join(", ", text.Split('\n').Take(2).Select(line => line.Split(':')[0].Trim()))}";
        string details = $"    case {sequence.Seed}: {Convert.ToHexString(bytes)} {instruction}, {sequence.BeforePageEnd} bytes before the end of a page"
            + $"{(sequence.IsAtEdge ? " and of all code" : "")}\n{text}";
        (int count, string before) = found.GetValueOrDefault(kind, (0, ""));
        found[kind] = (count + 1, count < MostExamples ? before + details : before);
    }

    /// <summary>
    /// Whether an encoding is refused by both: as undefined by one before it has seen all bytes, which run on into a page that is
    /// not there or beyond the 15th, by the other for those. Processors differ in how much they look at first.
    /// </summary>
    private static bool IsOrderOfRefusal(TestSequence sequence, string text)
    {
        string[] lines = [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Trim()).Where(line => line != "over links:")];
        bool isLong = sequence.Items[0].Bytes!.Length >= 12;
        return (sequence.IsAtEdge && lines.Length == 3 && lines[0] is "vector: host 0x6, translator 0xe" or "vector: host 0xe, translator 0x6")
            || (isLong && lines is ["vector: host 0x6, translator 0xd" or "vector: host 0xd, translator 0x6"]);
    }

    /// <summary>Map and opcode in hexadecimal.</summary>
    private static string OpcodeOf(byte[] bytes)
    {
        int at = 0;
        while (at < bytes.Length - 1 && (bytes[at] is 0x66 or 0x67 or 0xF0 or 0xF2 or 0xF3 or 0x26 or 0x2E or 0x36 or 0x3E or 0x64 or 0x65
            || (bytes[at] & 0xF0) == 0x40))
        {
            at++;
        }

        ReadOnlySpan<byte> rest = bytes.AsSpan(at);
        return rest switch
        {
            [0x0F, 0x38 or 0x3A, byte last, ..] => $"0F {rest[1]:X2} {last:X2}",
            [0x0F, byte last, ..] => $"0F {last:X2}",
            [0xC4 or 0x8F, byte map, _, byte last, ..] => $"{rest[0]:X2} map {map & 31} {last:X2}",
            [0xC5, _, byte last, ..] => $"C5 {last:X2}",
            [0x62, byte map, _, _, byte last, ..] => $"62 map {map & 7} {last:X2}",
            _ => $"{rest[0]:X2}",
        };
    }

    private static ulong Setting(string name, ulong otherwise) =>
        ulong.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out ulong value) ? value : otherwise;
}
