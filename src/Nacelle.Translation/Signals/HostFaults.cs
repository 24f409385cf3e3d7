using System.Runtime.InteropServices;
using Nacelle.Cpu;
using Nacelle.Linux;
using Nacelle.Translation.Cache;
using Nacelle.Translation.Emit;
using Nacelle.Translation.State;
using static Nacelle.Translation.Emit.HostRegister;

namespace Nacelle.Translation.Signals;

/// <summary>
/// Turns exceptions that translated code raises on the host (divide errors, misaligned vector operands, unmasked floating-point
/// exceptions) into exits of that vCPU. A signal handler cannot be managed code, so it is emitted; whatever does not come from
/// translated code goes on to the handler that .NET had installed.
/// </summary>
/// <remarks>
/// One for the process. Code memories are added and removed under a lock; the handler reads their table without, on any thread and
/// while rows change: each row says for itself whether it was read whole. Tables that have become too small are kept, as a handler
/// may still be reading them.
/// </remarks>
internal static unsafe partial class HostFaults
{
    /// <summary>The part of an exit's argument that is the host's program counter; the rest is the trap's number.</summary>
    public const ulong AddressMask = 0x00FF_FFFF_FFFF_FFFF;

    // Offsets in ucontext_t of the x86-64 System V ABI: general registers begin at 40 in the order of <sys/ucontext.h>.
    private const int SavedRip = 40 + (16 * 8);
    private const int SavedTrapNumber = 40 + (20 * 8);
    private const int HandlersOffset = 3072;
    private const int TablePointerOffset = 4088;
    private const int Size = 4096;
    private static readonly Lock s_changes = new();
    private static readonly int[] s_signals = [4, 7, 8, 11];
    private static CodeMemory? s_code;
    private static HostFaultTable? s_table;

    /// <summary>Watches a vCPU's code memory.</summary>
    /// <param name="memory">The code memory.</param>
    /// <param name="thunk">Where to go on, in it.</param>
    public static void Watch(CodeMemory memory, ulong thunk)
    {
        lock (s_changes)
        {
            Install();
            if (!s_table!.TryAdd((ulong)memory.Executable, (ulong)memory.Executable + (ulong)memory.Size, thunk))
            {
                Publish(s_table.Grow());
                s_table.TryAdd((ulong)memory.Executable, (ulong)memory.Executable + (ulong)memory.Size, thunk);
            }
        }
    }

    /// <summary>Stops watching.</summary>
    public static void Unwatch(CodeMemory memory)
    {
        lock (s_changes)
        {
            s_table?.Remove((ulong)memory.Executable);
        }
    }

    /// <summary>The guest's exception for a host exception.</summary>
    public static Fault Translate(ulong argument) => (byte)(argument >> 56) switch
    {
        Fault.DivideError => new Fault(Fault.DivideError),
        Fault.InvalidOpcode => Fault.UndefinedInstruction,
        Fault.FloatingPoint => new Fault(Fault.FloatingPoint),
        Fault.SimdFloatingPoint => new Fault(Fault.SimdFloatingPoint),
        _ => Fault.GeneralProtectionFault(),
    };

    private static void Publish(HostFaultTable table)
    {
        s_table = table;
        Volatile.Write(ref *(ulong*)(s_code!.Writable + TablePointerOffset), (ulong)table.Rows);
    }

    private static void Install()
    {
        if (s_code is not null)
        {
            return;
        }

        s_code = new CodeMemory(Size);
        CodeEmitter emit = new(s_code.Writable, s_code.Executable, context: 0);
        Publish(new HostFaultTable(512));
        EmitHandler(emit);
        foreach (int signal in s_signals)
        {
            SignalAction action = default;
            SignalAction previous = default;
            if (GetAction(signal, null, &previous) != 0)
            {
                throw LinuxException.FromLastError($"read the handler of signal {signal}");
            }

            const int signalInformation = 4;
            const int onAlternateStack = 0x0800_0000;
            ((ulong*)(s_code.Writable + HandlersOffset))[signal] = previous.Handler;
            action = previous;
            action.Handler = (ulong)s_code.Executable;
            action.Flags |= signalInformation | onAlternateStack;
            if (GetAction(signal, &action, null) != 0)
            {
                throw LinuxException.FromLastError($"handle signal {signal}");
            }
        }
    }

    /// <summary>handler(signal EDI, information RSI, context RDX).</summary>
    private static void EmitHandler(CodeEmitter emit)
    {
        // mov rax, [rdx + SavedRip].
        emit.Bytes([0x48, 0x8B, 0x82]);
        emit.Int32(SavedRip);
        emit.MoveImmediate(Rcx, emit.AddressOf(TablePointerOffset));

        // mov rcx, [rcx].
        emit.Bytes([0x48, 0x8B, 0x09]);
        ulong loop = emit.Address;

        // mov r8, [rcx]; test r8, r8; jz chain.
        emit.Bytes([0x4C, 0x8B, 0x01, 0x4D, 0x85, 0xC0]);
        int chain = emit.JumpIf(Condition.Equal);

        // cmp rax, r8; jb next; cmp rax, [rcx + 8]; jae next.
        emit.Bytes([0x4C, 0x39, 0xC0]);
        int below = emit.JumpIf(Condition.Below);
        emit.Bytes([0x48, 0x3B, 0x41, 0x08]);
        int above = emit.JumpIf(Condition.AboveOrEqual);

        // mov r10, [rcx + 16]; cmp r8, [rcx]; jne loop: a row is whole when its first word, written last, is still the same.
        emit.Bytes([0x4C, 0x8B, 0x51, 0x10, 0x4C, 0x3B, 0x01]);
        emit.JumpIf(Condition.NotEqual, loop);

        // mov r9, [rdx + SavedTrapNumber]; shl r9, 56; or r9, rax; then out through the thunk.
        emit.Bytes([0x4C, 0x8B, 0x8A]);
        emit.Int32(SavedTrapNumber);
        emit.Bytes([0x49, 0xC1, 0xE1, 0x38, 0x49, 0x09, 0xC1]);

        // mov gs:[ExitArgument], r9: whichever vCPU's context this thread has.
        emit.Bytes([0x65, 0x4C, 0x89, 0x0C, 0x25]);
        emit.Int32(ContextOffsets.ExitArgument);
        emit.Bytes([0x4C, 0x89, 0x92]);
        emit.Int32(SavedRip);
        emit.Return();

        emit.PatchHere(below);
        emit.PatchHere(above);
        emit.Bytes([0x48, 0x83, 0xC1, 0x18]);
        emit.JumpTo(loop);

        // movsxd rax, edi; r9 = handlers; mov rax, [r9 + rax × 8]; a real handler takes over.
        emit.PatchHere(chain);
        emit.Bytes([0x48, 0x63, 0xC7]);
        emit.MoveImmediate(R9, emit.AddressOf(HandlersOffset));
        emit.Bytes([0x49, 0x8B, 0x04, 0xC1, 0x48, 0x83, 0xF8, 0x01]);
        int none = emit.JumpIf(Condition.BelowOrEqual);
        emit.Bytes([0xFF, 0xE0]);

        // There was none: the process ends as it would have, by ud2 outside translated code under the default action.
        emit.PatchHere(none);
        emit.Bytes([0x0F, 0x0B]);
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct SignalAction
    {
        public ulong Handler;
        public fixed ulong Mask[16];
        public int Flags;
        public ulong Restorer;
    }

    [LibraryImport("libc", EntryPoint = "sigaction", SetLastError = true)]
    private static partial int GetAction(int signal, SignalAction* action, SignalAction* previous);
}
