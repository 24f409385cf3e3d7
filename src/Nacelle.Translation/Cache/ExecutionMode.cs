using Nacelle.Cpu;

namespace Nacelle.Translation.Cache;

/// <summary>
/// What a translated block takes for granted about the processor; part of its key. A block never runs under another mode.
/// </summary>
/// <param name="Bits">The packed form.</param>
internal readonly record struct ExecutionMode(uint Bits)
{
    private const int LongBit = 4;
    private const int Default32Bit = 8;
    private const int ExtendedStateOffBit = 16;
    private const int VectorOffBit = 32;
    private const int SegmentedBit = 64;
    private const int ProtectedBit = 128;
    private const int AccessPreventionBit = 256;
    private const int TimestampOffBit = 512;
    private const int UngroupedBit = 1024;
    private const int WideVectorOffBit = 2048;
    private const int MaskOffBit = 4096;
    private const int SingleStepBit = 8192;
    private const int WideStackBit = 16384;
    private const int FirstCheckedBit = 32768;
    private const int CodeLimitedBit = FirstCheckedBit << 4;
    private const int AlignmentCheckedBit = CodeLimitedBit << 1;
    private const int PlacedBit = AlignmentCheckedBit << 1;

    /// <summary>The soft TLB in use: 0 supervisor, 1 user, 2 supervisor with SMAP lifted.</summary>
    public int Tlb => (int)Bits & 3;

    /// <summary>The key of blocks of this mode whose accesses are made one by one; never the mode of a vCPU.</summary>
    public ExecutionMode WithoutGroups => new(Bits | UngroupedBit);

    /// <summary>The key of blocks of 64-bit user code that run at one linear address only; never the mode of a vCPU.</summary>
    public ExecutionMode AtOnePlace => new(Bits | PlacedBit);

    /// <summary>Whether code runs at privilege level 3.</summary>
    public bool IsUser => Tlb == 1;

    /// <summary>CS.L.</summary>
    public bool IsLong => (Bits & LongBit) != 0;

    /// <summary>Whether code of the mode may run at whatever linear address its physical page is mapped: 64-bit user code.</summary>
    public bool MayMove => IsUser && IsLong;

    /// <summary>Whether a block runs at whatever linear address its physical page is mapped.</summary>
    public bool IsRelative => MayMove && (Bits & PlacedBit) == 0;

    /// <summary>Width of code: 16, 32 or 64.</summary>
    public int Bitness => IsLong ? 64 : (Bits & Default32Bit) != 0 ? 32 : 16;

    /// <summary>CR0.EM or CR0.TS: x87 instructions raise #NM.</summary>
    public bool IsExtendedStateOff => (Bits & ExtendedStateOffBit) != 0;

    /// <summary>Vector instructions raise an exception: CR4.OSFXSR is clear, or CR0.EM or TS is set.</summary>
    public bool IsVectorOff => (Bits & VectorOffBit) != 0;

    /// <summary>Whether CS, DS, ES or SS have a base other than zero.</summary>
    public bool IsSegmented => (Bits & SegmentedBit) != 0;

    /// <summary>SS.B outside 64-bit mode: the stack pointer is ESP, not SP.</summary>
    public bool IsStackWide => (Bits & WideStackBit) != 0;

    /// <summary>Whether linear addresses are offsets, and the stack pointer is as wide as they are: what most systems run in.</summary>
    public bool IsFlat => IsLong || (Bitness == 32 && !IsSegmented && IsStackWide);

    /// <summary>Whether accesses through a segment have to be compared with its limit and type.</summary>
    /// <remarks>FS and GS are hardly ever flat, so theirs always are: what they hold then makes no further mode.</remarks>
    public bool IsChecked(SegmentName name) => !IsLong && (name >= SegmentName.Fs || (Bits & (FirstCheckedBit << (int)name)) != 0);

    /// <summary>Whether CS ends below 4 GiB, so that branches and fetches may leave it.</summary>
    public bool IsCodeLimited => (Bits & CodeLimitedBit) != 0;

    /// <summary>Whether a block belongs to the base and limit of CS beside its address.</summary>
    public bool HasCodeSegmentKey => (Bits & (SegmentedBit | CodeLimitedBit)) != 0;

    /// <summary>CR0.AM and RFLAGS.AC at privilege level 3: misaligned accesses raise #AC.</summary>
    public bool IsAlignmentChecked => (Bits & AlignmentCheckedBit) != 0;

    /// <summary>CR0.PE.</summary>
    public bool IsProtected => (Bits & ProtectedBit) != 0;

    /// <summary>CR4.SMAP at a privilege level below 3: STAC and CLAC choose the soft TLB.</summary>
    public bool IsAccessPrevented => (Bits & AccessPreventionBit) != 0;

    /// <summary>CR4.TSD at privilege level 3: RDTSC raises #GP.</summary>
    public bool IsTimestampOff => (Bits & TimestampOffBit) != 0;

    /// <summary>VEX-encoded vector instructions raise an exception: CR4.OSXSAVE or the state in XCR0 is off, or CR0.TS is set.</summary>
    public bool IsWideVectorOff => (Bits & WideVectorOffBit) != 0;

    /// <summary>EVEX-encoded and opmask instructions raise an exception, as <see cref="IsWideVectorOff"/>.</summary>
    public bool IsMaskOff => (Bits & MaskOffBit) != 0;

    /// <summary>RFLAGS.TF is set or a breakpoint of DR7 enabled: a block has one instruction and leads back to the monitor.</summary>
    public bool IsSingleStep => (Bits & SingleStepBit) != 0;

    /// <summary>The same mode with another soft TLB.</summary>
    public ExecutionMode WithTlb(int tlb) => new((Bits & ~3u) | (uint)tlb);

    /// <summary>The packed form; that of a record would write <see cref="WithoutGroups"/> too, and of that the same without end.</summary>
    public override string ToString() => $"0x{Bits:x}";

    /// <summary>Derives the mode from the registers.</summary>
    public static ExecutionMode Of(in CpuRegisters registers)
    {
        const ulong smap = 1 << 21;
        const ulong osfxsr = 1 << 9;
        const ulong timestampDisable = 1 << 2;
        const ulong alignmentCheck = 1 << 18;
        int bits;
        if (registers.PrivilegeLevel == 3)
        {
            bits = 1 | ((registers.Cr4 & timestampDisable) != 0 ? TimestampOffBit : 0);
            bits |= (registers.Cr0 & Cr0Bits.AlignmentMask) != 0 && (registers.Rflags & alignmentCheck) != 0 ? AlignmentCheckedBit : 0;
        }
        else
        {
            bits = (registers.Cr4 & smap) == 0 ? 0
                : AccessPreventionBit | ((registers.Rflags & alignmentCheck) != 0 ? 2 : 0);
        }

        if (registers.IsLongModeActive && registers.Cs.IsLong)
        {
            bits |= LongBit;
        }
        else
        {
            bits |= registers.Cs.IsDefault32 ? Default32Bit : 0;
            bits |= registers.Ss.IsDefault32 ? WideStackBit : 0;
            bits |= (registers.Cs.Base | registers.Ds.Base | registers.Es.Base | registers.Ss.Base) != 0 ? SegmentedBit : 0;
            bits |= CheckedBits(registers);
        }

        bool off = (registers.Cr0 & 0xC) != 0;
        bits |= off ? ExtendedStateOffBit : 0;
        bits |= off || (registers.Cr4 & osfxsr) == 0 ? VectorOffBit : 0;
        const ulong osxsave = 1 << 18;
        const ulong wideState = 6;
        const ulong maskState = 0xE6;
        const ulong taskSwitched = 8;
        ulong enabled = (registers.Cr4 & osxsave) != 0 && (registers.Cr0 & taskSwitched) == 0 ? registers.Xcr0 : 0;
        bits |= (enabled & wideState) != wideState ? WideVectorOffBit : 0;
        bits |= (enabled & maskState) != maskState ? MaskOffBit : 0;
        const ulong trap = 1 << 8;
        const ulong breakpoints = 0xFF;
        bits |= (registers.Rflags & trap) != 0 || (registers.BreakpointControl & breakpoints) != 0 ? SingleStepBit : 0;
        bits |= (registers.Cr0 & 1) != 0 ? ProtectedBit : 0;
        return new ExecutionMode((uint)bits);
    }

    private static int CheckedBits(in CpuRegisters registers)
    {
        bool isProtected = registers.IsProtected;
        int bits = registers.Cs.Limit != uint.MaxValue ? CodeLimitedBit : 0;
        bits |= SegmentChecks.IsOpen(registers.Es, isCode: false, isProtected) ? 0 : FirstCheckedBit << (int)SegmentName.Es;
        bits |= SegmentChecks.IsOpen(registers.Cs, isCode: true, isProtected) ? 0 : FirstCheckedBit << (int)SegmentName.Cs;
        bits |= SegmentChecks.IsOpen(registers.Ss, isCode: false, isProtected) ? 0 : FirstCheckedBit << (int)SegmentName.Ss;
        return bits | (SegmentChecks.IsOpen(registers.Ds, isCode: false, isProtected) ? 0 : FirstCheckedBit << (int)SegmentName.Ds);
    }
}
