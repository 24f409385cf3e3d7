namespace Nacelle.Cpu;

/// <content>Delivery of interrupts and exceptions (SDM volume 3, chapter 6).</content>
public sealed unsafe partial class SystemInstructions
{
    private const uint ExternalEvent = 1;
    private const uint InterruptTable = 2;

    /// <summary>Delivers an exception; one that arises on the way is promoted or delivered in its place.</summary>
    /// <param name="fault">The exception.</param>
    /// <param name="returnRip">The RIP to save: of the instruction for faults, of the next one for traps.</param>
    public Delivery DeliverFault(Fault fault, ulong returnRip)
    {
        while (true)
        {
            if (fault.Vector == Fault.PageFault)
            {
                _registers->Cr2 = fault.Address;
            }

            // Faults save RF set, so that an instruction breakpoint does not strike again; traps do not (SDM volume 3,
            // 17.3.1.1).
            bool trap = fault.Vector is Fault.Debug or Fault.Breakpoint or 4 or Fault.DoubleFault;
            var entry = new EventEntry(
                fault.Vector, fault.HasErrorCode, fault.ErrorCode, returnRip, ExternalEvent, false, !trap);
            _taskEntered = false;
            if (TryEnterHandler(entry))
            {
                // The handler may use the debug registers (SDM volume 3, 17.2.4).
                _registers->Debug[7] &= fault.Vector == Fault.Debug ? ~GeneralDetect : ulong.MaxValue;
                return Delivery.Delivered;
            }

            Fault next = _memory.PendingFault;
            if (_taskEntered)
            {
                // The first has been taken by the new task, which the second is raised in.
                fault = next;
                returnRip = _registers->Rip;
                continue;
            }

            if (!TryPromote(fault.Vector, next, out fault))
            {
                return Delivery.Shutdown;
            }
        }
    }

    /// <summary>Delivers an interrupt; an exception that arises on the way is delivered in its place.</summary>
    /// <param name="vector">Number in the interrupt table; 2 for an NMI.</param>
    /// <param name="kind">Where it comes from.</param>
    /// <param name="returnRip">The RIP to save: for software interrupts that of the next instruction.</param>
    public Delivery DeliverInterrupt(byte vector, InterruptKind kind, ulong returnRip)
    {
        bool software = kind is InterruptKind.Software;
        if (software && vector is not (Fault.Breakpoint or 4) && !CheckVirtual8086())
        {
            return DeliverFault(_memory.PendingFault, _registers->Rip);
        }

        if (kind == InterruptKind.Nmi)
        {
            NmiBlocked = true;
        }

        ulong instruction = _registers->Rip;
        var entry = new EventEntry(
            vector, false, 0, returnRip, software ? 0 : ExternalEvent, software, false);
        _taskEntered = false;
        if (TryEnterHandler(entry))
        {
            return Delivery.Delivered;
        }

        if (_taskEntered)
        {
            return DeliverFault(_memory.PendingFault, _registers->Rip);
        }

        // A software interrupt that cannot be delivered is a fault of the INT instruction itself.
        return DeliverFault(_memory.PendingFault, software ? instruction : returnRip);
    }

    /// <summary>SDM volume 3, table 6-5: what two exceptions in a row become.</summary>
    /// <returns>False for a triple fault.</returns>
    private static bool TryPromote(byte first, Fault second, out Fault result)
    {
        result = second;
        bool contributory = IsContributory(second.Vector);
        bool doubled = first switch
        {
            Fault.DoubleFault => contributory || second.Vector == Fault.PageFault,
            Fault.PageFault => contributory || second.Vector == Fault.PageFault,
            _ => IsContributory(first) && contributory,
        };

        if (!doubled)
        {
            return true;
        }

        result = new Fault(Fault.DoubleFault, true);
        return first != Fault.DoubleFault;
    }

    private static bool IsContributory(byte vector) =>
        vector is Fault.DivideError or 9 or (>= Fault.InvalidTss and <= Fault.GeneralProtection);

