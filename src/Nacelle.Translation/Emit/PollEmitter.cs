using Nacelle.Translation.State;
using static Nacelle.Translation.Emit.HostRegister;

namespace Nacelle.Translation.Emit;

/// <summary>
/// Emits polls: the places where translated code goes to the monitor when another thread asks for it, or when the return stack
/// is full. Every way that can close a loop has one.
/// </summary>
internal sealed class PollEmitter(CodeEmitter emit, Thunks thunks, ProgramCounterEmitter addresses, FlagsEmitter flags)
{
    private readonly List<(int Displacement, ulong Next, bool FlagsSaved)> _pending = [];

    /// <summary>Begins a block.</summary>
    /// <exception cref="InvalidOperationException">The last one was left with a poll that leads nowhere.</exception>
    public void Begin()
    {
        if (_pending.Count != 0)
        {
            throw new InvalidOperationException("a poll was emitted after the stubs of its block");
        }
    }

    /// <summary>Leaves for the monitor when somebody asks.</summary>
    /// <param name="next">Guest address to go on at.</param>
    /// <param name="keepFlags">Whether the host's flags are needed; where they are dead or set aside, a poll is two instructions.</param>
    public void Emit(ulong next, bool keepFlags)
    {
        if (!keepFlags)
        {
            emit.CompareContext(Rsp, ContextOffsets.StackLimit);
            _pending.Add((emit.JumpIf(Condition.Below), next, flags.AreSaved));
            return;
        }

        emit.Move(Scratch1, Rcx);
        emit.LoadContext(Scratch2, ContextOffsets.NegatedStackLimit);

        // lea r15, [rsp + r15]: the sign of the difference, without a flag.
        emit.Bytes([0x4E, 0x8D, 0x3C, 0x3C]);
        emit.ExtractContext(Rcx, Scratch2, ContextOffsets.SignMask);
        WhenNotZero(next);
    }

    /// <summary>
    /// After STI: when an interrupt has been waiting, the next poll leaves for the monitor. Not here, because the instruction
    /// after STI comes first (SDM volume 2, STI).
    /// </summary>
    public void AfterInterruptsAllowed()
    {
        emit.Move(Scratch1, Rcx);
        emit.LoadContext32(Rcx, ContextOffsets.NoInterruptWaiting);
        int wanted = emit.JumpIfRcxZero();
        int goOn = emit.Jump();
        emit.PatchShort(wanted);
        emit.StoreContextImmediate32(ContextOffsets.Runnable, 0);
        emit.LoadContext(Scratch2, ContextOffsets.SignMask);
        emit.StoreContext(ContextOffsets.NegatedStackLimit, Scratch2);
        emit.MoveImmediate(Scratch2, ulong.MaxValue);
        emit.StoreContext(ContextOffsets.StackLimit, Scratch2);
        emit.PatchHere(goOn);
        emit.Move(Rcx, Scratch1);
    }

    /// <summary>Emits what happens on requests, out of the way of the block's own code.</summary>
    public void EmitStubs()
    {
        foreach ((int displacement, ulong next, bool flagsSaved) in _pending)
        {
            emit.PatchHere(displacement);
            if (flagsSaved)
            {
                flags.Load();
            }

            addresses.Load(Scratch2, next);
            emit.JumpTo(thunks.Attention);
        }

        _pending.Clear();
    }

    private void WhenNotZero(ulong next)
    {
        int goOn = emit.JumpIfRcxZero();
        emit.Move(Rcx, Scratch1);
        addresses.Load(Scratch2, next);
        emit.JumpTo(thunks.Attention);
        emit.PatchShort(goOn);
        emit.Move(Rcx, Scratch1);
    }
}
