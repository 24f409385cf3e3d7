namespace Nacelle.Cpu;

/// <content>Control and debug registers, XCR0 and TLB control (SDM volume 3, 2.5, 2.6 and 4.10.4).</content>
public sealed unsafe partial class SystemInstructions
{
    /// <summary>DR7.GD, and in the same place DR6.BD.</summary>
    private const ulong GeneralDetect = 1 << 13;

    /// <summary>MOV from CRn.</summary>
    /// <param name="number">0, 2, 3, 4 or 8; others raise #UD.</param>
    /// <param name="value">The register.</param>
    public bool ReadControlRegister(int number, out ulong value)
    {
        value = 0;
        if (number is not (0 or 2 or 3 or 4 or 8))
        {
            return FailUndefined();
        }

        if (!RequirePrivilege())
        {
            return false;
        }

        value = number switch
        {
            0 => _registers->Cr0,
            2 => _registers->Cr2,
            3 => _registers->Cr3,
            4 => _registers->Cr4,
            _ => _environment.LocalInterrupts?.TaskPriority ?? _registers->Cr8,
        };
        return true;
    }

    /// <summary>MOV to CRn.</summary>
    /// <param name="number">0, 2, 3, 4 or 8; others raise #UD.</param>
    /// <param name="value">The new value, 32 bits outside 64-bit mode.</param>
    public bool WriteControlRegister(int number, ulong value)
    {
        if (number is not (0 or 2 or 3 or 4 or 8))
        {
            return FailUndefined();
        }

        if (!RequirePrivilege())
        {
            return false;
        }

        switch (number)
        {
            case 0:
                return WriteCr0(value);
            case 2:
                _registers->Cr2 = value;
                return true;
            case 3:
                return WriteCr3(value);
            case 4:
                return WriteCr4(value);
            default:
                return WriteCr8(value);
        }
    }

    /// <summary>MOV from DRn.</summary>
    /// <param name="number">0 to 7.</param>
    /// <param name="value">The register.</param>
    public bool ReadDebugRegister(int number, out ulong value)
    {
        value = 0;
        if (!CheckDebugAccess(ref number))
        {
            return false;
        }

        value = _registers->Debug[number];
        return true;
    }

    /// <summary>MOV to DRn. Breakpoints are kept; arming them is the accelerator's.</summary>
    /// <param name="number">0 to 7.</param>
    /// <param name="value">The new value.</param>
    public bool WriteDebugRegister(int number, ulong value)
    {
        if (!CheckDebugAccess(ref number))
        {
            return false;
        }

        if (number >= 6 && value >> 32 != 0)
        {
            return FailGeneralProtection();
        }

        // Bits that read as ones and zeroes (SDM volume 3, figure 17-1).
        _registers->Debug[number] = number switch
        {
            6 => (value & 0xE00F) | 0xFFFF_0FF0,
            7 => (value & 0xFFFF_2FFF) | 0x400,
            _ => value,
        };

        // RF ends with the first instruction that completes, and this one does: a breakpoint that it arms counts from the next
        // instruction on.
        _registers->Rflags &= ~RflagsBits.Resume;
        _environment.ModeChanged();
        return true;
    }

    /// <summary>CLTS.</summary>
    public bool ClearTaskSwitched()
    {
        if (!RequirePrivilege())
        {
            return false;
        }

        _registers->Cr0 &= ~Cr0Bits.TaskSwitched;
        _environment.ModeChanged();
        return true;
    }

    /// <summary>SMSW.</summary>
    public bool StoreMachineStatusWord(out ulong value)
    {
        value = _registers->Cr0;
        return CheckUserInstructionPrevention();
    }

    /// <summary>LMSW: MP, EM, TS, and PE which it can set but not clear.</summary>
    public bool LoadMachineStatusWord(ushort value) =>
        RequirePrivilege() && WriteCr0((_registers->Cr0 & ~0xEUL) | (value & 0xFUL));

    /// <summary>RDPKRU.</summary>
    /// <param name="index">ECX, which has to be zero.</param>
    /// <param name="rights">PKRU.</param>
    public bool ReadProtectionKeyRights(uint index, out uint rights)
    {
        rights = (uint)_registers->ProtectionKeyRights;
        return (_registers->Cr4 & Cr4Bits.ProtectionKeys) == 0 ? FailUndefined() : index == 0 || FailGeneralProtection();
    }