    private bool TryEnterHandler(in EventEntry entry)
    {
        if ((_registers->Cr0 & Cr0Bits.ProtectionEnable) == 0)
        {
            return TryEnterReal(entry);
        }

        return _registers->IsLongModeActive ? TryEnterLong(entry) : TryEnterProtected(entry);
    }

    private bool TryEnterReal(in EventEntry entry)
    {
        uint offset = entry.Vector * 4u;
        if (offset + 3 > _registers->Idtr.Limit)
        {
            return Fail(new Fault(entry.Vector == Fault.DoubleFault ? Fault.DoubleFault : Fault.GeneralProtection));
        }

        if (!ReadTable(_registers->Idtr.Base + offset, 4, out ulong target))
        {
            return false;
        }

        var stack = new StackCursor(
            _memory, _registers->Ss, Gpr(GeneralRegister.Rsp), LinearAccess.Ordinary, 0);
        if (!stack.Push(2, _registers->Rflags & 0xFFFF)
            || !stack.Push(2, _registers->Cs.Selector)
            || !stack.Push(2, entry.ReturnRip & 0xFFFF))
        {
            return false;
        }

        Gpr(GeneralRegister.Rsp) = stack.Merge(Gpr(GeneralRegister.Rsp));
        _registers->Rflags &= ~(RflagsBits.Interrupt | RflagsBits.Trap | RflagsBits.AlignmentCheck | RflagsBits.Resume);
        SetRealCode((ushort)(target >> 16));
        _registers->Rip = target & 0xFFFF;
        _environment.ModeChanged();
        return true;
    }

    private bool TryEnterLong(in EventEntry entry)
    {
        uint offset = entry.Vector * 16u;
        uint gateError = (entry.Vector * 8u) | InterruptTable;
        if (offset + 15 > _registers->Idtr.Limit)
        {
            return FailGeneralProtection(gateError | entry.External);
        }

        ulong address = _registers->Idtr.Base + offset;
        if (!ReadTable(address, 8, out ulong low) || !ReadTable(address + 8, 8, out ulong high))
        {
            return false;
        }

        int type = (int)(low >> 40) & 0x1F;
        if (type is not (0xE or 0xF)
            || (entry.CheckGatePrivilege && ((int)(low >> 45) & 3) < CurrentPrivilegeLevel))
        {
            return FailGeneralProtection(gateError | entry.External);
        }

        if ((low & (1UL << 47)) == 0)
        {
            return Fail(new Fault(Fault.SegmentNotPresent, true, gateError | entry.External));
        }

        ushort selector = (ushort)(low >> 16);
        if (!TryReadHandlerCode(selector, entry, out Descriptor code, out int privilege))
        {
            return false;
        }

        ulong target = (low & 0xFFFF) | ((low >> 32) & 0xFFFF_0000) | (high << 32);
        if (!code.IsLong || code.IsDefault32)
        {
            return FailGeneralProtection((selector & ~3u) | entry.External);
        }

        if (!IsCanonical(target))
        {
            return FailGeneralProtection(entry.External);
        }

        int current = CurrentPrivilegeLevel;
        int stackTable = (int)(low >> 32) & 7;
        ulong pointer = Gpr(GeneralRegister.Rsp);
        if ((stackTable != 0 || privilege != current)
            && !TryReadStackPointer(stackTable != 0 ? 0x1Cu + ((uint)stackTable * 8) : 4u + ((uint)privilege * 8),
                entry.External, out pointer))
        {
            return false;
        }

        var stack = new StackCursor(_memory, pointer & ~0xFUL, AccessFor(privilege));
        if (!stack.Push(8, _registers->Ss.Selector)
            || !stack.Push(8, Gpr(GeneralRegister.Rsp))
            || !stack.Push(8, SavedFlags(entry))
            || !stack.Push(8, _registers->Cs.Selector)
            || !stack.Push(8, entry.ReturnRip)
            || (entry.HasErrorCode && !stack.Push(8, entry.ErrorCode)))
        {
            return false;
        }

        if (privilege != current)
        {
            SetNullStack(privilege);
        }

        EnterAt(selector, code, privilege, target, type == 0xE);
        Gpr(GeneralRegister.Rsp) = stack.Pointer;
        _environment.ModeChanged();
        return true;
    }

