using Iced.Intel;

namespace Nacelle.Translation.Tests.Oracle;

/// <summary>Makes memory operands in every addressing form that lead, mostly, into the data pages.</summary>
internal sealed class MemoryOperands(SequenceRandom random, RegisterKnowledge registers, ulong fsBase, ulong gsBase, int bitness = 64)
{
    private readonly bool _is32 = bitness == 32;
    private readonly int _registers = bitness == 32 ? 8 : 16;

    /// <summary>Gives an instruction its memory operand.</summary>
    /// <param name="instruction">The instruction.</param>
    /// <param name="size">Bytes of the access.</param>
    public void Set(ref Instruction instruction, int size)
    {
        if (random.Percent(3))
        {
            SetWild(ref instruction);
            return;
        }

        ulong address = Target(size);
        if (random.Percent(6))
        {
            bool fs = random.Percent(50);
            instruction.SegmentPrefix = fs ? Register.FS : Register.GS;
            address -= fs ? fsBase : gsBase;
        }

        int form = random.Below(20);
        bool narrow = _is32 || (random.Percent(8) && instruction.SegmentPrefix == Register.None);
        if (form < 3 || !TrySetBase(ref instruction, address, form >= 14, narrow))
        {
            if (_is32 || ((form & 1) == 0 && (int)address >= 0 && address <= int.MaxValue))
            {
                instruction.MemoryDisplSize = narrow ? 4 : 8;
                instruction.MemoryDisplacement64 = _is32 ? (uint)address : address;
            }
            else
            {
                instruction.MemoryBase = narrow ? Register.EIP : Register.RIP;
                instruction.MemoryDisplSize = narrow ? 4 : 8;
                instruction.MemoryDisplacement64 = address;
            }
        }
    }

    /// <summary>Gives a gather its memory operand: any base, and a vector of indices.</summary>
    public void SetVector(ref Instruction instruction, Register firstIndex, int count)
    {
        int index = random.Below(_is32 ? 8 : count);
        for (int attempt = 0; attempt < 8 && !registers.IsVectorKnown(index); attempt++)
        {
            index = random.Below(_is32 ? 8 : count);
        }

        ulong address = Target(8) & ~0x7FFUL;
        instruction.MemoryIndex = firstIndex + index;
        instruction.MemoryIndexScale = 1 << random.Below(4);
        instruction.MemoryDisplSize = 4;
        instruction.MemoryDisplacement64 = address;
        int number = random.Below(_registers);
        if (registers.IsKnown(number) && (long)(address - registers.Value(number)) is long distance && distance == (int)distance)
        {
            instruction.MemoryBase = (_is32 ? Register.EAX : Register.RAX) + number;
            instruction.MemoryDisplSize = 1;
            instruction.MemoryDisplacement64 = _is32 ? (uint)distance : (ulong)distance;
        }
    }

    /// <summary>A linear address for an access: inside a page, across two, unaligned, or where it faults.</summary>
    public ulong Target(int size)
    {
        int kind = random.Below(100);
        int pageEnd = 0x1000 * (1 + random.Below(3));
        int offset = kind switch
        {
            < 8 => pageEnd - random.Below(size + 1),
            < 11 => OracleLayout.ReadOnlyPage + random.Below(4096 - size),
            < 13 => OracleLayout.ReadOnlyPage - random.Below(size + 1),
            < 15 => OracleLayout.Hole - random.Below(size + 1),
            < 17 => OracleLayout.Hole + random.Below(4096),
            < 19 => OracleLayout.Island + random.Below(4096 - size),
            < 20 => OracleLayout.Island + 4096 - random.Below(size + 1),
            _ => random.Below(0x4000 - size),
        };
        bool aligned = kind >= 20 && random.Percent(85);
        int alignment = size < 2 ? 1 : 1 << (31 - int.LeadingZeroCount(size));
        return OracleLayout.DataBase + (ulong)(aligned ? offset & ~(Math.Min(alignment, 64) - 1) : offset);
    }

    private bool TrySetBase(ref Instruction instruction, ulong address, bool indexed, bool narrow)
    {
        int b = random.Below(_registers);
        int x = random.Below(_registers);
        for (int attempt = 0; attempt < 3 && !registers.IsKnown(b); attempt++)
        {
            b = random.Below(_registers);
        }

        if (!registers.IsKnown(b) || (indexed && (x == 4 || !registers.IsKnown(x))))
        {
            return false;
        }

        int scale = indexed ? 1 << random.Below(4) : 1;
        ulong rest = address - registers.Value(b) - (indexed ? registers.Value(x) * (ulong)scale : 0);
        long displacement = narrow ? (int)rest : (long)rest;
        if (displacement != (int)displacement)
        {
            return false;
        }

        instruction.MemoryBase = (narrow ? Register.EAX : Register.RAX) + b;
        instruction.MemoryIndex = !indexed ? Register.None : (narrow ? Register.EAX : Register.RAX) + x;
        instruction.MemoryIndexScale = scale;
        SetDisplacement(ref instruction, (int)displacement, narrow);
        return true;
    }

    private void SetWild(ref Instruction instruction)
    {
        bool narrow = _is32 || random.Percent(20);
        Register first = narrow ? Register.EAX : Register.RAX;
        int index = random.Below(_registers);
        instruction.MemoryBase = first + random.Below(_registers);
        instruction.MemoryIndex = index == 4 ? Register.None : first + index;
        instruction.MemoryIndexScale = index == 4 ? 1 : 1 << random.Below(4);
        SetDisplacement(ref instruction, random.Percent(50) ? (sbyte)random.Next() : (int)random.Next(), narrow);
    }

    private void SetDisplacement(ref Instruction instruction, int displacement, bool narrow)
    {
        instruction.MemoryDisplSize = displacement == 0 && random.Percent(70) ? 0 : random.Percent(80) ? 1 : narrow ? 4 : 8;
        instruction.MemoryDisplacement64 = narrow ? (uint)displacement : (ulong)displacement;
    }
}
