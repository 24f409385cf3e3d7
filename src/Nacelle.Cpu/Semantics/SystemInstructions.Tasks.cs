namespace Nacelle.Cpu;

/// <content>Hardware task switches outside long mode (SDM volume 3, chapter 8).</content>
public sealed unsafe partial class SystemInstructions
{
    private const int TaskGate = 5;
    private const int BusyType = 2;
    private const int WideType = 8;
    private const ulong DebugTaskSwitch = 1 << 15;

    /// <summary>Set when a switch has got as far as the new task, in which its faults are then raised.</summary>
    private bool _taskEntered;

    private enum TaskSwitch
    {
        /// <summary>JMP: the old task is left for good.</summary>
        Jump,

        /// <summary>CALL, interrupts and exceptions: the new task may return to the old one.</summary>
        Nested,

        /// <summary>IRET to the task that called.</summary>
        Return,
    }

    /// <summary>Whether a far JMP or CALL to a descriptor switches tasks.</summary>
    private bool IsTask(Descriptor target) => !_registers->IsLongModeActive && target.IsSystem && target.Type is TaskGate or 1 or 3 or 9 or 11;

    /// <summary>Far JMP or CALL to a TSS or a task gate.</summary>
    private bool TransferToTask(ushort selector, Descriptor target, TaskSwitch kind, ulong nextRip)
    {
        uint error = selector & ~3u;
        if (target.PrivilegeLevel < Math.Max(CurrentPrivilegeLevel, selector & 3))
        {
            return FailGeneralProtection(error);
        }

        if (target.Type == TaskGate)
        {
            if (!target.IsPresent)
            {
                return Fail(new Fault(Fault.SegmentNotPresent, true, error));
            }

            selector = (ushort)(target.Low >> 16);
        }

        return TryReadTask(selector, Fault.GeneralProtection, 0, busy: false, out target)
            && SwitchTask(selector, target, kind, nextRip, _registers->Rflags, 0);
    }

    /// <summary>An interrupt or exception through a task gate.</summary>
    private bool EnterTask(ushort selector, in EventEntry entry)
    {
        if (!TryReadTask(selector, Fault.GeneralProtection, entry.External, busy: false, out Descriptor task)
            || !SwitchTask(selector, task, TaskSwitch.Nested, entry.ReturnRip, SavedFlags(entry), entry.External))
        {
            return false;
        }

        if (!entry.HasErrorCode)
        {
            return true;
        }

        var stack = new StackCursor(_memory, _registers->Ss, Gpr(GeneralRegister.Rsp), LinearAccess.Ordinary, entry.External);
        if (!stack.Push((task.Type & WideType) != 0 ? 4 : 2, entry.ErrorCode))
        {
            return false;
        }

        Gpr(GeneralRegister.Rsp) = stack.Merge(Gpr(GeneralRegister.Rsp));
        return true;
    }

    /// <summary>IRET with RFLAGS.NT: back to the task that the TSS links to.</summary>
    private bool ReturnToTask(ulong nextRip)
    {
        if (_registers->IsLongModeActive)
        {
            return FailGeneralProtection();
        }

        return ReadTable(_registers->Tr.Base, 2, out ulong link)
            && TryReadTask((ushort)link, Fault.InvalidTss, 0, busy: true, out Descriptor task)
            && SwitchTask((ushort)link, task, TaskSwitch.Return, nextRip, _registers->Rflags & ~RflagsBits.NestedTask, 0);
    }

    private bool TryReadTask(ushort selector, byte vector, uint external, bool busy, out Descriptor task)
    {
        task = default;
        uint error = (selector & ~3u) | external;
        if ((selector & 4) != 0)
        {
            return Fail(new Fault(vector, true, error));
        }

        if (!TryReadDescriptor(selector, vector, external, out task))
        {
            return false;
        }

        if (!task.IsSystem || (task.Type & ~WideType) != (busy ? 3 : 1))
        {
            return Fail(new Fault(vector, true, error));
        }

        return task.IsPresent || Fail(new Fault(Fault.SegmentNotPresent, true, error));
    }

