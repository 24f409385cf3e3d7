using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>What guest RAM is made of on the host.</summary>
public sealed record MemoryBackingConfiguration
{
    /// <summary>Huge pages; null for ordinary ones.</summary>
    public HugePagesConfiguration? HugePages { get; init; }

    /// <summary>Whether pages are kept from being merged with equal ones.</summary>
    public bool NoSharePages { get; init; }

    /// <summary>Whether pages are locked in RAM.</summary>
    public bool Locked { get; init; }

    /// <summary>anonymous, file or memfd.</summary>
    public string? Source { get; init; }

    /// <summary>shared or private.</summary>
    public string? Access { get; init; }

    /// <summary>immediate or ondemand.</summary>
    public string? Allocation { get; init; }

    /// <summary>Threads that allocate.</summary>
    public int? AllocationThreads { get; init; }

    /// <summary>Whether the memory's content is dropped when the machine ends.</summary>
    public bool Discard { get; init; }
}

/// <summary>Huge pages.</summary>
public sealed record HugePagesConfiguration
{
    /// <summary>Sizes, each for some of the guest's nodes; empty for the host's default.</summary>
    public ImmutableArray<HugePageConfiguration> Pages { get; init; } = [];
}

/// <summary>Huge pages of one size.</summary>
public sealed record HugePageConfiguration
{
    /// <summary>Bytes of a page.</summary>
    public ulong? Size { get; init; }

    /// <summary>Guest nodes that have them; null for all.</summary>
    public string? NodeSet { get; init; }
}

/// <summary>Limits of the monitor's memory, in bytes.</summary>
public sealed record MemoryTuningConfiguration
{
    /// <summary>More is never given.</summary>
    public ulong? HardLimit { get; init; }

    /// <summary>More is taken back when the host needs it.</summary>
    public ulong? SoftLimit { get; init; }

    /// <summary>Of memory and swap together.</summary>
    public ulong? SwapHardLimit { get; init; }

    /// <summary>So much is guaranteed.</summary>
    public ulong? MinimumGuarantee { get; init; }
}

/// <summary>Which of the host's NUMA nodes memory comes from.</summary>
public sealed record NumaTuningConfiguration
{
    /// <summary>interleave, strict, preferred or restrictive.</summary>
    public string? Mode { get; init; }

    /// <summary>Host nodes.</summary>
    public string? NodeSet { get; init; }

    /// <summary>static or auto.</summary>
    public string? Placement { get; init; }

    /// <summary>Guest nodes one by one.</summary>
    public ImmutableArray<NumaNodeTuningConfiguration> Nodes { get; init; } = [];
}

/// <summary>Where the memory of one guest node comes from.</summary>
public sealed record NumaNodeTuningConfiguration
{
    /// <summary>The guest's node.</summary>
    public int CellId { get; init; }

    /// <summary>interleave, strict, preferred or restrictive.</summary>
    public string? Mode { get; init; }

    /// <summary>Host nodes.</summary>
    public string? NodeSet { get; init; }
}

/// <summary>Shares of the host's disks.</summary>
public sealed record BlockTuningConfiguration
{
    /// <summary>The machine's share, 10 to 1000.</summary>
    public int? Weight { get; init; }

    /// <summary>Host disks one by one.</summary>
    public ImmutableArray<BlockDeviceTuningConfiguration> Devices { get; init; } = [];
}

/// <summary>Share of one of the host's disks.</summary>
public sealed record BlockDeviceTuningConfiguration
{
    /// <summary>The host's device.</summary>
    public string? Path { get; init; }

    /// <summary>The machine's share, 10 to 1000.</summary>
    public int? Weight { get; init; }

    /// <summary>Bytes read in a second.</summary>
    public ulong? ReadBytesPerSecond { get; init; }

    /// <summary>Bytes written in a second.</summary>
    public ulong? WriteBytesPerSecond { get; init; }

    /// <summary>Reads in a second.</summary>
    public ulong? ReadOperationsPerSecond { get; init; }

    /// <summary>Writes in a second.</summary>
    public ulong? WriteOperationsPerSecond { get; init; }
}
