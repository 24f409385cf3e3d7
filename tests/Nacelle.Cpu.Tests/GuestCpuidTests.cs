using System.Text;

namespace Nacelle.Cpu.Tests;

/// <summary>Tables for guests from what can be had and what was asked for.</summary>
public sealed class GuestCpuidTests
{
    private static readonly CpuidTable s_available = CpuidModels.ForTranslator(1, 1, 4);

    [Fact]
    public void All_that_can_be_had_is_the_table_as_it_is() =>
        Assert.Same(s_available, GuestCpuid.Make(s_available, CpuModelSpecification.Host with { IsMaximum = true }));

    [Fact]
    public void Features_that_cost_more_than_they_give_are_for_those_who_ask()
    {
        CpuidTable host = GuestCpuid.Make(s_available, CpuModelSpecification.Host);
        Assert.All(["pcid", "pku", "pks"], name => Assert.False(Feature(name).IsIn(host), name));
        Assert.Equal(["pcid", "pku", "pks"], CpuFeatures.Of(s_available).Except(CpuFeatures.Of(host)).Select(feature => feature.Name));
        CpuidTable asked = GuestCpuid.Make(s_available, CpuModelSpecification.Host with { Added = [Feature("pcid")] });
        Assert.True(Feature("pcid").IsIn(asked));
        Assert.False(Feature("pku").IsIn(asked));
    }

    [Fact]
    public void The_vendor_can_be_another_one()
    {
        CpuidTable table = GuestCpuid.Make(s_available, CpuModelSpecification.Host with { Vendor = "GenuineIntel" });
        Assert.Equal("GenuineIntel", Vendor(table.Query(0, 0)));
        Assert.Equal(s_available.Query(1, 0).Eax, table.Query(1, 0).Eax);
    }

    [Fact]
    public void A_model_has_its_features_and_those_of_the_machine_and_no_others()
    {
        string[] machine = ["hypervisor", "x2apic", "tsc-deadline", "tsc_adjust", "arat", "invtsc", "ht", "cmp_legacy", "topoext"];
        foreach (CpuModel model in CpuModels.All.Where(model => GuestCpuid.IsAvailable(s_available, model)))
        {
            CpuidTable table = GuestCpuid.Make(s_available, new CpuModelSpecification(model, [], []));
            string[] promised = [.. CpuFeatures.Of(table).Select(feature => feature.Name)];
            Assert.Empty(model.Features.Select(feature => feature.Name).Except(promised));
            IEnumerable<string> more = promised.Except(model.Features.Select(feature => feature.Name)).Except(machine);
            Assert.All(more, name => Assert.Equal(0x8000_0021u, Feature(name).Function));
        }

        Assert.Contains(CpuModels.All, model => model.Identity?.IsAmd == false && GuestCpuid.IsAvailable(s_available, model));
    }

    [Fact]
    public void A_model_says_who_it_is_and_keeps_the_topology_of_the_machine()
    {
        CpuidTable table = GuestCpuid.Make(s_available, Specification("Conroe"));
        Assert.Equal("GenuineIntel", Vendor(table.Query(0, 0)));
        Assert.Equal(0x0000_06F3u, table.Query(1, 0).Eax);
        Assert.Equal(s_available.Query(1, 0).Ebx, table.Query(1, 0).Ebx);
        Assert.Equal(s_available.Query(0xB, 1), table.Query(0xB, 1));
        Assert.Equal(0u, table.Query(0x8000_0001, 0).Edx & 0x0183_F3FF);
        Assert.StartsWith("Intel Core 2", Brand(table), StringComparison.Ordinal);

        CpuidTable amd = GuestCpuid.Make(s_available, Specification("EPYC-Rome"));
        Assert.Equal("AuthenticAMD", Vendor(amd.Query(0, 0)));
        Assert.Equal(0x0083_0F10u, amd.Query(1, 0).Eax);
        Assert.Equal(amd.Query(1, 0).Eax, amd.Query(0x8000_0001, 0).Eax);
        Assert.Equal(amd.Query(1, 0).Edx & 0x0183_F3FF, amd.Query(0x8000_0001, 0).Edx & 0x0183_F3FF);
    }

    [Fact]
    public void What_needs_a_feature_goes_with_it_and_so_does_its_state()
    {
        CpuidTable table = GuestCpuid.Make(s_available, new CpuModelSpecification(null, [], [Feature("avx")]));
        Assert.All((string[])["avx", "avx2", "fma", "f16c", "vaes", "avx512f"], name => Assert.False(Feature(name).IsIn(table), name));
        Assert.True(Feature("xsave").IsIn(table));
        Assert.Equal(3u, table.Query(0xD, 0).Eax);
        Assert.Equal(576u, table.Query(0xD, 0).Ebx);
        Assert.Equal(default, table.Query(0xD, 2));

        table = GuestCpuid.Make(s_available, new CpuModelSpecification(null, [], [Feature("xsave")]));
        Assert.Equal(default, table.Query(0xD, 0));
        Assert.False(Feature("xsaveopt").IsIn(table));
        Assert.True(Feature("sse4.2").IsIn(table));
    }

    [Fact]
    public void A_feature_that_is_added_brings_what_it_needs()
    {
        CpuidTable table = GuestCpuid.Make(s_available, Specification("Conroe") with { Added = [Feature("avx2")] });
        Assert.All((string[])["avx2", "avx", "xsave"], name => Assert.True(Feature(name).IsIn(table), name));
        Assert.False(Feature("fma").IsIn(table));
        Assert.Equal(7u, table.Query(0xD, 0).Eax);
    }

    [Fact]
    public void What_cannot_be_had_is_found_and_is_not_promised()
    {
        CpuModelSpecification asked = Specification("Conroe") with { Added = [Feature("vmx"), Feature("aes")] };
        Assert.Equal(["vmx"], GuestCpuid.Missing(s_available, asked).Select(feature => feature.Name));
        Assert.False(Feature("vmx").IsIn(GuestCpuid.Make(s_available, asked)));
        Assert.Empty(GuestCpuid.Missing(s_available, asked with { Removed = [Feature("vmx")] }));
    }

    private static CpuModelSpecification Specification(string model) => new(CpuModels.Find(model), [], []);

    private static CpuFeature Feature(string name) => CpuFeatures.Find(name)!;

    private static string Vendor(CpuidResult result) => Text(result.Ebx, result.Edx, result.Ecx);

    private static string Brand(CpuidTable table) => string.Concat(Enumerable.Range(0, 3).Select(i =>
    {
        CpuidResult part = table.Query(0x8000_0002 + (uint)i, 0);
        return Text(part.Eax, part.Ebx, part.Ecx, part.Edx);
    })).TrimEnd('\0');

    private static string Text(params uint[] words) => Encoding.ASCII.GetString([.. words.SelectMany(BitConverter.GetBytes)]);
}
