using Iced.Intel;

namespace Nacelle.Translation.Tests.Oracle;

/// <summary>Instructions and the state to run them from. Items are only ever left out, so that a failing sequence can be made shorter.</summary>
internal sealed class TestSequence(ulong seed, IReadOnlyList<SequenceItem> items, ProcessorImage before)
{
    private const int MostBytes = 2048;
    private readonly ProcessorImage _before = before;

    /// <summary>The seed it was made from.</summary>
    public ulong Seed { get; } = seed;

    /// <summary>The instructions.</summary>
    public IReadOnlyList<SequenceItem> Items { get; } = items;

    /// <summary>The state before the first; RIP is where it is placed.</summary>
    public ref readonly ProcessorImage Before => ref _before;

    /// <summary>Bytes by which it begins before the end of a page, or a negative number where that does not matter.</summary>
    public int BeforePageEnd { get; init; } = -1;

    /// <summary>Whether the page behind that end is not there.</summary>
    public bool IsAtEdge { get; init; }

    /// <summary>Width of the code: 64, or 32 for compatibility mode.</summary>
    public int Bitness { get; init; } = 64;

    /// <summary>The same without one instruction; branches to it go to what follows.</summary>
    public TestSequence Without(int index)
    {
        SequenceItem? next = index + 1 < Items.Count ? Items[index + 1] : null;
        Dictionary<SequenceItem, SequenceItem> copies = [];
        List<SequenceItem> kept = [];
        for (int i = 0; i < Items.Count; i++)
        {
            if (i != index)
            {
                SequenceItem copy = new(Items[i].Instruction) { Prefixes = Items[i].Prefixes, Bytes = Items[i].Bytes };
                copies[Items[i]] = copy;
                kept.Add(copy);
            }
        }

        foreach ((SequenceItem original, SequenceItem copy) in copies)
        {
            SequenceItem? target = original.Target == Items[index] ? next : original.Target;
            copy.Target = target is null ? null : copies[target];
            copy.ToEnd = original.ToEnd || (original.Target is not null && target is null);
        }

        return new TestSequence(Seed, kept, _before) { BeforePageEnd = BeforePageEnd, IsAtEdge = IsAtEdge, Bitness = Bitness };
    }

    /// <summary>Encodes it.</summary>
    /// <param name="address">Where it is to run.</param>
    /// <param name="offsets">Where each instruction begins, and where the last ends.</param>
    /// <returns>The code with the jump to the gateway, or null where a branch does not reach its target.</returns>
    public byte[]? Encode(ulong address, out int[] offsets)
    {
        CodeBuffer buffer = new();
        Encoder encoder = Encoder.Create(Bitness, buffer);
        offsets = new int[Items.Count + 1];

        // Lengths do not depend on where anything is; places are known after the first round.
        int rounds = Items.Any(item => item.Target is not null || item.ToEnd) ? 2 : 1;
        for (int round = 0; round < rounds; round++)
        {
            buffer.Count = 0;
            for (int i = 0; i < Items.Count; i++)
            {
                offsets[i] = buffer.Count;
                if (!TryEncode(encoder, buffer, Items[i], address, round == 0 ? null : offsets))
                {
                    return null;
                }
            }

            offsets[^1] = buffer.Count;
        }

        buffer.WriteByte(0xE9);
        int displacement = (int)(OracleLayout.Gateway - (address + (ulong)buffer.Count + 4));
        foreach (byte part in BitConverter.GetBytes(displacement))
        {
            buffer.WriteByte(part);
        }

        return buffer.Bytes.AsSpan(0, buffer.Count).ToArray();
    }

    private bool TryEncode(Encoder encoder, CodeBuffer buffer, SequenceItem item, ulong address, int[]? offsets)
    {
        if (item.Bytes is byte[] bytes)
        {
            foreach (byte part in bytes)
            {
                buffer.WriteByte(part);
            }

            return buffer.Count < MostBytes;
        }

        foreach (byte prefix in item.Prefixes)
        {
            buffer.WriteByte(prefix);
        }

        Instruction instruction = item.Instruction;
        ulong here = address + (ulong)buffer.Count;
        if (item.Target is not null || item.ToEnd)
        {
            ulong target = offsets is null ? here : address + (ulong)offsets[item.ToEnd ? Items.Count : IndexOf(item.Target!)];
            if (instruction.IsIPRelativeMemoryOperand)
            {
                instruction.MemoryDisplacement64 = target;
            }
            else if (instruction.Code == Code.Mov_r32_imm32)
            {
                instruction.Immediate32 = (uint)target;
            }
            else if (Bitness == 32)
            {
                instruction.NearBranch32 = (uint)target;
            }
            else
            {
                instruction.NearBranch64 = target;
            }
        }

        return encoder.TryEncode(instruction, here, out _, out _) && buffer.Count < MostBytes;
    }

    private int IndexOf(SequenceItem item)
    {
        for (int i = 0; i < Items.Count; i++)
        {
            if (Items[i] == item)
            {
                return i;
            }
        }

        throw new InvalidOperationException("a branch's target is not in its sequence");
    }

    private sealed class CodeBuffer : CodeWriter
    {
        public byte[] Bytes { get; } = new byte[MostBytes + 32];

        public int Count { get; set; }

        public override void WriteByte(byte value) => Bytes[Count++] = value;
    }
}
