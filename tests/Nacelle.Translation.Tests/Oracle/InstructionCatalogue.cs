using Iced.Intel;

namespace Nacelle.Translation.Tests.Oracle;

/// <summary>The instructions that sequences are made of, in classes from which they are drawn.</summary>
internal sealed class InstructionCatalogue
{
    private static readonly HashSet<Mnemonic> s_excluded =
    [
        // AMD's processors read four bytes for 16-bit MOVSXD, and take REX.B before PAUSE for an XCHG; Intel's do not.
        Mnemonic.Pause,

        // Differ from run to run or from host to guest by their nature.
        Mnemonic.Cpuid, Mnemonic.Rdtsc, Mnemonic.Rdtscp, Mnemonic.Rdrand, Mnemonic.Rdseed, Mnemonic.Rdpid, Mnemonic.Rdpmc,
        Mnemonic.Xgetbv, Mnemonic.Sgdt, Mnemonic.Sidt, Mnemonic.Sldt, Mnemonic.Str, Mnemonic.Smsw, Mnemonic.Lar, Mnemonic.Lsl,
        Mnemonic.Verr, Mnemonic.Verw,

        // Lead out of the process, or are system behaviour for which KVM is the oracle.
        Mnemonic.Syscall, Mnemonic.Sysenter, Mnemonic.Int, Mnemonic.Int1, Mnemonic.Int3, Mnemonic.Into, Mnemonic.Iret,
        Mnemonic.Iretd, Mnemonic.Iretq, Mnemonic.Retf, Mnemonic.Lss, Mnemonic.Lfs, Mnemonic.Lgs, Mnemonic.Lds, Mnemonic.Les,

        // Made by the generator with care: state images, flags from memory, control flow.
        Mnemonic.Fnstenv, Mnemonic.Fldenv, Mnemonic.Fnsave, Mnemonic.Frstor, Mnemonic.Fxsave, Mnemonic.Fxsave64,
        Mnemonic.Fxrstor, Mnemonic.Fxrstor64, Mnemonic.Xsave, Mnemonic.Xsave64, Mnemonic.Xsavec, Mnemonic.Xsavec64,
        Mnemonic.Xsaveopt, Mnemonic.Xsaveopt64, Mnemonic.Xrstor, Mnemonic.Xrstor64, Mnemonic.Popf, Mnemonic.Popfd, Mnemonic.Popfq,
        Mnemonic.Ldmxcsr, Mnemonic.Vldmxcsr,
    ];

    private readonly bool[] _allowed = new bool[Enum.GetValues<Code>().Length];
    private readonly int _bitness;

    private InstructionCatalogue(int bitness)
    {
        _bitness = bitness;
        List<Code> integer = [];
        List<Code> unit = [];
        List<Code> legacyVector = [];
        List<Code> vector = [];
        List<Code> wide = [];
        List<Code> strings = [];
        foreach (Code code in Enum.GetValues<Code>())
        {
            OpCodeInfo info = code.ToOpCode();
            if (!info.IsInstruction || !(bitness == 64 ? info.Mode64 : info.Mode32) || s_excluded.Contains(code.Mnemonic()) || !PromisedFeatures.Contains(code)
                || !IsKnown(code, info))
            {
                continue;
            }

            _allowed[(int)code] = true;
            List<Code> list = code.Encoding() switch
            {
                EncodingKind.VEX => IsGeneral(code) ? integer : vector,
                EncodingKind.EVEX => wide,
                _ when IsString(info) => strings,
                _ when IsUnit(code) => unit,
                _ when IsGeneral(code) => integer,
                _ => legacyVector,
            };
            list.Add(code);
        }

        (Integer, Unit, LegacyVector, Vector, Wide, Strings) = (integer, unit, legacyVector, vector, wide, strings);
    }

    /// <summary>What 64-bit code is made of.</summary>
    public static InstructionCatalogue Wide64 { get; } = new(64);

    /// <summary>What 32-bit code is made of.</summary>
    public static InstructionCatalogue Narrow32 { get; } = new(32);

    /// <summary>That of code of a width.</summary>
    public static InstructionCatalogue Of(int bitness) => bitness == 64 ? Wide64 : Narrow32;

    /// <summary>Integer instructions, BMI among them.</summary>
    public IReadOnlyList<Code> Integer { get; }

    /// <summary>x87.</summary>
    public IReadOnlyList<Code> Unit { get; }

    /// <summary>MMX and SSE in their legacy encoding.</summary>
    public IReadOnlyList<Code> LegacyVector { get; }

