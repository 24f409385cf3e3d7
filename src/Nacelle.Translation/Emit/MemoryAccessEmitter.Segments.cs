using Nacelle.Cpu;
using Nacelle.Translation.Operations;
using Nacelle.Translation.State;
using static Nacelle.Translation.Emit.HostRegister;

namespace Nacelle.Translation.Emit;

/// <content>
/// Checks of segments that are not open to everything, and of alignment. What one comparison does not let through is left to
/// the monitor, which looks at everything else and knows the exception.
/// </content>
internal sealed partial class MemoryAccessEmitter
{
    private readonly List<PendingRefusal> _refusals = [];

    /// <summary>Leaves for the monitor unless the access at the offset in <see cref="Scratch1"/> is certain to be allowed; <see cref="Scratch2"/> is lost.</summary>
    private void CheckSegment(SegmentName name, AccessKind access, bool keepFlags, ulong rip)
    {
        int size = (ushort)access;
        int limit = ContextOffsets.SegmentLimit(name, (access & AccessKind.Write) != 0);
        int refused;
        if (keepFlags)
        {
            // The sign of what is left up to the limit; an offset is negated by NOT and 1, because NEG would touch the flags.
            emit.StoreContext(ContextOffsets.SavedRcx, Rcx);
            emit.LoadContext(Rcx, limit);
            emit.Not(Scratch1);
            emit.LoadAddress(Rcx, Rcx, Scratch1, 1, 2 - size);
            emit.Not(Scratch1);
            emit.ExtractContext(Rcx, Rcx, ContextOffsets.SignMask);
            int inside = emit.JumpIfRcxZero();
            refused = emit.Jump();
            emit.PatchShort(inside);
            emit.LoadContext(Rcx, ContextOffsets.SavedRcx);
        }
        else
        {
            HostRegister last = Scratch1;
            if (size > 1)
            {
                last = Scratch2;
                emit.LoadAddress(last, Scratch1, size - 1);
            }

            emit.CompareContext(last, limit);
            refused = emit.JumpIf(Condition.Greater);
        }

        _refusals.Add(new PendingRefusal(refused, rip, keepFlags, flags.AreSaved));
    }

    /// <summary>Leaves for the monitor where the linear address in <see cref="Scratch1"/> is no multiple of what the access may want; <see cref="Scratch2"/> is lost.</summary>
    private void CheckAlignment(int size, bool keepFlags, ulong rip)
    {
        if (keepFlags)
        {
            flags.Save();
        }

        emit.Test32(Scratch1, Alignment.OfSize(size) - 1);
        _refusals.Add(new PendingRefusal(emit.JumpIf(Condition.NotEqual), rip, KeepFlags: false, flags.AreSaved));
        if (keepFlags)
        {
            flags.Restore();
        }
    }

    private void EmitRefusals()
    {
        foreach (PendingRefusal refusal in _refusals)
        {
            emit.PatchHere(refusal.Jump);
            if (refusal.KeepFlags)
            {
                emit.LoadContext(Rcx, ContextOffsets.SavedRcx);
            }

            if (refusal.FlagsSaved)
            {
                flags.Load();
            }

            addresses.Load(Scratch2, refusal.Rip);
            emit.JumpTo(thunks.Careful);
        }

        _refusals.Clear();
    }

    private readonly record struct PendingRefusal(int Jump, ulong Rip, bool KeepFlags, bool FlagsSaved);
}
