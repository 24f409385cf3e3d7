using Nacelle.Translation.Cache;
using Nacelle.Translation.State;
using static Nacelle.Translation.Emit.HostRegister;

namespace Nacelle.Translation.Emit;

/// <summary>
/// Emits calls and returns of the guest as calls and returns of the host, so that the host's return predictor works for the
/// guest. A call pushes the guest's return address on the host stack and calls; a return reads the guest's stack, returns on
/// the host, and the place it comes to compares what the guest's stack said with what the call had pushed.
/// </summary>
/// <remarks>
/// The host stack below <see cref="TranslatorContext.ReturnStackBase"/> is only a prediction: every exit to the monitor and
/// every change of privilege forgets it, and a return that finds it wrong or empty takes the jump table.
/// </remarks>
internal sealed class ReturnStackEmitter(CodeEmitter emit, Thunks thunks, ProgramCounterEmitter addresses, FlagsEmitter flags)
{
    /// <summary>Pushes the guest's return address, which is in <see cref="Scratch2"/>. Before the call.</summary>
    public void Push() => emit.Push(Scratch2);

    /// <summary>The return; the guest's address is in <see cref="Scratch1"/>, and its flags are set aside.</summary>
    public void Return() => emit.Return();

    /// <summary>Where the host's return comes to; what follows is the code after the guest's call.</summary>
    /// <param name="rip">Guest address of the code after the call.</param>
    /// <param name="mode">The mode of the block.</param>
    public void Land(ulong rip, ExecutionMode mode)
    {
        emit.Pop(Scratch2);
        emit.CompareRegisters(Scratch1, Scratch2);
        emit.JumpIf(Condition.NotEqual, thunks.ReturnMiss);
        if (mode.IsAccessPrevented)
        {
            // The callee may have lifted or restored SMAP.
            emit.CompareContext32(ContextOffsets.Mode, mode.Bits);
            emit.JumpIf(Condition.NotEqual, thunks.ReturnMiss);
        }

        addresses.EnterPage(rip);
        flags.AreSaved = true;
    }
}
