namespace Nacelle.Cpu;

/// <content>
/// Far JMP, CALL and RET (SDM volume 2) to code segments; what goes through gates and to tasks has files of its own.
/// </content>
public sealed unsafe partial class SystemInstructions
{
    /// <summary>Far JMP.</summary>
    /// <param name="selector">The code segment.</param>
    /// <param name="offset">The target.</param>
    /// <param name="operandSize">2, 4 or 8 bytes.</param>
    /// <param name="nextRip">Address of the following instruction, where a task that is left goes on.</param>
    public bool FarJump(ushort selector, ulong offset, int operandSize, ulong nextRip)
    {
        offset = Truncate(offset, operandSize);
        if (!IsProtected)
        {
            if (offset > _registers->Cs.Limit)
            {
                return FailGeneralProtection();
            }

            SetRealCode(selector);
        }
        else
        {
            if (!TryReadTarget(selector, out Descriptor code))
            {
                return false;
            }

            if (IsTask(code))
            {
                return TransferToTask(selector, code, TaskSwitch.Jump, nextRip);
            }

            if (IsCallGate(code))
            {
                return TransferThroughGate(selector, code, call: false, nextRip);
            }

            if (!CheckTargetCode(selector, offset, code))
            {
                return false;
            }

            SetCode(selector, code, CurrentPrivilegeLevel);
        }

        _registers->Rip = offset;
        _environment.ModeChanged();
        return true;
    }

    /// <summary>Far CALL.</summary>
    /// <param name="selector">The code segment.</param>
    /// <param name="offset">The target.</param>
    /// <param name="operandSize">2, 4 or 8 bytes.</param>
    /// <param name="nextRip">Address of the following instruction, pushed.</param>
    public bool FarCall(ushort selector, ulong offset, int operandSize, ulong nextRip)
    {
        offset = Truncate(offset, operandSize);
        Descriptor code = default;
        if (IsProtected && !TryReadTarget(selector, out code))
        {
            return false;
        }

        if (IsProtected && IsTask(code))
        {
            return TransferToTask(selector, code, TaskSwitch.Nested, nextRip);
        }

        if (IsProtected && IsCallGate(code))
        {
            return TransferThroughGate(selector, code, call: true, nextRip);
        }

        bool valid = IsProtected
            ? CheckTargetCode(selector, offset, code)
            : offset <= _registers->Cs.Limit || FailGeneralProtection();
        if (!valid)
        {
            return false;
        }

        if (!PushReturn(operandSize, nextRip))
        {
            return false;
        }

        if (IsProtected)
        {
            SetCode(selector, code, CurrentPrivilegeLevel);
        }
        else
        {
            SetRealCode(selector);
        }

        _registers->Rip = offset;
        _environment.ModeChanged();
        return true;
    }

    /// <summary>Far RET, to the same or an outer ring.</summary>
    /// <param name="operandSize">2, 4 or 8 bytes.</param>
    /// <param name="release">Bytes of parameters to release.</param>
    public bool FarReturn(int operandSize, ushort release)
    {
        StackCursor stack = CurrentStack();
        if (!stack.Pop(operandSize, out ulong rip) || !stack.Pop(operandSize, out ulong rawCode))
        {
            return false;
        }

        stack.Skip(release);
        ushort selector = (ushort)rawCode;
        if (!IsProtected)
        {
            if (rip > _registers->Cs.Limit)
            {
                return FailGeneralProtection();
            }

            SetRealCode(selector);
            Gpr(GeneralRegister.Rsp) = stack.Merge(Gpr(GeneralRegister.Rsp));
            _registers->Rip = rip;
            _environment.ModeChanged();
            return true;
        }

        if (!TryReadReturnCode(selector, out Descriptor code))
        {
            return false;
        }

        int privilege = selector & 3;
        bool outer = privilege != CurrentPrivilegeLevel;
        bool to64 = _registers->IsLongModeActive && code.IsLong;
        ulong pointer = 0;
        SegmentRegister stackSegment = _registers->Ss;
        if (outer
            && (!stack.Pop(operandSize, out pointer) || !stack.Pop(operandSize, out ulong rawStack)
                || !TryReadReturnStack((ushort)rawStack, privilege, to64, out stackSegment)))
        {
            return false;
        }

        if (!CheckReturnTarget(rip, code, to64) || !SetAccessed(selector, code))
        {
            return false;
        }

        SetCode(selector, code, privilege);
        _registers->Ss = stackSegment;
        _registers->Rip = rip;
        if (outer)
        {
            SetReturnedStackPointer(stackSegment, pointer + release, to64, operandSize);
            DropInnerSegments(privilege);
        }
        else
        {
            Gpr(GeneralRegister.Rsp) = stack.Merge(Gpr(GeneralRegister.Rsp));
        }

        _environment.ModeChanged();
        return true;
    }

    private static ulong Truncate(ulong value, int size) => size switch
    {
        2 => (ushort)value,
        4 => (uint)value,
        _ => value,
    };

    private bool TryReadTarget(ushort selector, out Descriptor target)
    {
        target = default;
        return (selector & ~3) == 0 ? FailGeneralProtection() : TryReadDescriptor(selector, Fault.GeneralProtection, 0, out target);
    }

    private bool CheckTargetCode(ushort selector, ulong offset, Descriptor code)
    {
        uint error = selector & ~3u;
        int current = CurrentPrivilegeLevel;
        bool to64 = _registers->IsLongModeActive && code.IsLong;
        if (!code.IsCode || (to64 && code.IsDefault32)
            || (code.IsConforming
                ? code.PrivilegeLevel > current
                : (selector & 3) > current || code.PrivilegeLevel != current))
        {
            return FailGeneralProtection(error);
        }

        if (!code.IsPresent)
        {
            return Fail(new Fault(Fault.SegmentNotPresent, true, error));
        }

        return CheckReturnTarget(offset, code, to64) && SetAccessed(selector, code);
    }
}
