namespace Nacelle.Cpu;

/// <content>Far JMP and CALL through call gates (SDM volume 3, 5.8.3 to 5.8.5).</content>
public sealed unsafe partial class SystemInstructions
{
    private const int WideCallGate = 12;
    private const int NarrowCallGate = 4;

    /// <summary>Whether a descriptor is a call gate; long mode has no 16-bit ones.</summary>
    private bool IsCallGate(Descriptor target) =>
        target.IsSystem && (target.Type == WideCallGate || (target.Type == NarrowCallGate && !_registers->IsLongModeActive));

    private bool TransferThroughGate(ushort selector, Descriptor gate, bool call, ulong nextRip)
    {
        bool isLong = _registers->IsLongModeActive;
        bool wide = gate.Type == WideCallGate;
        uint error = selector & ~3u;
        ulong high = 0;
        if (gate.PrivilegeLevel < Math.Max(CurrentPrivilegeLevel, selector & 3)
            || (isLong && !TryLocateDescriptor(selector, 16, out _)))
        {
            return FailGeneralProtection(error);
        }

        if (isLong && (!TryLocateDescriptor(selector, 16, out ulong address) || !ReadTable(address + 8, 8, out high)))
        {
            return false;
        }

        if (((high >> 40) & 0x1F) != 0)
        {
            return FailGeneralProtection(error);
        }

        if (!gate.IsPresent)
        {
            return Fail(new Fault(Fault.SegmentNotPresent, true, error));
        }

        ulong offset = (gate.Low & 0xFFFF) | (wide ? (gate.Low >> 32) & 0xFFFF_0000 : 0) | (high << 32);
        ushort target = (ushort)(gate.Low >> 16);
        if (!TryReadTarget(target, out Descriptor code) || !CheckGateTarget(target, offset, code, call))
        {
            return false;
        }

        int privilege = call && !code.IsConforming ? code.PrivilegeLevel : CurrentPrivilegeLevel;
        int size = isLong ? 8 : wide ? 4 : 2;
        bool pushed = !call || (privilege == CurrentPrivilegeLevel
            ? PushReturn(size, nextRip)
            : isLong ? EnterInnerLong(privilege, nextRip) : EnterInner(privilege, size, (int)(gate.Low >> 32) & 0x1F, nextRip));
        if (!pushed || !SetAccessed(target, code))
        {
            return false;
        }

        SetCode(target, code, privilege);
        _registers->Rip = offset;
        _environment.ModeChanged();
        return true;
    }

    private bool CheckGateTarget(ushort selector, ulong offset, Descriptor code, bool call)
    {
        int current = CurrentPrivilegeLevel;
        bool isLong = _registers->IsLongModeActive;
        if (!code.IsCode || (call || code.IsConforming ? code.PrivilegeLevel > current : code.PrivilegeLevel != current)
            || (isLong && (!code.IsLong || code.IsDefault32)))
        {
            return FailGeneralProtection(selector & ~3u);
        }

        return code.IsPresent ? CheckReturnTarget(offset, code, isLong) : Fail(new Fault(Fault.SegmentNotPresent, true, selector & ~3u));
    }

    private bool PushReturn(int size, ulong nextRip)
    {
        StackCursor stack = CurrentStack();
        if (!stack.Push(size, _registers->Cs.Selector) || !stack.Push(size, Truncate(nextRip, size)))
        {
            return false;
        }

        Gpr(GeneralRegister.Rsp) = stack.Merge(Gpr(GeneralRegister.Rsp));
        return true;
    }

    /// <summary>Goes to the stack of an inner level, with the caller's stack, its parameters and the way back on it.</summary>
    private bool EnterInner(int privilege, int size, int parameters, ulong nextRip)
    {
        const int mostParameters = 31;
        Span<ulong> values = stackalloc ulong[mostParameters];
        StackCursor outer = CurrentStack();
        for (int i = 0; i < parameters; i++)
        {
            if (!outer.Pop(size, out values[i]))
            {
                return false;
            }
        }

        if (!TryReadInnerStack(privilege, 0, out SegmentRegister segment, out ulong pointer))
        {
            return false;
        }

        var stack = new StackCursor(_memory, segment, pointer, AccessFor(privilege), segment.Selector & ~3u);
        bool pushed = stack.Push(size, _registers->Ss.Selector) && stack.Push(size, Truncate(Gpr(GeneralRegister.Rsp), size));
        for (int i = parameters - 1; pushed && i >= 0; i--)
        {
            pushed = stack.Push(size, values[i]);
        }

        if (!pushed || !stack.Push(size, _registers->Cs.Selector) || !stack.Push(size, Truncate(nextRip, size)))
        {
            return false;
        }

        _registers->Ss = segment;
        Gpr(GeneralRegister.Rsp) = stack.Merge(0);
        return true;
    }

    private bool EnterInnerLong(int privilege, ulong nextRip)
    {
        if (!TryReadStackPointer(4u + ((uint)privilege * 8), 0, out ulong pointer))
        {
            return false;
        }

        var stack = new StackCursor(_memory, pointer, AccessFor(privilege));
        if (!stack.Push(8, _registers->Ss.Selector) || !stack.Push(8, Gpr(GeneralRegister.Rsp))
            || !stack.Push(8, _registers->Cs.Selector) || !stack.Push(8, nextRip))
        {
            return false;
        }

        SetNullStack(privilege);
        Gpr(GeneralRegister.Rsp) = stack.Pointer;
        return true;
    }
}