    /// <summary>WRPKRU.</summary>
    /// <param name="index">ECX, which has to be zero.</param>
    /// <param name="high">EDX, which has to be zero.</param>
    /// <param name="rights">PKRU.</param>
    public bool WriteProtectionKeyRights(uint index, uint high, uint rights)
    {
        if ((_registers->Cr4 & Cr4Bits.ProtectionKeys) == 0)
        {
            return FailUndefined();
        }

        if (index != 0 || high != 0)
        {
            return FailGeneralProtection();
        }

        SetKeyRights(ref _registers->ProtectionKeyRights, rights);
        return true;
    }

    /// <summary>XGETBV.</summary>
    public bool GetExtendedControl(uint index, out ulong value)
    {
        value = 0;
        if ((_registers->Cr4 & Cr4Bits.OsXsave) == 0)
        {
            return FailUndefined();
        }

        // Index 1 is XCR0 AND XINUSE; claiming every enabled component in use is always allowed (SDM volume 1, 13.2).
        if (index > 1)
        {
            return FailGeneralProtection();
        }

        value = _registers->Xcr0;
        return true;
    }

    /// <summary>XSETBV.</summary>
    public bool SetExtendedControl(uint index, ulong value)
    {
        if ((_registers->Cr4 & Cr4Bits.OsXsave) == 0)
        {
            return FailUndefined();
        }

        const ulong avx = 4;
        const ulong avx512 = 0xE0;
        bool valid = index == 0
            && (value & 1) != 0
            && (value & ~_features.SupportedXcr0) == 0
            && ((value & avx) == 0 || (value & 2) != 0)
            && ((value & avx512) == 0 || ((value & avx512) == avx512 && (value & avx) != 0));
        if (CurrentPrivilegeLevel != 0 || !valid)
        {
            return FailGeneralProtection();
        }

        _registers->Xcr0 = value;
        _environment.ModeChanged();
        return true;
    }

    /// <summary>INVLPG.</summary>
    /// <param name="address">Linear, with the segment base applied.</param>
    public bool InvalidatePage(ulong address)
    {
        if (!RequirePrivilege())
        {
            return false;
        }

        if (IsCanonical(address))
        {
            _memory.Invalidate(TlbInvalidation.Page, address);
        }

        return true;
    }

    /// <summary>INVPCID.</summary>
    /// <param name="type">0 to 3.</param>
    /// <param name="descriptorAddress">Linear address of the 16-byte descriptor.</param>
    public bool InvalidateProcessContext(ulong type, ulong descriptorAddress)
    {
        if (!_features.HasInvpcid)
        {
            return FailUndefined();
        }

        if (!RequirePrivilege()
            || !_memory.TryRead(descriptorAddress, 8, LinearAccess.Ordinary, out ulong context)
            || !_memory.TryRead(descriptorAddress + 8, 8, LinearAccess.Ordinary, out ulong address))
        {
            return false;
        }

        bool identifiers = (_registers->Cr4 & Cr4Bits.ProcessContextId) != 0;
        if (type > 3 || context >> 12 != 0 || (type == 0 && !IsCanonical(address))
            || (type < 2 && !identifiers && context != 0))
        {
            return FailGeneralProtection();
        }

        _memory.Invalidate(type == 0 && !identifiers ? TlbInvalidation.Page : TlbInvalidation.All, address);
        return true;
    }

    /// <summary>INVD and WBINVD: the caches are the host's and coherent, so nothing is left to do but the check.</summary>
    public bool InvalidateCaches() => RequirePrivilege();

    /// <summary>Translations are kept with what the keys allowed, so a change of rights forgets them.</summary>
    private void SetKeyRights(ref ulong register, uint rights)
    {
        if (register != rights)
        {
            register = rights;
            _memory.Invalidate(TlbInvalidation.Data, 0);
        }
    }

