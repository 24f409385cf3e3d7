using System.Runtime.InteropServices;
using Nacelle.Cpu;

namespace Nacelle.Translation.State;

/// <summary>
/// One vCPU's state as emitted code sees it, which names it by its address, below 2 GiB. The GS base points here too while
/// translated code runs, for the handler of host exceptions. Owned by the vCPU's thread;
/// the two request words are also cleared by other threads.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TranslatorContext
{
    /// <summary>Entries of each soft TLB.</summary>
    public const int TlbEntries = 4096;

    /// <summary>Soft TLBs: supervisor, user, supervisor with EFLAGS.AC (SMAP lifted).</summary>
    public const int TlbCount = 3;

    /// <summary>Bytes of a soft TLB's entry: negated tag and host page for reads, the same for writes.</summary>
    public const int TlbEntrySize = 32;

    /// <summary>Places of accesses that remember which TLB entry they used; more accesses than these share.</summary>
    public const int AccessSites = 262144;

    /// <summary>
    /// Entries of the tables from guest RIP to translated code: supervisor, user, and supervisor with EFLAGS.AC, which is little
    /// code. Powers of two, of a page of addresses at least.
    /// </summary>
    public const int SupervisorJumpEntries = 65536;

    /// <inheritdoc cref="SupervisorJumpEntries"/>
    public const int UserJumpEntries = 262144;

    /// <inheritdoc cref="SupervisorJumpEntries"/>
    public const int CheckedJumpEntries = 4096;

    /// <summary>ES to GS.</summary>
    public const int SegmentRegisters = 6;

    /// <summary>Host pointers that groups of accesses of one block share.</summary>
    public const int GroupPointers = 8;

    /// <summary>Bytes kept for XSAVE; x87 to AVX-512 need 2688.</summary>
    public const int ExtendedStateSize = 4096;

    /// <summary>Bytes of the buffer through which accesses that no host pointer can serve are made; XSAVE takes most.</summary>
    public const int BounceSize = 4096;

    /// <summary>The architectural registers. First, so that general register n lies at 8n.</summary>
    public CpuRegisters Registers;

    /// <summary>Arithmetic flags as the host pushed them when translated code was left.</summary>
    public ulong HostFlags;

    /// <summary>Stack pointer of the monitor to return to.</summary>
    public ulong HostStack;

    /// <summary>RFLAGS bits that SYSCALL keeps.</summary>
    public ulong SyscallFlagsKept;

    /// <summary>CS after SYSCALL but for its base.</summary>
    public ulong SyscallCode;

    /// <summary>SS after SYSCALL but for its base.</summary>
    public ulong SyscallStack;

    /// <summary>CS after SYSRET but for its base.</summary>
    public ulong SysretCode;

    /// <summary>SS after SYSRET but for its base.</summary>
    public ulong SysretStack;

    /// <summary>Zero when the monitor has to carry out SYSCALL and SYSRET.</summary>
    public uint FastCalls;

    /// <summary>The bits of the mode after SYSCALL.</summary>
    public uint SupervisorMode;

    /// <summary>The bits of the mode after SYSRET.</summary>
    public uint UserMode;

    /// <summary>Where in the bounce buffer the careful way works: as far from a 64-byte boundary as in the guest.</summary>
    public ulong BouncePointer;

    /// <summary>Linear address of the page that user code is running in.</summary>
    public ulong CodePage;

    /// <summary>The number of CS's base and limit in the upper half, for look-ups where code is not that of a flat segment; else 0.</summary>
    public ulong CodeSegmentKey;

    /// <summary>RCX while a probe that must not touch flags uses it.</summary>
    public ulong SavedRcx;

    /// <summary>
    /// The arithmetic flags while they are set aside: SF, ZF, AF, PF and CF in the upper byte as LAHF has them, OF in bit 0.
    /// </summary>
    public ulong SavedFlags;

    /// <summary>A further register that an emitted sequence sets aside.</summary>
    public ulong SavedScratch;

    /// <summary>Bits of an address that select a TLB entry, for PEXT.</summary>
    public ulong TlbIndexMask;

    /// <summary>Everything but the offset in a page, for PEXT.</summary>
    public ulong PageMask;

    /// <summary>For each soft TLB's mode the bits of RIP that select a jump entry, for PEXT.</summary>
    public fixed ulong JumpIndexMasks[TlbCount];

    /// <summary>RFLAGS bits that are in the host's flags while translated code runs, for PEXT.</summary>
    public ulong ArithmeticFlagsMask;

    /// <summary>RFLAGS bits that PUSHF takes from <see cref="CpuRegisters.Rflags"/>, for PEXT.</summary>
    public ulong StoredFlagsMask;

    /// <summary>XCR0 to save and restore with.</summary>
    public ulong ExtendedStateMask;

    /// <summary>
    /// Lowest host stack pointer with which translated code goes on: the return stack of <see cref="Emit.ReturnStackEmitter"/>
    /// must not grow below it. All ones when another thread wants the vCPU to leave, so that one comparison asks both.
    /// </summary>
    public ulong StackLimit;

    /// <summary>What added to the host stack pointer has its sign bit set exactly when that is below <see cref="StackLimit"/>.</summary>
    public ulong NegatedStackLimit;

    /// <summary>Host stack pointer with an empty return stack.</summary>
    public ulong ReturnStackBase;

    /// <summary>The sign bit, for PEXT.</summary>
    public ulong SignMask;

    /// <summary>Returns that went elsewhere than the return stack said.</summary>
    public ulong ReturnMisses;

    /// <summary>Returns that found the return stack empty.</summary>
    public ulong ReturnUnderflows;

    /// <summary>Zero when another thread wants the vCPU to leave translated code.</summary>
    public uint Runnable;

    /// <summary>Zero when an interrupt may be waiting for the interrupt flag.</summary>
    public uint NoInterruptWaiting;

    /// <summary>Zero while the guest's x87 and vector state is in the host's registers.</summary>
    public uint ExtendedStateDead;

    /// <summary>RFLAGS.IF, kept apart so that CLI and STI are one store.</summary>
    public uint InterruptFlag;

    /// <summary>RFLAGS.DF, kept apart because the host's stays clear.</summary>
    public uint DirectionFlag;

    /// <summary>The bits of the <see cref="Cache.ExecutionMode"/> that the vCPU is in.</summary>
    public uint Mode;

    /// <summary>Why translated code returned.</summary>
    public uint ExitReason;

    /// <summary>What the exit is about: a link, an operation or a host fault.</summary>
    public ulong ExitArgument;

    /// <summary>Bytes and kind of the access that missed; see <see cref="AccessKind"/>.</summary>
    public uint AccessKind;

    /// <summary>Host address of the first part of a write across pages.</summary>
    public ulong FirstPart;

    /// <summary>Host address of its second part.</summary>
    public ulong SecondPart;

    /// <summary>Bytes of its first part.</summary>
    public uint FirstLength;

    /// <summary>Bytes of its second part.</summary>
    public uint SecondLength;

    /// <summary>Handle of the vCPU that the context belongs to.</summary>
    public ulong Owner;

    /// <summary>Misses of the soft TLB that the monitor saw to.</summary>
    public ulong TlbMisses;

    /// <summary>Misses of the soft TLB's first level that emitted code saw to.</summary>
    public ulong TlbFinds;

    /// <summary>So many more of those of accesses that go by the low bits of the address until the monitor looks at one.</summary>
    public uint ConflictsLeft;

    /// <summary>By how much the product of a group's number is shifted to give the offset of a set of <see cref="Memory.SecondLevelTlb"/>.</summary>
    public uint TlbSetShift;

    /// <summary>Host address of its first set.</summary>
    public ulong TlbSets;

    /// <summary>What the number of a group of pages is multiplied by.</summary>
    public ulong TlbMultiplier;

    /// <summary>For each TLB what entries of one address space have in the low bits of their tags.</summary>
    public fixed ulong TlbKeys[TlbCount];

    /// <summary>The same for global entries.</summary>
    public fixed ulong GlobalTlbKeys[TlbCount];

    /// <summary>Entries of <see cref="TlbLocalList"/>.</summary>
    public uint TlbLocalCount;

    /// <summary>Entries of <see cref="TlbGlobalList"/>.</summary>
    public uint TlbGlobalCount;

    /// <summary>Host address of guest RAM.</summary>
    public ulong RamAddress;

    /// <summary>Host address of the bits of <see cref="Cache.UnseenWrites"/>.</summary>
    public ulong UnseenWrites;

    /// <summary>The host's time-stamp counter when translated code was last left, where time is measured.</summary>
    public ulong LeftAt;

    /// <summary>Ticks of the time-stamp counter in misses of the soft TLB, where time is measured.</summary>
    public ulong MissTicks;

    /// <summary>For each segment register the last offset that may be read without a further look, then that which may be written; -1 for none.</summary>
    public fixed long SegmentLimits[2 * SegmentRegisters];

    /// <summary>Host pointers of the first bytes of groups of accesses; valid inside one block.</summary>
    public fixed ulong Groups[GroupPointers];

    /// <summary>For each soft TLB's mode a table from guest RIP to host code: RIPs, then targets.</summary>
    public fixed ulong Jumps[2 * (SupervisorJumpEntries + UserJumpEntries + CheckedJumpEntries)];

    /// <summary>The soft TLBs; an entry has <see cref="TlbEntrySize"/> bytes.</summary>
    public fixed ulong Tlb[TlbCount * TlbEntries * TlbEntrySize / sizeof(ulong)];

    /// <summary>For each of their entries in which of the two lists below it is.</summary>
    public fixed byte TlbListed[TlbCount * TlbEntries];

    /// <summary>Entries that may hold what belongs to one address space.</summary>
    public fixed ushort TlbLocalList[TlbCount * TlbEntries];

    /// <summary>Entries that may hold what is global.</summary>
    public fixed ushort TlbGlobalList[TlbCount * TlbEntries];

    /// <summary>For each access site the offset of the entry it used, and in a byte above how often it used another than before.</summary>
    public fixed ulong Sites[AccessSites];

    /// <summary>x87 and vector state while it is not in the host's registers; XSAVE format, 64-byte aligned.</summary>
    public fixed byte ExtendedState[ExtendedStateSize + 64];

    /// <summary>Where accesses to devices and across pages are put together.</summary>
    public fixed byte Bounce[BounceSize + 128];
}

