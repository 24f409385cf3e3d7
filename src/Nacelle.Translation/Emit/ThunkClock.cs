using Nacelle.Translation.State;
using static Nacelle.Translation.Emit.HostRegister;

namespace Nacelle.Translation.Emit;

/// <summary>
/// Emits readings of the host's time-stamp counter where translated code is left for the monitor: not a byte when nobody wants
/// to know, and never on a way that stays in translated code. For one thread.
/// </summary>
/// <param name="emit">The code memory.</param>
/// <param name="runs">Whether time is measured.</param>
internal sealed class ThunkClock(CodeEmitter emit, bool runs)
{
    /// <summary>Notes when translated code was left. RAX, RDX and the flags are lost.</summary>
    public void Start()
    {
        if (runs)
        {
            Read();
            emit.StoreContext(ContextOffsets.LeftAt, Rax);
        }
    }

    /// <summary>Adds the time since <see cref="Start"/> to that of TLB misses, and starts anew. RAX, RCX, RDX and the flags are lost.</summary>
    public void AddMiss()
    {
        if (runs)
        {
            Read();
            emit.Move(Rcx, Rax);

            // sub rax, [LeftAt]; add [MissTicks], rax
            emit.Bytes([0x48, 0x2B, 0x04, 0x25]);
            emit.Int32(emit.ContextAddress(ContextOffsets.LeftAt));
            emit.Bytes([0x48, 0x01, 0x04, 0x25]);
            emit.Int32(emit.ContextAddress(ContextOffsets.MissTicks));
            emit.StoreContext(ContextOffsets.LeftAt, Rcx);
        }
    }

    /// <summary>rdtsc; shl rdx, 32; or rax, rdx.</summary>
    private void Read() => emit.Bytes([0x0F, 0x31, 0x48, 0xC1, 0xE2, 0x20, 0x48, 0x09, 0xD0]);
}
