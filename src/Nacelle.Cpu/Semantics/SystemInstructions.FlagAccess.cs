namespace Nacelle.Cpu;

/// <content>CLI, STI, PUSHF, POPF and port permissions (SDM volume 1, 18.5; volume 2).</content>
public sealed unsafe partial class SystemInstructions
{
    private int IoPrivilegeLevel => (int)(_registers->Rflags >> 12) & 3;

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
        if (CurrentPrivilegeLevel <= IoPrivilegeLevel)
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
        _registers->Rflags = kept | (value & writable) | RflagsBits.Fixed;
    }
}
