using System.Runtime.CompilerServices;
using Iced.Intel;
using Nacelle.Translation.State;

namespace Nacelle.Translation.Operations;

/// <summary>The elements of a gather or scatter: how many, which the mask selects, and where each lies.</summary>
internal ref struct GatherElements
{
    private readonly Instruction _instruction;
    private readonly ulong _base;
    private readonly bool _narrow;
    private Vector _indices;

    /// <param name="instruction">The gather or scatter.</param>
    /// <param name="vectors">Vector and mask registers.</param>
    /// <param name="operands">General registers and segments.</param>
    /// <param name="isLong">Whether addresses are of 64 bits unless the instruction says otherwise.</param>
    public GatherElements(in Instruction instruction, VectorImage vectors, OperandAccess operands, bool isLong)
    {
        _instruction = instruction;
        vectors.Read(instruction.MemoryIndex, _indices);
        Operands = operands;
        Size = instruction.MemorySize.GetSize();
        Register data = instruction.Op0Kind == OpKind.Memory ? instruction.Op1Register : instruction.Op0Register;
        Count = Math.Min(instruction.MemoryIndex.GetSize() / (instruction.IsVsib64 ? 8 : 4), data.GetSize() / Size);
        _base = instruction.MemoryDisplacement64;
        _narrow = !isLong;
        if (instruction.MemoryBase != Register.None)
        {
            _base += operands.ReadRegister(instruction.MemoryBase);
            _narrow = instruction.MemoryBase.GetSize() == 4;
        }
        else
        {
            _narrow |= instruction.MemoryDisplSize == 4;
        }

        Mask = ReadMask(instruction, vectors, Count, Size);
    }

    /// <summary>Bytes of an element.</summary>
    public int Size { get; }

    /// <summary>How many there are.</summary>
    public int Count { get; }

    /// <summary>Which the mask selects, a bit each; of a mask register all bits, also those beyond the elements.</summary>
    public ulong Mask { get; }

    private OperandAccess Operands { get; }

    /// <summary>The offset of an element in its segment.</summary>
    public ulong OffsetOf(int element)
    {
        ReadOnlySpan<byte> indices = _indices;
        long index = _instruction.IsVsib64
            ? BitConverter.ToInt64(indices[(element * 8)..])
            : BitConverter.ToInt32(indices[(element * 4)..]);
        ulong address = _base + (ulong)(index * _instruction.MemoryIndexScale);
        return _narrow ? (uint)address : address;
    }

    /// <summary>Lists the linear ranges of the selected elements.</summary>
    public void AddTo(List<(ulong Address, int Size)> ranges)
    {
        for (int i = 0; i < Count; i++)
        {
            if ((Mask & (1UL << i)) != 0)
            {
                ranges.Add((Operands.WithSegment(_instruction.MemorySegment, OffsetOf(i)), Size));
            }
        }
    }

    private static ulong ReadMask(in Instruction instruction, VectorImage vectors, int count, int size)
    {
        if (instruction.Encoding == EncodingKind.EVEX)
        {
            return vectors.ReadMask(instruction.OpMask);
        }

        ulong mask = 0;
        Vector signs = default;
        vectors.Read(instruction.Op2Register, signs);
        ReadOnlySpan<byte> bytes = signs;
        for (int i = 0; i < count; i++)
        {
            mask |= (ulong)(bytes[((i + 1) * size) - 1] >> 7) << i;
        }

        return mask;
    }

    [InlineArray(VectorImage.RegisterSize)]
    private struct Vector
    {
        private byte _first;
    }
}
