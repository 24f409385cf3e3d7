namespace Nacelle.Cpu;

/// <content>Descriptor-table registers and inspection of descriptors (SDM volume 2).</content>
public sealed unsafe partial class SystemInstructions
{
    /// <summary>LGDT.</summary>
    /// <param name="address">Linear address of the operand.</param>
    /// <param name="operandSize">2 loads 24 bits of base, 4 loads 32, 8 loads 64.</param>
    public bool LoadGdt(ulong address, int operandSize) => LoadTable(ref _registers->Gdtr, address, operandSize);

    /// <summary>LIDT.</summary>
    /// <param name="address">Linear address of the operand.</param>
    /// <param name="operandSize">As in <see cref="LoadGdt"/>.</param>
    public bool LoadIdt(ulong address, int operandSize) => LoadTable(ref _registers->Idtr, address, operandSize);

    /// <summary>SGDT.</summary>
    /// <param name="address">Linear address of the operand.</param>
    public bool StoreGdt(ulong address) => StoreTable(_registers->Gdtr, address);

    /// <summary>SIDT.</summary>
    /// <param name="address">Linear address of the operand.</param>
    public bool StoreIdt(ulong address) => StoreTable(_registers->Idtr, address);

    /// <summary>SLDT.</summary>
    public bool StoreLdt(out ushort selector) => StoreSystemSelector(_registers->Ldtr.Selector, out selector);

    /// <summary>STR.</summary>
    public bool StoreTaskRegister(out ushort selector) => StoreSystemSelector(_registers->Tr.Selector, out selector);

    /// <summary>LLDT.</summary>
    public bool LoadLdt(ushort selector)
    {
        if (!IsProtected)
        {
            return FailUndefined();
        }

        if (!RequirePrivilege())
        {
            return false;
        }

        if ((selector & ~3) == 0)
        {
            _registers->Ldtr = new SegmentRegister { Selector = selector };
            return true;
        }

        if (!TryReadSystem(selector, out Descriptor descriptor, out ulong high))
        {
            return false;
        }

        if (descriptor.Type != 2)
        {
            return FailGeneralProtection(selector & ~3u);
        }

        return InstallSystem(ref _registers->Ldtr, selector, descriptor, high);
    }

    /// <summary>LTR: an available TSS, which becomes busy.</summary>
    public bool LoadTaskRegister(ushort selector)
    {
        if (!IsProtected)
        {
            return FailUndefined();
        }

        if (!RequirePrivilege())
        {
            return false;
        }

        if ((selector & ~3) == 0)
        {
            return FailGeneralProtection();
        }

        if (!TryReadSystem(selector, out Descriptor descriptor, out ulong high))
        {
            return false;
        }

        if (descriptor.Type != 9 && (_registers->IsLongModeActive || descriptor.Type != 1))
        {
            return FailGeneralProtection(selector & ~3u);
        }

        SegmentRegister loaded = default;
        if (!InstallSystem(ref loaded, selector, descriptor, high)
            || !TryLocateDescriptor(selector, 8, out ulong address)
            || !_memory.TryWrite(address + 5, 1, LinearAccess.ImplicitSupervisor, ((descriptor.Low >> 40) & 0xFF) | 2))
        {
            return false;
        }

        loaded.Attributes |= 2;
        _registers->Tr = loaded;
        return true;
    }

    /// <summary>LAR.</summary>
    /// <param name="selector">What to look at.</param>
    /// <param name="rights">Access rights as LAR gives them.</param>
    /// <param name="accessible">ZF.</param>
    public bool LoadAccessRights(ushort selector, out uint rights, out bool accessible)
    {
        rights = 0;
        if (!TryInspect(selector, 0x1A3E, out Descriptor descriptor, out accessible))
        {
            return false;
        }

        rights = accessible ? (uint)(descriptor.Low >> 32) & 0x00F0_FF00 : 0;
        return true;
    }

    /// <summary>LSL.</summary>
    /// <param name="selector">What to look at.</param>
    /// <param name="limit">Limit in bytes.</param>
    /// <param name="accessible">ZF.</param>
    public bool LoadSegmentLimit(ushort selector, out uint limit, out bool accessible)
    {
        limit = 0;
        if (!TryInspect(selector, 0x0A0E, out Descriptor descriptor, out accessible))
        {
            return false;
        }

        limit = accessible ? descriptor.Limit : 0;
        return true;
    }