    private bool WriteCr0(ulong value)
    {
        ulong old = _registers->Cr0;
        const ulong defined = 0xE005_003F;
        bool paging = (value & Cr0Bits.Paging) != 0;
        bool startsPaging = paging && (old & Cr0Bits.Paging) == 0;
        bool stopsPaging = !paging && (old & Cr0Bits.Paging) != 0;
        if (value >> 32 != 0
            || (paging && (value & Cr0Bits.ProtectionEnable) == 0)
            || ((value & Cr0Bits.NotWriteThrough) != 0 && (value & Cr0Bits.CacheDisable) == 0)
            || (stopsPaging && (Is64Bit || (_registers->Cr4 & Cr4Bits.ProcessContextId) != 0)))
        {
            return FailGeneralProtection();
        }

        if (startsPaging && (_registers->Efer & EferBits.LongModeEnable) != 0)
        {
            // IA-32e activation (SDM volume 3, 9.8.5): with PAE, from 32-bit code, with no 16-bit TSS.
            if ((_registers->Cr4 & Cr4Bits.PhysicalAddressExtension) == 0 || _registers->Cs.IsLong
                || (_registers->Tr.Attributes & 0xF) is 1 or 3)
            {
                return FailGeneralProtection();
            }

            _registers->Efer |= EferBits.LongModeActive;
        }
        else if (stopsPaging)
        {
            _registers->Efer &= ~EferBits.LongModeActive;
        }

        _registers->Cr0 = (value & defined) | Cr0Bits.ExtensionType;
        const ulong translating = Cr0Bits.Paging | Cr0Bits.WriteProtect | Cr0Bits.ProtectionEnable;
        if (((old ^ value) & translating) != 0)
        {
            _memory.Invalidate(TlbInvalidation.All, 0);
        }

        _environment.ModeChanged();
        return true;
    }

    private bool WriteCr3(ulong value)
    {
        bool identifiers = (_registers->Cr4 & Cr4Bits.ProcessContextId) != 0;
        bool keep = identifiers && value >> 63 != 0;
        if (identifiers)
        {
            value &= ~(1UL << 63);
        }

        if (_registers->IsLongModeActive ? (value & ~_features.PhysicalAddressMask) != 0 : value >> 32 != 0)
        {
            return FailGeneralProtection();
        }

        bool contextChanged = identifiers && ((value ^ _registers->Cr3) & 0xFFF) != 0;
        _registers->Cr3 = value;

        // Translations are not tagged by PCID here, so a change of it flushes whether or not bit 63 asks to keep them.
        if (!keep || contextChanged || !identifiers)
        {
            _memory.Invalidate(TlbInvalidation.NonGlobal, 0);
        }

        return true;
    }

    private bool WriteCr4(ulong value)
    {
        ulong old = _registers->Cr4;
        ulong changed = old ^ value;
        bool longMode = _registers->IsLongModeActive;
        if ((value & ~_features.Cr4Mask) != 0
            || (longMode && (value & Cr4Bits.PhysicalAddressExtension) == 0)
            || (longMode && (changed & Cr4Bits.LinearAddress57) != 0)
            || ((changed & value & Cr4Bits.ProcessContextId) != 0 && (!longMode || (_registers->Cr3 & 0xFFF) != 0)))
        {
            return FailGeneralProtection();
        }

        _registers->Cr4 = value;
        const ulong translating = Cr4Bits.PageSizeExtensions | Cr4Bits.PhysicalAddressExtension
            | Cr4Bits.PageGlobalEnable | Cr4Bits.ProcessContextId | Cr4Bits.LinearAddress57
            | Cr4Bits.SupervisorExecutionPrevention | Cr4Bits.SupervisorAccessPrevention
            | Cr4Bits.ProtectionKeys | Cr4Bits.SupervisorProtectionKeys;
        if ((changed & translating) != 0)
        {
            _memory.Invalidate(TlbInvalidation.All, 0);
        }

        _environment.ModeChanged();
        return true;
    }

    private bool WriteCr8(ulong value)
    {
        if (value > 15)
        {
            return FailGeneralProtection();
        }

        _registers->Cr8 = value;
        if (_environment.LocalInterrupts is { } local)
        {
            local.TaskPriority = (byte)value;
        }

        return true;
    }

    private bool CheckDebugAccess(ref int number)
    {
        if (!RequirePrivilege())
        {
            return false;
        }

        if (number is 4 or 5)
        {
            // DR4 and DR5 are DR6 and DR7 unless CR4.DE (SDM volume 3, 17.2.2).
            if ((_registers->Cr4 & 8) != 0)
            {
                return FailUndefined();
            }

            number += 2;
        }

        // General detect: while DR7.GD is set, every access is a fault of its own (SDM volume 3, 17.2.4).
        if ((_registers->Debug[7] & GeneralDetect) != 0)
        {
            _registers->Debug[6] |= GeneralDetect;
            return Fail(new Fault(Fault.Debug));
        }

        return number is >= 0 and <= 7 || FailUndefined();
    }

    private bool CheckUserInstructionPrevention() =>
        (_registers->Cr4 & Cr4Bits.UserModeInstructionPrevention) == 0 || CurrentPrivilegeLevel == 0
        || FailGeneralProtection();
}
