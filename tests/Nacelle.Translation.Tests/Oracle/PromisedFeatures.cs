using Iced.Intel;
using Nacelle.Cpu;

namespace Nacelle.Translation.Tests.Oracle;

/// <summary>Which instruction sets guests of the translator are promised on this host, by its CPUID table.</summary>
internal static class PromisedFeatures
{
    // Where CPUID tells of a feature: leaf, index, register 0 EAX to 3 EDX, bit.
    private static readonly (CpuidFeature Feature, uint Leaf, uint Index, int Register, int Bit)[] s_bits =
    [
        (CpuidFeature.SSE3, 1, 0, 2, 0), (CpuidFeature.PCLMULQDQ, 1, 0, 2, 1), (CpuidFeature.SSSE3, 1, 0, 2, 9),
        (CpuidFeature.FMA, 1, 0, 2, 12), (CpuidFeature.CMPXCHG16B, 1, 0, 2, 13), (CpuidFeature.SSE4_1, 1, 0, 2, 19),
        (CpuidFeature.SSE4_2, 1, 0, 2, 20), (CpuidFeature.MOVBE, 1, 0, 2, 22), (CpuidFeature.POPCNT, 1, 0, 2, 23),
        (CpuidFeature.AES, 1, 0, 2, 25), (CpuidFeature.XSAVE, 1, 0, 2, 26), (CpuidFeature.AVX, 1, 0, 2, 28),
        (CpuidFeature.F16C, 1, 0, 2, 29), (CpuidFeature.CX8, 1, 0, 3, 8), (CpuidFeature.CMOV, 1, 0, 3, 15),
        (CpuidFeature.CLFSH, 1, 0, 3, 19), (CpuidFeature.MMX, 1, 0, 3, 23), (CpuidFeature.FXSR, 1, 0, 3, 24),
        (CpuidFeature.SSE, 1, 0, 3, 25), (CpuidFeature.SSE2, 1, 0, 3, 26),
        (CpuidFeature.FSGSBASE, 7, 0, 1, 0), (CpuidFeature.BMI1, 7, 0, 1, 3), (CpuidFeature.AVX2, 7, 0, 1, 5),
        (CpuidFeature.BMI2, 7, 0, 1, 8), (CpuidFeature.AVX512F, 7, 0, 1, 16), (CpuidFeature.AVX512DQ, 7, 0, 1, 17),
        (CpuidFeature.ADX, 7, 0, 1, 19), (CpuidFeature.AVX512_IFMA, 7, 0, 1, 21), (CpuidFeature.CLFLUSHOPT, 7, 0, 1, 23),
        (CpuidFeature.CLWB, 7, 0, 1, 24), (CpuidFeature.AVX512CD, 7, 0, 1, 28), (CpuidFeature.SHA, 7, 0, 1, 29),
        (CpuidFeature.AVX512BW, 7, 0, 1, 30), (CpuidFeature.AVX512VL, 7, 0, 1, 31),
        (CpuidFeature.AVX512_VBMI, 7, 0, 2, 1), (CpuidFeature.AVX512_VBMI2, 7, 0, 2, 6), (CpuidFeature.GFNI, 7, 0, 2, 8),
        (CpuidFeature.VAES, 7, 0, 2, 9), (CpuidFeature.VPCLMULQDQ, 7, 0, 2, 10), (CpuidFeature.AVX512_VNNI, 7, 0, 2, 11),
        (CpuidFeature.AVX512_BITALG, 7, 0, 2, 12), (CpuidFeature.AVX512_VPOPCNTDQ, 7, 0, 2, 14),
        (CpuidFeature.AVX512_VP2INTERSECT, 7, 0, 3, 8), (CpuidFeature.AVX512_FP16, 7, 0, 3, 23),
        (CpuidFeature.AVX_VNNI, 7, 1, 0, 4), (CpuidFeature.AVX512_BF16, 7, 1, 0, 5),
        (CpuidFeature.XSAVEOPT, 0xD, 1, 0, 0), (CpuidFeature.XSAVEC, 0xD, 1, 0, 1),
        (CpuidFeature.LZCNT, 0x8000_0001, 0, 2, 5), (CpuidFeature.SSE4A, 0x8000_0001, 0, 2, 6),
        (CpuidFeature.PREFETCHW, 0x8000_0001, 0, 2, 8), (CpuidFeature.FMA4, 0x8000_0001, 0, 2, 16),
        (CpuidFeature.CLZERO, 0x8000_0008, 0, 1, 0),
    ];

    private static readonly HashSet<CpuidFeature> s_promised = Read();

    /// <summary>Whether all sets that an instruction belongs to are promised.</summary>
    public static bool Contains(Code code) => code.CpuidFeatures().All(s_promised.Contains);

    private static HashSet<CpuidFeature> Read()
    {
        HashSet<CpuidFeature> promised =
        [
            CpuidFeature.INTEL8086, CpuidFeature.INTEL186, CpuidFeature.INTEL286, CpuidFeature.INTEL386, CpuidFeature.INTEL486,
            CpuidFeature.X64, CpuidFeature.FPU, CpuidFeature.FPU287, CpuidFeature.FPU387, CpuidFeature.MULTIBYTENOP,
            CpuidFeature.PAUSE, CpuidFeature.CET_IBT,
        ];
        CpuidTable table = CpuidModels.ForTranslator(0, 0, 1);
        foreach ((CpuidFeature feature, uint leaf, uint index, int register, int bit) in s_bits)
        {
            CpuidResult result = table.Query(leaf, index);
            uint value = register switch { 0 => result.Eax, 1 => result.Ebx, 2 => result.Ecx, _ => result.Edx };
            if ((value & (1u << bit)) != 0)
            {
                promised.Add(feature);
            }
        }

        return promised;
    }
}