    /// <summary>VERR and VERW.</summary>
    /// <param name="selector">What to look at.</param>
    /// <param name="write">True for VERW.</param>
    /// <param name="accessible">ZF.</param>
    public bool VerifySegment(ushort selector, bool write, out bool accessible)
    {
        if (!TryInspect(selector, 0, out Descriptor descriptor, out accessible))
        {
            return false;
        }

        accessible &= write ? descriptor.IsWritableData : descriptor.IsReadable;
        return true;
    }

    /// <summary>Reads a descriptor for LAR and the like; bits of <paramref name="systemTypes"/> are the system types allowed.</summary>
    private bool TryInspect(ushort selector, uint systemTypes, out Descriptor descriptor, out bool accessible)
    {
        descriptor = default;
        accessible = false;
        if (!IsProtected)
        {
            return FailUndefined();
        }

        if ((selector & ~3) == 0 || !TryLocateDescriptor(selector, 8, out ulong address))
        {
            return true;
        }

        if (!ReadTable(address, 8, out ulong low))
        {
            return false;
        }

        descriptor = new Descriptor(low);

        // Long mode has no 16-bit TSSs, task gates or 16-bit call gates (SDM volume 2, LAR).
        uint allowed = _registers->IsLongModeActive ? systemTypes & 0x1A04 : systemTypes;
        bool type = !descriptor.IsSystem || (allowed & (1u << descriptor.Type)) != 0;
        accessible = type && ((descriptor.IsCode && descriptor.IsConforming)
            || descriptor.PrivilegeLevel >= Math.Max(CurrentPrivilegeLevel, selector & 3));
        return true;
    }

    private bool LoadTable(ref DescriptorTableRegister table, ulong address, int operandSize)
    {
        if (!RequirePrivilege()
            || !_memory.TryRead(address, 2, LinearAccess.Ordinary, out ulong limit)
            || !_memory.TryRead(address + 2, Is64Bit ? 8 : 4, LinearAccess.Ordinary, out ulong start))
        {
            return false;
        }

        if (!Is64Bit && operandSize == 2)
        {
            start &= 0xFF_FFFF;
        }

        if (!IsCanonical(start))
        {
            return FailGeneralProtection();
        }

        table = new DescriptorTableRegister { Base = start, Limit = (ushort)limit };
        return true;
    }

    private bool StoreTable(in DescriptorTableRegister table, ulong address) =>
        CheckUserInstructionPrevention()
        && _memory.TryWrite(address, 2, LinearAccess.Ordinary, table.Limit)
        && _memory.TryWrite(address + 2, Is64Bit ? 8 : 4, LinearAccess.Ordinary, table.Base);

    private bool StoreSystemSelector(ushort value, out ushort selector)
    {
        selector = value;
        return IsProtected ? CheckUserInstructionPrevention() : FailUndefined();
    }

    /// <summary>Reads a descriptor of an LDT or TSS, 16 bytes in long mode.</summary>
    private bool TryReadSystem(ushort selector, out Descriptor descriptor, out ulong high)
    {
        descriptor = default;
        high = 0;
        bool wide = _registers->IsLongModeActive;
        if ((selector & 4) != 0 || !TryLocateDescriptor(selector, wide ? 16u : 8u, out ulong address))
        {
            return FailGeneralProtection(selector & ~3u);
        }

        if (!ReadTable(address, 8, out ulong low) || (wide && !ReadTable(address + 8, 8, out high)))
        {
            return false;
        }

        descriptor = new Descriptor(low);
        return descriptor.IsSystem || FailGeneralProtection(selector & ~3u);
    }

    private bool InstallSystem(ref SegmentRegister register, ushort selector, Descriptor descriptor, ulong high)
    {
        if (!descriptor.IsPresent)
        {
            return Fail(new Fault(Fault.SegmentNotPresent, true, selector & ~3u));
        }

        SegmentRegister loaded = descriptor.ToRegister(selector);
        loaded.Base |= high << 32;
        if (!IsCanonical(loaded.Base))
        {
            return FailGeneralProtection(selector & ~3u);
        }

        register = loaded;
        return true;
    }
}
