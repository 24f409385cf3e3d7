using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>A pool of huge pages. Immutable.</summary>
/// <param name="PageBytes">Size of a page, such as 2 MiB or 1 GiB.</param>
/// <param name="Total">Pages in the pool.</param>
/// <param name="Free">Pages that nobody has.</param>
public sealed record HostHugePages(ulong PageBytes, ulong Total, ulong Free);

/// <summary>RAM of a host. Immutable.</summary>
public sealed record HostMemoryFacts
{
    /// <summary>All of it, in bytes.</summary>
    public required ulong TotalBytes { get; init; }

    /// <summary>Bytes that machines could have without swapping, when the facts were gathered.</summary>
    public required ulong AvailableBytes { get; init; }

    /// <summary>Pools of huge pages, by size.</summary>
    public required ImmutableArray<HostHugePages> HugePages { get; init; }
}

/// <summary>A NUMA node of a host. Immutable.</summary>
public sealed record HostNumaNode
{
    /// <summary>The kernel's number of it.</summary>
    public required int Number { get; init; }

    /// <summary>Its processors.</summary>
    public required CpuSet Cpus { get; init; }

    /// <summary>Its RAM in bytes; 0 for a node of processors alone.</summary>
    public required ulong MemoryBytes { get; init; }

    /// <summary>Bytes of it that nobody has, when the facts were gathered.</summary>
    public required ulong FreeBytes { get; init; }

    /// <summary>Its pools of huge pages, by size.</summary>
    public required ImmutableArray<HostHugePages> HugePages { get; init; }

    /// <summary>Distances to the nodes in ascending order of their numbers, 10 for a node itself (ACPI SLIT).</summary>
    public required ImmutableArray<int> Distances { get; init; }
}