    /// <summary>Leaves the running task for another. What fails before the new task is entered leaves the old one as it was.</summary>
    /// <param name="selector">The new task's TSS.</param>
    /// <param name="task">Its descriptor.</param>
    /// <param name="kind">How tasks are linked.</param>
    /// <param name="nextRip">Where the old task goes on.</param>
    /// <param name="flags">Its flags to be saved.</param>
    /// <param name="external">Bit 0 of error codes.</param>
    private bool SwitchTask(ushort selector, Descriptor task, TaskSwitch kind, ulong nextRip, ulong flags, uint external)
    {
        bool wide = (task.Type & WideType) != 0;
        ref SegmentRegister old = ref _registers->Tr;
        bool oldWide = (old.Attributes & WideType) != 0;
        if (task.Limit < SizeOfTask(wide) - 1 || old.Limit < SizeOfTask(oldWide) - 1)
        {
            ushort refused = task.Limit < SizeOfTask(wide) - 1 ? selector : old.Selector;
            return Fail(new Fault(Fault.InvalidTss, true, (refused & ~3u) | external));
        }

        TaskState saved = TaskState.Of(_registers, nextRip, flags);
        if (!TaskState.TryRead(_memory, task.Base, wide, out TaskState state)
            || !saved.TryWrite(_memory, old.Base, oldWide)
            || (kind == TaskSwitch.Nested && !_memory.TryWrite(task.Base, 2, LinearAccess.ImplicitSupervisor, old.Selector))
            || (kind != TaskSwitch.Return && !MarkBusy(selector, true))
            || (kind != TaskSwitch.Nested && (old.Selector & ~3) != 0 && !MarkBusy(old.Selector, false)))
        {
            return false;
        }

        _taskEntered = true;
        _registers->Tr = task.ToRegister(selector);
        _registers->Tr.Attributes |= BusyType;
        LoadTaskRegisters(state, wide, nested: kind == TaskSwitch.Nested);
        _environment.ModeChanged();
        return LoadTaskSegments(state, external);
    }

    private static uint SizeOfTask(bool wide) => wide ? TaskState.WideSize : TaskState.NarrowSize;

    /// <summary>Sets or clears the busy bit of a TSS descriptor.</summary>
    private bool MarkBusy(ushort selector, bool busy) =>
        !TryLocateDescriptor(selector, 8, out ulong address)
        || (ReadTable(address + 5, 1, out ulong access)
            && _memory.TryWrite(address + 5, 1, LinearAccess.ImplicitSupervisor, busy ? access | BusyType : access & ~(ulong)BusyType));

    /// <summary>Everything but segments, which need the new page tables to be read.</summary>
    private void LoadTaskRegisters(in TaskState state, bool wide, bool nested)
    {
        const ulong localBreakpoints = 0x155;
        const ulong known = RflagsBits.Writable | RflagsBits.Interrupt | RflagsBits.IoPrivilege | RflagsBits.Resume | RflagsBits.Virtual8086 | 0x18_0000;
        if (wide && (_registers->Cr0 & Cr0Bits.Paging) != 0)
        {
            _registers->Cr3 = state.PageTables;
            _memory.Invalidate(TlbInvalidation.NonGlobal, 0);
        }

        _registers->Cr0 |= Cr0Bits.TaskSwitched;
        _registers->Debug[7] &= ~localBreakpoints;
        _registers->Rip = state.Pointer;
        _registers->Rflags = (state.Flags & known) | RflagsBits.Fixed | (nested ? RflagsBits.NestedTask : 0);
        for (int i = 0; i < 8; i++)
        {
            _registers->General[i] = state.General(i);
        }

        // Until they are loaded, nothing can be reached through them; SS tells the privilege level even so.
        for (SegmentName name = SegmentName.Es; name <= SegmentName.Gs; name++)
        {
            _registers->Segment(name) = new SegmentRegister { Selector = state.Selector(name) };
        }

        int privilege = state.Selector(SegmentName.Cs) & 3;
        _registers->Ss.Attributes = (ushort)(privilege << 5);
        _registers->Ldtr = new SegmentRegister { Selector = state.LocalTable };
    }

