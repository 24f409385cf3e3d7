using Iced.Intel;
using Nacelle.Translation.Cache;
using Nacelle.Translation.State;
using static Nacelle.Translation.Emit.HostRegister;

namespace Nacelle.Translation.Emit;

/// <summary>Emits the ways out of a block: linked direct branches, table look-ups, and polls for attention on every way that can close a loop.</summary>
internal sealed class BranchEmitter(CodeEmitter emit, Thunks thunks, LinkTable links, ProgramCounterEmitter addresses)
{
    private readonly List<PendingExit> _conditional = [];
    private readonly List<(int Displacement, ulong Target)> _stubs = [];

    /// <summary>The mode of the block under translation.</summary>
    public ExecutionMode Mode { get; set; }

    /// <summary>Leaves for a known guest address.</summary>
    public void Exit(ulong target, ulong source)
    {
        if (!Mode.IsLong || (target ^ source) >> 12 != 0)
        {
            addresses.Load(Scratch1, target);
            emit.JumpTo(thunks.Lookup[Mode.Tlb]);
            return;
        }

        if (target <= source)
        {
            Poll(ContextOffsets.Runnable, target);
        }

        _stubs.Add((emit.Jump(), target));
    }

    /// <summary>Jcc: leaves for its target or for the next instruction.</summary>
    public void Conditional(in Instruction instruction, ulong next)
    {
        int taken = emit.JumpIf((Condition)((int)instruction.ConditionCode - (int)ConditionCode.o));
        Exit(next, instruction.IP);
        _conditional.Add(new PendingExit(taken, instruction.NearBranchTarget, instruction.IP));
    }

    /// <summary>Leaves for the guest address in <see cref="Scratch1"/>.</summary>
    public void Indirect() => emit.JumpTo(thunks.Lookup[Mode.Tlb]);

    /// <summary>Leaves for the monitor when an interrupt waits; what follows is at the given address.</summary>
    public void PollInterrupts(ulong next) => Poll(ContextOffsets.NoInterruptWaiting, next);

    /// <summary>Emits what lies out of the way of the block's own code.</summary>
    public void EmitStubs()
    {
        foreach (PendingExit exit in _conditional)
        {
            emit.PatchHere(exit.Displacement);
            Exit(exit.Target, exit.Source);
        }

        _conditional.Clear();
        foreach ((int displacement, ulong target) in _stubs)
        {
            ulong stub = emit.Address;
            emit.Patch(displacement, stub);
            int number = links.Add(new Link(displacement, stub, target, SamePage: true));
            emit.StoreContextImmediate32(ContextOffsets.ExitArgument, (uint)number);
            emit.JumpTo(thunks.Link);
        }

        _stubs.Clear();
    }

    private void Poll(int word, ulong next)
    {
        emit.Move(Scratch1, Rcx);
        emit.LoadContext32(Rcx, word);
        int wanted = emit.JumpIfRcxZero();
        emit.Move(Rcx, Scratch1);
        int goOn = emit.Jump();
        emit.PatchShort(wanted);
        emit.Move(Rcx, Scratch1);
        addresses.Load(Scratch2, next);
        emit.JumpTo(thunks.Attention);
        emit.PatchHere(goOn);
    }

    private readonly record struct PendingExit(int Displacement, ulong Target, ulong Source);
}
