using Iced.Intel;
using Nacelle.Cpu;

namespace Nacelle.Translation.Frontend;

/// <summary>
/// Which instructions the processor that CPUID describes has, and how it reads the encodings that vendors read differently. What
/// is not announced is an undefined opcode, also where the host has it: some of it reaches memory through registers (MOVDIR64B,
/// LWP, PadLock), where a copy would reach the monitor's. Immutable.
/// </summary>
internal sealed class InstructionSet
{
    private readonly bool[] _offered;

    private InstructionSet(CpuidTable table)
    {
        uint vendor = table.Query(0, 0).Ebx;
        IsAmd = vendor is 0x6874_7541 or 0x6F67_7948;
        CpuidFeature[] features = Enum.GetValues<CpuidFeature>();
        bool[] announced = new bool[features.Length];
        foreach (CpuidFeature feature in features)
        {
            announced[(int)feature] = IsAlwaysThere(feature) || (NameOf(feature) is string name && CpuFeatures.Find(name)!.IsIn(table));
        }

        announced[(int)CpuidFeature.RDTSCP] |= announced[(int)CpuidFeature.RDPID];
        _offered = new bool[Enum.GetValues<Code>().Length];
        for (int code = 1; code < _offered.Length; code++)
        {
            _offered[code] = ((Code)code).CpuidFeatures().All(feature => announced[(int)feature]);
        }

        // The hypervisor's own interface, whatever virtualisation the guest is offered.
        _offered[(int)Code.Vmcall] = true;
        _offered[(int)Code.Vmmcall] = true;
        HasLockedControlMoves = IsAmd && CpuFeatures.Find("cr8legacy")!.IsIn(table);
        Options = DecoderOptions.ForceReservedNop
            | (IsAmd ? DecoderOptions.AMD : 0)
            | (announced[(int)CpuidFeature.BMI1] ? 0 : DecoderOptions.NoMPFX_0FBC)
            | (announced[(int)CpuidFeature.LZCNT] ? 0 : DecoderOptions.NoMPFX_0FBD)
            | (announced[(int)CpuidFeature.WBNOINVD] ? 0 : DecoderOptions.NoWbnoinvd)
            | (CpuFeatures.Find("lahf_lm")!.IsIn(table) ? 0 : DecoderOptions.NoLahfSahf64);
    }

    /// <summary>What the translator can offer on this host, for those who only look at code.</summary>
    public static InstructionSet OfHost { get; } = Of(CpuidModels.ForTranslator(0, 0, 1));

    /// <summary>Whether encodings are read as AMD's processors read them; otherwise as Intel's.</summary>
    public bool IsAmd { get; }

    /// <summary>Whether LOCK before a move of CR0 makes it one of CR8 (AMD volume 3, MOV CRn).</summary>
    public bool HasLockedControlMoves { get; }

    /// <summary>How the decoder is to read.</summary>
    public DecoderOptions Options { get; }

    /// <summary>Finds out what a CPUID table announces.</summary>
    public static InstructionSet Of(CpuidTable table) => new(table);

    /// <summary>Whether the processor has an instruction.</summary>
    public bool Offers(Code code) => _offered[(int)code];

    /// <summary>Sets that no bit of CPUID announces, or that are refused for other reasons than CPUID.</summary>
    private static bool IsAlwaysThere(CpuidFeature feature) => feature is CpuidFeature.INTEL8086 or CpuidFeature.INTEL8086_ONLY
        or CpuidFeature.INTEL186 or CpuidFeature.INTEL286 or CpuidFeature.INTEL286_ONLY or CpuidFeature.INTEL386
        or CpuidFeature.INTEL386_ONLY or CpuidFeature.INTEL486 or CpuidFeature.X64 or CpuidFeature.CPUID or CpuidFeature.FPU
        or CpuidFeature.FPU287 or CpuidFeature.FPU287XL_ONLY or CpuidFeature.FPU387 or CpuidFeature.FPU387SL_ONLY
        or CpuidFeature.MSR or CpuidFeature.TSC or CpuidFeature.SEP or CpuidFeature.SYSCALL or CpuidFeature.PAUSE
        or CpuidFeature.RDPMC or CpuidFeature.MULTIBYTENOP;

