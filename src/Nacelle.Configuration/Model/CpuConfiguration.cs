using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>How the guest's processor is named.</summary>
public enum CpuMode
{
    /// <summary>By a model.</summary>
    Custom,

    /// <summary>The model nearest to the host's, written out.</summary>
    HostModel,

    /// <summary>The host's as it is.</summary>
    HostPassthrough,

    /// <summary>All that the accelerator can show.</summary>
    Maximum,
}

/// <summary>What is done with a feature of a processor.</summary>
public enum CpuFeaturePolicy
{
    /// <summary>Shown whether the host has it or not.</summary>
    Force,

    /// <summary>Shown; a start without it is refused.</summary>
    Require,

    /// <summary>Shown where the host has it.</summary>
    Optional,

    /// <summary>Hidden.</summary>
    Disable,

    /// <summary>Hidden; a start on a host that has it is refused.</summary>
    Forbid,
}

/// <summary>The processor that the guest sees.</summary>
public sealed record CpuConfiguration
{
    /// <summary>How it is named; null means by a model.</summary>
    public CpuMode? Mode { get; init; }

    /// <summary>minimum, exact or strict.</summary>
    public string? Match { get; init; }

    /// <summary>none, partial or full.</summary>
    public string? Check { get; init; }

    /// <summary>Whether what cannot be migrated is left out of the host's processor.</summary>
    public bool? Migratable { get; init; }

    /// <summary>A model's name.</summary>
    public string? Model { get; init; }

    /// <summary>allow or forbid another model.</summary>
    public string? Fallback { get; init; }

    /// <summary>Twelve characters that the guest reads as vendor.</summary>
    public string? VendorId { get; init; }

    /// <summary>The vendor that the host must be of.</summary>
    public string? Vendor { get; init; }

    /// <summary>Sockets, dies, cores and threads.</summary>
    public CpuTopologyConfiguration? Topology { get; init; }

    /// <summary>The cache that the guest is told of.</summary>
    public CpuCacheConfiguration? Cache { get; init; }

    /// <summary>emulate or passthrough: bits of physical addresses.</summary>
    public string? PhysicalAddressMode { get; init; }

    /// <summary>Bits of physical addresses.</summary>
    public int? PhysicalAddressBits { get; init; }

    /// <summary>Most bits of physical addresses that are passed through.</summary>
    public int? PhysicalAddressLimit { get; init; }

    /// <summary>Features beside the model's.</summary>
    public ImmutableArray<CpuFeatureConfiguration> Features { get; init; } = [];

    /// <summary>NUMA nodes.</summary>
    public ImmutableArray<NumaCellConfiguration> NumaCells { get; init; } = [];

    /// <summary>Latencies and bandwidths between NUMA nodes (ACPI 6.4, section 5.2.27).</summary>
    public NumaInterconnectsConfiguration? NumaInterconnects { get; init; }
}

/// <summary>Sockets, dies, cores and threads.</summary>
public sealed record CpuTopologyConfiguration
{
    /// <summary>Sockets.</summary>
    public int Sockets { get; init; } = 1;

    /// <summary>Dies in a socket; null for one.</summary>
    public int? Dies { get; init; }

    /// <summary>Clusters in a die; null for one.</summary>
    public int? Clusters { get; init; }

    /// <summary>Cores in a die.</summary>
    public int Cores { get; init; } = 1;

    /// <summary>Threads of a core.</summary>
    public int Threads { get; init; } = 1;
}

/// <summary>The cache that the guest is told of.</summary>
public sealed record CpuCacheConfiguration
{
    /// <summary>1 to 3.</summary>
    public int? Level { get; init; }

    /// <summary>emulate, passthrough or disable.</summary>
    public string Mode { get; init; } = "passthrough";
}

/// <summary>A feature beside the model's.</summary>
public sealed record CpuFeatureConfiguration
{
    /// <summary>What is done with it; null means <see cref="CpuFeaturePolicy.Require"/>.</summary>
    public CpuFeaturePolicy? Policy { get; init; }

    /// <summary>Its name as libvirt has it, such as svm.</summary>
    public string Name { get; init; } = "";
}

/// <summary>A NUMA node of the guest.</summary>
public sealed record NumaCellConfiguration
{
    /// <summary>Its number; null for its place in the list.</summary>
    public int? Id { get; init; }

    /// <summary>Its vCPUs; null for none.</summary>
    public string? Cpus { get; init; }

    /// <summary>Its RAM in bytes.</summary>
    public ulong Memory { get; init; }

    /// <summary>shared or private.</summary>
    public string? MemoryAccess { get; init; }

    /// <summary>Whether the memory's content is dropped when the machine ends.</summary>
    public bool? Discard { get; init; }

    /// <summary>Caches before the node's memory (ACPI 6.4, section 5.2.27.5).</summary>
    public ImmutableArray<NumaCacheConfiguration> Caches { get; init; } = [];

    /// <summary>Distances to other nodes.</summary>
    public ImmutableArray<NumaDistanceConfiguration> Distances { get; init; } = [];
}

/// <summary>The distance to another node (ACPI 6.4, section 5.2.17).</summary>
public sealed record NumaDistanceConfiguration
{
    /// <summary>The other node.</summary>
    public int Id { get; init; }

    /// <summary>10 for the node itself, up to 255 for not reachable.</summary>
    public int Value { get; init; } = 10;
}

/// <summary>A cache before a node's memory (ACPI 6.4, section 5.2.27.5).</summary>
public sealed record NumaCacheConfiguration
{
    /// <summary>From 1.</summary>
    public int Level { get; init; } = 1;

    /// <summary>none, direct or full.</summary>
    public string Associativity { get; init; } = "direct";

    /// <summary>none, writeback or writethrough.</summary>
    public string Policy { get; init; } = "writeback";

    /// <summary>Bytes.</summary>
    public ulong? Size { get; init; }

    /// <summary>Bytes of a line.</summary>
    public ulong? Line { get; init; }
}

/// <summary>Latencies and bandwidths between NUMA nodes.</summary>
public sealed record NumaInterconnectsConfiguration
{
    /// <summary>Latencies.</summary>
    public ImmutableArray<NumaLatencyConfiguration> Latencies { get; init; } = [];

    /// <summary>Bandwidths.</summary>
    public ImmutableArray<NumaBandwidthConfiguration> Bandwidths { get; init; } = [];
}

/// <summary>A latency.</summary>
public sealed record NumaLatencyConfiguration
{
    /// <summary>The node that accesses.</summary>
    public int Initiator { get; init; }

    /// <summary>The node that is accessed.</summary>
    public int Target { get; init; }

    /// <summary>A cache of the target; null for its memory.</summary>
    public int? Cache { get; init; }

    /// <summary>access, read or write.</summary>
    public string Type { get; init; } = "access";

    /// <summary>Nanoseconds.</summary>
    public ulong Value { get; init; }
}

/// <summary>A bandwidth.</summary>
public sealed record NumaBandwidthConfiguration
{
    /// <summary>The node that accesses.</summary>
    public int Initiator { get; init; }

    /// <summary>The node that is accessed.</summary>
    public int Target { get; init; }

    /// <summary>A cache of the target; null for its memory.</summary>
    public int? Cache { get; init; }

    /// <summary>access, read or write.</summary>
    public string Type { get; init; } = "access";

    /// <summary>Bytes in a second.</summary>
    public ulong Value { get; init; }
}
