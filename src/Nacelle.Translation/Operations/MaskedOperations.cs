using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Translation.Memory;
using Nacelle.Translation.State;

namespace Nacelle.Translation.Operations;

/// <summary>
/// Carries out vector instructions that touch memory element by element: gathers and scatters, and masked moves where their
/// operand cannot be had as a whole, since only what the mask selects may fault. For the vCPU's own thread.
/// </summary>
internal sealed unsafe class MaskedOperations(TranslatorContext* context, LinearMemory memory, OperandAccess operands)
{
    private readonly VectorImage _vectors = new(context);

    /// <summary>Whether an instruction is always carried out here.</summary>
    public static bool IsAlways(in Instruction instruction) => instruction.IsVsib
        || instruction.Mnemonic is Mnemonic.Maskmovq or Mnemonic.Maskmovdqu or Mnemonic.Vmaskmovdqu;

    /// <summary>Whether an instruction is carried out here when its operand is not to be had as a whole.</summary>
    public static bool IsMaskedMove(in Instruction instruction) => instruction.Encoding == EncodingKind.VEX
        && instruction.Mnemonic is Mnemonic.Vmaskmovps or Mnemonic.Vmaskmovpd or Mnemonic.Vpmaskmovd or Mnemonic.Vpmaskmovq;

    /// <summary>Carries an instruction out.</summary>
    /// <returns>False for a fault.</returns>
    public bool TryExecute(in Instruction instruction)
    {
        if (instruction.IsVsib)
        {
            return instruction.Op0Kind == OpKind.Memory ? TryScatter(instruction) : TryGather(instruction);
        }

        return !IsMaskedMove(instruction) ? TryStoreBytes(instruction)
            : instruction.Op0Kind == OpKind.Memory ? TryStore(instruction) : TryLoad(instruction);
    }

    private bool TryGather(in Instruction instruction)
    {
        Span<byte> result = stackalloc byte[VectorImage.RegisterSize];
        Span<byte> mask = stackalloc byte[VectorImage.RegisterSize];
        Span<byte> indices = stackalloc byte[VectorImage.RegisterSize];
        Register destination = instruction.Op0Register;
        bool vex = instruction.Encoding == EncodingKind.VEX;
        _vectors.Read(destination, result);
        _vectors.Read(instruction.MemoryIndex, indices);
        if (vex)
        {
            _vectors.Read(instruction.Op2Register, mask);
        }

        ulong bits = vex ? 0 : _vectors.ReadMask(instruction.OpMask);
        int size = instruction.MemorySize.GetSize();
        int count = Count(instruction, destination, size);
        bool succeeded = true;
        for (int i = 0; i < count && succeeded; i++)
        {
            bool selected = vex ? (mask[(i * size) + size - 1] & 0x80) != 0 : (bits & (1UL << i)) != 0;
            ulong value = 0;
            succeeded = !selected
                || (TryLocate(instruction, indices, i, size, write: false, out ulong address)
                    && memory.TryRead(address, size, LinearAccess.Ordinary, out value));
            if (selected && succeeded)
            {
                BitConverter.GetBytes(value).AsSpan(0, size).CopyTo(result[(i * size)..]);
            }

            if (succeeded)
            {
                mask.Slice(i * size, size).Clear();
                bits &= ~(1UL << i);
            }
        }

        // What lies beyond is cleared when all is done (SDM volume 2, VGATHERDPS).
        if (succeeded)
        {
            result[(count * size)..].Clear();
            mask[(count * size)..].Clear();
        }

        _vectors.Write(destination, result);
        if (vex)
        {
            _vectors.Write(instruction.Op2Register, mask);
        }
        else
        {
            _vectors.WriteMask(instruction.OpMask, succeeded ? 0 : bits);
        }

        return succeeded;
    }

    private bool TryScatter(in Instruction instruction)
    {
        Span<byte> source = stackalloc byte[VectorImage.RegisterSize];
        Span<byte> indices = stackalloc byte[VectorImage.RegisterSize];
        _vectors.Read(instruction.Op1Register, source);
        _vectors.Read(instruction.MemoryIndex, indices);
        ulong bits = _vectors.ReadMask(instruction.OpMask);
        int size = instruction.MemorySize.GetSize();
        int count = Count(instruction, instruction.Op1Register, size);
        bool succeeded = true;
        for (int i = 0; i < count && succeeded; i++)
        {
            succeeded = (bits & (1UL << i)) == 0
                || (TryLocate(instruction, indices, i, size, write: true, out ulong address)
                    && memory.TryWrite(address, size, LinearAccess.Ordinary, Element(source, i, size)));
            bits &= succeeded ? ~(1UL << i) : ulong.MaxValue;
        }

        _vectors.WriteMask(instruction.OpMask, succeeded ? 0 : bits);
        return succeeded;
    }