    /// <summary>The feature that announces a set; null for those that guests are never offered.</summary>
    private static string? NameOf(CpuidFeature feature) => feature switch
    {
        CpuidFeature.ADX => "adx",
        CpuidFeature.AES => "aes",
        CpuidFeature.AVX => "avx",
        CpuidFeature.AVX2 => "avx2",
        CpuidFeature.AVX_VNNI => "avx-vnni",
        CpuidFeature.AVX512_BF16 => "avx512-bf16",
        CpuidFeature.AVX512_BITALG => "avx512bitalg",
        CpuidFeature.AVX512_FP16 => "avx512-fp16",
        CpuidFeature.AVX512_IFMA => "avx512ifma",
        CpuidFeature.AVX512_VBMI => "avx512vbmi",
        CpuidFeature.AVX512_VBMI2 => "avx512vbmi2",
        CpuidFeature.AVX512_VNNI => "avx512vnni",
        CpuidFeature.AVX512_VP2INTERSECT => "avx512-vp2intersect",
        CpuidFeature.AVX512_VPOPCNTDQ => "avx512-vpopcntdq",
        CpuidFeature.AVX512BW => "avx512bw",
        CpuidFeature.AVX512CD => "avx512cd",
        CpuidFeature.AVX512DQ => "avx512dq",
        CpuidFeature.AVX512F => "avx512f",
        CpuidFeature.AVX512VL => "avx512vl",
        CpuidFeature.BMI1 => "bmi1",
        CpuidFeature.BMI2 => "bmi2",
        CpuidFeature.CLFLUSHOPT => "clflushopt",
        CpuidFeature.CLFSH => "clflush",
        CpuidFeature.CLWB => "clwb",
        CpuidFeature.CLZERO => "clzero",
        CpuidFeature.CMOV => "cmov",
        CpuidFeature.CMPXCHG16B => "cx16",
        CpuidFeature.CX8 => "cx8",
        CpuidFeature.F16C => "f16c",
        CpuidFeature.FMA => "fma",
        CpuidFeature.FSGSBASE => "fsgsbase",
        CpuidFeature.FXSR => "fxsr",
        CpuidFeature.GFNI => "gfni",
        CpuidFeature.INVPCID => "invpcid",
        CpuidFeature.LZCNT => "abm",
        CpuidFeature.MMX => "mmx",
        CpuidFeature.MOVBE => "movbe",
        CpuidFeature.PCLMULQDQ => "pclmulqdq",
        CpuidFeature.PKU => "pku",
        CpuidFeature.POPCNT => "popcnt",
        CpuidFeature.RDPID => "rdpid",
        CpuidFeature.RDRAND => "rdrand",
        CpuidFeature.RDSEED => "rdseed",
        CpuidFeature.RDTSCP => "rdtscp",
        CpuidFeature.SHA => "sha-ni",
        CpuidFeature.SMAP => "smap",
        CpuidFeature.SSE => "sse",
        CpuidFeature.SSE2 => "sse2",
        CpuidFeature.SSE3 => "pni",
        CpuidFeature.SSE4_1 => "sse4.1",
        CpuidFeature.SSE4_2 => "sse4.2",
        CpuidFeature.SSE4A => "sse4a",
        CpuidFeature.SSSE3 => "ssse3",
        CpuidFeature.VAES => "vaes",
        CpuidFeature.VPCLMULQDQ => "vpclmulqdq",
        CpuidFeature.WBNOINVD => "wbnoinvd",
        CpuidFeature.XSAVE => "xsave",
        CpuidFeature.XSAVEC => "xsavec",
        CpuidFeature.XSAVEOPT => "xsaveopt",
        _ => null,
    };
}
