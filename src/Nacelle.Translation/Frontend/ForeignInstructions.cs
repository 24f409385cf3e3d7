using Iced.Intel;

namespace Nacelle.Translation.Frontend;

/// <summary>
/// Knows the instructions of sets that guests are not offered on any host. They raise #UD, also where the host has them: some
/// reach memory through registers (MOVDIR64B, LWP, PadLock), where a copy would reach the monitor's.
/// </summary>
internal static class ForeignInstructions
{
    private static readonly HashSet<CpuidFeature> s_known =
    [
        CpuidFeature.INTEL8086, CpuidFeature.INTEL8086_ONLY, CpuidFeature.INTEL186, CpuidFeature.INTEL286,
        CpuidFeature.INTEL286_ONLY, CpuidFeature.INTEL386, CpuidFeature.INTEL386_ONLY, CpuidFeature.INTEL486, CpuidFeature.X64,
        CpuidFeature.ADX, CpuidFeature.AES, CpuidFeature.AVX, CpuidFeature.AVX2, CpuidFeature.AVX_VNNI,
        CpuidFeature.AVX512_4FMAPS, CpuidFeature.AVX512_4VNNIW, CpuidFeature.AVX512_BF16, CpuidFeature.AVX512_BITALG,
        CpuidFeature.AVX512_FP16, CpuidFeature.AVX512_IFMA, CpuidFeature.AVX512_VBMI, CpuidFeature.AVX512_VBMI2,
        CpuidFeature.AVX512_VNNI, CpuidFeature.AVX512_VP2INTERSECT, CpuidFeature.AVX512_VPOPCNTDQ, CpuidFeature.AVX512BW,
        CpuidFeature.AVX512CD, CpuidFeature.AVX512DQ, CpuidFeature.AVX512F, CpuidFeature.AVX512VL, CpuidFeature.BMI1,
        CpuidFeature.BMI2, CpuidFeature.CET_IBT, CpuidFeature.CLDEMOTE, CpuidFeature.CLFLUSHOPT, CpuidFeature.CLFSH,
        CpuidFeature.CLWB, CpuidFeature.CLZERO, CpuidFeature.CMOV, CpuidFeature.CMPXCHG16B, CpuidFeature.CPUID, CpuidFeature.CX8,
        CpuidFeature.F16C, CpuidFeature.FMA, CpuidFeature.FMA4, CpuidFeature.FPU, CpuidFeature.FPU287,
        CpuidFeature.FPU287XL_ONLY, CpuidFeature.FPU387, CpuidFeature.FPU387SL_ONLY, CpuidFeature.FSGSBASE, CpuidFeature.FXSR,
        CpuidFeature.GFNI, CpuidFeature.INVPCID, CpuidFeature.LZCNT, CpuidFeature.MMX, CpuidFeature.MOVBE, CpuidFeature.MSR,
        CpuidFeature.MULTIBYTENOP, CpuidFeature.PAUSE, CpuidFeature.PCLMULQDQ, CpuidFeature.POPCNT, CpuidFeature.PREFETCHW,
        CpuidFeature.PREFETCHWT1, CpuidFeature.RDPID, CpuidFeature.RDPMC, CpuidFeature.RDRAND, CpuidFeature.RDSEED,
        CpuidFeature.RDTSCP, CpuidFeature.SEP, CpuidFeature.SHA, CpuidFeature.SMAP, CpuidFeature.SSE, CpuidFeature.SSE2,
        CpuidFeature.SSE3, CpuidFeature.SSE4_1, CpuidFeature.SSE4_2, CpuidFeature.SSE4A, CpuidFeature.SSSE3,
        CpuidFeature.SYSCALL, CpuidFeature.TSC, CpuidFeature.VAES, CpuidFeature.VMX, CpuidFeature.VPCLMULQDQ, CpuidFeature.WBNOINVD,
        CpuidFeature.XSAVE, CpuidFeature.XSAVEC, CpuidFeature.XSAVEOPT,
    ];

    private static readonly bool[] s_foreign = Build();

    /// <summary>Whether an instruction is one of them.</summary>
    public static bool Contains(Code code) => s_foreign[(int)code];

    private static bool[] Build()
    {
        Code[] codes = Enum.GetValues<Code>();
        bool[] foreign = new bool[codes.Length];
        foreach (Code code in codes)
        {
            foreign[(int)code] = code != Code.INVALID && !code.CpuidFeatures().All(s_known.Contains);
        }

        return foreign;
    }
}
