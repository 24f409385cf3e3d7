using System.Collections.Immutable;
using Nacelle.Cpu;

namespace Nacelle.Configuration.Tests;

/// <summary>The fixtures themselves: what they are made from, and what is known of their generations.</summary>
public sealed class HostFixtureTests
{
    public static TheoryData<string> Names => [.. HostFixture.Names];

    /// <summary>NACELLE_UPDATE=1 writes the files anew, to be looked at before they are committed.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void Files_are_what_the_machine_makes(string name)
    {
        string made = HostFactsDocument.Format(HostFixture.Make(name));
        string path = HostFixture.JsonPath(name);
        if (Environment.GetEnvironmentVariable("NACELLE_UPDATE") == "1")
        {
            File.WriteAllText(path, made);
        }

        Assert.True(File.Exists(path) && File.ReadAllText(path) == made, $"{path} is stale: run this test with NACELLE_UPDATE=1 and look at the difference");
        Assert.Equal(made, HostFactsDocument.Format(HostFixture.Read(name)));
    }

    [Fact]
    public void There_are_enough_generations() => Assert.True(HostFixture.Names.Length >= 25, string.Join(' ', HostFixture.Names));

    /// <summary>A named model is what its generation has: the fixture of that generation has all of it.</summary>
    [Theory]
    [InlineData("intel-xeon-5160", "Conroe")]
    [InlineData("intel-xeon-e5462", "Penryn")]
    [InlineData("intel-xeon-x5550", "Nehalem")]
    [InlineData("intel-xeon-x5650", "Westmere")]
    [InlineData("intel-xeon-e5-2670", "SandyBridge")]
    [InlineData("intel-xeon-e5-2680v3", "Haswell")]
    [InlineData("intel-xeon-e5-2680v3-tsx", "Haswell")]
    [InlineData("intel-xeon-e5-2690v4", "Broadwell")]
    [InlineData("intel-core-i7-7700", "Skylake-Client")]
    [InlineData("intel-xeon-8160", "Skylake-Server")]
    [InlineData("intel-xeon-8380", "Icelake-Server")]
    [InlineData("intel-xeon-8480", "SapphireRapids")]
    [InlineData("amd-opteron-2344", "Opteron_G3")]
    [InlineData("amd-epyc-7551", "EPYC")]
    [InlineData("amd-epyc-7742", "EPYC-Rome")]
    [InlineData("amd-epyc-7763", "EPYC-Milan")]
    [InlineData("amd-epyc-9124", "EPYC-Genoa")]
    public void A_generation_has_what_its_model_says(string name, string model)
    {
        HostFacts facts = HostFixture.Read(name);
        Assert.Empty(CpuModels.Find(model)!.Features.Select(feature => feature.Name).Except(facts.Cpu.Features).Order());
    }

    [Theory]
    [InlineData("intel-pentium-d", false, true, false)]
    [InlineData("amd-opteron-248", false, false, false)]
    [InlineData("amd-opteron-8220", false, false, false)]
    [InlineData("intel-xeon-e5462", false, true, false)]
    [InlineData("amd-opteron-2344", true, true, true)]
    [InlineData("intel-xeon-x5550", true, true, true)]
    [InlineData("zhaoxin-kx-6000", true, true, true)]
    public void Counters_are_as_the_silicon_has_them(string name, bool invariant, bool constant, bool nonstop)
    {
        HostTimestampCounterFacts clock = HostFixture.Read(name).TimestampCounter;
        Assert.Equal((invariant, constant, nonstop), (clock.IsInvariant, clock.IsConstant, clock.IsNonstop));
    }

    [Fact]
    public void The_fixtures_cover_what_rules_ask_for()
    {
        ImmutableArray<HostFacts> all = [.. HostFixture.Names.Select(HostFixture.Read)];
        Assert.Contains(all, facts => facts.Cpu.NoExecute == NoExecuteState.DisabledByFirmware && !facts.Cpu.Has("nx"));
        Assert.Contains(all, facts => !facts.TimestampCounter.IsConstant);
        Assert.Contains(all, facts => facts.TimestampCounter.IsTrustedByKernel == false);
        Assert.Contains(all, facts => facts.Kvm.Nested == true);
        Assert.Contains(all, facts => facts.Kvm.Nested == false);
        Assert.Contains(all, facts => facts.Kvm.Nested is null && !facts.Kvm.IsAvailable);
        Assert.Equal(["AuthenticAMD", "CentaurHauls", "GenuineIntel", "HygonGenuine"], all.Select(facts => facts.Cpu.Vendor).Distinct().Order(StringComparer.Ordinal));
        Assert.Contains(all, facts => facts.TimestampCounter.FrequencySource == TscFrequencySource.Cpuid);
        Assert.Contains(all, facts => facts.Cpu.Has("rtm"));
    }
}