    /// <summary>Loads and checks the segments of the new task (SDM volume 3, table 8-1).</summary>
    private bool LoadTaskSegments(in TaskState state, uint external)
    {
        if (!LoadTaskLocalTable(state.LocalTable, external))
        {
            return false;
        }

        if ((_registers->Rflags & RflagsBits.Virtual8086) != 0)
        {
            for (SegmentName name = SegmentName.Es; name <= SegmentName.Gs; name++)
            {
                SetVirtual8086(name, state.Selector(name));
            }
        }
        else if (!LoadTaskCode(state.Selector(SegmentName.Cs), external)
            || !LoadTaskData(SegmentName.Ss, state.Selector(SegmentName.Ss), external)
            || !LoadTaskData(SegmentName.Ds, state.Selector(SegmentName.Ds), external)
            || !LoadTaskData(SegmentName.Es, state.Selector(SegmentName.Es), external)
            || !LoadTaskData(SegmentName.Fs, state.Selector(SegmentName.Fs), external)
            || !LoadTaskData(SegmentName.Gs, state.Selector(SegmentName.Gs), external))
        {
            return false;
        }

        if (_registers->Rip > _registers->Cs.Limit)
        {
            return FailGeneralProtection(external);
        }

        if (state.Traps)
        {
            _registers->AddDebugStatus(DebugTaskSwitch, 0);
            return Fail(new Fault(Fault.Debug));
        }

        return true;
    }

    private bool LoadTaskLocalTable(ushort selector, uint external)
    {
        if ((selector & ~3) == 0)
        {
            return true;
        }

        uint error = (selector & ~3u) | external;
        if ((selector & 4) != 0)
        {
            return Fail(new Fault(Fault.InvalidTss, true, error));
        }

        if (!TryReadDescriptor(selector, Fault.InvalidTss, external, out Descriptor table))
        {
            return false;
        }

        if (!table.IsSystem || table.Type != 2 || !table.IsPresent)
        {
            return Fail(new Fault(Fault.InvalidTss, true, error));
        }

        _registers->Ldtr = table.ToRegister(selector);
        return true;
    }

    private bool LoadTaskCode(ushort selector, uint external)
    {
        uint error = (selector & ~3u) | external;
        if ((selector & ~3) == 0)
        {
            return Fail(new Fault(Fault.InvalidTss, true, error));
        }

        if (!TryReadDescriptor(selector, Fault.InvalidTss, external, out Descriptor code))
        {
            return false;
        }

        int privilege = selector & 3;
        if (!code.IsCode || (code.IsConforming ? code.PrivilegeLevel > privilege : code.PrivilegeLevel != privilege))
        {
            return Fail(new Fault(Fault.InvalidTss, true, error));
        }

        if (!code.IsPresent)
        {
            return Fail(new Fault(Fault.SegmentNotPresent, true, error));
        }

        if (!SetAccessed(selector, code))
        {
            return false;
        }

        SetCode(selector, code, privilege);
        return true;
    }

    private bool LoadTaskData(SegmentName name, ushort selector, uint external)
    {
        uint error = (selector & ~3u) | external;
        bool isStack = name == SegmentName.Ss;
        if ((selector & ~3) == 0)
        {
            return !isStack || Fail(new Fault(Fault.InvalidTss, true, error));
        }

        if (!TryReadDescriptor(selector, Fault.InvalidTss, external, out Descriptor data))
        {
            return false;
        }

        int current = CurrentPrivilegeLevel;
        int requested = selector & 3;
        bool allowed = isStack
            ? data.IsWritableData && data.PrivilegeLevel == current && requested == current
            : data.IsReadable && ((data.IsCode && data.IsConforming) || data.PrivilegeLevel >= Math.Max(requested, current));
        if (!allowed)
        {
            return Fail(new Fault(Fault.InvalidTss, true, error));
        }

        if (!data.IsPresent)
        {
            return Fail(new Fault(isStack ? Fault.StackFault : Fault.SegmentNotPresent, true, error));
        }

        _registers->Segment(name) = data.ToRegister(selector);
        return SetAccessed(selector, data);
    }
}
