using Iced.Intel;
using Nacelle.Translation.Cache;
using Nacelle.Translation.Frontend;
using Nacelle.Translation.State;
using static Nacelle.Translation.Emit.HostRegister;

namespace Nacelle.Translation.Emit;

/// <summary>Emits the ways out of a block: linked direct branches and table look-ups, and polls where the block has none for all of them.</summary>
internal sealed class BranchEmitter(
    CodeEmitter emit, Thunks thunks, LinkTable links, ProgramCounterEmitter addresses, PollEmitter polls,
    FlagsEmitter flags)
{
    private readonly LookupEmitter _lookup = new(emit);
    private readonly List<PendingExit> _conditional = [];
    private readonly List<PendingLink> _stubs = [];

    /// <summary>The mode of the block under translation.</summary>
    public ExecutionMode Mode { get; set; }

    /// <summary>Where the block's addresses lie in pages.</summary>
    public CodePlacement Placement { get; set; }

    /// <summary>Whether a poll that serves all further ways out has been emitted; one before a call serves those after it.</summary>
    public bool IsPolled { get; set; }

    /// <summary>Whether the guest's vector state is known to be in the host's registers.</summary>
    public bool IsStateLive { get; set; }

    /// <summary>Leaves for a known guest address.</summary>
    /// <param name="target">The address.</param>
    /// <param name="source">Address of an instruction in the block's page.</param>
    /// <param name="keepFlags">Whether the host's flags are needed there.</param>
    public void Exit(ulong target, ulong source, bool keepFlags)
    {
        if (Placement.IsNear(target, source))
        {
            Near(target, source, keepFlags);
            _stubs.Add(new PendingLink(emit.Jump(), target, IsStateLive));
            return;
        }

        Far(target);
    }

    /// <summary>Leaves for a known guest address by way of the jump table.</summary>
    public void Far(ulong target)
    {
        flags.Save();
        Poll(target, true, keepFlags: false);
        addresses.Load(Scratch1, target);
        Look(call: false);
    }

    /// <summary>Jcc: leaves for its target, or goes on.</summary>
    public void Conditional(in Instruction instruction, bool keepFlags)
    {
        Condition condition = (Condition)((int)instruction.ConditionCode - (int)ConditionCode.o);
        ulong target = instruction.NearBranchTarget;
        if (!Placement.IsNear(target, instruction.IP))
        {
            _conditional.Add(new PendingExit(emit.JumpIf(condition), target, instruction.IP, keepFlags, IsPolled, IsStateLive));
        }
        else if (IsPolled || target > instruction.IP)
        {
            _stubs.Add(new PendingLink(emit.JumpIf(condition), target, IsStateLive));
        }
        else
        {
            int skip = emit.JumpIf((Condition)((int)condition ^ 1));
            Exit(target, instruction.IP, keepFlags);
            emit.PatchHere(skip);
        }
    }

    /// <summary>Calls a known guest address; the host's return comes to what follows.</summary>
    public void Call(ulong target, ulong source, bool keepFlags)
    {
        if (Placement.IsNear(target, source))
        {
            Near(target, source, keepFlags);
            _stubs.Add(new PendingLink(emit.Call(), target, IsStateLive));
            IsPolled |= target <= source;
            return;
        }

        flags.Save();
        Poll(target, true, keepFlags: false);
        addresses.Load(Scratch1, target);
        Look(call: true);
        IsPolled = true;
    }

    /// <summary>Leaves for the guest address in <see cref="Scratch1"/>; the flags are set aside.</summary>
    public void Indirect(bool call)
    {
        if (!IsPolled)
        {
            emit.CompareContext(Rsp, ContextOffsets.StackLimit);
            emit.JumpIf(Condition.Below, thunks.LookupAttention);
        }

        Look(call);
        IsPolled = true;
    }

    /// <summary>Emits what lies out of the way of the block's own code.</summary>
    public void EmitStubs()
    {
        foreach (PendingExit exit in _conditional)
        {
            emit.PatchHere(exit.Displacement);
            IsPolled = exit.IsPolled;
            IsStateLive = exit.IsStateLive;
            flags.AreSaved = false;
            Exit(exit.Target, exit.Source, exit.KeepFlags);
        }

        _conditional.Clear();
        foreach (PendingLink pending in _stubs)
        {
            ulong stub = emit.Address;
            emit.Patch(pending.Displacement, stub);
            int number = links.Add(new Link(pending.Displacement, stub, pending.Target, pending.IsStateLive, IsUngrouped: false, Mode.IsRelative));
            emit.StoreContextImmediate32(ContextOffsets.ExitArgument, (uint)number);
            emit.JumpTo(thunks.Link);
        }

        _stubs.Clear();
    }

    private void Poll(ulong next, bool needed, bool keepFlags)
    {
        if (needed && !IsPolled)
        {
            polls.Emit(next, keepFlags);
        }
    }

    /// <summary>Code in the page finds the flags in the host's if it needs them.</summary>
    private void Near(ulong target, ulong source, bool keepFlags)
    {
        if (keepFlags)
        {
            flags.Restore();
        }

        Poll(target, target <= source, keepFlags);
    }

    /// <summary>The flags are set aside.</summary>
    private void Look(bool call)
    {
        if (Mode.HasCodeSegmentKey)
        {
            // The table holds code of other segments at the same offsets too.
            emit.AddContext(Scratch1, ContextOffsets.CodeSegmentKey);
        }

        _lookup.Emit(Mode.Tlb, thunks.LookupMiss, call);
    }

    private readonly record struct PendingExit(
        int Displacement, ulong Target, ulong Source, bool KeepFlags, bool IsPolled, bool IsStateLive);

    private readonly record struct PendingLink(int Displacement, ulong Target, bool IsStateLive);
}
