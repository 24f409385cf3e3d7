using System.Collections.Immutable;
using System.Text;
using System.Xml.Linq;
using CsCheck;
using Nacelle.Cpu;
using Nacelle.Machine;

namespace Nacelle.Configuration.Tests;

/// <summary>All pairs of fixtures, both ways: what stands between them, and on which processor a guest could move.</summary>
public sealed class MigrationTests
{
    private static readonly ImmutableArray<HostFacts> s_hosts = [.. HostFixture.Names.Select(HostFixture.Read)];
    private static readonly ImmutableArray<HostFacts> s_withKvm = [.. s_hosts.Where(host => host.Kvm.IsAvailable)];

    private static IEnumerable<(HostFacts Source, HostFacts Destination)> Pairs =>
        s_hosts.SelectMany(source => s_hosts.Select(destination => (source, destination)));

    [Fact]
    public void A_host_is_like_itself()
    {
        foreach (HostFacts host in s_hosts.Append(SampleHost.Make()))
        {
            MigrationComparison comparison = MigrationComparison.Compare(host, host);
            Assert.True(comparison.IsPossible, $"{host.HostName}: {string.Join("; ", comparison.Differences.Select(difference => difference.Explanation))}");
            Assert.Equal(TscRelation.Same, comparison.Tsc);
            Assert.Empty(comparison.FeaturesGained);
        }
    }

    [Fact]
    public void Vendor_and_no_execute_are_judged_alike_in_both_directions()
    {
        foreach ((HostFacts source, HostFacts destination) in Pairs)
        {
            MigrationComparison there = MigrationComparison.Compare(source, destination);
            MigrationComparison back = MigrationComparison.Compare(destination, source);
            Assert.Equal(source.Cpu.Vendor == destination.Cpu.Vendor, there.IsSameVendor);
            Assert.Equal(there.IsSameVendor, back.IsSameVendor);
            Assert.Equal(source.Cpu.IsNoExecuteInForce == destination.Cpu.IsNoExecuteInForce, there.IsSameNoExecute);
            Assert.Equal(there.IsSameNoExecute, back.IsSameNoExecute);
            Assert.Equal(there.FeaturesLost, back.FeaturesGained);
            Assert.Equal(there.FeaturesGained, back.FeaturesLost);
            Assert.Equal(there.ExtendedStateMisplaced, back.ExtendedStateMisplaced);
            Assert.True(there.PhysicalAddressBitsLost == 0 || back.PhysicalAddressBitsLost == 0);
            foreach (MigrationAspect aspect in (MigrationAspect[])[MigrationAspect.Vendor, MigrationAspect.NoExecute])
            {
                Assert.Equal(
                    there.Differences.Count(difference => difference.Aspect == aspect), back.Differences.Count(difference => difference.Aspect == aspect));
            }
        }
    }

    [Fact]
    public void Each_difference_says_who_lacks_what()
    {
        foreach ((HostFacts source, HostFacts destination) in Pairs)
        {
            MigrationComparison comparison = MigrationComparison.Compare(source, destination);
            foreach (MigrationDifference difference in comparison.Differences)
            {
                Assert.Contains($"'{destination.HostName}'", difference.Explanation, StringComparison.Ordinal);
                Assert.NotEqual(difference.Source, difference.Destination);
                Assert.DoesNotContain('\n', difference.Explanation);
            }

            // Nothing that was lost is passed over in silence.
            foreach (string feature in comparison.FeaturesLost)
            {
                Assert.True(
                    comparison.Differences.Any(difference => difference.Name == feature || (feature is "vmx" or "svm" && difference.Aspect == MigrationAspect.Nested)),
                    $"{source.HostName} to {destination.HostName}: {feature}");
            }
        }
    }

