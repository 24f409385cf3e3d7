using Iced.Intel;
using Nacelle.Translation.Emit;

namespace Nacelle.Translation.Frontend;

/// <summary>
/// Repeats the body of a loop that closes with a conditional jump to the beginning of its block, so that accesses of several
/// turns, which lie near each other in an array, share one probe of the soft TLB. The turns but the last leave by the inverted
/// condition. For one thread.
/// </summary>
internal static class LoopUnroller
{
    private const int MostTurns = 4;
    private const int MostInstructions = 40;
    private const int MostBranches = 8;

    /// <summary>How often the instructions of a block so far are worth having, if the last one closes a loop.</summary>
    /// <param name="block">The block.</param>
    /// <param name="rip">Guest address of its first byte.</param>
    /// <param name="branches">Branches that it passes, the last one included.</param>
    public static int TurnsOf(DecodedBlock block, ulong rip, int branches)
    {
        int last = block.Count - 1;
        if (block.Kinds[last] != InstructionKind.ConditionalJump || block.Instructions[last].NearBranchTarget != rip)
        {
            return 1;
        }

        bool accesses = false;
        for (int i = 0; i < last; i++)
        {
            if (block.Kinds[i] is not (InstructionKind.Generic or InstructionKind.Nothing or InstructionKind.LoadAddress
                or InstructionKind.ConditionalJump))
            {
                return 1;
            }

            accesses |= block.Kinds[i] == InstructionKind.Generic && GenericEmitter.MemoryOperand(block.Instructions[i]) >= 0;
        }

        int turns = Math.Min(MostTurns, Math.Min(MostInstructions / block.Count, MostBranches / branches));
        return accesses ? Math.Max(turns, 1) : 1;
    }

    /// <summary>Repeats all instructions of a block.</summary>
    /// <param name="block">The block.</param>
    /// <param name="turns">How often they are to be there.</param>
    /// <returns>How many there are now.</returns>
    public static int Repeat(DecodedBlock block, int turns)
    {
        int body = block.Count;
        int all = body * turns;
        for (int i = body; i < all; i++)
        {
            block.Instructions[i] = block.Instructions[i - body];
            block.Kinds[i] = block.Kinds[i - body];
            block.Offsets[i] = block.Offsets[i - body];
        }

        for (int i = body - 1; i < all - 1; i += body)
        {
            ref Instruction close = ref block.Instructions[i];
            close.NegateConditionCode();
            close.NearBranch64 = close.NextIP;
        }

        return all;
    }
}
