using Iced.Intel;

namespace Nacelle.Translation.Frontend;

/// <summary>
/// What is known of a block in a page whose code keeps changing. Such a page is not watched; the block compares its bytes with
/// what it was translated from each time it is entered, and takes constants that have been seen to change from the guest's
/// code itself.
/// </summary>
/// <param name="First">Host address of the block's first byte.</param>
/// <param name="FirstLength">Bytes in the first page.</param>
/// <param name="Second">Host address of the bytes in the second page, if there are any.</param>
/// <param name="Bytes">The guest's bytes.</param>
/// <param name="Variable">A bit for each instruction whose constant is taken from the guest's code.</param>
internal sealed record ChangingCode(ulong First, int FirstLength, ulong Second, byte[] Bytes, ulong Variable)
{
    /// <summary>Host address of a byte.</summary>
    public ulong AddressOf(int offset) => offset < FirstLength ? First + (ulong)offset : Second + (ulong)(offset - FirstLength);

    /// <summary>
    /// The instructions whose constants are to be taken from the guest's code, when a block is translated again: those that
    /// were, and those in which nothing but the constant has changed.
    /// </summary>
    /// <param name="before">What was translated at the place before.</param>
    /// <param name="block">What is there now.</param>
    public static ulong FindVariable(ChangingCode before, DecodedBlock block)
    {
        ReadOnlySpan<byte> now = block.Code.Slice(0, block.Length);
        if (before.Bytes.Length != now.Length || before.FirstLength != now.Length)
        {
            return 0;
        }

        ulong variable = 0;
        for (int i = 0; i < block.Count; i++)
        {
            int start = block.Offsets[i];
            int length = block.Instructions[i].Length;
            (int offset, int size) = ConstantOf(block, i);
            bool same = true;
            bool sameConstant = true;
            for (int k = 0; k < length; k++)
            {
                bool equal = before.Bytes[start + k] == now[start + k];
                if (k >= offset && k < offset + size)
                {
                    sameConstant &= equal;
                }
                else
                {
                    same &= equal;
                }
            }

            if (!same)
            {
                return 0;
            }

            if (size != 0 && (!sameConstant || (before.Variable & (1UL << i)) != 0))
            {
                variable |= 1UL << i;
            }
        }

        return variable;
    }

    /// <summary>Where the constant of an instruction lies that can be taken from the guest's code.</summary>
    /// <returns>Offset and bytes; no bytes where there is none.</returns>
    public static (int Offset, int Size) ConstantOf(DecodedBlock block, int i)
    {
        ref Instruction instruction = ref block.Instructions[i];
        ConstantOffsets constants = block.Constants[i];
        bool applies = block.Kinds[i] switch
        {
            InstructionKind.LoadAddress => instruction.Op0Register.GetSize() >= 4 && constants.DisplacementSize == 4
                && !instruction.IsIPRelativeMemoryOperand && instruction.MemoryBase.GetSize() == 8,
            InstructionKind.Generic => instruction.Code is Code.Mov_r32_imm32 or Code.Mov_r64_imm64,
            _ => false,
        };
        return !applies ? (0, 0)
            : block.Kinds[i] == InstructionKind.LoadAddress ? ((int)constants.DisplacementOffset, 4)
            : ((int)constants.ImmediateOffset, (int)constants.ImmediateSize);
    }
}