/// <summary>What a memory access wants; bits of <see cref="TranslatorContext.AccessKind"/>, the low 16 are the size in bytes.</summary>
[Flags]
internal enum AccessKind : uint
{
    /// <summary>Reads.</summary>
    Read = 1 << 16,

    /// <summary>Writes.</summary>
    Write = 1 << 17,

    /// <summary>Asks for several accesses at once, none of which may fail: without success they are made one by one.</summary>
    Group = 1 << 18,

    /// <summary>What it writes to the bounce buffer is copied to where it belongs, so that it may lie across pages.</summary>
    CopiedBack = 1 << 19,

    /// <summary>Touches only what a mask selects: nothing is to be done for the rest of the operand that could be seen.</summary>
    Masked = 1 << 20,
}

/// <summary>Why translated code returned to the monitor.</summary>
internal enum ExitReason : uint
{
    /// <summary>A direct branch whose target is not linked; the argument is the link's number.</summary>
    Link = 1,

    /// <summary>An indirect branch that the jump table does not know; RIP holds the target.</summary>
    Lookup = 2,

    /// <summary>The instruction at RIP is carried out by the monitor; the argument is the block's number.</summary>
    Operation = 3,

    /// <summary>A memory access was refused; the fault is pending and RIP is the instruction.</summary>
    Fault = 4,

    /// <summary>The instruction at RIP touches what no host pointer can serve: carry it out with a bounce buffer.</summary>
    Careful = 5,

    /// <summary>Somebody wants attention; RIP is the next instruction.</summary>
    Attention = 6,

    /// <summary>The host raised an exception; the argument is its program counter.</summary>
    HostFault = 7,

    /// <summary>A group of accesses cannot be made as one: the block goes on at RIP without groups.</summary>
    Ungroup = 9,

    /// <summary>A block's code has changed; the argument is the block's number.</summary>
    Stale = 10,

    /// <summary>An access keeps using different TLB entries; the argument is the block's number and, above it, the access site.</summary>
    Roaming = 11,

    /// <summary>The monitor goes on with the repeated string instruction at RIP; the argument is the block's number and which of its it is.</summary>
    Repeated = 8,

    /// <summary>What emitted code called has thrown; the exception waits in the vCPU.</summary>
    Defect = 12,
}
