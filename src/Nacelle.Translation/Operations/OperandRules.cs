using Iced.Intel;

namespace Nacelle.Translation.Operations;

/// <summary>What depends on how an instruction forms the address of its operand.</summary>
internal static class OperandRules
{
    /// <summary>Whether an address beyond the canonical range raises #SS instead of #GP (SDM volume 1, 3.3.7.1).</summary>
    /// <param name="instruction">The instruction.</param>
    /// <param name="address">The linear address.</param>
    /// <param name="stackPointer">RSP before the instruction.</param>
    /// <param name="framePointer">RBP before the instruction.</param>
    public static bool IsStackAccess(in Instruction instruction, ulong address, ulong stackPointer, ulong framePointer)
    {
        // What an instruction pushes or pops lies around the pointers.
        const ulong reach = 1 << 16;
        if ((instruction.IsStackInstruction && address - stackPointer + reach < 2 * reach)
            || (instruction.Mnemonic is Mnemonic.Leave or Mnemonic.Enter && address - framePointer + reach < 2 * reach))
        {
            return true;
        }

        // The other segment prefixes are without effect in 64-bit mode.
        return instruction.MemoryBase is Register.RSP or Register.RBP or Register.ESP or Register.EBP
            && instruction.SegmentPrefix is not (Register.FS or Register.GS);
    }
}