    private bool TryEnterProtected(in EventEntry entry)
    {
        uint offset = entry.Vector * 8u;
        uint gateError = offset | InterruptTable;
        if (offset + 7 > _registers->Idtr.Limit)
        {
            return FailGeneralProtection(gateError | entry.External);
        }

        if (!ReadTable(_registers->Idtr.Base + offset, 8, out ulong gate))
        {
            return false;
        }

        int type = (int)(gate >> 40) & 0x1F;
        if (type is not (0xE or 0xF or 6 or 7 or TaskGate)
            || (entry.CheckGatePrivilege && ((int)(gate >> 45) & 3) < CurrentPrivilegeLevel))
        {
            return FailGeneralProtection(gateError | entry.External);
        }

        if ((gate & (1UL << 47)) == 0)
        {
            return Fail(new Fault(Fault.SegmentNotPresent, true, gateError | entry.External));
        }

        ushort selector = (ushort)(gate >> 16);
        if (type == TaskGate)
        {
            return EnterTask(selector, entry);
        }

        if (!TryReadHandlerCode(selector, entry, out Descriptor code, out int privilege))
        {
            return false;
        }

        bool wide = (type & 8) != 0;
        int size = wide ? 4 : 2;
        ulong target = (gate & 0xFFFF) | (wide ? (gate >> 32) & 0xFFFF_0000 : 0);
        if (target > code.Limit)
        {
            return FailGeneralProtection(entry.External);
        }

        // Virtual-8086 mode is left for level 0 only (SDM volume 3, 20.3.1).
        bool virtual8086 = (_registers->Rflags & RflagsBits.Virtual8086) != 0;
        if (virtual8086 && privilege != 0)
        {
            return FailGeneralProtection((selector & ~3u) | entry.External);
        }

        bool inner = privilege != CurrentPrivilegeLevel;
        SegmentRegister stackSegment = _registers->Ss;
        ulong pointer = Gpr(GeneralRegister.Rsp);
        if (inner && !TryReadInnerStack(privilege, entry.External, out stackSegment, out pointer))
        {
            return false;
        }

        uint stackError = (inner ? stackSegment.Selector & ~3u : 0) | entry.External;
        var stack = new StackCursor(_memory, stackSegment, pointer, AccessFor(privilege), stackError);
        if ((virtual8086 && (!stack.Push(size, _registers->Gs.Selector) || !stack.Push(size, _registers->Fs.Selector)
                || !stack.Push(size, _registers->Ds.Selector) || !stack.Push(size, _registers->Es.Selector)))
            || (inner && (!stack.Push(size, _registers->Ss.Selector) || !stack.Push(size, Gpr(GeneralRegister.Rsp))))
            || !stack.Push(size, SavedFlags(entry))
            || !stack.Push(size, _registers->Cs.Selector)
            || !stack.Push(size, entry.ReturnRip)
            || (entry.HasErrorCode && !stack.Push(size, entry.ErrorCode)))
        {
            return false;
        }

        if (virtual8086)
        {
            _registers->Gs = _registers->Fs = _registers->Ds = _registers->Es = default;
        }

        _registers->Ss = stackSegment;
        EnterAt(selector, code, privilege, target, (type & 1) == 0);
        Gpr(GeneralRegister.Rsp) = stack.Merge(inner ? 0 : Gpr(GeneralRegister.Rsp));
        _environment.ModeChanged();
        return true;
    }

    private void EnterAt(ushort selector, Descriptor code, int privilege, ulong target, bool interruptGate)
    {
        SetCode(selector, code, privilege);
        _registers->Rip = target;
        _registers->Rflags &= ~(RflagsBits.Trap | RflagsBits.NestedTask | RflagsBits.Resume | RflagsBits.Virtual8086
            | (interruptGate ? RflagsBits.Interrupt : 0));
    }

