using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>All rules, in the order in which findings are told.</summary>
public static class RuleCatalogue
{
    /// <summary>They.</summary>
    public static ImmutableArray<Rule> All { get; } =
    [
        VcpuRules.Maximum,
        BackendRules.Nested,
        BackendRules.Translation,
        BackendRules.ConstantTsc,
        StorageRules.Scsi,
        StorageRules.Ide,
        PciRules.Addresses,
        AssignmentRules.Assign,
        HostPairRules.Cpu,
        HostPairRules.NoExecute,
        MigrationRules.Cache,
        WholeDiskRule.Rule,
        StorageRules.Snapshot,
        StorageRules.BlockJob,
        StorageRules.Throttle,
        StorageRules.IoThread,
        MemoryRules.HotPlug,
        MemoryRules.VhostUser,
        VcpuRules.Unplug,
        MemoryRules.PciNuma,
        MemoryRules.Dump,
        VcpuRules.RealTime,
        BackendRules.Backends,
        BackendRules.NestedMigration,
        AssignmentRules.VirtioLimit,
        AssignmentRules.AssignLimit,
        AssignmentRules.MultifunctionPlug,
        VcpuConsistency.Count,
        VcpuConsistency.Topology,
        VcpuConsistency.NumaNode,
        MemoryConsistency.Memory,
        MemoryConsistency.Module,
        DiskConsistency.TargetName,
        DiskConsistency.IoThreadId,
        DiskConsistency.Throttle,
        SourceConsistency.Sources,
        SourceConsistency.Driver,
        ListConsistency.Controllers,
        ListConsistency.Duplicates,
        DrivePlaces.Places,
        PreflightRules.Storage,
        PreflightRules.Board,
        PreflightRules.TimestampCounter,
        PciRules.SlotBehindPort,
        PciRules.FunctionZeroAbsent,
        PciRules.ExpanderBusZero,
        TrapRules.Burst,
        TrapRules.SharedMemory,
        TrapRules.ImplicitAdapter,
        TrapRules.ApicId,
        TrapRules.InvariantTsc,
        QemuPassthroughRule.Rule,
        MemorySumRule.Rule,
    ];

    /// <summary>Their ids.</summary>
    public static ImmutableArray<string> Ids { get; } = [.. All.Select(rule => rule.Id)];

    /// <summary>Finds a rule; null where there is none of that id.</summary>
    public static Rule? Find(string id) => All.FirstOrDefault(rule => rule.Id == id);
}
