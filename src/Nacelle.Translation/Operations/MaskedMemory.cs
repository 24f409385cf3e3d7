using System.Numerics;
using Iced.Intel;
using Nacelle.Translation.Memory;
using Nacelle.Translation.State;

namespace Nacelle.Translation.Operations;

/// <summary>
/// Brings the selected elements of a masked memory operand into a buffer and back, and touches no others: no fault, no accessed
/// or dirty bit, no device register. For the vCPU's own thread, outside translated code.
/// </summary>
internal sealed unsafe class MaskedMemory(TranslatorContext* context, LinearMemory memory, OperandAccess operands)
{
    private readonly VectorImage _vectors = new(context);

    /// <summary>The mask of an instruction as it stands: a bit for each element.</summary>
    public ulong MaskOf(in Instruction instruction, in MaskedForm form)
    {
        if (instruction.Encoding == EncodingKind.EVEX)
        {
            return instruction.HasOpMask ? _vectors.ReadMask(instruction.OpMask) : ulong.MaxValue;
        }

        // VMASKMOV and VPMASKMOV: the sign bits of a vector.
        Span<byte> vector = stackalloc byte[VectorImage.RegisterSize];
        _vectors.Read(instruction.Op1Register, vector);
        ulong mask = 0;
        for (int i = 0; i < form.Elements; i++)
        {
            mask |= (ulong)(vector[((i + 1) * form.ElementSize) - 1] >> 7) << i;
        }

        return mask;
    }

    /// <summary>Makes sure of the selected elements, from the lowest address on.</summary>
    /// <param name="instruction">The instruction.</param>
    /// <param name="size">Bytes of an element.</param>
    /// <param name="elements">A bit for each that is selected.</param>
    /// <param name="write">Whether they are to be written.</param>
    /// <returns>False for a fault, which is pending.</returns>
    public bool TryProbe(in Instruction instruction, int size, ulong elements, bool write)
    {
        Runs runs = new(instruction, operands.EffectiveAddress(instruction), size, elements);
        while (runs.MoveNext())
        {
            if (!operands.TryLocate(instruction.MemorySegment, runs.Offset, runs.Length, write, out ulong address, alignment: 1)
                || !(write ? memory.TryProbeWrite(address, runs.Length) : memory.TryProbeRead(address, runs.Length)))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Copies the selected elements into or out of a buffer that holds the whole operand.</summary>
    /// <inheritdoc cref="TryProbe"/>
    public bool TryCopy(in Instruction instruction, int size, ulong elements, bool write, byte* buffer)
    {
        Runs runs = new(instruction, operands.EffectiveAddress(instruction), size, elements);
        while (runs.MoveNext())
        {
            ulong address = operands.WithSegment(instruction.MemorySegment, runs.Offset);
            byte* place = buffer + runs.Start;
            if (!(write
                ? memory.TryCopyOut(memory.CurrentTlb, address, place, runs.Length)
                : memory.TryCopyIn(memory.CurrentTlb, address, place, runs.Length)))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Linear ranges that an instruction is about to touch, element by element, for debuggers; at most 64.</summary>
    /// <param name="instruction">A masked instruction, or a gather or scatter.</param>
    /// <param name="ranges">Linear address and bytes of each.</param>
    /// <returns>False where the instruction is neither.</returns>
    public bool TryList(in Instruction instruction, List<(ulong Address, int Size)> ranges)
    {
        ranges.Clear();
        if (instruction.IsVsib)
        {
            new GatherElements(instruction, _vectors, operands, memory.Mode.IsLong).AddTo(ranges);
            return true;
        }

        MaskedForm form = MaskedForm.Of(instruction);
        if (!form.IsMasked)
        {
            return false;
        }

        Runs runs = new(instruction, operands.EffectiveAddress(instruction), form.ElementSize, form.Touched(MaskOf(instruction, form)));
        while (runs.MoveNext())
        {
            ranges.Add((operands.WithSegment(instruction.MemorySegment, runs.Offset), runs.Length));
        }

        return true;
    }

    /// <summary>Walks over stretches of selected elements that are neighbours in memory; offsets wrap as the instruction's addresses do.</summary>
    private ref struct Runs(in Instruction instruction, ulong offset, int size, ulong elements)
    {
        private readonly ref readonly Instruction _instruction = ref instruction;
        private readonly ulong _offset = offset;
        private ulong _left = elements;

        /// <summary>Bytes from the operand's first.</summary>
        public int Start { get; private set; }

        /// <summary>Bytes of the stretch.</summary>
        public int Length { get; private set; }

        /// <summary>Offset in the segment.</summary>
        public ulong Offset { get; private set; }

        public bool MoveNext()
        {
            if (_left == 0)
            {
                return false;
            }

            int first = BitOperations.TrailingZeroCount(_left);
            int count = BitOperations.TrailingZeroCount(~(_left >> first));
            count = Math.Min(count, 64 - first);
            Start = first * size;
            Offset = OperandAccess.Truncate(_instruction, _offset + (ulong)Start);
            while (count > 1 && OperandAccess.Truncate(_instruction, _offset + (ulong)(Start + (count * size) - 1)) < Offset)
            {
                count--;
            }

            Length = count * size;
            _left = first + count >= 64 ? 0 : _left & (ulong.MaxValue << (first + count));
            return true;
        }
    }
}
