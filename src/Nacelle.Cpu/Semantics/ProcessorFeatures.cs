namespace Nacelle.Cpu;

/// <summary>The CPUID facts that decide on reserved bits and offered registers, looked up once. Immutable.</summary>
internal sealed class ProcessorFeatures
{
    internal ProcessorFeatures(CpuidTable table)
    {
        CpuidResult vendor = table.Query(0, 0);
        CpuidResult basic = table.Query(1, 0);
        CpuidResult structured = table.Query(7, 0);
        CpuidResult extended = table.Query(0x8000_0001, 0);
        CpuidResult widths = table.Query(0x8000_0008, 0);
        CpuidResult state = table.Query(0xD, 0);
        CpuidResult speculation = table.Query(0x8000_0021, 0);
        CpuidResult frequency = table.Query(0x4000_0010, 0);

        IsAmd = vendor.Ebx is 0x6874_7541 or 0x6F67_7948;
        PhysicalAddressBits = (int)(widths.Eax & 0xFF);
        if (PhysicalAddressBits is < 32 or > 52)
        {
            PhysicalAddressBits = 36;
        }

        HasRdtscp = (extended.Edx & (1u << 27)) != 0 || (structured.Ecx & (1u << 22)) != 0;
        HasSpeculationControl = (structured.Edx & (1u << 26)) != 0 || (structured.Edx & (1u << 31)) != 0
            || (widths.Ebx & ((1u << 14) | (1u << 15) | (1u << 24))) != 0;
        HasPredictionCommand = (structured.Edx & (1u << 26)) != 0 || (widths.Ebx & (1u << 12)) != 0;
        HasFlushCommand = (structured.Edx & (1u << 28)) != 0;
        HasArchitecturalCapabilities = (structured.Edx & (1u << 29)) != 0;
        HasInvpcid = (structured.Ebx & (1u << 10)) != 0;
        SupportedXcr0 = state.Eax | ((ulong)state.Edx << 32);
        TimestampFrequency = frequency.Eax != 0 ? frequency.Eax * 1000UL : TimestampCalibration.Frequency;

        // The feature bits that let software set each bit of CR4 (SDM volume 3, 2.5).
        ulong cr4 = 0x1 | 0x2 | 0x4 | 0x8 | Cr4Bits.PageSizeExtensions | Cr4Bits.PhysicalAddressExtension | 0x40
            | Cr4Bits.PageGlobalEnable | Cr4Bits.PerformanceCounterEnable | 0x200 | 0x400;
        cr4 |= Offered(structured.Ecx, 2, Cr4Bits.UserModeInstructionPrevention);
        cr4 |= Offered(structured.Ecx, 16, Cr4Bits.LinearAddress57);
        cr4 |= Offered(structured.Ebx, 0, Cr4Bits.FsGsBase);
        cr4 |= Offered(basic.Ecx, 17, Cr4Bits.ProcessContextId);
        cr4 |= Offered(basic.Ecx, 26, Cr4Bits.OsXsave);
        cr4 |= Offered(structured.Ebx, 7, Cr4Bits.SupervisorExecutionPrevention);
        cr4 |= Offered(structured.Ebx, 20, Cr4Bits.SupervisorAccessPrevention);
        cr4 |= Offered(structured.Ecx, 3, Cr4Bits.ProtectionKeys);
        cr4 |= Offered(structured.Ecx, 31, Cr4Bits.SupervisorProtectionKeys);
        Cr4Mask = cr4;

        ulong efer = EferBits.LongModeActive;
        efer |= Offered(extended.Edx, 11, EferBits.SystemCall);
        efer |= Offered(extended.Edx, 29, EferBits.LongModeEnable);
        efer |= Offered(extended.Edx, 20, EferBits.NoExecute);
        efer |= Offered(extended.Edx, 25, EferBits.FastFxsave);
        efer |= Offered(speculation.Eax, 8, EferBits.AutomaticIbrs);
        EferMask = efer;
    }

    internal bool IsAmd { get; }

    internal int PhysicalAddressBits { get; }

    internal ulong PhysicalAddressMask => (1UL << PhysicalAddressBits) - 1;

    internal ulong Cr4Mask { get; }

    internal ulong EferMask { get; }

    internal bool HasRdtscp { get; }

    internal bool HasSpeculationControl { get; }

    internal bool HasPredictionCommand { get; }

    internal bool HasFlushCommand { get; }

    internal bool HasArchitecturalCapabilities { get; }

    internal bool HasInvpcid { get; }

    internal ulong SupportedXcr0 { get; }

    /// <summary>Of the guest's time-stamp counter, in Hz.</summary>
    internal ulong TimestampFrequency { get; }

    private static ulong Offered(uint register, int bit, ulong granted) => (register & (1u << bit)) != 0 ? granted : 0;
}