    private ulong SavedFlags(in EventEntry entry) =>
        entry.SetResumeFlag ? _registers->Rflags | RflagsBits.Resume : _registers->Rflags;

    private LinearAccess AccessFor(int privilege) =>
        privilege == CurrentPrivilegeLevel ? LinearAccess.Ordinary : LinearAccess.ImplicitSupervisor;

    private bool TryReadHandlerCode(ushort selector, in EventEntry entry, out Descriptor code, out int privilege)
    {
        privilege = 0;
        code = default;
        if ((selector & ~3) == 0)
        {
            return FailGeneralProtection(entry.External);
        }

        if (!TryReadDescriptor(selector, Fault.GeneralProtection, entry.External, out code))
        {
            return false;
        }

        int current = CurrentPrivilegeLevel;
        uint error = (selector & ~3u) | entry.External;
        if (!code.IsCode || code.PrivilegeLevel > current)
        {
            return FailGeneralProtection(error);
        }

        if (!code.IsPresent)
        {
            return Fail(new Fault(Fault.SegmentNotPresent, true, error));
        }

        privilege = code.IsConforming ? current : code.PrivilegeLevel;
        return SetAccessed(selector, code);
    }

    /// <summary>Reads RSP0 to RSP2 or IST1 to IST7 of the 64-bit TSS (SDM volume 3, figure 7-11).</summary>
    private bool TryReadStackPointer(uint offset, uint external, out ulong pointer)
    {
        if (offset + 7 > _registers->Tr.Limit)
        {
            pointer = 0;
            return Fail(new Fault(Fault.InvalidTss, true, (_registers->Tr.Selector & ~3u) | external));
        }

        if (!ReadTable(_registers->Tr.Base + offset, 8, out pointer))
        {
            return false;
        }

        return IsCanonical(pointer) || Fail(new Fault(Fault.StackFault, true, external));
    }

    /// <summary>Reads and checks the stack of an inner ring from a 32-bit or 16-bit TSS (SDM volume 3, 6.12.1).</summary>
    private bool TryReadInnerStack(int privilege, uint external, out SegmentRegister segment, out ulong pointer)
    {
        segment = default;
        pointer = 0;
        bool wide = (_registers->Tr.Attributes & 8) != 0;
        uint offset = wide ? 4u + ((uint)privilege * 8) : 2u + ((uint)privilege * 4);
        int size = wide ? 4 : 2;
        if (offset + (uint)size + 1 > _registers->Tr.Limit)
        {
            return Fail(new Fault(Fault.InvalidTss, true, (_registers->Tr.Selector & ~3u) | external));
        }

        if (!ReadTable(_registers->Tr.Base + offset, size, out pointer)
            || !ReadTable(_registers->Tr.Base + offset + (uint)size, 2, out ulong raw))
        {
            return false;
        }

        ushort selector = (ushort)raw;
        uint error = (selector & ~3u) | external;
        if ((selector & ~3) == 0)
        {
            return Fail(new Fault(Fault.InvalidTss, true, external));
        }

        if (!TryReadDescriptor(selector, Fault.InvalidTss, external, out Descriptor descriptor))
        {
            return false;
        }

        if ((selector & 3) != privilege || descriptor.PrivilegeLevel != privilege || !descriptor.IsWritableData)
        {
            return Fail(new Fault(Fault.InvalidTss, true, error));
        }

        if (!descriptor.IsPresent)
        {
            return Fail(new Fault(Fault.StackFault, true, error));
        }

        segment = descriptor.ToRegister(selector);
        return SetAccessed(selector, descriptor);
    }

    private ref ulong Gpr(GeneralRegister register) => ref _registers->General[(int)register];

    private readonly record struct EventEntry(
        byte Vector,
        bool HasErrorCode,
        uint ErrorCode,
        ulong ReturnRip,
        uint External,
        bool CheckGatePrivilege,
        bool SetResumeFlag);
}
