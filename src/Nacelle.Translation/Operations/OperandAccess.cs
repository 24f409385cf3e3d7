using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Translation.Emit;
using Nacelle.Translation.Memory;
using Nacelle.Translation.State;

namespace Nacelle.Translation.Operations;

/// <summary>Reads and writes operands of instructions that the monitor carries out. Owned by the vCPU's thread.</summary>
internal sealed unsafe class OperandAccess(TranslatorContext* context, LinearMemory memory)
{
    /// <summary>Bytes of an operand.</summary>
    public static int SizeOf(in Instruction instruction, int operand) => instruction.GetOpKind(operand) switch
    {
        OpKind.Register => instruction.GetOpRegister(operand).GetSize(),
        OpKind.Memory => instruction.MemorySize.GetSize(),
        _ => 8,
    };

    /// <summary>Reads a general register, or the part of one that a name stands for.</summary>
    public ulong ReadRegister(Register register)
    {
        int number = GuestRegisters.NumberOf(register);
        ulong value = context->Registers.General[number];
        return register.GetSize() switch
        {
            1 => register is >= Register.AH and <= Register.BH ? (byte)(value >> 8) : (byte)value,
            2 => (ushort)value,
            4 => (uint)value,
            _ => value,
        };
    }

    /// <summary>Writes a general register; 32-bit writes clear the upper half (SDM volume 1, 3.4.1.1).</summary>
    public void WriteRegister(Register register, ulong value)
    {
        int number = GuestRegisters.NumberOf(register);
        ref ulong target = ref context->Registers.General[number];
        target = register.GetSize() switch
        {
            1 => register is >= Register.AH and <= Register.BH
                ? (target & ~0xFF00UL) | ((value & 0xFF) << 8)
                : (target & ~0xFFUL) | (value & 0xFF),
            2 => (target & ~0xFFFFUL) | (value & 0xFFFF),
            4 => (uint)value,
            _ => value,
        };
    }

    /// <summary>Reads an operand.</summary>
    public bool TryRead(in Instruction instruction, int operand, out ulong value)
    {
        switch (instruction.GetOpKind(operand))
        {
            case OpKind.Register:
                value = ReadRegister(instruction.GetOpRegister(operand));
                return true;
            case OpKind.Memory:
                value = 0;
                return TryLocate(instruction, instruction.MemorySize.GetSize(), write: false, out ulong address)
                    && memory.TryRead(address, instruction.MemorySize.GetSize(), LinearAccess.Ordinary, out value);
            default:
                value = instruction.GetImmediate(operand);
                return true;
        }
    }

    /// <summary>Writes an operand.</summary>
    public bool TryWrite(in Instruction instruction, int operand, ulong value)
    {
        if (instruction.GetOpKind(operand) == OpKind.Register)
        {
            WriteRegister(instruction.GetOpRegister(operand), value);
            return true;
        }

        return TryLocate(instruction, instruction.MemorySize.GetSize(), write: true, out ulong address)
            && memory.TryWrite(address, instruction.MemorySize.GetSize(), LinearAccess.Ordinary, value);
    }

    /// <summary>The linear address of the memory operand, if its segment allows the access.</summary>
    /// <param name="instruction">The instruction.</param>
    /// <param name="size">Bytes of the access.</param>
    /// <param name="write">Whether it writes.</param>
    /// <param name="address">The linear address.</param>
    /// <param name="alignment">What #AC wants of the address.</param>
    /// <returns>False for #GP, #SS or #AC.</returns>
    public bool TryLocate(in Instruction instruction, int size, bool write, out ulong address, int? alignment = null) =>
        TryLocate(instruction.MemorySegment, EffectiveAddress(instruction), size, write, out address, alignment);

