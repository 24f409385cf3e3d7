namespace Nacelle.Cpu;

/// <summary>What a task state segment holds of a task, of 16 or of 32 bits (SDM volume 3, figures 8-2 and 8-10).</summary>
internal unsafe struct TaskState
{
    /// <summary>Bytes of a 32-bit TSS that a task switch needs.</summary>
    internal const uint WideSize = 104;

    /// <summary>Bytes of a 16-bit TSS that a task switch needs.</summary>
    internal const uint NarrowSize = 44;

    // Where the instruction pointer is, which flags, general registers, ES, CS, SS, DS (FS and GS) and LDTR follow.
    private const uint WidePointer = 0x20;
    private const uint NarrowPointer = 0x0E;
    private const uint WidePageTables = 0x1C;
    private const uint WideTrap = 0x64;
    private const int GeneralRegisters = 8;
    private const int WideSegments = 6;
    private const int NarrowSegments = 4;

    /// <summary>CR3; a 16-bit TSS has none.</summary>
    internal uint PageTables;

    /// <summary>EIP.</summary>
    internal uint Pointer;

    /// <summary>EFLAGS.</summary>
    internal uint Flags;

    /// <summary>The selector of the LDT.</summary>
    internal ushort LocalTable;

    /// <summary>T: a debug exception follows the switch.</summary>
    internal bool Traps;

    private fixed uint _general[GeneralRegisters];
    private fixed ushort _segments[WideSegments];

    /// <summary>A general register, by <see cref="GeneralRegister"/>.</summary>
    internal readonly uint General(int number) => _general[number];

    /// <summary>The selector of a segment register; those that a 16-bit TSS lacks are null.</summary>
    internal readonly ushort Selector(SegmentName name) => _segments[(int)name];

    /// <summary>Takes what is saved of the running task out of the registers.</summary>
    internal static TaskState Of(CpuRegisters* registers, ulong pointer, ulong flags)
    {
        TaskState state = new() { Pointer = (uint)pointer, Flags = (uint)flags };
        for (int i = 0; i < GeneralRegisters; i++)
        {
            state._general[i] = (uint)registers->General[i];
        }

        for (SegmentName name = SegmentName.Es; name <= SegmentName.Gs; name++)
        {
            state._segments[(int)name] = registers->Segment(name).Selector;
        }

        return state;
    }

    /// <summary>Reads a TSS.</summary>
    internal static bool TryRead(ILinearMemory memory, ulong address, bool wide, out TaskState state)
    {
        state = default;
        int size = wide ? 4 : 2;
        ulong place = address + (wide ? WidePointer : NarrowPointer);
        if (!Next(out state.Pointer) || !Next(out state.Flags))
        {
            return false;
        }

        for (int i = 0; i < GeneralRegisters; i++)
        {
            if (!Next(out state._general[i]))
            {
                return false;
            }
        }

        for (int i = 0; i < (wide ? WideSegments : NarrowSegments); i++)
        {
            if (!Next(out uint selector))
            {
                return false;
            }

            state._segments[i] = (ushort)selector;
        }

        ulong trap = 0;
        ulong tables = 0;
        bool read = Next(out uint table)
            && (!wide || (memory.TryRead(address + WideTrap, 2, LinearAccess.ImplicitSupervisor, out trap)
                && memory.TryRead(address + WidePageTables, 4, LinearAccess.ImplicitSupervisor, out tables)));
        state.LocalTable = (ushort)table;
        state.Traps = (trap & 1) != 0;
        state.PageTables = (uint)tables;
        return read;

        bool Next(out uint value)
        {
            bool done = memory.TryRead(place, size, LinearAccess.ImplicitSupervisor, out ulong word);
            value = (uint)word;
            place += (ulong)size;
            return done;
        }
    }

    /// <summary>Writes the parts of a TSS that a switch saves.</summary>
    internal readonly bool TryWrite(ILinearMemory memory, ulong address, bool wide)
    {
        int size = wide ? 4 : 2;
        ulong place = address + (wide ? WidePointer : NarrowPointer);
        bool done = Next(Pointer) && Next(Flags);
        for (int i = 0; done && i < GeneralRegisters; i++)
        {
            done = Next(_general[i]);
        }

        for (int i = 0; done && i < (wide ? WideSegments : NarrowSegments); i++)
        {
            done = Next(_segments[i]);
        }

        return done;

        bool Next(uint value)
        {
            bool written = memory.TryWrite(place, size, LinearAccess.ImplicitSupervisor, value);
            place += (ulong)size;
            return written;
        }
    }
}
