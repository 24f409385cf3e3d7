using System.Globalization;

namespace Nacelle.Fuzz.Tests;

/// <summary>Short seeded runs of every target; NACELLE_FUZZ_CASES gives another number of cases, and NACELLE_FUZZ_SEED another seed.</summary>
public sealed class FuzzTargetTests
{
    public static TheoryData<string> Names => [.. FuzzTarget.All.Select(target => target.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Random_inputs_find_nothing(string name)
    {
        using StringWriter report = new(CultureInfo.InvariantCulture);
        Assert.True(RandomRun.Run(FuzzTarget.Find(name)!, Setting("NACELLE_FUZZ_CASES", 300), Setting("NACELLE_FUZZ_SEED", 1), report), report.ToString());
    }

    private static int Setting(string name, int usual) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : usual;
}