    /// <summary>The same at an offset of a segment.</summary>
    public bool TryLocate(Register segment, ulong offset, int size, bool write, out ulong address, int? alignment = null)
    {
        address = WithSegment(segment, offset);
        if (!IsAllowed(segment, offset, size, write))
        {
            memory.PendingFault = segment == Register.SS ? new Fault(Fault.StackFault, true) : Fault.GeneralProtectionFault();
            return false;
        }

        if (IsMisaligned(address, alignment ?? Alignment.OfOperand(size)))
        {
            memory.PendingFault = new Fault(Fault.AlignmentCheck, true);
            return false;
        }

        return true;
    }

    /// <summary>Whether an address raises #AC. The #GP of one that is not canonical comes before.</summary>
    public bool IsMisaligned(ulong address, int alignment) =>
        memory.Mode.IsAlignmentChecked && (address & (ulong)(alignment - 1)) != 0 && IsCanonical(address);

    /// <summary>Whether a segment's limit and type allow an access; 64-bit mode has neither (SDM volume 3, 5.3.1).</summary>
    public bool IsAllowed(Register segment, ulong offset, int size, bool write)
    {
        SegmentName name = (SegmentName)(segment - Register.ES);
        ref CpuRegisters registers = ref context->Registers;
        return !memory.Mode.IsChecked(name)
            || (SegmentChecks.Allows(registers.Segment(name), write, registers.IsProtected)
                && SegmentChecks.Contains(registers.Segment(name), offset, size));
    }

    /// <summary>The linear address of the memory operand, whatever its segment allows.</summary>
    public ulong LinearAddress(in Instruction instruction) =>
        WithSegment(instruction.MemorySegment, EffectiveAddress(instruction));

    /// <summary>The offset of the memory operand in its segment.</summary>
    public ulong EffectiveAddress(in Instruction instruction)
    {
        long distance = BitStringEmitter.Applies(instruction)
            ? BitStringEmitter.Distance(instruction.MemorySize.GetSize(), ReadRegister(instruction.Op1Register))
            : 0;
        if (instruction.IsIPRelativeMemoryOperand)
        {
            ulong relative = instruction.IPRelativeMemoryAddress + (ulong)distance;
            return instruction.MemoryBase == Register.EIP ? (uint)relative : relative;
        }

        ulong address = instruction.MemoryDisplacement64 + (ulong)distance;
        if (instruction.MemoryBase != Register.None)
        {
            address += ReadRegister(instruction.MemoryBase);
        }

        if (instruction.MemoryIndex != Register.None)
        {
            address += ReadRegister(instruction.MemoryIndex) * (ulong)instruction.MemoryIndexScale;
        }

        return Truncate(instruction, address);
    }

    /// <summary>An offset as wide as the instruction's addresses, beyond which it wraps (SDM volume 1, 3.3.7).</summary>
    public static ulong Truncate(in Instruction instruction, ulong offset)
    {
        int size = instruction.Op0Kind switch
        {
            OpKind.MemorySegDI => 2,
            OpKind.MemorySegEDI => 4,
            OpKind.MemorySegRDI => 8,
            _ when instruction.MemoryBase == Register.None && instruction.MemoryIndex == Register.None => instruction.MemoryDisplSize,
            _ => Math.Max(instruction.MemoryBase.GetSize(), instruction.MemoryIndex.GetSize()),
        };
        return size switch { 2 => (ushort)offset, 4 => (uint)offset, _ => offset };
    }

    private bool IsCanonical(ulong address)
    {
        int unused = (context->Registers.Cr4 & Cr4Bits.LinearAddress57) != 0 ? 7 : 16;
        return (ulong)((long)(address << unused) >> unused) == address;
    }

    /// <summary>Adds a segment's base; in 64-bit mode only FS and GS have one (SDM volume 1, 3.4.2.1).</summary>
    public ulong WithSegment(Register segment, ulong offset)
    {
        if (memory.Mode.IsLong)
        {
            return segment switch
            {
                Register.FS => context->Registers.Fs.Base + offset,
                Register.GS => context->Registers.Gs.Base + offset,
                _ => offset,
            };
        }

        return (uint)(context->Registers.Segment((SegmentName)(segment - Register.ES)).Base + offset);
    }
}
