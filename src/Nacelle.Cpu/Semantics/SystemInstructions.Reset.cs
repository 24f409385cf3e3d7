namespace Nacelle.Cpu;

/// <content>Power-on, INIT and start-up (SDM volume 3, table 9-1 and 8.4).</content>
public sealed unsafe partial class SystemInstructions
{
    /// <summary>The state after power-on: real mode at FFFF:FFF0.</summary>
    public void Reset()
    {
        *_registers = default;

        // One origin for all vCPUs: their counters agree, as an invariant TSC and the stable kvmclock promise.
        _registers->TscOffset = 0UL - ParavirtualClock.OriginTimestamp;
        _registers->Pat = 0x0007_0406_0007_0406;
        _registers->Xcr0 = 1;
        _registers->MiscEnable = _features.IsAmd ? 0UL : 1UL;
        _stored.Reset();
        Clock.Reset();
        SetInitialState();
    }

    /// <summary>
    /// INIT: as <see cref="Reset"/>, but model-specific registers, TSC and XCR0 stay. CR0.CD and NW stay too. The LAPIC and
    /// waiting for start-up are the caller's.
    /// </summary>
    public void Init()
    {
        CpuRegisters kept = *_registers;
        *_registers = default;
        _registers->Xcr0 = kept.Xcr0;
        _registers->Star = kept.Star;
        _registers->Lstar = kept.Lstar;
        _registers->Cstar = kept.Cstar;
        _registers->SyscallFlagMask = kept.SyscallFlagMask;
        _registers->KernelGsBase = kept.KernelGsBase;
        _registers->TscAux = kept.TscAux;
        _registers->SysenterCs = kept.SysenterCs;
        _registers->SysenterEsp = kept.SysenterEsp;
        _registers->SysenterEip = kept.SysenterEip;
        _registers->Pat = kept.Pat;
        _registers->MiscEnable = kept.MiscEnable;
        _registers->SpeculationControl = kept.SpeculationControl;
        _registers->TscOffset = kept.TscOffset;
        _registers->TscAdjust = kept.TscAdjust;
        _registers->ProtectionKeyRights = kept.ProtectionKeyRights;
        _registers->SupervisorKeyRights = kept.SupervisorKeyRights;
        SetInitialState();
        const ulong caching = Cr0Bits.CacheDisable | Cr0Bits.NotWriteThrough;
        _registers->Cr0 = (kept.Cr0 & caching) | Cr0Bits.ExtensionType;
    }

    /// <summary>A start-up message taken while waiting for it: real mode at vector × 4096.</summary>
    /// <param name="vector">The page to start at.</param>
    public void StartUp(byte vector)
    {
        SetRealCode((ushort)(vector << 8));
        _registers->Rip = 0;
        _environment.ModeChanged();
    }

    private void SetInitialState()
    {
        InterruptShadow = false;
        NmiBlocked = false;
        _registers->Rip = 0xFFF0;
        _registers->Rflags = RflagsBits.Fixed;
        _registers->Cr0 = Cr0Bits.CacheDisable | Cr0Bits.NotWriteThrough | Cr0Bits.ExtensionType;
        Gpr(GeneralRegister.Rdx) = _environment.Cpuid.Query(1, 0).Eax;
        for (SegmentName name = SegmentName.Es; name <= SegmentName.Gs; name++)
        {
            _registers->Segment(name) = new SegmentRegister { Limit = 0xFFFF, Attributes = RealModeData };
        }

        _registers->Cs = new SegmentRegister
        {
            Selector = 0xF000,
            Base = 0xFFFF_0000,
            Limit = 0xFFFF,
            Attributes = 0x9B,
        };
        _registers->Ldtr = new SegmentRegister { Limit = 0xFFFF, Attributes = 0x82 };
        _registers->Tr = new SegmentRegister { Limit = 0xFFFF, Attributes = 0x8B };
        _registers->Gdtr = new DescriptorTableRegister { Limit = 0xFFFF };
        _registers->Idtr = new DescriptorTableRegister { Limit = 0xFFFF };
        _registers->Debug[6] = 0xFFFF_0FF0;
        _registers->Debug[7] = 0x400;
        _memory.Invalidate(TlbInvalidation.All, 0);
        _environment.ModeChanged();
    }
}
