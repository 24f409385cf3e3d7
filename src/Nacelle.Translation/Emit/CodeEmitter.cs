using static Nacelle.Translation.Emit.HostRegister;

namespace Nacelle.Translation.Emit;

/// <summary>
/// Writes the few instruction forms that surround copied guest code. Encodings follow SDM volume 2. For one thread.
/// </summary>
/// <param name="writable">The code memory's writable view.</param>
/// <param name="executable">Address of the same memory where it executes.</param>
/// <param name="context">Address of the context, below 2 GiB, so that instructions can name its words without a register.</param>
internal sealed unsafe class CodeEmitter(byte* writable, byte* executable, int context)
{
    /// <summary>Absolute address of an offset in the context.</summary>
    public int ContextAddress(int offset) => context + offset;

    /// <summary>Bytes written so far.</summary>
    public int Position { get; set; }

    /// <summary>Where the next byte will execute.</summary>
    public ulong Address => (ulong)(executable + Position);

    /// <summary>Where a byte executes.</summary>
    public ulong AddressOf(int position) => (ulong)(executable + position);

    /// <summary>Position of an executing address.</summary>
    public int PositionOf(ulong address) => (int)(address - (ulong)executable);

    public void Byte(byte value) => writable[Position++] = value;

    public void Bytes(ReadOnlySpan<byte> values)
    {
        values.CopyTo(new Span<byte>(writable + Position, values.Length));
        Position += values.Length;
    }

    public void Int32(int value)
    {
        *(int*)(writable + Position) = value;
        Position += 4;
    }

    public void Int64(ulong value)
    {
        *(ulong*)(writable + Position) = value;
        Position += 8;
    }

    public void Move(HostRegister destination, HostRegister source) => RegisterForm(0x89, source, destination, wide: true);

    public void Move32(HostRegister destination, HostRegister source) => RegisterForm(0x89, source, destination, wide: false);

    /// <summary>xor destination32, source32.</summary>
    public void ExclusiveOr32(HostRegister destination, HostRegister source) => RegisterForm(0x31, source, destination, wide: false);

    /// <summary>Loads a constant in the shortest form.</summary>
    public void MoveImmediate(HostRegister destination, ulong value)
    {
        int number = (int)destination;
        if (value <= uint.MaxValue)
        {
            if (number >= 8)
            {
                Byte(0x41);
            }

            Byte((byte)(0xB8 + (number & 7)));
            Int32((int)value);
        }
        else if ((long)value == (int)value)
        {
            Byte((byte)(0x48 | (number >> 3)));
            Byte(0xC7);
            Byte((byte)(0xC0 | (number & 7)));
            Int32((int)value);
        }
        else
        {
            Byte((byte)(0x48 | (number >> 3)));
            Byte((byte)(0xB8 + (number & 7)));
            Int64(value);
        }
    }

    /// <summary>mov register, [context + offset].</summary>
    public void LoadContext(HostRegister destination, int offset) => ContextForm(0x8B, destination, offset, wide: true);

    /// <summary>mov register32, [context + offset]; clears the upper half.</summary>
    public void LoadContext32(HostRegister destination, int offset) => ContextForm(0x8B, destination, offset, wide: false);

    /// <summary>movzx register32, word [context + offset].</summary>
    public void LoadContext16(HostRegister destination, int offset)
    {
        Byte((byte)(0x40 | ((int)destination >> 3 << 2)));
        Bytes([0x0F, 0xB7]);
        Byte((byte)((((int)destination & 7) << 3) | 4));
        Byte(0x25);
        Int32(context + offset);
    }

    /// <summary>mov [context + offset], register.</summary>
    public void StoreContext(int offset, HostRegister source) => ContextForm(0x89, source, offset, wide: true);

    /// <summary>Replaces a <see cref="StoreContext"/> that turned out to be of no use by a NOP of its length.</summary>
    /// <param name="position">Where it was emitted.</param>
    public void EraseStore(int position) =>
        new ReadOnlySpan<byte>([0x0F, 0x1F, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00]).CopyTo(new Span<byte>(writable + position, 8));

    /// <summary>mov [context + offset], register16.</summary>
    public void StoreContext16(int offset, HostRegister source)
    {
        Byte(0x66);
        ContextForm(0x89, source, offset, wide: false);
    }

