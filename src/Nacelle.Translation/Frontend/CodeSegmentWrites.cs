using Iced.Intel;
using Nacelle.Translation.Cache;
using Nacelle.Translation.Operations;

namespace Nacelle.Translation.Frontend;

/// <summary>Finds instructions that always write through CS, which protected mode refuses whatever the segment is (SDM volume 3, 3.4.5.1).</summary>
internal static class CodeSegmentWrites
{
    /// <summary>Whether an instruction is one. Virtual-8086 mode, which allows it, is not looked at.</summary>
    public static bool Contains(in Instruction instruction, ExecutionMode mode)
    {
        // Masked moves may write nothing.
        if (instruction.SegmentPrefix != Register.CS || mode.IsLong || !mode.IsProtected || instruction.IsInvalid
            || MaskedForm.Of(instruction).IsMasked)
        {
            return false;
        }

        if (instruction.Mnemonic == Mnemonic.Clzero)
        {
            return true;
        }

        InstructionInfoFactory information = new();
        foreach (UsedMemory used in information.GetInfo(instruction).GetUsedMemory())
        {
            if (used.Segment == Register.CS && used.Access is OpAccess.Write or OpAccess.ReadWrite)
            {
                return true;
            }
        }

        return false;
    }
}
