using System.Diagnostics;
using System.Globalization;

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

    [Fact]
    public void Sequences_whose_code_is_given_up_at_random_do_what_the_host_does()
    {
        ulong seed = Setting("NACELLE_ORACLE_SEED", 1);
        Compare(seed, (int)Setting("NACELLE_ORACLE_SEQUENCES", 10_000), single: false, crossing: false, evictEvery: 3);
        Compare(seed, (int)Setting("NACELLE_ORACLE_SEQUENCES", 10_000), single: false, crossing: true, evictEvery: 3);
    }

    [Fact]
    [Trait("Duration", "Long")]
    public void Ten_million_sequences_do_what_the_host_does()
    {
        ulong seed = Setting("NACELLE_ORACLE_SEED", (ulong)DateTime.UtcNow.Ticks);
        int count = (int)Setting("NACELLE_ORACLE_SEQUENCES", 10_000_000);
        Compare(seed, count * 2 / 5, single: false, crossing: false);
        Compare(seed, count * 2 / 5, single: false, crossing: true);
        Compare(seed, count / 5, single: true, crossing: false);
    }

    private static ulong Setting(string name, ulong otherwise) =>
        ulong.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out ulong value) ? value : otherwise;

    private void Compare(int count, bool single, bool crossing) =>
        Compare(Setting("NACELLE_ORACLE_SEED", 1), (int)Setting("NACELLE_ORACLE_SEQUENCES", (ulong)count), single, crossing);

    private void Compare(
        ulong seed, int count, bool single, bool crossing, bool oneInstruction = false, int bitness = 64, int evictEvery = 0)
    {
        using HostOracle oracle = new(oneInstruction, bitness, evictEvery);
        long start = Stopwatch.GetTimestamp();
        oracle.Run(seed, count, single, crossing, (int)Setting("NACELLE_ORACLE_FAILURES", MostFailures));
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        output.WriteLine($"seeds from {seed}: {oracle.Statistics}; {oracle.Statistics.Sequences / seconds:f0} a second");
        Assert.True(oracle.Failures.Count == 0, string.Join('\n', oracle.Failures.Prepend($"seeds from {seed}: {oracle.Failures.Count} differ")));
        Assert.True(oracle.Statistics.Sequences >= count * 9 / 10, $"only {oracle.Statistics.Sequences} of {count} could be placed");
        Assert.True(oracle.Statistics.Finished > oracle.Statistics.Sequences / 4, oracle.Statistics.ToString());
    }
}
