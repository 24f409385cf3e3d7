using System.Runtime.InteropServices;
using Nacelle.Cpu;

namespace Nacelle.Translation.State;

/// <summary>Offsets into <see cref="TranslatorContext"/> for emitted code.</summary>
internal static unsafe class ContextOffsets
{
    public static readonly int Rip = Of((TranslatorContext* c) => &c->Registers.Rip);
    public static readonly int HostFlags = Of((TranslatorContext* c) => &c->HostFlags);
    public static readonly int HostStack = Of((TranslatorContext* c) => &c->HostStack);
    public static readonly int SyscallFlagsKept = Of((TranslatorContext* c) => &c->SyscallFlagsKept);
    public static readonly int SyscallCode = Of((TranslatorContext* c) => &c->SyscallCode);
    public static readonly int SyscallStack = Of((TranslatorContext* c) => &c->SyscallStack);
    public static readonly int SysretCode = Of((TranslatorContext* c) => &c->SysretCode);
    public static readonly int SysretStack = Of((TranslatorContext* c) => &c->SysretStack);
    public static readonly int FastCalls = Of((TranslatorContext* c) => &c->FastCalls);
    public static readonly int SupervisorMode = Of((TranslatorContext* c) => &c->SupervisorMode);
    public static readonly int UserMode = Of((TranslatorContext* c) => &c->UserMode);
    public static readonly int Lstar = Of((TranslatorContext* c) => &c->Registers.Lstar);
    public static readonly int BouncePointer = Of((TranslatorContext* c) => &c->BouncePointer);
    public static readonly int CodeSegmentKey = Of((TranslatorContext* c) => &c->CodeSegmentKey);
    public static readonly int CodePage = Of((TranslatorContext* c) => &c->CodePage);
    public static readonly int SavedRcx = Of((TranslatorContext* c) => &c->SavedRcx);
    public static readonly int SavedFlags = Of((TranslatorContext* c) => &c->SavedFlags);
    public static readonly int SavedScratch = Of((TranslatorContext* c) => &c->SavedScratch);
    public static readonly int TlbIndexMask = Of((TranslatorContext* c) => &c->TlbIndexMask);
    public static readonly int PageMask = Of((TranslatorContext* c) => &c->PageMask);
    public static readonly int ArithmeticFlagsMask = Of((TranslatorContext* c) => &c->ArithmeticFlagsMask);
    public static readonly int StoredFlagsMask = Of((TranslatorContext* c) => &c->StoredFlagsMask);
    public static readonly int Rflags = Of((TranslatorContext* c) => &c->Registers.Rflags);
    public static readonly int KernelGsBase = Of((TranslatorContext* c) => &c->Registers.KernelGsBase);
    public static readonly int TscAux = Of((TranslatorContext* c) => &c->Registers.TscAux);
    public static readonly int Mode = Of((TranslatorContext* c) => &c->Mode);
    private static readonly int s_jumpIndexMasks = Of((TranslatorContext* c) => c->JumpIndexMasks);
    public static readonly int ExtendedStateMask = Of((TranslatorContext* c) => &c->ExtendedStateMask);
    public static readonly int StackLimit = Of((TranslatorContext* c) => &c->StackLimit);
    public static readonly int NegatedStackLimit = Of((TranslatorContext* c) => &c->NegatedStackLimit);
    public static readonly int ReturnStackBase = Of((TranslatorContext* c) => &c->ReturnStackBase);
    public static readonly int SignMask = Of((TranslatorContext* c) => &c->SignMask);
    public static readonly int ReturnMisses = Of((TranslatorContext* c) => &c->ReturnMisses);
    public static readonly int ReturnUnderflows = Of((TranslatorContext* c) => &c->ReturnUnderflows);
    public static readonly int LeftAt = Of((TranslatorContext* c) => &c->LeftAt);
    public static readonly int MissTicks = Of((TranslatorContext* c) => &c->MissTicks);
    public static readonly int Runnable = Of((TranslatorContext* c) => &c->Runnable);
    public static readonly int NoInterruptWaiting = Of((TranslatorContext* c) => &c->NoInterruptWaiting);
    public static readonly int ExtendedStateDead = Of((TranslatorContext* c) => &c->ExtendedStateDead);
    public static readonly int InterruptFlag = Of((TranslatorContext* c) => &c->InterruptFlag);
    public static readonly int DirectionFlag = Of((TranslatorContext* c) => &c->DirectionFlag);
    public static readonly int ExitReason = Of((TranslatorContext* c) => &c->ExitReason);
    public static readonly int ExitArgument = Of((TranslatorContext* c) => &c->ExitArgument);
    public static readonly int FirstPart = Of((TranslatorContext* c) => &c->FirstPart);
    public static readonly int SecondPart = Of((TranslatorContext* c) => &c->SecondPart);
    public static readonly int FirstLength = Of((TranslatorContext* c) => &c->FirstLength);
    public static readonly int SecondLength = Of((TranslatorContext* c) => &c->SecondLength);
    public static readonly int AccessKind = Of((TranslatorContext* c) => &c->AccessKind);
    public static readonly int TscOffset = Of((TranslatorContext* c) => &c->Registers.TscOffset);
    public static readonly int Jumps = Of((TranslatorContext* c) => c->Jumps);
    public static readonly int Tlb = Of((TranslatorContext* c) => c->Tlb);

