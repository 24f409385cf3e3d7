namespace Nacelle.Cpu;

/// <content>CLI, STI, PUSHF, POPF and port permissions (SDM volume 1, 18.5; volume 2).</content>
public sealed unsafe partial class SystemInstructions
{
    private int IoPrivilegeLevel => (int)(_registers->Rflags >> 12) & 3;

    /// <summary>
    /// CPUID: leaf 1 shows CR4.OSXSAVE and whether the LAPIC is enabled, leaf 7 CR4.PKE, leaf 0DH the size of what XCR0 enables
    /// (SDM volume 2, CPUID).
    /// </summary>
    /// <param name="function">EAX.</param>
    /// <param name="index">ECX.</param>
    public CpuidResult Identify(uint function, uint index)
    {
        CpuidResult result = _environment.Cpuid.Query(function, index);
        if (function == 1)
        {
            const uint localApic = 1u << 9;
            const ulong globalEnable = 1 << 11;
            uint enabled = (_registers->Cr4 & Cr4Bits.OsXsave) != 0 ? 1u << 27 : 0;
            bool off = _environment.LocalInterrupts is { } local
                && local.TryReadModelSpecificRegister(0x1B, out ulong apicBase) && (apicBase & globalEnable) == 0;
            return result with
            {
                Ecx = (result.Ecx & ~(1u << 27)) | enabled,
                Edx = off ? result.Edx & ~localApic : result.Edx,
            };
        }

        if (function == 7 && index == 0)
        {
            const uint enabledByKernel = 1 << 4;
            bool keys = (_registers->Cr4 & Cr4Bits.ProtectionKeys) != 0;
            return result with { Ecx = keys ? result.Ecx | enabledByKernel : result.Ecx & ~enabledByKernel };
        }

        if (function != 0xD || index > 1)
        {
            return result;
        }

        // Standard form places a component at its own offset, compacted form one after the other (SDM volume 1, 13.4).
        uint standard = 576;
        uint compacted = 576;
        for (int component = 2; component < 8; component++)
        {
            if ((_registers->Xcr0 & (1UL << component)) != 0)
            {
                CpuidResult part = _environment.Cpuid.Query(0xD, (uint)component);
                standard = Math.Max(standard, part.Eax + part.Ebx);
                compacted = ((part.Ecx & 2) != 0 ? (compacted + 63) & ~63u : compacted) + part.Eax;
            }
        }

        return result with { Ebx = index == 0 ? standard : compacted };
    }

    /// <summary>CLI.</summary>
    public bool ClearInterruptFlag()
    {
        if (CurrentPrivilegeLevel > IoPrivilegeLevel)
        {
            return FailGeneralProtection();
        }

        _registers->Rflags &= ~RflagsBits.Interrupt;
        return true;
    }

    /// <summary>STI; interrupts stay held off for one more instruction when they were off.</summary>
    public bool SetInterruptFlag()
    {
        if (CurrentPrivilegeLevel > IoPrivilegeLevel)
        {
            return FailGeneralProtection();
        }

        InterruptShadow |= (_registers->Rflags & RflagsBits.Interrupt) == 0;
        _registers->Rflags |= RflagsBits.Interrupt;
        return true;
    }

    /// <summary>CLAC and STAC.</summary>
    /// <param name="set">True for STAC.</param>
    public bool SetAlignmentCheckFlag(bool set)
    {
        if ((_features.Cr4Mask & Cr4Bits.SupervisorAccessPrevention) == 0 || CurrentPrivilegeLevel != 0)
        {
            return FailUndefined();
        }

        _registers->Rflags = set
            ? _registers->Rflags | RflagsBits.AlignmentCheck : _registers->Rflags & ~RflagsBits.AlignmentCheck;
        _environment.ModeChanged();
        return true;
    }

    /// <summary>The image that PUSHF pushes: VM and RF read as zero. The push is the caller's.</summary>
    public ulong FlagsForPush() => _registers->Rflags & ~(RflagsBits.Virtual8086 | RflagsBits.Resume);

    /// <summary>POPF with the value already popped. What the privilege level may not change stays, without a fault.</summary>
    /// <param name="value">The popped image.</param>
    /// <param name="operandSize">2, 4 or 8 bytes.</param>
    public void PopFlags(ulong value, int operandSize) =>
        LoadFlags(value & ~RflagsBits.Resume, operandSize, CurrentPrivilegeLevel, false);

    /// <summary>IN.</summary>
    /// <param name="port">The port.</param>
    /// <param name="size">1, 2 or 4 bytes.</param>
    /// <param name="value">What the port answered.</param>
    public bool ReadPort(ushort port, int size, out uint value)
    {
        value = 0;
        if (!CheckPort(port, size))
        {
            return false;
        }

        value = _environment.ReadPort(port, size);
        return true;
    }

    /// <summary>OUT.</summary>
    /// <param name="port">The port.</param>
    /// <param name="size">1, 2 or 4 bytes.</param>
    /// <param name="value">Bits beyond the size are ignored.</param>
    public bool WritePort(ushort port, int size, uint value)
    {
        if (!CheckPort(port, size))
        {
            return false;
        }

        _environment.WritePort(port, size, size == 4 ? value : value & ((1u << (size * 8)) - 1));
        return true;
    }

    /// <summary>Whether the port may be touched: by IOPL, else by the TSS's permission bitmap (SDM volume 1, 18.5.2).</summary>
    /// <param name="port">The port.</param>
    /// <param name="size">1, 2 or 4 bytes.</param>
    public bool CheckPort(ushort port, int size)
    {
        // In virtual-8086 mode IOPL does not count (SDM volume 3, 20.2.8.1).
        if (CurrentPrivilegeLevel <= IoPrivilegeLevel && (_registers->Rflags & RflagsBits.Virtual8086) == 0)
        {
            return true;
        }

        if ((_registers->Tr.Attributes & 0x8D) != 0x89 && (_registers->Tr.Attributes & 0x8F) != 0x8B)
        {
            return FailGeneralProtection();
        }

        if (_registers->Tr.Limit < 103)
        {
            return FailGeneralProtection();
        }

        if (!ReadTable(_registers->Tr.Base + 102, 2, out ulong map))
        {
            return false;
        }

        // Two bytes are read whatever the port, so the map ends with a byte of ones inside the limit.
        ulong offset = map + (port / 8u);
        if (offset + 1 > _registers->Tr.Limit)
        {
            return FailGeneralProtection();
        }

        if (!ReadTable(_registers->Tr.Base + offset, 2, out ulong bits))
        {
            return false;
        }

        ulong mask = (1UL << size) - 1;
        return ((bits >> (port & 7)) & mask) == 0 || FailGeneralProtection();
    }

    private void LoadFlags(ulong value, int size, int current, bool resume)
    {
        ulong writable = RflagsBits.Writable | (resume ? RflagsBits.Resume : 0);
        if (current == 0)
        {
            writable |= RflagsBits.IoPrivilege;
        }

        if (current <= IoPrivilegeLevel)
        {
            writable |= RflagsBits.Interrupt;
        }

        if (size == 2)
        {
            writable &= 0xFFFF;
        }

        ulong kept = _registers->Rflags & ~(writable | (resume ? 0 : RflagsBits.Resume));
        ulong changed = _registers->Rflags;
        _registers->Rflags = kept | (value & writable) | RflagsBits.Fixed;
        changed ^= _registers->Rflags;
        if ((changed & (RflagsBits.AlignmentCheck | RflagsBits.Trap)) != 0)
        {
            _environment.ModeChanged();
        }
    }
}