    /// <summary>mov [context + offset], register32.</summary>
    public void StoreContext32(int offset, HostRegister source) => ContextForm(0x89, source, offset, wide: false);

    /// <summary>mov dword [context + offset], constant.</summary>
    public void StoreContextImmediate32(int offset, uint value)
    {
        ContextForm(0xC7, 0, offset, wide: false);
        Int32((int)value);
    }

    /// <summary>cmp register, [context + offset + index × 8].</summary>
    public void CompareTable(HostRegister register, int offset, HostRegister index) => TableForm(0x3B, register, offset, index);

    /// <summary>mov register, [context + offset + index].</summary>
    public void LoadEntry(HostRegister destination, int offset, HostRegister index) => TableForm(0x8B, destination, offset, index, scale: 0);

    /// <summary>add register, [context + offset + index].</summary>
    public void AddEntry(HostRegister destination, int offset, HostRegister index) => TableForm(0x03, destination, offset, index, scale: 0);

    /// <summary>sub register, [context + offset + index].</summary>
    public void SubtractEntry(HostRegister destination, int offset, HostRegister index) => TableForm(0x2B, destination, offset, index, scale: 0);

    /// <summary>call [context + offset + index × 8].</summary>
    public void CallTable(int offset, HostRegister index) => TableForm(0xFF, (HostRegister)2, offset, index);

    /// <summary>cmp register, [context + offset].</summary>
    public void CompareContext(HostRegister register, int offset) => ContextForm(0x3B, register, offset, wide: true);

    /// <summary>inc byte [context + offset].</summary>
    public void IncrementContext8(int offset) => ContextForm(0xFE, 0, offset, wide: false);

    /// <summary>cmp dword [context + offset], constant.</summary>
    public void CompareContext32(int offset, uint value)
    {
        ContextForm(0x81, (HostRegister)7, offset, wide: false);
        Int32((int)value);
    }

    /// <summary>cmp first, second.</summary>
    public void CompareRegisters(HostRegister first, HostRegister second) => RegisterForm(0x39, second, first, wide: true);

    /// <summary>not register; leaves the flags alone.</summary>
    public void Not(HostRegister register)
    {
        Byte((byte)(0x48 | ((int)register >> 3)));
        Byte(0xF7);
        Byte((byte)(0xD0 | ((int)register & 7)));
    }

    /// <summary>jmp [context + offset + index × 8].</summary>
    public void JumpTable(int offset, HostRegister index) => TableForm(0xFF, (HostRegister)4, offset, index);

    /// <summary>pext destination, source, [context + offset]: bit gathering that leaves the flags alone.</summary>
    public void ExtractContext(HostRegister destination, HostRegister source, int offset) =>
        BitFieldForm(0x02, destination, source, offset);

    /// <summary>pdep destination, source, [context + offset]: bit scattering that leaves the flags alone.</summary>
    public void DepositContext(HostRegister destination, HostRegister source, int offset) =>
        BitFieldForm(0x03, destination, source, offset);

    /// <summary>rorx destination, source, count: a rotation that leaves the flags alone.</summary>
    public void RotateRight(HostRegister destination, HostRegister source, int count)
    {
        Byte(0xC4);
        Byte((byte)((destination < R8 ? 0x80 : 0) | 0x40 | (source < R8 ? 0x20 : 0) | 0x03));
        Byte(0xFB);
        Byte(0xF0);
        Byte((byte)(0xC0 | (((int)destination & 7) << 3) | ((int)source & 7)));
        Byte((byte)count);
    }

    /// <summary>lea destination, [base + displacement].</summary>
    public void LoadAddress(HostRegister destination, HostRegister baseRegister, int displacement) =>
        LoadAddress(destination, baseRegister, null, 1, displacement);

