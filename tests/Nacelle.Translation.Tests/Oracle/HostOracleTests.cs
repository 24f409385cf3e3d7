using System.Diagnostics;
using System.Globalization;
using System.Runtime.Intrinsics.X86;

namespace Nacelle.Translation.Tests.Oracle;

/// <summary>
/// The host is the oracle: random sequences of the instructions that guests are promised run natively and translated, and all
/// state must agree. NACELLE_ORACLE_SEQUENCES and NACELLE_ORACLE_SEED override how many there are and the first one's seed.
/// </summary>
public sealed class HostOracleTests(ITestOutputHelper output)
{
    private const int MostFailures = 10;

    [Fact]
    public void Single_instructions_do_what_the_host_does() => Compare(50_000, single: true, crossing: false);

    [Fact]
    public void Sequences_do_what_the_host_does() => Compare(75_000, single: false, crossing: false);

    [Fact]
    public void Sequences_across_a_page_end_do_what_the_host_does() => Compare(75_000, single: false, crossing: true);

    [Fact]
    public void Sequences_of_blocks_with_one_instruction_do_what_the_host_does()
    {
        ulong seed = Setting("NACELLE_ORACLE_SEED", 1);
        Compare(seed, (int)Setting("NACELLE_ORACLE_SEQUENCES", 10_000), single: false, crossing: false, oneInstruction: true);
        Compare(seed, (int)Setting("NACELLE_ORACLE_SEQUENCES", 10_000), single: false, crossing: true, oneInstruction: true);
    }

    [Theory]
    [InlineData(true, false, 20_000)]
    [InlineData(false, false, 20_000)]
    [InlineData(false, true, 10_000)]
    public void Sequences_of_32_bit_code_do_what_the_host_does(bool single, bool crossing, int count)
    {
        int sequences = (int)Setting("NACELLE_ORACLE_SEQUENCES", (ulong)count);
        Compare(Setting("NACELLE_ORACLE_SEED", 1), sequences, single, crossing, bitness: 32);
    }

    /// <summary>Another thread asks for attention all the time: translated code leaves at its polls, and goes on.</summary>
    [Fact]
    public void Sequences_that_are_interrupted_do_what_the_host_does() =>
        Compare(Setting("NACELLE_ORACLE_SEED", 1), (int)Setting("NACELLE_ORACLE_SEQUENCES", 10_000), single: false, crossing: false, disturbed: true);

    [Fact]
    public void Sequences_whose_code_is_given_up_at_random_do_what_the_host_does()
    {
        ulong seed = Setting("NACELLE_ORACLE_SEED", 1);
        Compare(seed, (int)Setting("NACELLE_ORACLE_SEQUENCES", 10_000), single: false, crossing: false, evictEvery: 3);
        Compare(seed, (int)Setting("NACELLE_ORACLE_SEQUENCES", 10_000), single: false, crossing: true, evictEvery: 3);
    }

    /// <summary>With RFLAGS.AC: what is not aligned raises #AC on the host, and has to here.</summary>
    [Theory]
    [InlineData(true, false, 64, 15_000)]
    [InlineData(false, true, 64, 10_000)]
    [InlineData(true, false, 32, 10_000)]
    public void Sequences_with_checked_alignment_do_what_the_host_does(bool single, bool crossing, int bitness, int count)
    {
        (_, int b, int c, int d) = X86Base.CpuId(0, 0);
        bool isAmd = (b, d, c) == (0x6874_7541, 0x6974_6E65, 0x444D_4163);
        Assert.SkipUnless(isAmd, "what vectors, x87 state and far pointers want is up to the processor, and here as AMD has it");
        using HostOracle oracle = new(bitness: bitness, alignmentChecked: true);
        ulong seed = Setting("NACELLE_ORACLE_SEED", 1);
        oracle.Run(seed, (int)Setting("NACELLE_ORACLE_SEQUENCES", (ulong)count), single, crossing, (int)Setting("NACELLE_ORACLE_FAILURES", MostFailures));
        output.WriteLine($"seeds from {seed}: {oracle.Statistics}");
        Assert.True(oracle.Failures.Count == 0, string.Join('\n', oracle.Failures.Prepend($"seeds from {seed}: {oracle.Failures.Count} differ")));
        Assert.True(oracle.Statistics.Faults(17) > oracle.Statistics.Sequences / 50, oracle.Statistics.ToString());
    }

    /// <summary>Takes every processor of the host for an hour or so, and prints how far it is.</summary>
    [Fact]
    [Trait("Duration", "Long")]
    public void Ten_million_sequences_do_what_the_host_does()
    {
        ParallelOracle oracle = new(text => Console.WriteLine($"oracle: {text}"));
        ulong seed = Setting("NACELLE_ORACLE_SEED", (ulong)DateTime.UtcNow.Ticks);
        long count = (long)Setting("NACELLE_ORACLE_SEQUENCES", 10_000_000);
        oracle.Run(
            seed,
            count,
            (int)Setting("NACELLE_ORACLE_FAILURES", MostFailures),
            new OracleShare("sequences", Single: false, Crossing: false),
            new OracleShare("sequences across a page end", Single: false, Crossing: true),
            new OracleShare("sequences once more", Single: false, Crossing: false),
            new OracleShare("sequences across a page end once more", Single: false, Crossing: true),
            new OracleShare("single instructions", Single: true, Crossing: false),
            new OracleShare("interrupted sequences", Single: false, Crossing: false, Disturbed: true),
            new OracleShare("32-bit sequences", Single: false, Crossing: false, Bitness: 32),
            new OracleShare("32-bit sequences across a page end", Single: false, Crossing: true, Bitness: 32));
        output.WriteLine($"seeds from {seed}: {oracle.Statistics}");
        Assert.True(oracle.Failures.Count == 0, string.Join('\n', oracle.Failures.Prepend($"seeds from {seed}: {oracle.Failures.Count} differ")));
        Assert.True(oracle.Statistics.Sequences >= count * 9 / 10, $"only {oracle.Statistics.Sequences} of {count} could be placed");
        Assert.True(oracle.Statistics.Finished > oracle.Statistics.Sequences / 4, oracle.Statistics.ToString());
    }

    private static ulong Setting(string name, ulong otherwise) =>
        ulong.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out ulong value) ? value : otherwise;

    private void Compare(int count, bool single, bool crossing) =>
        Compare(Setting("NACELLE_ORACLE_SEED", 1), (int)Setting("NACELLE_ORACLE_SEQUENCES", (ulong)count), single, crossing);

    private void Compare(
        ulong seed, int count, bool single, bool crossing, bool oneInstruction = false, int bitness = 64, int evictEvery = 0,
        bool disturbed = false)
    {
        using HostOracle oracle = new(oneInstruction, bitness, evictEvery, disturbed);
        long start = Stopwatch.GetTimestamp();
        oracle.Run(seed, count, single, crossing, (int)Setting("NACELLE_ORACLE_FAILURES", MostFailures));
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        output.WriteLine($"seeds from {seed}: {oracle.Statistics}; {oracle.Statistics.Sequences / seconds:f0} a second");
        Assert.True(oracle.Failures.Count == 0, string.Join('\n', oracle.Failures.Prepend($"seeds from {seed}: {oracle.Failures.Count} differ")));
        Assert.True(oracle.Statistics.Sequences >= count * 9 / 10, $"only {oracle.Statistics.Sequences} of {count} could be placed");
        Assert.True(oracle.Statistics.Finished > oracle.Statistics.Sequences / 4, oracle.Statistics.ToString());
    }
}
