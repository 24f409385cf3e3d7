namespace Nacelle.Cpu;

/// <summary>Bits of RFLAGS (SDM volume 1, figure 3-8).</summary>
public static class RflagsBits
{
    /// <summary>Bit 1, always one.</summary>
    public const ulong Fixed = 0x2;

    /// <summary>TF.</summary>
    public const ulong Trap = 0x100;

    /// <summary>IF.</summary>
    public const ulong Interrupt = 0x200;

    /// <summary>IOPL.</summary>
    public const ulong IoPrivilege = 0x3000;

    /// <summary>NT.</summary>
    public const ulong NestedTask = 0x4000;

    /// <summary>RF.</summary>
    public const ulong Resume = 0x1_0000;

    /// <summary>VM.</summary>
    public const ulong Virtual8086 = 0x2_0000;

    /// <summary>AC.</summary>
    public const ulong AlignmentCheck = 0x4_0000;

    /// <summary>CF, PF, AF, ZF, SF, TF, DF, OF, NT, AC and ID: what POPF may write at any privilege level.</summary>
    public const ulong Writable = 0x24_4DD5;
}

/// <summary>Bits of CR0 (SDM volume 3, 2.5).</summary>
public static class Cr0Bits
{
    /// <summary>PE.</summary>
    public const ulong ProtectionEnable = 1;

    /// <summary>ET, always one.</summary>
    public const ulong ExtensionType = 0x10;

    /// <summary>TS.</summary>
    public const ulong TaskSwitched = 8;

    /// <summary>WP.</summary>
    public const ulong WriteProtect = 0x1_0000;

    /// <summary>AM.</summary>
    public const ulong AlignmentMask = 0x4_0000;

    /// <summary>NW.</summary>
    public const ulong NotWriteThrough = 0x2000_0000;

    /// <summary>CD.</summary>
    public const ulong CacheDisable = 0x4000_0000;

    /// <summary>PG.</summary>
    public const ulong Paging = 0x8000_0000;
}

/// <summary>Bits of CR4 (SDM volume 3, 2.5).</summary>
public static class Cr4Bits
{
    /// <summary>TSD.</summary>
    public const ulong TimeStampDisable = 1UL << 2;

    /// <summary>PSE.</summary>
    public const ulong PageSizeExtensions = 1UL << 4;

    /// <summary>PAE.</summary>
    public const ulong PhysicalAddressExtension = 1UL << 5;

    /// <summary>PGE.</summary>
    public const ulong PageGlobalEnable = 1UL << 7;

    /// <summary>PCE.</summary>
    public const ulong PerformanceCounterEnable = 1UL << 8;

    /// <summary>UMIP.</summary>
    public const ulong UserModeInstructionPrevention = 1UL << 11;

    /// <summary>LA57.</summary>
    public const ulong LinearAddress57 = 1UL << 12;

    /// <summary>FSGSBASE.</summary>
    public const ulong FsGsBase = 1UL << 16;

    /// <summary>PCIDE.</summary>
    public const ulong ProcessContextId = 1UL << 17;

    /// <summary>OSXSAVE.</summary>
    public const ulong OsXsave = 1UL << 18;

    /// <summary>SMEP.</summary>
    public const ulong SupervisorExecutionPrevention = 1UL << 20;

    /// <summary>SMAP.</summary>
    public const ulong SupervisorAccessPrevention = 1UL << 21;

    /// <summary>PKE: protection keys of user pages.</summary>
    public const ulong ProtectionKeys = 1UL << 22;

    /// <summary>PKS: protection keys of supervisor pages.</summary>
    public const ulong SupervisorProtectionKeys = 1UL << 24;
}

/// <summary>Bits of IA32_EFER (SDM volume 3, 2.2.1; AMD APM volume 2, 3.1.7).</summary>
public static class EferBits
{
    /// <summary>SCE.</summary>
    public const ulong SystemCall = 1;

    /// <summary>LME.</summary>
    public const ulong LongModeEnable = 0x100;

    /// <summary>LMA.</summary>
    public const ulong LongModeActive = 0x400;

    /// <summary>NXE.</summary>
    public const ulong NoExecute = 0x800;

    /// <summary>FFXSR (AMD).</summary>
    public const ulong FastFxsave = 0x4000;

    /// <summary>AIBRSE (AMD): automatic IBRS; kept, without effect on the translator.</summary>
    public const ulong AutomaticIbrs = 1UL << 21;
}