    public static readonly int TlbFinds = Of((TranslatorContext* c) => &c->TlbFinds);
    public static readonly int ConflictsLeft = Of((TranslatorContext* c) => &c->ConflictsLeft);
    public static readonly int TlbSetShift = Of((TranslatorContext* c) => &c->TlbSetShift);
    public static readonly int TlbSets = Of((TranslatorContext* c) => &c->TlbSets);
    public static readonly int TlbMultiplier = Of((TranslatorContext* c) => &c->TlbMultiplier);
    public static readonly int TlbLocalCount = Of((TranslatorContext* c) => &c->TlbLocalCount);
    public static readonly int TlbGlobalCount = Of((TranslatorContext* c) => &c->TlbGlobalCount);
    public static readonly int TlbLocalList = Of((TranslatorContext* c) => c->TlbLocalList);
    public static readonly int TlbGlobalList = Of((TranslatorContext* c) => c->TlbGlobalList);
    public static readonly int RamAddress = Of((TranslatorContext* c) => &c->RamAddress);
    public static readonly int UnseenWrites = Of((TranslatorContext* c) => &c->UnseenWrites);

    private static readonly int s_tlbKeys = Of((TranslatorContext* c) => c->TlbKeys);
    private static readonly int s_globalTlbKeys = Of((TranslatorContext* c) => c->GlobalTlbKeys);
    private static readonly int s_tlbListed = Of((TranslatorContext* c) => c->TlbListed);
    private static readonly int s_sites = Of((TranslatorContext* c) => c->Sites);
    private static readonly int s_segmentLimits = Of((TranslatorContext* c) => c->SegmentLimits);
    private static readonly int s_groups = Of((TranslatorContext* c) => c->Groups);

    private delegate void* Locator(TranslatorContext* context);

    /// <summary>Offset of the base of a segment.</summary>
    public static int SegmentBase(SegmentName name) =>
        Of((TranslatorContext* c) => &c->Registers.Es) + ((int)name * sizeof(SegmentRegister));

    /// <summary>Offset of the host pointer of a group of accesses.</summary>
    public static int Group(int slot) => s_groups + (slot * sizeof(ulong));

    /// <summary>Offset of the selector of a segment.</summary>
    public static int SegmentSelector(SegmentName name) =>
        Of((TranslatorContext* c) => &c->Registers.Es.Selector) + ((int)name * sizeof(SegmentRegister));

    /// <summary>Offset of the last offset of a segment that needs no further look.</summary>
    /// <param name="name">ES to GS.</param>
    /// <param name="write">Whether for writes.</param>
    public static int SegmentLimit(SegmentName name, bool write) => s_segmentLimits + ((((int)name * 2) + (write ? 1 : 0)) * sizeof(long));

    /// <summary>Offset of the negated tag of a soft TLB's first entry.</summary>
    /// <param name="tlb">Which TLB.</param>
    /// <param name="write">Whether for writes.</param>
    public static int TlbTags(int tlb, bool write) =>
        Tlb + (tlb * TranslatorContext.TlbEntries * TranslatorContext.TlbEntrySize) + (write ? 2 * sizeof(ulong) : 0);

    /// <summary>Offset of the host page of a soft TLB's first entry.</summary>
    /// <param name="tlb">Which TLB.</param>
    /// <param name="write">Whether for writes.</param>
    public static int TlbHosts(int tlb, bool write) => TlbTags(tlb, write) + sizeof(ulong);

    /// <summary>Offset of the mark of a soft TLB's first entry.</summary>
    public static int TlbListed(int tlb) => s_tlbListed + (tlb * TranslatorContext.TlbEntries);

    /// <summary>Offset of the key of a TLB's entries.</summary>
    /// <param name="tlb">Which TLB.</param>
    /// <param name="global">Whether of those that are global.</param>
    public static int TlbKey(int tlb, bool global) => (global ? s_globalTlbKeys : s_tlbKeys) + (tlb * sizeof(ulong));

    /// <summary>Offset of what an access remembers; the byte that counts follows four bytes later.</summary>
    public static int Site(int number) => s_sites + (number * sizeof(ulong));

    /// <summary>Entries of a jump table.</summary>
    /// <param name="tlb">Which mode.</param>
    public static int JumpEntries(int tlb) => tlb switch
    {
        0 => TranslatorContext.SupervisorJumpEntries,
        1 => TranslatorContext.UserJumpEntries,
        _ => TranslatorContext.CheckedJumpEntries,
    };

    /// <summary>Offset of what selects a jump table's entry.</summary>
    /// <param name="tlb">Which mode.</param>
    public static int JumpIndexMask(int tlb) => s_jumpIndexMasks + (tlb * sizeof(ulong));

    /// <summary>Offset of a jump table's first entry.</summary>
    /// <param name="tlb">Which mode.</param>
    /// <param name="part">0 RIPs, 1 targets.</param>
    public static int JumpTable(int tlb, int part)
    {
        int entries = part * JumpEntries(tlb);
        for (int before = 0; before < tlb; before++)
        {
            entries += 2 * JumpEntries(before);
        }

        return Jumps + (entries * sizeof(ulong));
    }

    /// <summary>Address of the XSAVE area, 64-byte aligned as the instruction demands (SDM volume 1, 13.4).</summary>
    public static byte* ExtendedState(TranslatorContext* context) => Align(context->ExtendedState);

    /// <summary>Address of the bounce buffer, 64-byte aligned.</summary>
    public static byte* Bounce(TranslatorContext* context) => Align(context->Bounce);

    private static byte* Align(byte* address) => (byte*)(((ulong)address + 63) & ~63UL);

    private static int Of(Locator locator)
    {
        // A real one: the run-time checks that a pointer whose fields are named may be read.
        TranslatorContext* origin = (TranslatorContext*)NativeMemory.Alloc((nuint)sizeof(TranslatorContext));
        int offset = (int)((byte*)locator(origin) - (byte*)origin);
        NativeMemory.Free(origin);
        return offset;
    }
}
