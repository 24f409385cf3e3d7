using Nacelle.Translation.State;

namespace Nacelle.Translation.Emit;

/// <summary>
/// Emits guest addresses that depend on where code lies. User code whose page has been run at several linear addresses is
/// translated so that it runs at all of them: a library is translated once for all processes, wherever each of them has it. Its
/// addresses are relative to the linear page in <see cref="TranslatorContext.CodePage"/>, which every way into another page sets.
/// </summary>
internal sealed class ProgramCounterEmitter(CodeEmitter emit)
{
    private bool _relative;
    private ulong _page;

    /// <summary>Begins a block.</summary>
    /// <param name="rip">Linear address of its first byte now.</param>
    /// <param name="relative">Whether it is to run at other addresses too.</param>
    public void Begin(ulong rip, bool relative)
    {
        _page = rip & ~0xFFFUL;
        _relative = relative;
    }

    /// <summary>Loads a guest address; flags are kept.</summary>
    public void Load(HostRegister destination, ulong address)
    {
        if (!_relative)
        {
            emit.MoveImmediate(destination, address);
            return;
        }

        long distance = (long)(address - _page);
        emit.LoadContext(destination, ContextOffsets.CodePage);
        if (distance != (int)distance)
        {
            // What a displacement of 32 bits reaches from the end of an instruction may lie a page further from its page.
            int part = distance > 0 ? int.MaxValue : int.MinValue;
            emit.LoadAddress(destination, destination, part);
            distance -= part;
        }

        emit.LoadAddress(destination, destination, checked((int)distance));
    }

    /// <summary>Loads what the lower half of a guest address, which has been cut to it, is where the block runs; flags are kept.</summary>
    /// <remarks>An operand relative to EIP lies below 4 GiB wherever its code does (SDM volume 1, 3.3.7.1).</remarks>
    public void LoadCut(HostRegister destination, uint address)
    {
        if (!_relative)
        {
            emit.MoveImmediate(destination, address);
            return;
        }

        emit.LoadContext32(destination, ContextOffsets.CodePage);
        emit.LoadAddress(destination, destination, null, 1, (int)(address - (uint)_page), wide: false);
    }

    /// <summary>Emits what an indirect branch to the block runs first: the linear address in <see cref="HostRegister.Scratch1"/> tells the page.</summary>
    public void EnterPage(ulong rip)
    {
        if (_relative)
        {
            emit.LoadAddress(HostRegister.Scratch2, HostRegister.Scratch1, -(int)(rip - _page));
            emit.StoreContext(ContextOffsets.CodePage, HostRegister.Scratch2);
        }
    }
}
