using Nacelle.Translation.State;
using static Nacelle.Translation.Emit.HostRegister;

namespace Nacelle.Translation.Emit;

/// <summary>
/// Emits the way from a guest address in <see cref="Scratch1"/> to its translated code through the jump table. Each branch has
/// a host branch of its own, which the host's predictor learns apart from all others.
/// </summary>
internal sealed class LookupEmitter(CodeEmitter emit)
{
    /// <summary>Jumps or calls.</summary>
    /// <param name="tlb">The soft TLB's mode.</param>
    /// <param name="miss">Where to go when the table does not know the address.</param>
    /// <param name="keepFlags">Whether the host's flags are still needed.</param>
    /// <param name="call">Whether the way back is to be pushed.</param>
    public void Emit(int tlb, ulong miss, bool keepFlags, bool call)
    {
        int tags = ContextOffsets.JumpTable(tlb, 0);
        int targets = ContextOffsets.JumpTable(tlb, 1);
        emit.ExtractContext(Scratch2, Scratch1, ContextOffsets.JumpIndexMask);
        if (keepFlags)
        {
            // Without a flag: RCX becomes address + ~tag + 1, which is zero on a hit.
            emit.StoreContext(ContextOffsets.SavedRcx, Rcx);
            emit.LoadTable(Rcx, tags, Scratch2);
            emit.Not(Rcx);
            emit.LoadAddress(Rcx, Rcx, Scratch1, 1, 1);
            int hit = emit.JumpIfRcxZero();
            emit.LoadContext(Rcx, ContextOffsets.SavedRcx);
            emit.JumpTo(miss);
            emit.PatchShort(hit);
            emit.LoadContext(Rcx, ContextOffsets.SavedRcx);
        }
        else
        {
            emit.CompareTable(Scratch1, tags, Scratch2);
            emit.JumpIf(Condition.NotEqual, miss);
        }

        if (call)
        {
            emit.CallTable(targets, Scratch2);
        }
        else
        {
            emit.JumpTable(targets, Scratch2);
        }
    }
}