    private bool TryLoad(in Instruction instruction)
    {
        Span<byte> mask = stackalloc byte[VectorImage.RegisterSize];
        Span<byte> result = stackalloc byte[VectorImage.RegisterSize];
        _vectors.Read(instruction.Op1Register, mask);
        result.Clear();
        int size = ElementSize(instruction);
        ulong offset = operands.EffectiveAddress(instruction);
        for (int i = 0; i < instruction.Op0Register.GetSize() / size; i++)
        {
            if ((mask[(i * size) + size - 1] & 0x80) != 0)
            {
                ulong element = OperandAccess.Truncate(instruction, offset + (ulong)(i * size));
                if (!operands.TryLocate(instruction.MemorySegment, element, size, write: false, out ulong address, alignment: 1)
                    || !memory.TryRead(address, size, LinearAccess.Ordinary, out ulong value))
                {
                    return false;
                }

                BitConverter.GetBytes(value).AsSpan(0, size).CopyTo(result[(i * size)..]);
            }
        }

        _vectors.Write(instruction.Op0Register, result);
        return true;
    }

    private bool TryStore(in Instruction instruction)
    {
        Span<byte> mask = stackalloc byte[VectorImage.RegisterSize];
        Span<byte> source = stackalloc byte[VectorImage.RegisterSize];
        _vectors.Read(instruction.Op1Register, mask);
        _vectors.Read(instruction.Op2Register, source);
        ulong offset = operands.EffectiveAddress(instruction);
        return TryStoreSelected(instruction, offset, source, mask, ElementSize(instruction), instruction.Op2Register.GetSize());
    }

    /// <summary>MASKMOVQ and MASKMOVDQU: bytes, to the address in rDI.</summary>
    private bool TryStoreBytes(in Instruction instruction)
    {
        Span<byte> mask = stackalloc byte[VectorImage.RegisterSize];
        Span<byte> source = stackalloc byte[VectorImage.RegisterSize];
        int length = 16;
        if (instruction.Mnemonic == Mnemonic.Maskmovq)
        {
            length = 8;
            BitConverter.TryWriteBytes(source, _vectors.ReadMmx(instruction.Op1Register));
            BitConverter.TryWriteBytes(mask, _vectors.ReadMmx(instruction.Op2Register));
        }
        else
        {
            _vectors.Read(instruction.Op1Register, source);
            _vectors.Read(instruction.Op2Register, mask);
        }

        ulong offset = OperandAccess.Truncate(instruction, context->Registers.General[(int)GeneralRegister.Rdi]);
        if (length == 8)
        {
            _vectors.EnterMmx();
        }

        int beforeWrap = length;
        while (OperandAccess.Truncate(instruction, offset + (ulong)beforeWrap - 1) < offset)
        {
            beforeWrap--;
        }

        // Whether bytes that are not selected fault is up to the processor; where this was compared, they do.
        return TryProbe(instruction, offset, beforeWrap)
            && (beforeWrap == length || TryProbe(instruction, 0, length - beforeWrap))
            && TryStoreSelected(instruction, offset, source, mask, 1, length);
    }

    private bool TryProbe(in Instruction instruction, ulong offset, int length) =>
        operands.TryLocate(instruction.MemorySegment, offset, length, write: true, out ulong address, alignment: 8)
        && memory.TryProbeWrite(address, length);

    /// <summary>Writes all selected elements or, when one of them faults, none.</summary>
    private bool TryStoreSelected(
        in Instruction instruction, ulong start, ReadOnlySpan<byte> source, ReadOnlySpan<byte> mask, int size, int length)
    {
        for (int round = 0; round < 2; round++)
        {
            for (int offset = 0; offset < length; offset += size)
            {
                if ((mask[offset + size - 1] & 0x80) == 0)
                {
                    continue;
                }

                ulong element = OperandAccess.Truncate(instruction, start + (ulong)offset);
                bool succeeded = operands.TryLocate(instruction.MemorySegment, element, size, write: true, out ulong place, alignment: 1)
                    && (round == 0
                        ? memory.TryProbeWrite(place, size)
                        : memory.TryWrite(place, size, LinearAccess.Ordinary, Element(source, offset / size, size)));
                if (!succeeded)
                {
                    return false;
                }
            }
        }

        return true;
    }

    private static int ElementSize(in Instruction instruction) =>
        instruction.Mnemonic is Mnemonic.Vmaskmovps or Mnemonic.Vpmaskmovd ? 4 : 8;

    private static int Count(in Instruction instruction, Register data, int size) =>
        Math.Min(instruction.MemoryIndex.GetSize() / (instruction.IsVsib64 ? 8 : 4), data.GetSize() / size);

    private static ulong Element(ReadOnlySpan<byte> source, int index, int size) => size switch
    {
        1 => source[index],
        4 => BitConverter.ToUInt32(source[(index * 4)..]),
        _ => BitConverter.ToUInt64(source[(index * 8)..]),
    };

    private bool TryLocate(
        in Instruction instruction, ReadOnlySpan<byte> indices, int element, int size, bool write, out ulong linear)
    {
        long index = instruction.IsVsib64
            ? BitConverter.ToInt64(indices[(element * 8)..])
            : BitConverter.ToInt32(indices[(element * 4)..]);
        ulong address = instruction.MemoryDisplacement64 + (ulong)(index * instruction.MemoryIndexScale);
        bool narrow = !memory.Mode.IsLong;
        if (instruction.MemoryBase != Register.None)
        {
            address += operands.ReadRegister(instruction.MemoryBase);
            narrow = instruction.MemoryBase.GetSize() == 4;
        }
        else
        {
            narrow |= instruction.MemoryDisplSize == 4;
        }

        return operands.TryLocate(instruction.MemorySegment, narrow ? (uint)address : address, size, write, out linear, alignment: 1);
    }
}
