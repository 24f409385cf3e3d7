namespace Nacelle.Cpu;

/// <content>SYSCALL, SYSRET, SYSENTER, SYSEXIT, SWAPGS and the FS and GS base instructions (SDM volume 2; APM volume 3).</content>
public sealed unsafe partial class SystemInstructions
{
    private const ushort FlatCode = 0x9B;
    private const ushort FlatData = 0x93;
    private const ushort LongAttribute = 0xA000;
    private const ushort WideAttribute = 0xC000;
    private const ushort UserPrivilege = 0x60;

    /// <summary>SYSCALL.</summary>
    /// <param name="nextRip">Address of the following instruction, saved in RCX.</param>
    public bool SystemCall(ulong nextRip)
    {
        if ((_registers->Efer & EferBits.SystemCall) == 0 || !IsProtected
            || (!_registers->IsLongModeActive && !_features.IsAmd))
        {
            return FailUndefined();
        }

        ushort selector = (ushort)((_registers->Star >> 32) & 0xFFFC);
        if (!_registers->IsLongModeActive)
        {
            Gpr(GeneralRegister.Rcx) = (uint)nextRip;
            SetFlat(selector, (ushort)(selector + 8), WideAttribute, 0);
            _registers->Rip = (uint)_registers->Star;
            _registers->Rflags &= ~(RflagsBits.Interrupt | RflagsBits.Resume | RflagsBits.Virtual8086);
            _environment.ModeChanged();
            return true;
        }

        // Only AMD has SYSCALL in compatibility mode, with its own entry (APM volume 2, 6.1.1).
        bool from64 = _registers->Cs.IsLong;
        if (!from64 && !_features.IsAmd)
        {
            return FailUndefined();
        }

        Gpr(GeneralRegister.Rcx) = nextRip;
        Gpr(GeneralRegister.R11) = _registers->Rflags & ~RflagsBits.Resume;
        SetFlat(selector, (ushort)(selector + 8), LongAttribute, 0);
        _registers->Rip = from64 ? _registers->Lstar : _registers->Cstar;
        _registers->Rflags = (_registers->Rflags & ~(_registers->SyscallFlagMask | RflagsBits.Resume)) | RflagsBits.Fixed;
        _environment.ModeChanged();
        return true;
    }

    /// <summary>SYSRET.</summary>
    /// <param name="operandSize">8 to return to 64-bit code, else 4.</param>
    public bool SystemReturn(int operandSize)
    {
        if ((_registers->Efer & EferBits.SystemCall) == 0 || !IsProtected
            || (!_registers->IsLongModeActive && !_features.IsAmd))
        {
            return FailUndefined();
        }

        bool to64 = _registers->IsLongModeActive && operandSize == 8;
        if (CurrentPrivilegeLevel != 0 || (to64 && !IsCanonical(Gpr(GeneralRegister.Rcx))))
        {
            return FailGeneralProtection();
        }

        ushort code = (ushort)(((_registers->Star >> 48) + (to64 ? 16u : 0u)) | 3);
        ushort stack = (ushort)(((_registers->Star >> 48) + 8) | 3);
        SetFlat(code, stack, to64 ? LongAttribute : WideAttribute, UserPrivilege);
        _registers->Rip = to64 ? Gpr(GeneralRegister.Rcx) : (uint)Gpr(GeneralRegister.Rcx);
        if (_registers->IsLongModeActive)
        {
            const ulong restored = RflagsBits.Writable | RflagsBits.IoPrivilege | RflagsBits.Interrupt | 0x18_0000;
            _registers->Rflags = (Gpr(GeneralRegister.R11) & restored) | RflagsBits.Fixed;
        }
        else
        {
            _registers->Rflags |= RflagsBits.Interrupt;
        }

        _environment.ModeChanged();
        return true;
    }