    /// <summary>lea destination, [base + index × scale + displacement]; leaves the flags alone.</summary>
    public void LoadAddress(
        HostRegister destination, HostRegister? baseRegister, HostRegister? index, int scale, int displacement, bool wide = true)
    {
        int b = (int)(baseRegister ?? 0);
        int x = (int)(index ?? 0);
        Byte((byte)((wide ? 0x48 : 0x40) | ((int)destination >> 3 << 2) | (x >> 3 << 1) | (b >> 3)));
        Byte(0x8D);
        int register = ((int)destination & 7) << 3;
        bool hasBase = baseRegister is not null;
        int mode = !hasBase ? 0 : displacement == 0 && (b & 7) != 5 ? 0 : displacement == (sbyte)displacement ? 0x40 : 0x80;
        if (index is null && hasBase && (b & 7) != 4)
        {
            Byte((byte)(mode | register | (b & 7)));
        }
        else
        {
            Byte((byte)(mode | register | 4));
            int scaleBits = scale switch { 8 => 3, 4 => 2, 2 => 1, _ => 0 };
            Byte((byte)((scaleBits << 6) | ((index is null ? 4 : x & 7) << 3) | (hasBase ? b & 7 : 5)));
        }

        if (mode == 0x40)
        {
            Byte((byte)displacement);
        }
        else if (mode == 0x80 || !hasBase)
        {
            Int32(displacement);
        }
    }

    /// <summary>mov register, [base + displacement].</summary>
    public void Load(HostRegister destination, HostRegister baseRegister, int displacement) =>
        BaseForm(0x8B, destination, baseRegister, displacement);

    /// <summary>mov [base + displacement], register.</summary>
    public void Store(HostRegister baseRegister, int displacement, HostRegister source) =>
        BaseForm(0x89, source, baseRegister, displacement);

    /// <summary>Loads 2, 4 or 8 bytes from [base + displacement], zero-extended.</summary>
    public void Load(HostRegister destination, HostRegister baseRegister, int displacement, int width)
    {
        if (width == sizeof(ushort))
        {
            // movzx destination32, word [base + displacement].
            BaseForm(0xB7, destination, baseRegister, displacement, wide: false, escape: true);
        }
        else
        {
            BaseForm(0x8B, destination, baseRegister, displacement, wide: width == sizeof(ulong));
        }
    }

    /// <summary>Stores the low 2, 4 or 8 bytes of a register at [base + displacement].</summary>
    public void Store(HostRegister baseRegister, int displacement, HostRegister source, int width)
    {
        if (width == sizeof(ushort))
        {
            Byte(0x66);
        }

        BaseForm(0x89, source, baseRegister, displacement, wide: width == sizeof(ulong));
    }

    /// <summary>mov destination16, source16: the rest of the destination stays.</summary>
    public void Move16(HostRegister destination, HostRegister source)
    {
        Byte(0x66);
        RegisterForm(0x89, source, destination, wide: false);
    }

    /// <summary>movzx register32, register16.</summary>
    public void ZeroExtend16(HostRegister register)
    {
        Byte((byte)(0x40 | ((int)register >> 3 << 2) | ((int)register >> 3)));
        Bytes([0x0F, 0xB7]);
        Byte((byte)(0xC0 | (((int)register & 7) << 3) | ((int)register & 7)));
    }

    /// <summary>add register, [context + offset].</summary>
    public void AddContext(HostRegister register, int offset) => ContextForm(0x03, register, offset, wide: true);

    public void ShiftRight32(HostRegister register, int count)
    {
        Byte((byte)(0x40 | ((int)register >> 3)));
        Byte(0xC1);
        Byte((byte)(0xE8 | ((int)register & 7)));
        Byte((byte)count);
    }

    public void And32(HostRegister register, int mask)
    {
        Byte((byte)(0x40 | ((int)register >> 3)));
        Byte(0x81);
        Byte((byte)(0xE0 | ((int)register & 7)));
        Int32(mask);
    }

    /// <summary>test register32, constant.</summary>
    public void Test32(HostRegister register, int mask)
    {
        Byte((byte)(0x40 | ((int)register >> 3)));
        Byte(0xF7);
        Byte((byte)(0xC0 | ((int)register & 7)));
        Int32(mask);
    }

    public void Compare(HostRegister register, int value)
    {
        Byte((byte)(0x48 | ((int)register >> 3)));
        Byte(0x81);
        Byte((byte)(0xF8 | ((int)register & 7)));
        Int32(value);
    }

    /// <summary>Jumps on a condition to a place not known yet.</summary>
    /// <returns>Position of the displacement, for <see cref="Patch"/>.</returns>
    public int JumpIf(Condition condition)
    {
        Byte(0x0F);
        Byte((byte)(0x80 + (int)condition));
        Int32(0);
        return Position - 4;
    }

    /// <summary>Jumps to a place not known yet.</summary>
    /// <returns>Position of the displacement, for <see cref="Patch"/>.</returns>
    public int Jump()
    {
        Byte(0xE9);
        Int32(0);
        return Position - 4;
    }

