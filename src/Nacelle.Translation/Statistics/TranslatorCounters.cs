namespace Nacelle.Translation;

/// <summary>
/// What a translated vCPU has done so far, counted where it costs nothing that a guest would notice. Written by the vCPU's
/// thread alone; a copy taken from another thread is not of one instant.
/// </summary>
public struct TranslatorCounters
{
    /// <summary>Returns from translated code to link a direct branch to its target.</summary>
    public ulong LinkExits;

    /// <summary>Returns for an indirect branch whose target the jump table did not hold.</summary>
    public ulong LookupExits;

    /// <summary>Returns for an instruction that the monitor carries out.</summary>
    public ulong OperationExits;

    /// <summary>Returns for a memory access that was refused.</summary>
    public ulong FaultExits;

    /// <summary>Returns for an access across pages, to a device or to watched code.</summary>
    public ulong CarefulExits;

    /// <summary>Returns because a block in a page whose code keeps changing was not right any more.</summary>
    public ulong StaleExits;

    /// <summary>Exits because an access of user code kept using different pages.</summary>
    public ulong RoamingExits;

    /// <summary>Returns because accesses that are made as one lay across pages or were refused.</summary>
    public ulong UngroupExits;

    /// <summary>Returns of the guest that went elsewhere than the return stack said.</summary>
    public ulong ReturnMisses;

    /// <summary>Returns of the guest that found the return stack empty.</summary>
    public ulong ReturnUnderflows;

    /// <summary>Returns because another thread wanted attention.</summary>
    public ulong AttentionExits;

    /// <summary>Exceptions of the host's processor in translated code.</summary>
    public ulong HostFaultExits;

    /// <summary>Accesses that the soft TLB did not hold.</summary>
    public ulong TlbMisses;

    /// <summary>Accesses that only its second level held, as emitted code found.</summary>
    public ulong TlbFinds;

    /// <summary>Accesses that were translated anew because they displaced others from the soft TLB.</summary>
    public ulong ConflictingAccesses;

    /// <summary>Soft TLB flushes, of all or of what is not global.</summary>
    public ulong TlbFlushes;

    /// <summary>Blocks translated.</summary>
    public ulong Blocks;

    /// <summary>Guest instructions translated.</summary>
    public ulong Instructions;

    /// <summary>Bytes of host code emitted.</summary>
    public ulong EmittedBytes;

    /// <summary>Requests to drop blocks whose guest code was written.</summary>
    public ulong CodeChanges;

    /// <summary>Times the whole code memory was given up.</summary>
    public ulong CodeFlushes;

    /// <summary>Regions of code memory whose blocks were evicted.</summary>
    public ulong EvictedRegions;

    /// <summary>Blocks in them.</summary>
    public ulong EvictedBlocks;

    /// <summary>Nanoseconds that it took.</summary>
    public ulong EvictionNanoseconds;

    /// <summary>Nanoseconds of the longest eviction of a region.</summary>
    public ulong LongestEvictionNanoseconds;

    /// <summary>Evictions and flushes for no reason but that they were asked for.</summary>
    public ulong ForcedEvictions;

    /// <summary>Interrupts and exceptions delivered.</summary>
    public ulong Deliveries;

    /// <summary>Looks into the block cache that found what they looked for.</summary>
    public ulong BlocksFound;

    /// <summary>Time in misses of the soft TLB, exchange of registers included; zero, as the times below, unless time is measured.</summary>
    public ulong TlbMissNanoseconds;

    /// <summary>Time in <see cref="LinkExits"/>, without translation.</summary>
    public ulong LinkNanoseconds;

    /// <summary>Time in <see cref="LookupExits"/>, without translation.</summary>
    public ulong LookupNanoseconds;

    /// <summary>Time in <see cref="OperationExits"/>, until the vCPU halts where it does, and without translation.</summary>
    public ulong OperationNanoseconds;

    /// <summary>Time in all other exits, without translation.</summary>
    public ulong OtherExitNanoseconds;

    /// <summary>Time in the translation of <see cref="Blocks"/>.</summary>
    public ulong TranslationNanoseconds;

    /// <summary>Sums two vCPUs' counters.</summary>
    public static TranslatorCounters operator +(in TranslatorCounters left, in TranslatorCounters right) => new()
    {
        LinkExits = left.LinkExits + right.LinkExits,
        LookupExits = left.LookupExits + right.LookupExits,
        OperationExits = left.OperationExits + right.OperationExits,
        FaultExits = left.FaultExits + right.FaultExits,
        CarefulExits = left.CarefulExits + right.CarefulExits,
        RoamingExits = left.RoamingExits + right.RoamingExits,
        StaleExits = left.StaleExits + right.StaleExits,
        UngroupExits = left.UngroupExits + right.UngroupExits,
        ReturnMisses = left.ReturnMisses + right.ReturnMisses,
        ReturnUnderflows = left.ReturnUnderflows + right.ReturnUnderflows,
        AttentionExits = left.AttentionExits + right.AttentionExits,
        HostFaultExits = left.HostFaultExits + right.HostFaultExits,
        TlbMisses = left.TlbMisses + right.TlbMisses,
        TlbFinds = left.TlbFinds + right.TlbFinds,
        ConflictingAccesses = left.ConflictingAccesses + right.ConflictingAccesses,
        TlbFlushes = left.TlbFlushes + right.TlbFlushes,
        Blocks = left.Blocks + right.Blocks,
        Instructions = left.Instructions + right.Instructions,
        EmittedBytes = left.EmittedBytes + right.EmittedBytes,
        CodeChanges = left.CodeChanges + right.CodeChanges,
        CodeFlushes = left.CodeFlushes + right.CodeFlushes,
        EvictedRegions = left.EvictedRegions + right.EvictedRegions,
        EvictedBlocks = left.EvictedBlocks + right.EvictedBlocks,
        EvictionNanoseconds = left.EvictionNanoseconds + right.EvictionNanoseconds,
        LongestEvictionNanoseconds = Math.Max(left.LongestEvictionNanoseconds, right.LongestEvictionNanoseconds),
        ForcedEvictions = left.ForcedEvictions + right.ForcedEvictions,
        Deliveries = left.Deliveries + right.Deliveries,
        BlocksFound = left.BlocksFound + right.BlocksFound,
        TlbMissNanoseconds = left.TlbMissNanoseconds + right.TlbMissNanoseconds,
        LinkNanoseconds = left.LinkNanoseconds + right.LinkNanoseconds,
        LookupNanoseconds = left.LookupNanoseconds + right.LookupNanoseconds,
        OperationNanoseconds = left.OperationNanoseconds + right.OperationNanoseconds,
        OtherExitNanoseconds = left.OtherExitNanoseconds + right.OtherExitNanoseconds,
        TranslationNanoseconds = left.TranslationNanoseconds + right.TranslationNanoseconds,
    };

    /// <summary>Sums two vCPUs' counters.</summary>
    public static TranslatorCounters Add(in TranslatorCounters left, in TranslatorCounters right) => left + right;
}