    /// <summary>SYSENTER. In long mode AMD has none: #UD.</summary>
    public bool SystemEnter()
    {
        bool longMode = _registers->IsLongModeActive;
        if (longMode && _features.IsAmd)
        {
            return FailUndefined();
        }

        ushort selector = (ushort)(_registers->SysenterCs & 0xFFFC);
        if (!IsProtected || selector == 0)
        {
            return FailGeneralProtection();
        }

        SetFlat(selector, (ushort)(selector + 8), longMode ? LongAttribute : WideAttribute, 0);
        _registers->Rflags &= ~(RflagsBits.Interrupt | RflagsBits.Virtual8086 | RflagsBits.Resume);
        _registers->Rip = longMode ? _registers->SysenterEip : (uint)_registers->SysenterEip;
        Gpr(GeneralRegister.Rsp) = longMode ? _registers->SysenterEsp : (uint)_registers->SysenterEsp;
        _environment.ModeChanged();
        return true;
    }

    /// <summary>SYSEXIT. In long mode AMD has none: #UD.</summary>
    /// <param name="operandSize">8 to return to 64-bit code, else 4.</param>
    public bool SystemExit(int operandSize)
    {
        bool longMode = _registers->IsLongModeActive;
        if (longMode && _features.IsAmd)
        {
            // The privilege level is looked at first, as processors do it.
            return CurrentPrivilegeLevel != 0 ? FailGeneralProtection() : FailUndefined();
        }

        bool to64 = operandSize == 8;
        ushort selector = (ushort)(_registers->SysenterCs & 0xFFFC);
        ulong rip = Gpr(GeneralRegister.Rdx);
        ulong rsp = Gpr(GeneralRegister.Rcx);
        if (!IsProtected || selector == 0 || CurrentPrivilegeLevel != 0
            || (to64 && (!IsCanonical(rip) || !IsCanonical(rsp))))
        {
            return FailGeneralProtection();
        }

        ushort code = (ushort)((selector + (to64 ? 32 : 16)) | 3);
        SetFlat(code, (ushort)(code + 8), to64 ? LongAttribute : WideAttribute, UserPrivilege);
        _registers->Rip = to64 ? rip : (uint)rip;
        Gpr(GeneralRegister.Rsp) = to64 ? rsp : (uint)rsp;
        _environment.ModeChanged();
        return true;
    }

    /// <summary>SWAPGS.</summary>
    public bool SwapGs()
    {
        if (!Is64Bit)
        {
            return FailUndefined();
        }

        if (!RequirePrivilege())
        {
            return false;
        }

        (_registers->Gs.Base, _registers->KernelGsBase) = (_registers->KernelGsBase, _registers->Gs.Base);
        return true;
    }

    /// <summary>RDFSBASE and RDGSBASE.</summary>
    /// <param name="name">FS or GS.</param>
    /// <param name="value">The base; the caller truncates for a 32-bit operand.</param>
    public bool ReadSegmentBase(SegmentName name, out ulong value)
    {
        value = _registers->Segment(name).Base;
        return CheckSegmentBase();
    }

    /// <summary>WRFSBASE and WRGSBASE.</summary>
    /// <param name="name">FS or GS.</param>
    /// <param name="value">The base, zero-extended from a 32-bit operand.</param>
    public bool WriteSegmentBase(SegmentName name, ulong value)
    {
        if (!CheckSegmentBase())
        {
            return false;
        }

        return StoreCanonical(ref _registers->Segment(name).Base, value) || FailGeneralProtection();
    }

    private bool CheckSegmentBase() =>
        (Is64Bit && (_registers->Cr4 & Cr4Bits.FsGsBase) != 0) || FailUndefined();

    /// <summary>The fast calls do not read descriptors: they load flat segments outright.</summary>
    private void SetFlat(ushort code, ushort stack, ushort width, ushort privilege)
    {
        _registers->Cs = new SegmentRegister
        {
            Selector = code,
            Limit = uint.MaxValue,
            Attributes = (ushort)(FlatCode | width | privilege),
        };
        _registers->Ss = new SegmentRegister
        {
            Selector = stack,
            Limit = uint.MaxValue,
            Attributes = (ushort)(FlatData | WideAttribute | privilege),
        };
    }
}
