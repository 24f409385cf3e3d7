using Nacelle.Translation.State;
using static Nacelle.Translation.Emit.HostRegister;

namespace Nacelle.Translation.Emit;

/// <summary>
/// Emits the way from a guest address in <see cref="Scratch1"/> to its translated code through the jump table. Each branch has
/// a host branch of its own, which the host's predictor learns apart from all others.
/// </summary>
internal sealed class LookupEmitter(CodeEmitter emit)
{
    /// <summary>Jumps or calls; the guest's flags are set aside.</summary>
    /// <param name="tlb">The soft TLB's mode.</param>
    /// <param name="miss">Where to go when the table does not know the address.</param>
    /// <param name="call">Whether the way back is to be pushed.</param>
    public void Emit(int tlb, ulong miss, bool call)
    {
        int targets = ContextOffsets.JumpTable(tlb, 1);
        emit.ExtractContext(Scratch2, Scratch1, ContextOffsets.JumpIndexMask(tlb));
        emit.CompareTable(Scratch1, ContextOffsets.JumpTable(tlb, 0), Scratch2);
        emit.JumpIf(Condition.NotEqual, miss);
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
