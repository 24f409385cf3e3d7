using System.Collections.Immutable;

namespace Nacelle.Translation;

/// <summary>A counter of <see cref="TranslatorCounters"/> as it is shown to people and documented.</summary>
/// <param name="Name">A few words.</param>
/// <param name="Meaning">One sentence.</param>
/// <param name="Read">Takes the value out of the counters.</param>
public sealed record TranslatorCounterDescription(string Name, string Meaning, Func<TranslatorCounters, ulong> Read);

/// <summary>A figure that follows from counters and the time in which they grew.</summary>
/// <param name="Name">A few words with the unit.</param>
/// <param name="Meaning">One sentence.</param>
/// <param name="Compute">Null where there is nothing to divide by.</param>
public sealed record TranslatorRateDescription(string Name, string Meaning, Func<TranslatorCounters, TimeSpan, double?> Compute);

/// <summary>
/// All counters and rates in the order in which they are shown. A field of <see cref="TranslatorCounters"/> has one row here,
/// which is all that printing and documentation need of it.
/// </summary>
public static class TranslatorCounterTable
{
    /// <summary>One row for each field.</summary>
    public static ImmutableArray<TranslatorCounterDescription> Counters { get; } =
    [
        new("link exits", "Returns from translated code to link a direct branch to its target.", c => c.LinkExits),
        new("lookup exits", "Returns for an indirect branch whose target the jump table did not hold.", c => c.LookupExits),
        new("stale exits", "Returns because a block in a page whose code keeps changing was not right any more.", c => c.StaleExits),
        new("roaming exits", "Returns because an access of user code kept using different pages.", c => c.RoamingExits),
        new("ungroup exits", "Returns because accesses that are made as one lay across pages or were refused.", c => c.UngroupExits),
        new("operation exits", "Returns for an instruction that the monitor carries out.", c => c.OperationExits),
        new("fault exits", "Returns for a memory access that was refused.", c => c.FaultExits),
        new("careful exits", "Returns for an access across pages, to a device or to watched code.", c => c.CarefulExits),
        new("attention exits", "Returns because another thread wanted attention.", c => c.AttentionExits),
        new("host fault exits", "Exceptions of the host's processor in translated code.", c => c.HostFaultExits),
        new("return misses", "Returns of the guest that went elsewhere than the return stack said.", c => c.ReturnMisses),
        new("return underflows", "Returns of the guest that found the return stack empty.", c => c.ReturnUnderflows),
        new("TLB misses", "Accesses that the soft TLB did not hold.", c => c.TlbMisses),
        new("second-level TLB hits", "Accesses that only the soft TLB's second level held, found without leaving translated code.", c => c.TlbFinds),
        new("conflicting accesses", "Accesses translated anew because they displaced others from the soft TLB.", c => c.ConflictingAccesses),
        new("TLB flushes", "Invalidations of the soft TLB: of a page, of what is not global, or of all.", c => c.TlbFlushes),
        new("blocks translated", "Blocks of guest code that were translated.", c => c.Blocks),
        new("instructions translated", "Guest instructions in those blocks.", c => c.Instructions),
        new("bytes emitted", "Bytes of host code for those blocks.", c => c.EmittedBytes),
        new("code changes", "Requests to drop blocks whose guest code was written.", c => c.CodeChanges),
        new("code flushes", "Times the whole code memory of a vCPU was given up.", c => c.CodeFlushes),
        new("regions evicted", "Regions of code memory whose blocks were evicted, to make room or because that was asked for.", c => c.EvictedRegions),
        new("blocks evicted", "Blocks in them.", c => c.EvictedBlocks),
        new("eviction ns", "Nanoseconds that these evictions took.", c => c.EvictionNanoseconds),
        new("longest eviction ns", "Nanoseconds of the longest eviction of a region.", c => c.LongestEvictionNanoseconds),
        new("forced evictions", "Evictions of a region or of everything that --accel translator,evict-every=N asked for.", c => c.ForcedEvictions),
        new("deliveries", "Interrupts and exceptions delivered to the guest.", c => c.Deliveries),
        new("blocks found", "Looks into the block cache that found what they looked for.", c => c.BlocksFound),
        new("ns in TLB misses", "Time of TLB misses, with the exchange of registers.", c => c.TlbMissNanoseconds),
        new("ns in link exits", "Time of link exits, without translation.", c => c.LinkNanoseconds),
        new("ns in lookup exits", "Time of lookup exits, without translation.", c => c.LookupNanoseconds),
        new("ns in operation exits", "Time of operation exits, up to a halt and without translation.", c => c.OperationNanoseconds),
        new("ns in other exits", "Time of all other exits, without translation.", c => c.OtherExitNanoseconds),
        new("ns in translation", "Time of the translation of blocks.", c => c.TranslationNanoseconds),
    ];

