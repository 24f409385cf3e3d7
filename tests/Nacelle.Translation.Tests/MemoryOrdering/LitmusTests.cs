using System.Diagnostics;
using System.Globalization;

namespace Nacelle.Translation.Tests.MemoryOrdering;

/// <summary>
/// Memory ordering between vCPUs: nothing is seen that x86 forbids. What is allowed is computed by a model of x86-TSO, which
/// is itself held against the published verdicts. NACELLE_LITMUS_ROUNDS overrides how often each test runs.
/// </summary>
[Collection(nameof(LitmusTests))]
[CollectionDefinition(nameof(LitmusTests), DisableParallelization = true)]
public sealed class LitmusTests(ITestOutputHelper output)
{
    private const int FewRounds = 100_000;
    private const int ManyRounds = 20_000_000;
    private static readonly TimeSpan s_short = TimeSpan.FromSeconds(0.1);
    private static readonly TimeSpan s_long = TimeSpan.FromMinutes(1);

    /// <summary>
    /// Name, test, an outcome (null for none that is notable), and whether it is allowed: SDM volume 3, 9.2.3, and the tests
    /// of "x86-TSO" (CACM 53:7) and of "Herding cats" (TOPLAS 36:2) by their usual names.
    /// </summary>
    private static readonly (string Name, string Test, string Outcome, bool Allowed)[] s_classics =
    [
        ("SB", "x=1; r0=y | y=1; r0=x", "P0:r0=0 P1:r0=0 x=1 y=1", true),
        ("SB+fences", "x=1; fence; r0=y | y=1; fence; r0=x", "P0:r0=0 P1:r0=0 x=1 y=1", false),
        ("SB+one fence", "x=1; fence; r0=y | y=1; r0=x", "P0:r0=0 P1:r0=0 x=1 y=1", true),
        ("SB+exchanges", "r1=x<->1; r0=y | r1=y<->1; r0=x", "P0:r0=0 P0:r1=0 P1:r0=0 P1:r1=0 x=1 y=1", false),
        ("MP", "x=1; y=1 | r0=y; r1=x", "P1:r0=1 P1:r1=0 x=1 y=1", false),
        ("LB", "r0=x; y=1 | r0=y; x=1", "P0:r0=1 P1:r0=1 x=1 y=1", false),
        ("R", "x=1; y=1 | y=2; r0=x", "P1:r0=0 x=1 y=2", true),
        ("R+fence", "x=1; y=1 | y=2; fence; r0=x", "P1:r0=0 x=1 y=2", false),
        ("S", "x=2; y=1 | r0=y; x=1", "P1:r0=1 x=2 y=1", false),
        ("2+2W", "x=1; y=2 | y=1; x=2", "x=1 y=1", false),
        ("CoRR", "x=1 | r0=x; r1=x", "P1:r0=1 P1:r1=0 x=1", false),
        ("CoWW and CoRW", "x=1; x=2 | r0=x; x=3; r1=x", "P1:r0=2 P1:r1=1 x=3", false),
        ("n4", "r0=x; x=1; r1=x | r0=x; x=2; r1=x", "P0:r0=2 P0:r1=1 P1:r0=1 P1:r1=2 x=2", false),
        ("n5", "x=1; r0=x | x=2; r0=x", "P0:r0=2 P1:r0=1 x=1", false),
        ("n6", "x=1; r0=x; r1=y | y=2; x=2", "P0:r0=1 P0:r1=0 x=1 y=2", true),
        ("forwarding in both", "x=1; r0=x; r1=y | y=1; r0=y; r1=x", "P0:r0=1 P0:r1=0 P1:r0=1 P1:r1=0 x=1 y=1", true),
        ("exchanges in one order", "r0=x<->1 | r0=x<->2", "P0:r0=0 P1:r0=0 x=1", false),
    ];

    private static readonly (string Name, string Test, string Outcome, bool Allowed)[] s_wideClassics =
    [
        ("IRIW", "x=1 | y=1 | r0=x; r1=y | r0=y; r1=x", "P2:r0=1 P2:r1=0 P3:r0=1 P3:r1=0 x=1 y=1", false),
        ("WRC", "x=1 | r0=x; y=1 | r0=y; r1=x", "P1:r0=1 P2:r0=1 P2:r1=0 x=1 y=1", false),
        ("n1", "x=2; r0=y | y=1; x=1 | r0=x; r1=x", "P0:r0=0 P2:r0=1 P2:r1=2 x=2 y=1", true),
        ("RWC", "x=1 | r0=x; r1=y | y=1; r0=x", "P1:r0=1 P1:r1=0 P2:r0=0 x=1 y=1", true),
        ("RWC+fence", "x=1 | r0=x; r1=y | y=1; fence; r0=x", "P1:r0=1 P1:r1=0 P2:r0=0 x=1 y=1", false),
        ("Z6.3", "x=1; y=1 | y=2; z=1 | r0=z; r1=x", "P2:r0=1 P2:r1=0 x=1 y=2 z=1", false),
    ];

    public static TheoryData<string> Classics => [.. s_classics.Select(classic => classic.Name)];

    public static TheoryData<string> WideClassics => [.. s_wideClassics.Select(classic => classic.Name)];

    [Fact]
    public void The_model_agrees_with_the_published_verdicts()
    {
        foreach ((string name, string test, string outcome, bool allowed) in s_classics.Concat(s_wideClassics))
        {
            LitmusProgram program = LitmusProgram.Parse(test);
            HashSet<string> outcomes = [.. StoreOrderModel.Allowed(program).Select(program.Describe)];
            Assert.True(outcomes.Contains(outcome) == allowed, $"{name}: {outcome} in {string.Join(", ", outcomes)}");
            Assert.False(
                StoreOrderModel.SequentiallyConsistent(program).Select(program.Describe).Contains(outcome),
                $"{name}: {outcome} would show nothing");
        }
    }

