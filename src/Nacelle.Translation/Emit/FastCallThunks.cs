using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Translation.State;
using static Iced.Intel.AssemblerRegisters;
using RflagsBits = Nacelle.Cpu.RflagsBits;

namespace Nacelle.Translation.Emit;

/// <summary>
/// SYSCALL and SYSRET between 64-bit user and supervisor code without a way through the monitor (SDM volume 2, SYSCALL). The
/// monitor prepares in the context what depends on MSRs and control registers, and clears
/// <see cref="TranslatorContext.FastCalls"/> where the instructions are not as usual.
/// </summary>
internal sealed class FastCallThunks(CodeEmitter emit)
{
    private const int Arithmetic = 0x8D5;
    private const int Fixed = 0x202;
    private const int TrapFlag = 0x100;

    /// <summary>Emits SYSCALL: entered by a jump with the address of the next instruction in R14.</summary>
    /// <param name="operation">Thunk to the monitor, for everything unusual.</param>
    /// <param name="lookup">Thunk of the indirect branch for supervisor code.</param>
    /// <returns>Its address.</returns>
    public ulong EmitSystemCall(ulong operation, ulong lookup)
    {
        Assembler c = new(64);
        Label slow = c.CreateLabel();
        c.pushfq();
        c.cmp(Word(ContextOffsets.FastCalls), 0);
        c.je(slow);
        c.pop(r11);
        c.and(r11d, Arithmetic);
        c.mov(r15d, Word(ContextOffsets.InterruptFlag));
        c.shl(r15d, 9);
        c.or(r11d, r15d);
        c.mov(r15d, Word(ContextOffsets.DirectionFlag));
        c.shl(r15d, 10);
        c.or(r11d, r15d);
        c.mov(r15, Quad(ContextOffsets.Rflags));
        c.and(r15, Quad(ContextOffsets.StoredFlagsMask));
        c.or(r11, r15);
        c.mov(rcx, r14);

        // SyscallFlagsKept is what the flag mask leaves, RF taken away as well.
        c.mov(r15, r11);
        c.and(r15, Quad(ContextOffsets.SyscallFlagsKept));
        StoreFlags(c);
        StoreSegments(c, ContextOffsets.SyscallCode, ContextOffsets.SyscallStack);
        c.mov(r14d, Word(ContextOffsets.SupervisorMode));
        c.mov(Word(ContextOffsets.Mode), r14d);
        SaveFlags(c);

        // Calls of user code are no prediction for supervisor code.
        c.mov(rsp, Quad(ContextOffsets.ReturnStackBase));
        c.mov(r14, Quad(ContextOffsets.Lstar));
        c.jmp(lookup);
        c.Label(ref slow);
        c.popfq();
        c.lea(r15, __[r14 - 2]);
        c.jmp(operation);
        return Place(c);
    }

    /// <summary>Emits SYSRET to 64-bit code: entered by a jump with its own address in R14.</summary>
    /// <param name="operation">Thunk to the monitor, for everything unusual.</param>
    /// <param name="attention">Thunk to the monitor when an interrupt waits.</param>
    /// <param name="lookup">Thunk of the indirect branch for user code.</param>
    /// <returns>Its address.</returns>
    public ulong EmitSystemReturn(ulong operation, ulong attention, ulong lookup)
    {
        const int restored = (int)(RflagsBits.Writable | RflagsBits.IoPrivilege | RflagsBits.Interrupt | 0x18_0000);
        Assembler c = new(64);
        Label slow = c.CreateLabel();
        Label waiting = c.CreateLabel();
        c.pushfq();
        c.cmp(Word(ContextOffsets.FastCalls), 0);
        c.je(slow);

        // An address outside the lower half, a trap after the next instruction or a check of alignment is the monitor's matter.
        c.mov(r15, rcx);
        c.shr(r15, 47);
        c.jne(slow);
        c.test(r11d, TrapFlag | (int)RflagsBits.AlignmentCheck);
        c.jne(slow);
        c.add(rsp, 8);
        c.mov(r15d, r11d);
        c.and(r15d, restored);
        c.or(r15d, 2);
        StoreFlags(c);
        StoreSegments(c, ContextOffsets.SysretCode, ContextOffsets.SysretStack);
        c.mov(r14d, Word(ContextOffsets.UserMode));
        c.mov(Word(ContextOffsets.Mode), r14d);
        c.cmp(Word(ContextOffsets.NoInterruptWaiting), 0);
        c.je(waiting);
        SaveFlags(c);
        c.mov(rsp, Quad(ContextOffsets.ReturnStackBase));
        c.mov(r14, rcx);
        c.jmp(lookup);
        c.Label(ref waiting);
        LoadFlags(c);
        c.mov(r15, rcx);
        c.jmp(attention);
        c.Label(ref slow);
        c.popfq();
        c.mov(r15, r14);
        c.jmp(operation);
        return Place(c);
    }

    /// <summary>Stores the flags in R15 and the two that have words of their own; R14 is lost.</summary>
    private void StoreFlags(Assembler c)
    {
        c.mov(Quad(ContextOffsets.Rflags), r15);
        c.mov(r14d, r15d);
        c.shr(r14d, 9);
        c.and(r14d, 1);
        c.mov(Word(ContextOffsets.InterruptFlag), r14d);
        c.mov(r14d, r15d);
        c.shr(r14d, 10);
        c.and(r14d, 1);
        c.mov(Word(ContextOffsets.DirectionFlag), r14d);
    }

    /// <summary>Loads the host's flags with the arithmetic part of R15.</summary>
    private static void LoadFlags(Assembler c)
    {
        c.and(r15d, Arithmetic);
        c.or(r15d, Fixed);
        c.push(r15);
        c.popfq();
    }

    /// <summary>Sets the arithmetic part of R15 aside in the form of <see cref="FlagsEmitter"/>; R14 and R15 are lost.</summary>
    private void SaveFlags(Assembler c)
    {
        c.mov(r14d, r15d);
        c.shl(r14d, 8);
        c.shr(r15d, 11);
        c.and(r15d, 1);
        c.or(r14d, r15d);
        c.mov(Quad(ContextOffsets.SavedFlags), r14);
    }

    /// <summary>Makes CS and SS flat segments; what is not their base is prepared in the context. R14 is lost.</summary>
    private void StoreSegments(Assembler c, int code, int stack)
    {
        int cs = ContextOffsets.SegmentBase(SegmentName.Cs);
        int ss = ContextOffsets.SegmentBase(SegmentName.Ss);
        c.mov(Quad(cs), 0);
        c.mov(r14, Quad(code));
        c.mov(Quad(cs + 8), r14);
        c.mov(Quad(ss), 0);
        c.mov(r14, Quad(stack));
        c.mov(Quad(ss + 8), r14);
    }

    private AssemblerMemoryOperand Word(int offset) => __dword_ptr[emit.ContextAddress(offset)];

    private AssemblerMemoryOperand Quad(int offset) => __qword_ptr[emit.ContextAddress(offset)];

    private ulong Place(Assembler assembler)
    {
        ulong start = emit.Address;
        assembler.Assemble(new EmitterWriter(emit), start);
        return start;
    }
}
