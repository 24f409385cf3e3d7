namespace Nacelle.Cpu;

/// <summary>What an access to memory is for; decides on permissions and on the page-fault error code.</summary>
public enum LinearAccess
{
    /// <summary>At the current privilege level.</summary>
    Ordinary,

    /// <summary>Of the processor itself to GDT, LDT, IDT or TSS: as supervisor at any privilege level (SDM volume 3, 4.6.1).</summary>
    ImplicitSupervisor,

    /// <summary>At privilege level 3, whatever the current one: a stack switch to an outer ring.</summary>
    User,
}

/// <summary>
/// Memory at linear addresses as the vCPU sees it, through its page tables and TLB. For the vCPU's own thread.
/// </summary>
/// <remarks>
/// A refused access returns false and leaves the exception in <see cref="PendingFault"/>. Accesses may cross pages; a
/// crossing write happens wholly or not at all.
/// </remarks>
public interface ILinearMemory
{
    /// <summary>The exception of the last refused access or system instruction.</summary>
    ref Fault PendingFault { get; }

    /// <summary>Reads 1, 2, 4 or 8 bytes.</summary>
    bool TryRead(ulong address, int size, LinearAccess access, out ulong value);

    /// <summary>Writes 1, 2, 4 or 8 bytes.</summary>
    bool TryWrite(ulong address, int size, LinearAccess access, ulong value);

    /// <summary>Forgets translations: of one page, of the current address space without global pages, or all.</summary>
    void Invalidate(TlbInvalidation kind, ulong address);
}

/// <summary>What an invalidation of translations covers.</summary>
public enum TlbInvalidation
{
    /// <summary>INVLPG: one page, global or not.</summary>
    Page,

    /// <summary>A CR3 write: everything but global pages.</summary>
    NonGlobal,

    /// <summary>A change of what protection keys allow: everything that data accesses use, but not fetches.</summary>
    Data,

    /// <summary>A change of CR0.PG, CR4.PGE and the like: everything.</summary>
    All,
}

/// <summary>An exception to be delivered to the guest.</summary>
/// <param name="Vector">0 to 31.</param>
/// <param name="HasErrorCode">Whether an error code is pushed.</param>
/// <param name="ErrorCode">The error code.</param>
/// <param name="Address">For #PF, the linear address for CR2.</param>
public readonly record struct Fault(byte Vector, bool HasErrorCode = false, uint ErrorCode = 0, ulong Address = 0)
{
    /// <summary>#DE.</summary>
    public const byte DivideError = 0;

    /// <summary>#DB.</summary>
    public const byte Debug = 1;

    /// <summary>#BP.</summary>
    public const byte Breakpoint = 3;

    /// <summary>#UD.</summary>
    public const byte InvalidOpcode = 6;

    /// <summary>#NM.</summary>
    public const byte DeviceNotAvailable = 7;

    /// <summary>#DF.</summary>
    public const byte DoubleFault = 8;

    /// <summary>#TS.</summary>
    public const byte InvalidTss = 10;

    /// <summary>#NP.</summary>
    public const byte SegmentNotPresent = 11;

    /// <summary>#SS.</summary>
    public const byte StackFault = 12;

    /// <summary>#GP.</summary>
    public const byte GeneralProtection = 13;

    /// <summary>#PF.</summary>
    public const byte PageFault = 14;

    /// <summary>#MF.</summary>
    public const byte FloatingPoint = 16;

    /// <summary>#AC.</summary>
    public const byte AlignmentCheck = 17;

    /// <summary>#XM.</summary>
    public const byte SimdFloatingPoint = 19;

    /// <summary>#GP with an error code.</summary>
    public static Fault GeneralProtectionFault(uint errorCode = 0) => new(GeneralProtection, true, errorCode);

    /// <summary>#UD.</summary>
    public static Fault UndefinedInstruction => new(InvalidOpcode);
}