    [Theory]
    [MemberData(nameof(Classics))]
    public void Two_processors_see_nothing_forbidden(string name)
    {
        LitmusProgram program = Find(name);
        Check(name, program, [LitmusForm.Plain, LitmusForm.Plain], Rounds(FewRounds));
        Check(name, program, [LitmusForm.Vector, LitmusForm.Stack], Rounds(FewRounds / 4));
        Check(name, program, [LitmusForm.String, LitmusForm.Repeated], Rounds(FewRounds / 4));
    }

    [Theory]
    [MemberData(nameof(WideClassics))]
    public void More_processors_see_nothing_forbidden(string name)
    {
        LitmusProgram program = Find(name);
        Check(name, program, [.. program.Threads.Select(_ => LitmusForm.Plain)], Rounds(40_000));
    }

    /// <summary>What a fence is for is seen where it is missing; how often depends on the host, which may have one processor.</summary>
    [Fact]
    public void Stores_and_later_loads_can_be_seen_reordered()
    {
        LitmusProgram program = Find("SB");
        ulong seen = Check("SB", program, [LitmusForm.Plain, LitmusForm.Plain], Rounds(FewRounds));
        output.WriteLine($"store buffering was seen {seen} times");
    }

    [Theory]
    [InlineData(1, 20, 20_000)]
    public void Random_tests_show_nothing_forbidden(int seed, int count, int rounds) => RunRandom(seed, count, Rounds(rounds));

    [Theory]
    [Trait("Duration", "Long")]
    [MemberData(nameof(Classics))]
    [MemberData(nameof(WideClassics))]
    public void Nothing_forbidden_in_many_rounds(string name)
    {
        LitmusProgram program = Find(name);
        int rounds = Rounds(program.Threads.Length > Environment.ProcessorCount ? ManyRounds / 10 : ManyRounds / 20);
        foreach (LitmusForm form in Enum.GetValues<LitmusForm>())
        {
            Check(name, program, [.. program.Threads.Select(_ => form)], rounds);
        }
    }

    [Fact]
    [Trait("Duration", "Long")]
    public void Many_random_tests_show_nothing_forbidden() =>
        RunRandom((int)(DateTime.UtcNow.Ticks & 0xFFFFFF), 2000, Rounds(100_000));

    private static int Rounds(int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable("NACELLE_LITMUS_ROUNDS"), CultureInfo.InvariantCulture, out int rounds)
            ? rounds
            : otherwise;

    private static LitmusProgram Find(string name) =>
        LitmusProgram.Parse(s_classics.Concat(s_wideClassics).First(classic => classic.Name == name).Test);

    private static LitmusProgram MakeRandom(Random random) => new(
    [
        .. Enumerable.Range(0, 2).Select(_ =>
        {
            int register = 0;
            return Enumerable.Range(0, 2 + random.Next(3)).Select(_ =>
            {
                int variable = random.Next(2);
                int value = 1 + random.Next(3);
                return random.Next(10) switch
                {
                    < 5 => new LitmusOperation(LitmusKind.Store, variable, value),
                    5 => new LitmusOperation(LitmusKind.Fence),
                    6 when register < 2 => new LitmusOperation(LitmusKind.Exchange, variable, value, register++),
                    _ when register < 2 => new LitmusOperation(LitmusKind.Load, variable, Register: register++),
                    _ => new LitmusOperation(LitmusKind.Store, variable, value),
                };
            }).ToArray();
        }),
    ]);

    private void RunRandom(int seed, int count, int rounds)
    {
        output.WriteLine($"seed {seed}");
        Random random = new(seed);
        LitmusForm[] forms = Enum.GetValues<LitmusForm>();
        for (int i = 0; i < count; i++)
        {
            LitmusProgram program = MakeRandom(random);
            Check($"random {seed}/{i}", program, [forms[random.Next(forms.Length)], forms[random.Next(forms.Length)]], rounds);
        }
    }

    /// <returns>How often an outcome was seen that needs store buffers.</returns>
    private ulong Check(string name, LitmusProgram program, LitmusForm[] forms, int rounds)
    {
        long start = Stopwatch.GetTimestamp();
        SortedDictionary<int, ulong> seen = LitmusRun.Run(program, forms, rounds, rounds > FewRounds ? s_long : s_short);
        HashSet<int> allowed = StoreOrderModel.Allowed(program);
        HashSet<int> strong = StoreOrderModel.SequentiallyConsistent(program);
        ulong total = seen.Aggregate(0UL, (sum, entry) => sum + entry.Value);
        ulong weak = seen.Where(entry => !strong.Contains(entry.Key)).Aggregate(0UL, (sum, entry) => sum + entry.Value);
        output.WriteLine(
            $"{name} ({string.Join(", ", forms)}): {total} rounds in {Stopwatch.GetElapsedTime(start).TotalSeconds:f2} s, "
            + $"{seen.Count} of {allowed.Count} outcomes, {weak} times one that needs a store buffer");
        Assert.True(total > 0, $"{name}: no round in {rounds}");
        string forbidden = string.Join(
            '\n', seen.Where(entry => !allowed.Contains(entry.Key)).Select(entry => $"  {program.Describe(entry.Key)}: {entry.Value} times"));
        Assert.True(forbidden.Length == 0, $"{name} ({string.Join(", ", forms)}): {program}\nis not to end with\n{forbidden}");
        return weak;
    }
}
