using Iced.Intel;

namespace Nacelle.Translation.Frontend;

/// <summary>Tells which instructions need the guest's x87 and vector state in the host's registers.</summary>
internal static class VectorInstructions
{
    private static readonly bool[] s_needed = Build();

    /// <summary>Whether an instruction reads or writes x87, MMX, vector or mask registers or their control registers.</summary>
    public static bool NeedsState(in Instruction instruction) => s_needed[(int)instruction.Code];

    /// <summary>Whether an instruction needs the AVX-512 state: EVEX-encoded ones and those on mask registers.</summary>
    public static bool NeedsMaskState(in Instruction instruction) => instruction.Encoding == EncodingKind.EVEX
        || (instruction.Encoding == EncodingKind.VEX && instruction.Op0Kind == OpKind.Register && instruction.Op0Register.IsK())
        || (instruction.Encoding == EncodingKind.VEX && instruction.Op1Kind == OpKind.Register && instruction.Op1Register.IsK());

    /// <summary>Whether an instruction is of the x87, which CR0.EM and TS govern even without CR4.OSFXSR.</summary>
    public static bool IsFloatingPointUnit(in Instruction instruction) =>
        instruction.Code.CpuidFeatures()[0] is CpuidFeature.FPU or CpuidFeature.FPU287 or CpuidFeature.FPU387;

    /// <summary>Whether an instruction raises a pending exception of the x87 before it does anything (SDM volume 1, 8.6).</summary>
    public static bool WaitsForUnit(in Instruction instruction)
    {
        if (instruction.Mnemonic == Mnemonic.Wait || IsFloatingPointUnit(instruction))
        {
            return !instruction.Code.ToOpCode().IsFpuNoWait;
        }

        for (int i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) == OpKind.Register && instruction.GetOpRegister(i).IsMM())
            {
                return true;
            }
        }

        return false;
    }

    private static bool[] Build()
    {
        bool[] needed = new bool[Enum.GetValues<Code>().Length];
        foreach (Code code in Enum.GetValues<Code>())
        {
            needed[(int)code] = code.CpuidFeatures().Length != 0 && Judge(code);
        }

        return needed;
    }

    private static bool Judge(Code code)
    {
        switch (code.Mnemonic())
        {
            case Mnemonic.Wait:
                return true;
            case Mnemonic.Xgetbv or Mnemonic.Xsetbv or Mnemonic.Sfence or Mnemonic.Lfence or Mnemonic.Mfence or Mnemonic.Movnti or Mnemonic.Crc32 or Mnemonic.Popcnt
                or Mnemonic.Pause or Mnemonic.Clflush or Mnemonic.Prefetchnta or Mnemonic.Prefetcht0 or Mnemonic.Prefetcht1
                or Mnemonic.Prefetcht2:
                return false;
        }

        CpuidFeature feature = code.CpuidFeatures()[0];
        string name = feature.ToString();
        return code.Encoding() != EncodingKind.Legacy
            ? feature is not (CpuidFeature.BMI1 or CpuidFeature.BMI2 or CpuidFeature.TBM)
            : name.StartsWith("FPU", StringComparison.Ordinal) || name.StartsWith("MMX", StringComparison.Ordinal)
                || name.Contains("SSE", StringComparison.Ordinal) || feature is CpuidFeature.AES or CpuidFeature.PCLMULQDQ
                or CpuidFeature.SHA or CpuidFeature.GFNI or CpuidFeature.FXSR
                    or CpuidFeature.XSAVE or CpuidFeature.XSAVEOPT or CpuidFeature.XSAVEC;
    }
}
