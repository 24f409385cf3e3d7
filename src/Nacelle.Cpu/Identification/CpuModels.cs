using System.Collections.Immutable;

namespace Nacelle.Cpu;

/// <summary>
/// The models by name. Feature sets are those of the processors with current microcode: without TSX and MPX, which Intel
/// withdrew. Each is written as what it has beyond an older one.
/// </summary>
public static class CpuModels
{
    private const string Intel = "GenuineIntel";
    private const string Amd = "AuthenticAMD";

    private const string Basic =
        "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 syscall nx lm";

    private const string Level2 = "fpu tsc cx8 cmov mmx fxsr sse sse2 syscall lm pni ssse3 cx16 sse4.1 sse4.2 popcnt lahf_lm nx msr pae apic pat pge";
    private const string Level3 = "avx avx2 bmi1 bmi2 f16c fma abm movbe xsave";
    private const string Level4 = "avx512f avx512bw avx512cd avx512dq avx512vl";

    private static readonly CpuModel[] s_all = [.. Build()];

    /// <summary>All, the levels first, then by vendor from the oldest on.</summary>
    public static IReadOnlyList<CpuModel> All => s_all;

    /// <summary>Finds a model by its name, in any case; null where there is none.</summary>
    public static CpuModel? Find(string name) =>
        Array.Find(s_all, model => string.Equals(model.Name, name, StringComparison.OrdinalIgnoreCase));

    private static IEnumerable<CpuModel> Build()
    {
        yield return new("x86-64-v2", "level 2 of the x86-64 psABI: SSE4.2", null, Features(Level2));
        yield return new("x86-64-v3", "level 3 of the x86-64 psABI: AVX2", null, Features(Level2, Level3));
        yield return new("x86-64-v4", "level 4 of the x86-64 psABI: AVX-512", null, Features(Level2, Level3, Level4));

        Dictionary<string, CpuModel> known = [];
        foreach ((string name, string description, CpuModelIdentity identity, string? older, string more, string less) in Generations())
        {
            ImmutableArray<CpuFeature> without = Features(less);
            ImmutableArray<CpuFeature> inherited = older is null ? [] : known[older].Features;
            CpuModel model = new(name, description, identity, [.. inherited.Union(Features(more)).Except(without)]);
            known.Add(name, model);
            yield return model;
        }
    }

    private static (string, string, CpuModelIdentity, string?, string, string)[] Generations() =>
    [
        ("Conroe", "Intel Core 2 of 65 nm", new(Intel, 6, 15, 3), null, $"{Basic} pni ssse3 lahf_lm", ""),
        ("Penryn", "Intel Core 2 of 45 nm", new(Intel, 6, 23, 3), "Conroe", "cx16 sse4.1", ""),
        ("Nehalem", "Intel Core i7 of 2008", new(Intel, 6, 26, 3), "Penryn", "sse4.2 popcnt", ""),
        ("Westmere", "Intel Core of 2010", new(Intel, 6, 44, 1), "Nehalem", "aes pclmulqdq arat", ""),
        ("SandyBridge", "Intel Core of 2011", new(Intel, 6, 42, 1), "Westmere", "avx xsave xsaveopt x2apic tsc-deadline rdtscp", ""),
        ("IvyBridge", "Intel Core of 2012", new(Intel, 6, 58, 9), "SandyBridge", "fsgsbase smep erms f16c rdrand", ""),
        ("Haswell", "Intel Core of 2013", new(Intel, 6, 60, 4), "IvyBridge", "fma avx2 bmi1 bmi2 invpcid pcid movbe abm", ""),
        ("Broadwell", "Intel Core of 2014", new(Intel, 6, 61, 2), "Haswell", "rdseed adx smap 3dnowprefetch", ""),
        ("Skylake-Client", "Intel Core of 2015", new(Intel, 6, 94, 3), "Broadwell", "xsavec xgetbv1", ""),
        ("Skylake-Server", "Intel Xeon of 2017", new(Intel, 6, 85, 4), "Skylake-Client",
            "pdpe1gb clwb clflushopt avx512f avx512dq avx512bw avx512cd avx512vl", ""),
        ("Cascadelake-Server", "Intel Xeon of 2019", new(Intel, 6, 85, 6), "Skylake-Server", "avx512vnni", ""),
        ("Icelake-Server", "Intel Xeon of 2021", new(Intel, 6, 106, 6), "Cascadelake-Server",
            "avx512vbmi avx512vbmi2 avx512ifma avx512bitalg avx512-vpopcntdq gfni vaes vpclmulqdq sha-ni umip rdpid fsrm", ""),
        ("SapphireRapids", "Intel Xeon of 2023", new(Intel, 6, 143, 4), "Icelake-Server",
            "avx512-bf16 avx512-fp16 avx-vnni amx-tile amx-int8 amx-bf16 serialize fzrm fsrs fsrc wbnoinvd", ""),
        ("qemu64", "QEMU virtual CPU, without SVM", new(Amd, 15, 107, 1), null,
            $"{Basic} pni cx16 lahf_lm", "vme"),
        ("Opteron_G1", "AMD Opteron of 2003", new(Amd, 15, 6, 1), null, $"{Basic} pni", ""),
        ("Opteron_G3", "AMD Opteron of 2009", new(Amd, 16, 2, 3), null,
            $"{Basic} pni cx16 monitor popcnt abm sse4a misalignsse lahf_lm rdtscp", ""),
        ("EPYC", "AMD EPYC of 2017 (Zen)", new(Amd, 23, 1, 2), null,
            $"{Basic} pni ssse3 cx16 sse4.1 sse4.2 popcnt aes pclmulqdq avx xsave xsaveopt xsavec xgetbv1 fma f16c movbe rdrand fsgsbase bmi1 "
            + "bmi2 avx2 smep smap rdseed adx clflushopt sha-ni arat lahf_lm abm sse4a misalignsse 3dnowprefetch cr8legacy mmxext "
            + "fxsr_opt pdpe1gb rdtscp", ""),
        ("EPYC-Rome", "AMD EPYC of 2019 (Zen 2)", new(Amd, 23, 49, 0), "EPYC", "clwb umip rdpid clzero xsaveerptr wbnoinvd", ""),
        ("EPYC-Milan", "AMD EPYC of 2021 (Zen 3)", new(Amd, 25, 1, 1), "EPYC-Rome", "erms fsrm invpcid pcid pku vaes vpclmulqdq", ""),
        ("EPYC-Genoa", "AMD EPYC of 2022 (Zen 4)", new(Amd, 25, 17, 0), "EPYC-Milan",
            "avx512f avx512dq avx512ifma avx512cd avx512bw avx512vl avx512vbmi avx512vbmi2 gfni avx512vnni avx512bitalg avx512-vpopcntdq "
            + "avx512-bf16", ""),
    ];

    private static ImmutableArray<CpuFeature> Features(params ReadOnlySpan<string> lists)
    {
        ImmutableArray<CpuFeature>.Builder features = ImmutableArray.CreateBuilder<CpuFeature>();
        foreach (string list in lists)
        {
            foreach (string name in list.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                features.Add(CpuFeatures.Find(name) ?? throw new InvalidOperationException($"feature '{name}' is in no table"));
            }
        }

        return features.ToImmutable();
    }
}
