using Iced.Intel;
using Nacelle.Translation.Frontend;

namespace Nacelle.Translation.Tests.Opcodes;

/// <summary>Which encodings can be compared with the host in user mode.</summary>
internal static class OpcodeScope
{
    private static readonly HashSet<Mnemonic> s_elsewhere =
    [
        // Differ from run to run or from host to guest by their nature.
        Mnemonic.Cpuid, Mnemonic.Rdtsc, Mnemonic.Rdtscp, Mnemonic.Rdrand, Mnemonic.Rdseed, Mnemonic.Rdpid, Mnemonic.Rdpmc,
        Mnemonic.Xgetbv, Mnemonic.Sgdt, Mnemonic.Sidt, Mnemonic.Sldt, Mnemonic.Str, Mnemonic.Smsw, Mnemonic.Lar, Mnemonic.Lsl,
        Mnemonic.Verr, Mnemonic.Verw, Mnemonic.Vmcall, Mnemonic.Vmmcall, Mnemonic.Rdpkru, Mnemonic.Wrpkru,

        // Lead out of the process, or to segments that the guest does not have.
        Mnemonic.Syscall, Mnemonic.Sysenter, Mnemonic.Int1, Mnemonic.Int3, Mnemonic.Into, Mnemonic.Iret, Mnemonic.Iretd, Mnemonic.Iretq,
        Mnemonic.Retf, Mnemonic.Lss, Mnemonic.Lfs, Mnemonic.Lgs, Mnemonic.Lds, Mnemonic.Les, Mnemonic.Popf, Mnemonic.Popfd, Mnemonic.Popfq,

        // State images, which the oracle of sequences makes with care: they hold addresses of the host's own.
        Mnemonic.Fnstenv, Mnemonic.Fldenv, Mnemonic.Fnsave, Mnemonic.Frstor, Mnemonic.Fxsave, Mnemonic.Fxsave64,
        Mnemonic.Fxrstor, Mnemonic.Fxrstor64, Mnemonic.Xsave, Mnemonic.Xsave64, Mnemonic.Xsavec, Mnemonic.Xsavec64,
        Mnemonic.Xsaveopt, Mnemonic.Xsaveopt64, Mnemonic.Xrstor, Mnemonic.Xrstor64,
    ];

    /// <summary>Whether an encoding is one. All that no processor is known to have are.</summary>
    public static bool Contains(in Instruction instruction, byte[] bytes, InstructionSet set, int bitness)
    {
        int opening = OpcodeGenerator.Opening(bytes);
        bool isMaskedAccess = bytes[opening] == 0x62 && (bitness == 64 || bytes[opening + 1] >= 0xC0)
            && (bytes[opening + 3] & 7) != 0 && bytes[opening + 5] < 0xC0;
        if (isMaskedAccess)
        {
            // Which elements are touched has tests of its own.
            return false;
        }

        if (instruction.IsInvalid)
        {
            return true;
        }

        if (s_elsewhere.Contains(instruction.Mnemonic) || instruction.IsCallFar || instruction.IsCallFarIndirect || instruction.IsJmpFar
            || instruction.IsJmpFarIndirect)
        {
            return false;
        }

        if (instruction.Mnemonic is Mnemonic.In or Mnemonic.Out && instruction.Immediate8 == 0xF4)
        {
            // The port that ends a run.
            return false;
        }

        if (instruction.Mnemonic == Mnemonic.Int)
        {
            return instruction.Immediate8 is not (0x80 or 3 or 4);
        }

        if (instruction.Mnemonic is Mnemonic.Vzeroall or Mnemonic.Vzeroupper && bitness == 32)
        {
            // What it does to registers that 32-bit code does not see has tests of its own.
            return false;
        }

        bool loadsSegment = instruction.Mnemonic is Mnemonic.Mov or Mnemonic.Pop && instruction.Op0Kind == OpKind.Register
            && instruction.Op0Register.IsSegmentRegister();

        // What the host has and does not announce to guests is undefined for them alone.
        return !loadsSegment && set.Offers(instruction.Code);
    }
}
