namespace Nacelle.Cpu;

/// <content>Model-specific registers (SDM volume 4; AMD APM volume 2, appendix A).</content>
public sealed unsafe partial class SystemInstructions
{
    private const uint TimestampCounter = 0x10;
    private const uint KvmWallClockOld = 0x11;
    private const uint KvmSystemTimeOld = 0x12;
    private const uint TimestampAdjust = 0x3B;
    private const uint SpeculationControl = 0x48;
    private const uint PageAttributes = 0x277;
    private const uint SupervisorKeyRights = 0x6E1;
    private const uint KvmWallClock = 0x4B56_4D00;
    private const uint KvmSystemTime = 0x4B56_4D01;
    private const uint KvmStealTime = 0x4B56_4D03;
    private const uint Efer = 0xC000_0080;

    private readonly StoredRegisters _stored = new();

    /// <summary>RDTSC; RDTSCP takes <see cref="CpuRegisters.TscAux"/> besides.</summary>
    public bool ReadTimestamp(out ulong value)
    {
        value = _environment.ReadTimestampCounter() + _registers->TscOffset;
        return (_registers->Cr4 & Cr4Bits.TimeStampDisable) == 0 || CurrentPrivilegeLevel == 0
            || FailGeneralProtection();
    }

    /// <summary>RDPMC: no counters are offered.</summary>
    public bool ReadPerformanceCounter() => FailGeneralProtection();

    /// <summary>RDMSR.</summary>
    /// <param name="index">ECX.</param>
    /// <param name="value">EDX:EAX.</param>
    public bool ReadMsr(uint index, out ulong value)
    {
        value = 0;
        return RequirePrivilege() && (TryReadRegister(index, out value) || FailGeneralProtection());
    }

    /// <summary>WRMSR.</summary>
    /// <param name="index">ECX.</param>
    /// <param name="value">EDX:EAX.</param>
    public bool WriteMsr(uint index, ulong value) =>
        RequirePrivilege() && (TryWriteRegister(index, value) || FailGeneralProtection());

    private static bool IsLocalInterruptRegister(uint index) => index is 0x1B or 0x6E0 or (>= 0x800 and <= 0x8FF);

    private bool TryReadRegister(uint index, out ulong value)
    {
        if (IsLocalInterruptRegister(index))
        {
            value = 0;
            return _environment.LocalInterrupts?.TryReadModelSpecificRegister(index, out value) ?? false;
        }

        switch (index)
        {
            case TimestampCounter:
                value = _environment.ReadTimestampCounter() + _registers->TscOffset;
                return true;
            case TimestampAdjust:
                value = _registers->TscAdjust;
                return true;
            case SpeculationControl:
                value = _registers->SpeculationControl;
                return _features.HasSpeculationControl;
            case 0x174:
                value = _registers->SysenterCs;
                return true;
            case 0x175:
                value = _registers->SysenterEsp;
                return true;
            case 0x176:
                value = _registers->SysenterEip;
                return true;
            case 0x1A0:
                value = _registers->MiscEnable;
                return true;
            case PageAttributes:
                value = _registers->Pat;
                return true;
            case Efer:
                value = _registers->Efer;
                return true;
            case 0xC000_0081:
                value = _registers->Star;
                return true;
            case 0xC000_0082:
                value = _registers->Lstar;
                return true;
            case 0xC000_0083:
                value = _registers->Cstar;
                return true;
            case 0xC000_0084:
                value = _registers->SyscallFlagMask;
                return true;
            case 0xC000_0100:
                value = _registers->Fs.Base;
                return true;
            case 0xC000_0101:
                value = _registers->Gs.Base;
                return true;
            case 0xC000_0102:
                value = _registers->KernelGsBase;
                return true;
            case SupervisorKeyRights:
                value = _registers->SupervisorKeyRights;
                return (_features.Cr4Mask & Cr4Bits.SupervisorProtectionKeys) != 0;
            case 0xC000_0103:
                value = _registers->TscAux;
                return _features.HasRdtscp;
            case KvmWallClock or KvmWallClockOld:
                value = Clock.WallClockRegister;
                return true;
            case KvmSystemTime or KvmSystemTimeOld:
                value = Clock.SystemTimeRegister;
                return true;
            case KvmStealTime:
                value = Clock.StealTimeRegister;
                return true;
            default:
                return _stored.TryRead(index, _features, out value);
        }
    }

