namespace Nacelle.Cpu;

/// <summary>A stack pointer that moves ahead of the register: pushes and pops that commit only when all have worked.</summary>
internal ref struct StackCursor
{
    private readonly ILinearMemory _memory;
    private readonly LinearAccess _access;
    private readonly SegmentRegister _segment;
    private readonly ulong _mask;
    private readonly uint _faultCode;
    private readonly bool _flat;

    /// <summary>A stack of 64-bit code: no base and no limit.</summary>
    internal StackCursor(ILinearMemory memory, ulong pointer, LinearAccess access)
    {
        _memory = memory;
        _access = access;
        _mask = ulong.MaxValue;
        _flat = true;
        Pointer = pointer;
    }

    /// <summary>A stack in a segment.</summary>
    /// <param name="memory">Where it lies.</param>
    /// <param name="segment">SS, or the segment that becomes it.</param>
    /// <param name="pointer">SP or ESP.</param>
    /// <param name="access">On whose behalf.</param>
    /// <param name="faultCode">Error code of an #SS.</param>
    internal StackCursor(
        ILinearMemory memory, in SegmentRegister segment, ulong pointer, LinearAccess access, uint faultCode)
    {
        _memory = memory;
        _access = access;
        _segment = segment;
        _mask = segment.IsDefault32 ? 0xFFFF_FFFF : 0xFFFF;
        _faultCode = faultCode;
        Pointer = pointer & _mask;
    }

    /// <summary>The moved stack pointer.</summary>
    internal ulong Pointer { get; private set; }

    /// <summary>The stack pointer merged into the part of RSP that this stack does not use.</summary>
    internal readonly ulong Merge(ulong rsp) => _mask == 0xFFFF ? (rsp & ~0xFFFFUL) | Pointer : Pointer;

    internal bool Push(int size, ulong value)
    {
        ulong next = (Pointer - (ulong)size) & _mask;
        if (!Check(next, size) || !_memory.TryWrite(Linear(next), size, _access, value))
        {
            return false;
        }

        Pointer = next;
        return true;
    }

    internal bool Pop(int size, out ulong value)
    {
        value = 0;
        if (!Check(Pointer, size) || !_memory.TryRead(Linear(Pointer), size, _access, out value))
        {
            return false;
        }

        Pointer = (Pointer + (ulong)size) & _mask;
        return true;
    }

    internal void Skip(uint bytes) => Pointer = (Pointer + bytes) & _mask;

    private readonly ulong Linear(ulong pointer) => _flat ? pointer : (_segment.Base + pointer) & 0xFFFF_FFFF;

    private readonly bool Check(ulong pointer, int size)
    {
        if (_flat || SegmentChecks.Contains(_segment, pointer, size))
        {
            return true;
        }

        _memory.PendingFault = new Fault(Fault.StackFault, true, _faultCode);
        return false;
    }
}