    /// <summary>What follows from them.</summary>
    public static ImmutableArray<TranslatorRateDescription> Rates { get; } =
    [
        new("exits per second", "All returns from translated code.", (c, time) => PerSecond(Exits(c), time)),
        new("TLB misses per second", "How often the page tables are walked.", (c, time) => PerSecond(c.TlbMisses, time)),
        new("deliveries per second", "Interrupts and exceptions.", (c, time) => PerSecond(c.Deliveries, time)),
        new("blocks translated per second", "Work of the translator itself.", (c, time) => PerSecond(c.Blocks, time)),
        new("instructions per block", "Guest instructions in a block, on average.", (c, _) => Ratio(c.Instructions, c.Blocks)),
        new("blocks evicted per block", "Share of the blocks translated that were evicted; what is translated again counts each time.", (c, _) => Ratio(c.EvictedBlocks, c.Blocks)),
        new("ns per block evicted", "What an eviction costs for each block.", (c, _) => Ratio(c.EvictionNanoseconds, c.EvictedBlocks)),
        new("bytes emitted per instruction", "Host code for a guest instruction, on average.", (c, _) => Ratio(c.EmittedBytes, c.Instructions)),
        new("ns per TLB miss", "What a miss costs, on average.", (c, _) => Cost(c.TlbMissNanoseconds, c.TlbMisses)),
        new("ns per link exit", "What a link exit costs, on average; each happens once, unless blocks are dropped.", (c, _) => Cost(c.LinkNanoseconds, c.LinkExits)),
        new("ns per lookup exit", "What a lookup exit costs, on average.", (c, _) => Cost(c.LookupNanoseconds, c.LookupExits)),
        new("ns per operation exit", "What an operation exit costs, on average, with the instruction.", (c, _) => Cost(c.OperationNanoseconds, c.OperationExits)),
        new("ns per other exit", "What the other exits cost, on average, with what they deliver.", (c, _) => Cost(c.OtherExitNanoseconds, Exits(c) - c.LinkExits - c.LookupExits - c.OperationExits)),
        new("ns per block translated", "What the translation of a block costs, on average.", (c, _) => Cost(c.TranslationNanoseconds, c.Blocks)),
        new("monitor time per second", "Seconds in misses, exits and translation for each second of the run, all vCPUs together.", (c, time) => MonitorNanoseconds(c) == 0 ? null : PerSecond(MonitorNanoseconds(c), time) / 1e9),
        new("block cache hit rate", "Looks into the block cache, from link, lookup and other exits, that needed no translation.", (c, _) => Ratio(c.BlocksFound, c.BlocksFound + c.Blocks)),
        new("operation exits per exit", "Share of the returns in which the monitor carries out an instruction.", (c, _) => Ratio(c.OperationExits, Exits(c))),
    ];

    private static ulong Exits(in TranslatorCounters counters) =>
        counters.LinkExits + counters.LookupExits + counters.StaleExits + counters.RoamingExits + counters.UngroupExits + counters.OperationExits
        + counters.FaultExits + counters.CarefulExits + counters.AttentionExits + counters.HostFaultExits;

    private static ulong MonitorNanoseconds(in TranslatorCounters counters) =>
        counters.TlbMissNanoseconds + counters.LinkNanoseconds + counters.LookupNanoseconds + counters.OperationNanoseconds
        + counters.OtherExitNanoseconds + counters.TranslationNanoseconds;

    /// <summary>Nanoseconds for each; null where none were measured.</summary>
    private static double? Cost(ulong nanoseconds, ulong count) => nanoseconds == 0 ? null : Ratio(nanoseconds, count);

    private static double? Ratio(ulong part, ulong whole) => whole == 0 ? null : (double)part / whole;

    private static double? PerSecond(ulong count, TimeSpan time) => time <= TimeSpan.Zero ? null : count / time.TotalSeconds;
}
