using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Translation.Memory;
using Nacelle.Translation.State;

namespace Nacelle.Translation.Operations;

/// <summary>
/// Carries out vector instructions that touch memory element by element wherever that lies: gathers and scatters, MASKMOVQ and
/// MASKMOVDQU. For the vCPU's own thread.
/// </summary>
internal sealed unsafe class MaskedOperations(TranslatorContext* context, LinearMemory memory, OperandAccess operands, bool isAmd)
{
    private readonly VectorImage _vectors = new(context);

    /// <summary>Whether an instruction is always carried out here.</summary>
    public static bool IsAlways(in Instruction instruction) => instruction.IsVsib
        || instruction.Mnemonic is Mnemonic.Maskmovq or Mnemonic.Maskmovdqu or Mnemonic.Vmaskmovdqu;

    /// <summary>Carries an instruction out.</summary>
    /// <returns>False for a fault.</returns>
    public bool TryExecute(in Instruction instruction)
    {
        if (instruction.IsVsib)
        {
            return instruction.Op0Kind == OpKind.Memory ? TryScatter(instruction) : TryGather(instruction);
        }

        return TryStoreBytes(instruction);
    }

    private bool TryGather(in Instruction instruction)
    {
        Span<byte> result = stackalloc byte[VectorImage.RegisterSize];
        Span<byte> mask = stackalloc byte[VectorImage.RegisterSize];
        bool vex = instruction.Encoding == EncodingKind.VEX;
        GatherElements elements = new(instruction, _vectors, operands, memory.Mode.IsLong);
        _vectors.Read(instruction.Op0Register, result);
        if (vex)
        {
            _vectors.Read(instruction.Op2Register, mask);
        }

        ulong left = elements.Mask;
        int size = elements.Size;
        bool succeeded = true;
        for (int i = 0; i < elements.Count; i++)
        {
            ulong value = 0;
            bool selected = (left & (1UL << i)) != 0;
            succeeded = !selected
                || (operands.TryLocate(instruction.MemorySegment, elements.OffsetOf(i), size, write: false, out ulong address, alignment: 1)
                    && memory.TryRead(address, size, LinearAccess.Ordinary, out value));
            if (!succeeded)
            {
                break;
            }

            if (selected)
            {
                BitConverter.GetBytes(value).AsSpan(0, size).CopyTo(result[(i * size)..]);
            }

            mask.Slice(i * size, size).Clear();
            left &= ~(1UL << i);
        }

        // What lies beyond is cleared when all is done (SDM volume 2, VGATHERDPS). AMD's processors have by then cleared what
        // lies beyond the vector length of an EVEX encoding.
        if (succeeded)
        {
            result[(elements.Count * size)..].Clear();
            mask[(elements.Count * size)..].Clear();
        }
        else if (isAmd && !vex && left != elements.Mask)
        {
            result[Math.Max(instruction.MemoryIndex.GetSize(), instruction.Op0Register.GetSize())..].Clear();
        }

        _vectors.Write(instruction.Op0Register, result);
        if (vex)
        {
            _vectors.Write(instruction.Op2Register, mask);
        }
        else
        {
            _vectors.WriteMask(instruction.OpMask, succeeded ? 0 : left);
        }

        return succeeded;
    }

    private bool TryScatter(in Instruction instruction)
    {
        Span<byte> source = stackalloc byte[VectorImage.RegisterSize];
        GatherElements elements = new(instruction, _vectors, operands, memory.Mode.IsLong);
        _vectors.Read(instruction.Op1Register, source);
        ulong left = elements.Mask;
        bool succeeded = true;
        for (int i = 0; i < elements.Count && succeeded; i++)
        {
            succeeded = (left & (1UL << i)) == 0
                || (operands.TryLocate(instruction.MemorySegment, elements.OffsetOf(i), elements.Size, write: true, out ulong address, alignment: 1)
                    && memory.TryWrite(address, elements.Size, LinearAccess.Ordinary, Element(source, i, elements.Size)));
            left &= succeeded ? ~(1UL << i) : ulong.MaxValue;
        }

        _vectors.WriteMask(instruction.OpMask, succeeded ? 0 : left);
        return succeeded;
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

    private static ulong Element(ReadOnlySpan<byte> source, int index, int size) => size switch
    {
        1 => source[index],
        4 => BitConverter.ToUInt32(source[(index * 4)..]),
        _ => BitConverter.ToUInt64(source[(index * 8)..]),
    };
}