    public void JumpTo(ulong address) => Patch(Jump(), address);

    /// <summary>Jumps on a condition to a known place.</summary>
    public void JumpIf(Condition condition, ulong address) => Patch(JumpIf(condition), address);

    /// <summary>Calls a place not known yet.</summary>
    /// <returns>Position of the displacement, for <see cref="Patch"/>.</returns>
    public int Call()
    {
        Byte(0xE8);
        Int32(0);
        return Position - 4;
    }

    public void CallTo(ulong address) => Patch(Call(), address);

    /// <summary>jrcxz to a place within 127 bytes; the only branch that reads no flag.</summary>
    /// <returns>Position of the displacement, for <see cref="PatchShort"/>.</returns>
    public int JumpIfRcxZero()
    {
        Byte(0xE3);
        Byte(0);
        return Position - 1;
    }

    public void Patch(int displacement, ulong target) =>
        Volatile.Write(ref *(int*)(writable + displacement), (int)((long)target - (long)AddressOf(displacement + 4)));

    public void PatchHere(int displacement) => Patch(displacement, Address);

    public void PatchShort(int displacement)
    {
        int distance = Position - displacement - 1;
        writable[displacement] = checked((byte)(sbyte)distance);
    }

    public void Push(HostRegister register)
    {
        if ((int)register >= 8)
        {
            Byte(0x41);
        }

        Byte((byte)(0x50 + ((int)register & 7)));
    }

    public void Pop(HostRegister register)
    {
        if ((int)register >= 8)
        {
            Byte(0x41);
        }

        Byte((byte)(0x58 + ((int)register & 7)));
    }

    public void PushFlags() => Byte(0x9C);

    public void PopFlags() => Byte(0x9D);

    public void Return() => Byte(0xC3);

    // PEXT and PDEP differ in the implied prefix (SDM volume 2).
    private void BitFieldForm(int prefix, HostRegister destination, HostRegister source, int offset)
    {
        Byte(0xC4);
        Byte((byte)((destination < R8 ? 0x80 : 0) | 0x60 | 0x02));
        Byte((byte)(0x80 | ((~(int)source & 15) << 3) | prefix));
        Byte(0xF5);
        Byte((byte)(((int)destination & 7) << 3 | 4));
        Byte(0x25);
        Int32(context + offset);
    }

    private void RegisterForm(byte opcode, HostRegister register, HostRegister target, bool wide)
    {
        Byte((byte)((wide ? 0x48 : 0x40) | ((int)register >> 3 << 2) | ((int)target >> 3)));
        Byte(opcode);
        Byte((byte)(0xC0 | (((int)register & 7) << 3) | ((int)target & 7)));
    }

    private void ContextForm(byte opcode, HostRegister register, int offset, bool wide)
    {
        Byte((byte)((wide ? 0x48 : 0x40) | ((int)register >> 3 << 2)));
        Byte(opcode);
        Byte((byte)((((int)register & 7) << 3) | 4));
        Byte(0x25);
        Int32(context + offset);
    }

    private void TableForm(byte opcode, HostRegister register, int offset, HostRegister index, int scale = 3)
    {
        Byte((byte)(0x48 | ((int)register >> 3 << 2) | ((int)index >> 3 << 1)));
        Byte(opcode);
        Byte((byte)((((int)register & 7) << 3) | 4));
        Byte((byte)((scale << 6) | (((int)index & 7) << 3) | 5));
        Int32(context + offset);
    }

    private void BaseForm(
        byte opcode, HostRegister register, HostRegister baseRegister, int displacement, bool wide = true, bool escape = false)
    {
        int b = (int)baseRegister & 7;
        int mode = displacement == 0 && b != 5 ? 0 : displacement == (sbyte)displacement ? 0x40 : 0x80;
        Byte((byte)((wide ? 0x48 : 0x40) | ((int)register >> 3 << 2) | ((int)baseRegister >> 3)));
        if (escape)
        {
            Byte(0x0F);
        }

        Byte(opcode);
        Byte((byte)(mode | (((int)register & 7) << 3) | b));
        if (b == 4)
        {
            Byte(0x24);
        }

        if (mode == 0x40)
        {
            Byte((byte)displacement);
        }
        else if (mode == 0x80)
        {
            Int32(displacement);
        }
    }
}
