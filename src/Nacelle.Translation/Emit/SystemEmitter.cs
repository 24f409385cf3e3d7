using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Translation.Cache;
using Nacelle.Translation.Frontend;
using Nacelle.Translation.State;
using static Nacelle.Translation.Emit.HostRegister;

namespace Nacelle.Translation.Emit;

/// <summary>Emits the system instructions that a kernel executes all the time.</summary>
internal sealed class SystemEmitter(CodeEmitter emit, MemoryAccessEmitter memory, StackEmitter stack)
{
    /// <summary>PUSHFQ: the image is put together from the host's arithmetic flags and what the context keeps (SDM volume 2, PUSHF).</summary>
    public void PushFlags(in Instruction instruction)
    {
        emit.PushFlags();
        emit.Pop(Scratch2);
        Keep(Scratch2, ContextOffsets.ArithmeticFlagsMask);
        AddBit(ContextOffsets.InterruptFlag, 9);
        AddBit(ContextOffsets.DirectionFlag, 10);
        emit.LoadContext(Scratch1, ContextOffsets.Rflags);
        Keep(Scratch1, ContextOffsets.StoredFlagsMask);
        emit.LoadAddress(Scratch2, Scratch2, Scratch1, 1, 0);
        emit.StoreContext(ContextOffsets.SavedScratch, Scratch2);
        stack.PushSaved(sizeof(ulong), keepFlags: true, instruction.IP);
    }

    /// <summary>PUSH of a memory operand.</summary>
    public void PushMemory(in Instruction instruction, bool keepFlags)
    {
        int width = StackWidth.Of(instruction);
        memory.LinearAddress(instruction, (AccessKind)width | AccessKind.Read, keepFlags);
        memory.Probe(width, AccessKind.Read, keepFlags, instruction.IP);
        emit.Load(Scratch2, Scratch1, 0, width);
        emit.StoreContext(ContextOffsets.SavedScratch, Scratch2);
        stack.PushSaved(width, keepFlags, instruction.IP);
    }

    /// <summary>MOV of a selector to a 32- or 64-bit register.</summary>
    public void ReadSelector(in Instruction instruction)
    {
        SegmentName name = (SegmentName)(instruction.Op1Register - Register.ES);
        int guest = GuestRegisters.NumberOf(instruction.Op0Register);
        HostRegister target = GuestRegisters.IsInMemory(guest) ? Scratch1 : GuestRegisters.HostOf(guest);
        emit.LoadContext16(target, ContextOffsets.SegmentSelector(name));
        if (GuestRegisters.IsInMemory(guest))
        {
            emit.StoreContext(guest * 8, target);
        }
    }

    /// <summary>SWAPGS at privilege level 0.</summary>
    public void SwapGs()
    {
        int gs = ContextOffsets.SegmentBase(SegmentName.Gs);
        emit.LoadContext(Scratch1, gs);
        emit.LoadContext(Scratch2, ContextOffsets.KernelGsBase);
        emit.StoreContext(gs, Scratch2);
        emit.StoreContext(ContextOffsets.KernelGsBase, Scratch1);
    }

    /// <summary>
    /// STAC or CLAC where it lifts or restores SMAP: what follows runs with another soft TLB. The way there is the caller's.
    /// </summary>
    /// <param name="mode">The mode before, in which RFLAGS.AC is the opposite of what is set.</param>
    /// <returns>The mode after.</returns>
    public ExecutionMode ChangeAlignmentCheck(ExecutionMode mode)
    {
        const int alignmentCheck = 1 << 18;
        bool set = mode.Tlb == 0;
        emit.LoadContext(Scratch1, ContextOffsets.Rflags);
        emit.LoadAddress(Scratch1, Scratch1, set ? alignmentCheck : -alignmentCheck);
        emit.StoreContext(ContextOffsets.Rflags, Scratch1);
        ExecutionMode after = mode.WithTlb(set ? 2 : 0);
        emit.StoreContextImmediate32(ContextOffsets.Mode, after.Bits);
        return after;
    }

    /// <summary>RDTSC or RDTSCP: the guest's TSC is the host's plus an offset.</summary>
    public void ReadTimestamp(bool withProcessor)
    {
        emit.Bytes([0x0F, 0x31]);
        emit.Move(Scratch1, Rdx);
        emit.LoadContext(Scratch2, ContextOffsets.TscOffset);

        // rorx r14, r14, 32; lea r14, [r14 + rax]; lea r14, [r14 + r15]; rorx rdx, r14, 32: no flag is touched.
        emit.Bytes([0xC4, 0x43, 0xFB, 0xF0, 0xF6, 0x20]);
        emit.LoadAddress(Scratch1, Scratch1, Rax, 1, 0);
        emit.LoadAddress(Scratch1, Scratch1, Scratch2, 1, 0);
        emit.Move32(Rax, Scratch1);
        emit.Bytes([0xC4, 0xC3, 0xFB, 0xF0, 0xD6, 0x20]);
        emit.Move32(Rdx, Rdx);
        if (withProcessor)
        {
            emit.LoadContext32(Rcx, ContextOffsets.TscAux);
        }
    }

    /// <summary>An AND that leaves the flags alone: bits gathered by a mask and scattered by the same.</summary>
    private void Keep(HostRegister register, int mask)
    {
        emit.ExtractContext(register, register, mask);
        emit.DepositContext(register, register, mask);
    }

    private void AddBit(int word, int position)
    {
        emit.LoadContext32(Scratch1, word);
        emit.RotateRight(Scratch1, Scratch1, 64 - position);
        emit.LoadAddress(Scratch2, Scratch2, Scratch1, 1, 0);
    }
}