    /// <summary>AVX and AVX2.</summary>
    public IReadOnlyList<Code> Vector { get; }

    /// <summary>AVX-512; empty where the host has none.</summary>
    public IReadOnlyList<Code> Wide { get; }

    /// <summary>String instructions.</summary>
    public IReadOnlyList<Code> Strings { get; }

    /// <summary>All of them.</summary>
    public IEnumerable<Code> All => Enum.GetValues<Code>().Where(IsAllowed);

    /// <summary>Whether an instruction may be in a sequence.</summary>
    public bool IsAllowed(Code code) => _allowed[(int)code];

    private static bool IsGeneral(Code code)
    {
        CpuidFeature feature = code.CpuidFeatures()[0];
        return feature is CpuidFeature.BMI1 or CpuidFeature.BMI2 or CpuidFeature.ADX or CpuidFeature.LZCNT or CpuidFeature.POPCNT
            or CpuidFeature.MOVBE or CpuidFeature.CX8 or CpuidFeature.CMPXCHG16B or CpuidFeature.CMOV or CpuidFeature.X64
            or CpuidFeature.CET_IBT or CpuidFeature.MULTIBYTENOP or CpuidFeature.FSGSBASE or CpuidFeature.CLFSH
            or CpuidFeature.CLFLUSHOPT or CpuidFeature.CLWB or CpuidFeature.PREFETCHW or CpuidFeature.PAUSE
            || code.Mnemonic() is Mnemonic.Crc32 or Mnemonic.Movnti
            || feature.ToString().StartsWith("INTEL", StringComparison.Ordinal);
    }

    private static bool IsUnit(Code code) => code.CpuidFeatures()[0].ToString().StartsWith("FPU", StringComparison.Ordinal);

    private static bool IsString(OpCodeInfo info) => Enumerable.Range(0, info.OpCount).Any(i =>
        info.GetOpKind(i) is OpCodeOperandKind.seg_rSI or OpCodeOperandKind.es_rDI);

    /// <summary>Leaves out what the generator makes in another way or not at all.</summary>
    private bool IsKnown(Code code, OpCodeInfo info)
    {
        // Privileged ones stay: they raise #GP. What reaches ports is left out, as a port ends the run.
        if (info.IsInputOutput || !info.Cpl3 && !info.MustBeCpl0)
        {
            return false;
        }

        // AMD and Intel differ about the operand-size prefix of near branches.
        FlowControl flow = code.FlowControl();
        if (flow != FlowControl.Next && !IsWideBranch(code))
        {
            return false;
        }

        for (int i = 0; i < info.OpCount; i++)
        {
            if (info.GetOpKind(i) is OpCodeOperandKind.seg_reg && i == 0 || info.GetOpKind(i) is OpCodeOperandKind.bnd_reg
                or OpCodeOperandKind.fs or OpCodeOperandKind.gs or OpCodeOperandKind.tr_reg or OpCodeOperandKind.tmm_reg
                or OpCodeOperandKind.farbr2_2 or OpCodeOperandKind.farbr4_2)
            {
                return false;
            }
        }

        return code != Code.Movsxd_r16_rm16 && !info.IsReservedNop && !code.ToString().Contains("_16", StringComparison.Ordinal);
    }

    private bool IsWideBranch(Code code) => _bitness == 32 ? IsNarrowBranch(code) : code.FlowControl() switch
    {
        FlowControl.Return => code is Code.Retnq or Code.Retnq_imm16,
        FlowControl.Call => code == Code.Call_rel32_64,
        FlowControl.IndirectCall => code == Code.Call_rm64,
        FlowControl.IndirectBranch => code == Code.Jmp_rm64,
        FlowControl.UnconditionalBranch or FlowControl.ConditionalBranch =>
            code.ToString().Contains("_64", StringComparison.Ordinal),
        FlowControl.Exception => code is Code.Ud2,
        _ => false,
    };

    private static bool IsNarrowBranch(Code code) => code.FlowControl() switch
    {
        FlowControl.Return => code is Code.Retnd or Code.Retnd_imm16,
        FlowControl.Call => code == Code.Call_rel32_32,
        FlowControl.IndirectCall => code == Code.Call_rm32,
        FlowControl.IndirectBranch => code == Code.Jmp_rm32,
        FlowControl.UnconditionalBranch or FlowControl.ConditionalBranch =>
            code.ToString().Contains("_32", StringComparison.Ordinal),
        FlowControl.Exception => code is Code.Ud2,
        _ => false,
    };
}
