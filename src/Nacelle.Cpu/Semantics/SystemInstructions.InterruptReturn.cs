namespace Nacelle.Cpu;

/// <content>IRET (SDM volume 2) in real, protected and long mode.</content>
public sealed unsafe partial class SystemInstructions
{
    /// <summary>IRET, IRETD and IRETQ.</summary>
    /// <param name="operandSize">2, 4 or 8 bytes.</param>
    /// <param name="nextRip">Address of the following instruction, where a task that is left goes on.</param>
    public bool InterruptReturn(int operandSize, ulong nextRip)
    {
        _taskEntered = false;
        bool done = !IsProtected ? ReturnReal(operandSize)
            : (_registers->Rflags & RflagsBits.NestedTask) != 0 ? ReturnToTask(nextRip) : ReturnProtected(operandSize);
        if (done || _taskEntered)
        {
            NmiBlocked = false;
            _environment.ModeChanged();
        }

        return done;
    }

    /// <summary>A cursor at RSP for the code that runs now.</summary>
    private StackCursor CurrentStack() => Is64Bit
        ? new StackCursor(_memory, Gpr(GeneralRegister.Rsp), LinearAccess.Ordinary)
        : new StackCursor(_memory, _registers->Ss, Gpr(GeneralRegister.Rsp), LinearAccess.Ordinary, 0);

    private bool ReturnReal(int size)
    {
        if (!CheckVirtual8086())
        {
            return false;
        }

        StackCursor stack = CurrentStack();
        if (!stack.Pop(size, out ulong rip) || !stack.Pop(size, out ulong selector) || !stack.Pop(size, out ulong flags))
        {
            return false;
        }

        if (rip > _registers->Cs.Limit)
        {
            return FailGeneralProtection();
        }

        Gpr(GeneralRegister.Rsp) = stack.Merge(Gpr(GeneralRegister.Rsp));
        SetRealCode((ushort)selector);
        _registers->Rip = rip;
        LoadFlags(flags, size, CurrentPrivilegeLevel, true);
        return true;
    }

    private bool ReturnProtected(int size)
    {
        bool from64 = Is64Bit;
        int current = CurrentPrivilegeLevel;
        StackCursor stack = CurrentStack();
        if (!stack.Pop(size, out ulong rip) || !stack.Pop(size, out ulong rawCode) || !stack.Pop(size, out ulong flags))
        {
            return false;
        }

        if (!_registers->IsLongModeActive && size == 4 && current == 0 && (flags & RflagsBits.Virtual8086) != 0)
        {
            return ReturnToVirtual8086(stack, rip, (ushort)rawCode, flags);
        }

        ushort selector = (ushort)rawCode;
        if (!TryReadReturnCode(selector, out Descriptor code))
        {
            return false;
        }

        int privilege = selector & 3;
        bool to64 = _registers->IsLongModeActive && code.IsLong;
        bool outer = privilege != current;
        SegmentRegister stackSegment = _registers->Ss;
        ulong pointer = 0;
        if (outer || from64)
        {
            if (!stack.Pop(size, out pointer) || !stack.Pop(size, out ulong rawStack)
                || !TryReadReturnStack((ushort)rawStack, privilege, to64, out stackSegment))
            {
                return false;
            }
        }

        if (!CheckReturnTarget(rip, code, to64) || !SetAccessed(selector, code))
        {
            return false;
        }

        SetCode(selector, code, privilege);
        _registers->Ss = stackSegment;
        _registers->Rip = rip;
        if (outer || from64)
        {
            SetReturnedStackPointer(stackSegment, pointer, to64, size);
        }
        else
        {
            Gpr(GeneralRegister.Rsp) = stack.Merge(Gpr(GeneralRegister.Rsp));
        }

        LoadFlags(flags, size, current, true);
        if (outer)
        {
            DropInnerSegments(privilege);
        }

        return true;
    }

    private void SetReturnedStackPointer(in SegmentRegister segment, ulong pointer, bool to64, int size)
    {
        ref ulong rsp = ref Gpr(GeneralRegister.Rsp);

        // A 16-bit stack takes SP only, and keeps the upper half of ESP.
        rsp = to64 ? pointer
            : segment.IsDefault32 ? (uint)pointer
            : (rsp & ~0xFFFFUL & (size == 8 ? ulong.MaxValue : uint.MaxValue)) | (pointer & 0xFFFF);
    }

    private bool TryReadReturnCode(ushort selector, out Descriptor code)
    {
        code = default;
        uint error = selector & ~3u;
        if (error == 0)
        {
            return FailGeneralProtection();
        }

        if (!TryReadDescriptor(selector, Fault.GeneralProtection, 0, out code))
        {
            return false;
        }

        int requested = selector & 3;
        if (!code.IsCode || requested < CurrentPrivilegeLevel
            || (code.IsConforming ? code.PrivilegeLevel > requested : code.PrivilegeLevel != requested)
            || (_registers->IsLongModeActive && code.IsLong && code.IsDefault32))
        {
            return FailGeneralProtection(error);
        }

        return code.IsPresent || Fail(new Fault(Fault.SegmentNotPresent, true, error));
    }

    private bool TryReadReturnStack(ushort selector, int privilege, bool to64, out SegmentRegister segment)
    {
        segment = new SegmentRegister { Selector = selector, Attributes = (ushort)(privilege << 5) };
        uint error = selector & ~3u;
        if (error == 0)
        {
            return (to64 && privilege != 3 && (selector & 3) == privilege) || FailGeneralProtection();
        }

        if (!TryReadDescriptor(selector, Fault.GeneralProtection, 0, out Descriptor descriptor))
        {
            return false;
        }

        if ((selector & 3) != privilege || descriptor.PrivilegeLevel != privilege || !descriptor.IsWritableData)
        {
            return FailGeneralProtection(error);
        }

        if (!descriptor.IsPresent)
        {
            return Fail(new Fault(Fault.StackFault, true, error));
        }

        segment = descriptor.ToRegister(selector);
        return SetAccessed(selector, descriptor);
    }

    private bool CheckReturnTarget(ulong rip, Descriptor code, bool to64) =>
        (to64 ? IsCanonical(rip) : rip <= code.Limit) || FailGeneralProtection();
}