    private bool TryWriteRegister(uint index, ulong value)
    {
        if (IsLocalInterruptRegister(index))
        {
            return _environment.LocalInterrupts?.TryWriteModelSpecificRegister(index, value) ?? false;
        }

        switch (index)
        {
            case TimestampCounter:
                // A write of the counter moves IA32_TSC_ADJUST by the same amount (SDM volume 3, 17.17.3).
                MoveTimestamp(value - (_environment.ReadTimestampCounter() + _registers->TscOffset));
                return true;
            case TimestampAdjust:
                MoveTimestamp(value - _registers->TscAdjust);
                return true;
            case SpeculationControl:
                return _features.HasSpeculationControl && Store(ref _registers->SpeculationControl, value, 0x5F7);
            case 0x49:
                return _features.HasPredictionCommand && (value & ~0x81UL) == 0;
            case 0x10B:
                return _features.HasFlushCommand && (value & ~1UL) == 0;
            case 0x174:
                _registers->SysenterCs = value;
                return true;
            case 0x175:
                return StoreCanonical(ref _registers->SysenterEsp, value);
            case 0x176:
                return StoreCanonical(ref _registers->SysenterEip, value);
            case 0x1A0:
                _registers->MiscEnable = value;
                return true;
            case PageAttributes:
                return StoredRegisters.IsValidPageAttributes(value) && Store(ref _registers->Pat, value, ulong.MaxValue);
            case Efer:
                return TryWriteEfer(value);
            case 0xC000_0081:
                _registers->Star = value;
                return true;
            case 0xC000_0082:
                return StoreCanonical(ref _registers->Lstar, value);
            case 0xC000_0083:
                return StoreCanonical(ref _registers->Cstar, value);
            case 0xC000_0084:
                return Store(ref _registers->SyscallFlagMask, value, uint.MaxValue);
            case 0xC000_0100:
                return StoreCanonical(ref _registers->Fs.Base, value);
            case 0xC000_0101:
                return StoreCanonical(ref _registers->Gs.Base, value);
            case 0xC000_0102:
                return StoreCanonical(ref _registers->KernelGsBase, value);
            case SupervisorKeyRights:
                if ((_features.Cr4Mask & Cr4Bits.SupervisorProtectionKeys) == 0 || value > uint.MaxValue)
                {
                    return false;
                }

                SetKeyRights(ref _registers->SupervisorKeyRights, (uint)value);
                return true;
            case 0xC000_0103:
                return _features.HasRdtscp && Store(ref _registers->TscAux, value, uint.MaxValue);
            case KvmWallClock or KvmWallClockOld:
                return Clock.TrySetWallClock(value);
            case KvmSystemTime or KvmSystemTimeOld:
                return Clock.TrySetSystemTime(value, _registers->TscOffset);
            case KvmStealTime:
                return Clock.TrySetStealTime(value);
            default:
                return _stored.TryWrite(index, value, _features);
        }
    }

    private static bool Store(ref ulong field, ulong value, ulong allowed)
    {
        if ((value & ~allowed) != 0)
        {
            return false;
        }

        field = value;
        return true;
    }

    private bool StoreCanonical(ref ulong field, ulong value)
    {
        if (!IsCanonical(value))
        {
            return false;
        }

        field = value;
        return true;
    }

    private bool TryWriteEfer(ulong value)
    {
        ulong old = _registers->Efer;

        // LMA is read-only and ignored on a write; LME may not change under paging (SDM volume 3, 2.2.1).
        value = (value & ~EferBits.LongModeActive) | (old & EferBits.LongModeActive);
        if ((value & ~_features.EferMask) != 0
            || ((_registers->Cr0 & Cr0Bits.Paging) != 0 && ((old ^ value) & EferBits.LongModeEnable) != 0))
        {
            return false;
        }

        _registers->Efer = value;
        if (((old ^ value) & EferBits.NoExecute) != 0)
        {
            _memory.Invalidate(TlbInvalidation.All, 0);
        }

        _environment.ModeChanged();
        return true;
    }

    private void MoveTimestamp(ulong difference)
    {
        _registers->TscOffset += difference;
        _registers->TscAdjust += difference;
        Clock.Refresh(_registers->TscOffset);
    }
}