    [Fact]
    public void Hygon_is_not_AMD_and_Zhaoxin_is_not_Intel()
    {
        Assert.Contains("of Hygon, that of 'amd-epyc-7551' of AMD", Explanation("hygon-c86-7185", "amd-epyc-7551", MigrationAspect.Vendor), StringComparison.Ordinal);
        Assert.Contains("of VIA or Zhaoxin, that of 'intel-core-i7-7700' of Intel", Explanation("zhaoxin-kx-6000", "intel-core-i7-7700", MigrationAspect.Vendor), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("intel-xeon-x5650", "intel-xeon-x5650-nx-off")]
    [InlineData("intel-xeon-x5650-nx-off", "intel-xeon-x5650")]
    public void No_execute_names_the_setting_the_register_and_the_host(string source, string destination)
    {
        string text = Explanation(source, destination, MigrationAspect.NoExecute);
        Assert.Contains("NX", text, StringComparison.Ordinal);
        Assert.Contains("setup of 'intel-xeon-x5650-nx-off' (on Intel, bit 34 of MSR 1A0H)", text, StringComparison.Ordinal);
    }

    [Fact]
    public void The_translator_has_no_execute_pages_of_its_own()
    {
        HostFacts with = Translating("intel-xeon-x5650");
        HostFacts without = Translating("intel-xeon-x5650-nx-off");
        Assert.True(MigrationComparison.Compare(with, without, AcceleratorChoice.Translator).IsSameNoExecute);
        Assert.False(MigrationComparison.Compare(with, without, AcceleratorChoice.Kvm).IsSameNoExecute);
        Assert.Throws<ArgumentException>(() => MigrationComparison.Compare(with, without, AcceleratorChoice.Auto));
    }

    [Theory]
    [InlineData("intel-xeon-e5-2680v3-tsx", "intel-xeon-e5-2680v3", "hle rtm")]
    [InlineData("intel-xeon-e5-2680v3", "intel-xeon-e5-2680v3-tsx", "vmx md-clear spec-ctrl stibp ssbd")]
    [InlineData("amd-epyc-7763", "amd-epyc-7742", "pcid erms invpcid pku vaes vpclmulqdq fsrm")]
    [InlineData("intel-xeon-5160", "intel-xeon-e5462", "")]
    public void Features_lost_are_those_that_microcode_and_generations_differ_in(string source, string destination, string lost) =>
        Assert.Equal(lost, string.Join(' ', MigrationComparison.Compare(HostFixture.Read(source), HostFixture.Read(destination)).FeaturesLost));

    [Fact]
    public void Other_frequencies_need_scaling_at_the_destination()
    {
        Assert.Equal(TscRelation.Scaled, Compare("intel-xeon-e5-2690v4", "intel-xeon-8160").Tsc);
        Assert.Equal(TscRelation.Different, Compare("intel-xeon-8160", "intel-xeon-e5-2690v4").Tsc);
        Assert.Contains("2095.078 MHz on 'intel-xeon-8160' and 2599.996 MHz", Explanation("intel-xeon-8160", "intel-xeon-e5-2690v4", MigrationAspect.TscFrequency), StringComparison.Ordinal);

        // Measuring twice gives two figures.
        HostFacts host = HostFixture.Read("intel-xeon-8160");
        HostFacts again = host with { TimestampCounter = host.TimestampCounter with { FrequencyHertz = host.TimestampCounter.FrequencyHertz + 100_000, HasScaling = false } };
        Assert.Equal(TscRelation.Same, MigrationComparison.Compare(host, again).Tsc);
        Assert.Equal(TscRelation.Unknown, MigrationComparison.Compare(host, again with { TimestampCounter = again.TimestampCounter with { FrequencyHertz = null, FrequencySource = null } }).Tsc);
    }

    [Fact]
    public void State_that_lies_elsewhere_is_found()
    {
        HostFacts milan = HostFixture.Read("amd-epyc-7763");
        HostFacts moved = milan with
        {
            HostName = "moved",
            Cpu = milan.Cpu with { Cpuid = [.. milan.Cpu.Cpuid.Select(leaf => leaf is { Function: 0xD, Index: 9 } ? leaf with { Result = leaf.Result with { Ebx = 832 } } : leaf)] },
        };
        MigrationDifference difference = Assert.Single(MigrationComparison.Compare(milan, moved).Differences);
        Assert.Equal((MigrationAspect.ExtendedState, "protection keys", "byte 2432", "byte 832"), (difference.Aspect, difference.Name, difference.Source, difference.Destination));
        Assert.Equal("EPYC-Milan,-pku", Shortened(CpuBaseline.Find([milan, moved])));
    }

    [Fact]
    public void Nesting_is_one_difference_and_names_the_module()
    {
        HostFacts on = HostFixture.Read("amd-epyc-7742");
        HostFacts off = on with { HostName = "off", Kvm = on.Kvm with { Nested = false, Features = [.. on.Kvm.Features!.Value.Where(feature => feature != "svm")] } };
        MigrationDifference difference = Assert.Single(MigrationComparison.Compare(on, off).Differences);
        Assert.Equal(MigrationAspect.Nested, difference.Aspect);
        Assert.Contains("set nested=1 for kvm_amd there", difference.Explanation, StringComparison.Ordinal);
        Assert.Empty(MigrationComparison.Compare(off, on).Differences);
    }

    [Fact]
    public void A_baseline_shows_guests_the_same_on_all_its_hosts()
    {
        foreach ((HostFacts source, HostFacts destination) in Pairs)
        {
            CheckBaseline([source, destination]);
        }
    }

    [Fact]
    public void So_it_does_for_any_set_of_hosts() =>
        Gen.Shuffle(s_withKvm.Where(host => host.Cpu.Vendor == "GenuineIntel").ToArray(), 1, 8).Sample(hosts => CheckBaseline(hosts), iter: 100);

    [Fact]
    public void The_order_of_hosts_does_not_matter() => Gen.Shuffle(s_withKvm.ToArray(), 2, 5).Sample(hosts =>
        Assert.Equal(CpuBaseline.Find(hosts).Option, CpuBaseline.Find([.. hosts.Reverse()]).Option), iter: 200);

    [Fact]
    public void There_is_none_between_vendors_and_without_an_accelerator()
    {
        Assert.Equal(
            "the processor of 'hygon-c86-7185' is of Hygon and that of 'amd-epyc-7551' of AMD: no guest moves between vendors",
            CpuBaseline.Find([HostFixture.Read("hygon-c86-7185"), HostFixture.Read("amd-epyc-7551")]).Reason);
        Assert.StartsWith("'intel-pentium-d' does not say what KVM can show to guests: /dev/kvm does not exist", CpuBaseline.Find([HostFixture.Read("intel-pentium-d")]).Reason, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => CpuBaseline.Find([]));
        HostFacts foreign = HostFixture.Read("amd-epyc-7551");
        foreign = foreign with { Cpu = foreign.Cpu with { Vendor = "TransmetaCPU" } };
        Assert.StartsWith("no model is known for processors of TransmetaCPU", CpuBaseline.Find([foreign]).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void It_is_written_for_libvirt_too()
    {
        CpuBaseline baseline = CpuBaseline.Find([HostFixture.Read("hygon-c86-7185")]);
        XElement cpu = XElement.Parse(baseline.DomainXml!);
        Assert.Equal("EPYC", cpu.Element("model")!.Value);
        Assert.Equal("Hygon", cpu.Element("vendor")!.Value);
        Assert.Contains(cpu.Elements("feature"), feature => feature.Attribute("name")!.Value == "pclmuldq" && feature.Attribute("policy")!.Value == "disable");
        Assert.Contains(",vendor=HygonGenuine", baseline.Option, StringComparison.Ordinal);
    }

    /// <summary>NACELLE_UPDATE=1 writes the file anew, to be looked at before it is committed.</summary>
    [Fact]
    public void The_matrix_of_all_pairs_is_the_one_that_was_reviewed()
    {
        string path = Path.Combine(HostFixture.Folder, "matrix.txt");
        string made = MigrationMatrix.Write(s_hosts);
        if (Environment.GetEnvironmentVariable("NACELLE_UPDATE") == "1")
        {
            File.WriteAllText(path, made);
        }

        string reviewed = File.Exists(path) ? File.ReadAllText(path) : "";
        Assert.True(made == reviewed, $"{path} is stale: run this test with NACELLE_UPDATE=1 and look at the difference");
    }

    private static void CheckBaseline(IReadOnlyCollection<HostFacts> hosts)
    {
        CpuBaseline baseline = CpuBaseline.Find(hosts);
        string names = string.Join(", ", hosts.Select(host => host.HostName));
        bool expected = hosts.All(host => host.Kvm.IsAvailable) && hosts.Select(host => host.Cpu.Vendor).Distinct().Count() == 1;
        Assert.True(expected == (baseline.Specification is not null), $"{names}: {baseline.Option ?? baseline.Reason}");
        Assert.True(baseline.Specification is null == baseline.Reason is not null);
        if (baseline.Specification is not { } specification)
        {
            return;
        }

        // What is written is read as the same.
        Assert.Equal(specification.Text, CpuOption.Parse(baseline.Option!).Text);
        ImmutableArray<string>? shown = null;
        foreach (HostFacts host in hosts)
        {
            CpuidTable offered = OfferedTable.Of(host);
            Assert.True(GuestCpuid.Missing(offered, specification).IsEmpty, $"{names}: '{host.HostName}' lacks {string.Join(' ', GuestCpuid.Missing(offered, specification).Select(feature => feature.Name))} of {baseline.Option}");
            ImmutableArray<string> seen = [.. CpuFeatures.Of(GuestCpuid.Make(offered, specification)).Select(feature => feature.Name)];
            shown ??= seen;
            Assert.True(shown.Value.SequenceEqual(seen), $"{names}: {baseline.Option} shows {string.Join(' ', shown.Value.Except(seen))} | {string.Join(' ', seen.Except(shown.Value))}");
        }

        // Nothing that all offer is held back, but for nesting and the counter.
        IEnumerable<string> all = hosts.Select(host => host.Kvm.Features!.Value.AsEnumerable()).Aggregate((left, right) => left.Intersect(right));
        Assert.Empty(all.Except(shown!.Value).Except(["vmx", "svm", "invtsc"]));
    }

    private static string Shortened(CpuBaseline baseline) =>
        string.Join(',', baseline.Option!.Split(',').Where((part, index) => index == 0 || part.StartsWith('-')));

    private static MigrationComparison Compare(string source, string destination) =>
        MigrationComparison.Compare(HostFixture.Read(source), HostFixture.Read(destination));

    private static string Explanation(string source, string destination, MigrationAspect aspect) =>
        Assert.Single(Compare(source, destination).Differences, difference => difference.Aspect == aspect).Explanation;

    private static HostFacts Translating(string name) => HostFixture.Read(name) is var facts
        ? facts with { Translator = new HostTranslatorFacts { IsAvailable = true, Reason = "it has what it needs", Features = facts.Cpu.Features } }
        : throw new InvalidOperationException();
}

/// <summary>The pairs as a table that people review.</summary>
internal static class MigrationMatrix
{
    public static string Write(ImmutableArray<HostFacts> hosts)
    {
        StringBuilder text = new();
        text.AppendLine("For each pair what stands between a guest that sees all of the first host and the second: V vendor, N no-execute,");
        text.AppendLine("f and the number of features lost, s state lost or misplaced, a physical address bits, t frequency without scaling, i invariant");
        text.AppendLine("counter, n nesting; . for nothing.").AppendLine();
        int width = hosts.Max(host => host.HostName.Length) + 5;
        text.AppendLine(new string(' ', width) + string.Concat(Enumerable.Range(1, hosts.Length).Select(number => $"{number}".PadRight(10))).TrimEnd());
        for (int i = 0; i < hosts.Length; i++)
        {
            text.Append($"{i + 1,2} {hosts[i].HostName}".PadRight(width));
            text.AppendLine(string.Concat(hosts.Select(destination => Cell(MigrationComparison.Compare(hosts[i], destination)).PadRight(10))).TrimEnd());
        }

        text.AppendLine().AppendLine("Processors on which a pair could migrate, in both directions.").AppendLine();
        for (int i = 0; i < hosts.Length; i++)
        {
            for (int j = i + 1; j < hosts.Length; j++)
            {
                if (hosts[i].Cpu.Vendor == hosts[j].Cpu.Vendor)
                {
                    CpuBaseline baseline = CpuBaseline.Find([hosts[i], hosts[j]]);
                    text.AppendLine($"{hosts[i].HostName} {hosts[j].HostName}").AppendLine($"    {baseline.Option ?? baseline.Reason}");
                }
            }
        }

        return text.ToString();
    }

    private static string Cell(MigrationComparison comparison)
    {
        StringBuilder cell = new();
        int features = comparison.Differences.Count(difference => difference.Aspect == MigrationAspect.Feature);
        foreach (MigrationAspect aspect in comparison.Differences.Select(difference => difference.Aspect).Distinct())
        {
            cell.Append(aspect switch
            {
                MigrationAspect.Vendor => "V",
                MigrationAspect.NoExecute => "N",
                MigrationAspect.Feature => $"f{features}",
                MigrationAspect.ExtendedState => "s",
                MigrationAspect.PhysicalAddressBits => "a",
                MigrationAspect.TscFrequency => "t",
                MigrationAspect.InvariantTsc => "i",
                _ => "n",
            });
        }

        return cell.Length == 0 ? "." : cell.ToString();
    }
}

/// <summary>CPUID as KVM offers it on a fixture: the host's, with the bits of features as they are offered.</summary>
internal static class OfferedTable
{
    public static CpuidTable Of(HostFacts host)
    {
        Dictionary<(uint Function, uint Index), CpuidResult> table = host.Cpu.Cpuid.ToDictionary(leaf => (leaf.Function, leaf.Index), leaf => leaf.Result);
        foreach (CpuFeature feature in CpuFeatures.All)
        {
            CpuidResult result = feature.Without(table.GetValueOrDefault((feature.Function, feature.Index)));
            uint bit = host.Kvm.Features!.Value.Contains(feature.Name) ? 1u << feature.Bit : 0;
            table[(feature.Function, feature.Index)] = feature.Register switch
            {
                CpuidRegister.Eax => result with { Eax = result.Eax | bit },
                CpuidRegister.Ebx => result with { Ebx = result.Ebx | bit },
                CpuidRegister.Ecx => result with { Ecx = result.Ecx | bit },
                _ => result with { Edx = result.Edx | bit },
            };
        }

        ImmutableArray<HostCpuidLeaf> leaves = [.. table.Select(row => new HostCpuidLeaf(row.Key.Function, row.Key.Index, row.Value))];
        return new CpuidTable(leaves.Select(leaf => leaf.ToEntry(leaves)));
    }
}
