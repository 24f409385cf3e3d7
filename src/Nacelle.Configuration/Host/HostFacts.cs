using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Nacelle.Configuration;

/// <summary>
/// What rules need to know of a host: its processor, clock, KVM, memory, devices, disks and file systems, as they were at one moment.
/// Immutable. <see cref="HostFactsDocument"/> turns it into text and back; gathering is of the project above, so that rules stay pure.
/// </summary>
/// <remarks>
/// Null and empty are different: null is what could not be found out, and the rule that needs it has to say so; an empty list was
/// looked at and has nothing.
/// </remarks>
public sealed record HostFacts
{
    /// <summary>What <see cref="Schema"/> says in every file of host facts.</summary>
    public const string SchemaName = "nacelle-host-facts";

    /// <summary>The version that this program writes, and the only one that it reads.</summary>
    public const int CurrentVersion = 1;

    /// <summary>Which kind of document it is: <see cref="SchemaName"/>.</summary>
    [JsonRequired]
    public string Schema { get; init; } = SchemaName;

    /// <summary>Version of the schema. A member that is added, renamed or taken away raises it.</summary>
    [JsonRequired]
    public int Version { get; init; } = CurrentVersion;

    /// <summary>The host's name, as uname -n has it.</summary>
    public required string HostName { get; init; }

    /// <summary>When the facts were gathered.</summary>
    public required DateTimeOffset GatheredAt { get; init; }

    /// <summary>Name and version of the program that gathered them, such as "nacelle 0.1.0".</summary>
    public required string GatheredBy { get; init; }

    /// <summary>The kernel.</summary>
    public required HostKernelFacts Kernel { get; init; }

    /// <summary>What the user who gathered the facts may do.</summary>
    public required HostLimitFacts Limits { get; init; }

    /// <summary>The processor.</summary>
    public required HostCpuFacts Cpu { get; init; }

    /// <summary>The time-stamp counter and the host's clock.</summary>
    public required HostTimestampCounterFacts TimestampCounter { get; init; }

    /// <summary>KVM.</summary>
    public required HostKvmFacts Kvm { get; init; }

    /// <summary>The translator on this host.</summary>
    public required HostTranslatorFacts Translator { get; init; }

    /// <summary>RAM of the whole host.</summary>
    public required HostMemoryFacts Memory { get; init; }

    /// <summary>NUMA nodes by number; one node where the kernel knows of none.</summary>
    public required ImmutableArray<HostNumaNode> NumaNodes { get; init; }

    /// <summary>The IOMMU.</summary>
    public required HostIommuFacts Iommu { get; init; }

    /// <summary>PCI functions by address.</summary>
    public required ImmutableArray<HostPciDevice> PciDevices { get; init; }

    /// <summary>Block devices by name, partitions and mapped devices included.</summary>
    public required ImmutableArray<HostBlockDevice> BlockDevices { get; init; }

    /// <summary>Mounted file systems that hold files, in the order in which they were mounted; not proc, sysfs and their like.</summary>
    public required ImmutableArray<HostMount> Mounts { get; init; }

    /// <summary>Finds a PCI function.</summary>
    /// <param name="address">As "0000:3b:00.0"; the domain may be left out.</param>
    /// <returns>Null where the host has none of that address.</returns>
    public HostPciDevice? FindPciDevice(string address)
    {
        ArgumentNullException.ThrowIfNull(address);
        string full = address.Count(character => character == ':') == 1 ? $"0000:{address}" : address;
        return PciDevices.FirstOrDefault(device => string.Equals(device.Address, full, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>All functions of an IOMMU group, which can only be assigned to guests together.</summary>
    public IEnumerable<HostPciDevice> DevicesOfIommuGroup(int group) => PciDevices.Where(device => device.IommuGroup == group);

    /// <summary>Finds a block device by its path or one of the links to it, such as /dev/disk/by-id/….</summary>
    /// <returns>Null where the host has none of that name.</returns>
    public HostBlockDevice? FindBlockDevice(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return BlockDevices.FirstOrDefault(device => device.Path == path || device.Links.Contains(path));
    }

    /// <summary>What is made of a block device: its partitions, and what device mapper, MD or bcache built on it.</summary>
    public IEnumerable<HostBlockDevice> DevicesOn(HostBlockDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        return BlockDevices.Where(other => other.WholeDisk == device.Path || other.BuiltOn.Contains(device.Path));
    }

    /// <summary>The file system that a path lies on: that of the deepest mount point above it, and of those the last one mounted.</summary>
    /// <param name="path">Absolute, without "." and "..", symbolic links resolved.</param>
    /// <returns>Null where the facts know of no mount above it.</returns>
    public HostMount? MountOf(string path) => HostMount.Find(Mounts, path);

    /// <summary>Finds a NUMA node by its number; null where there is none.</summary>
    public HostNumaNode? FindNumaNode(int number) => NumaNodes.FirstOrDefault(node => node.Number == number);
}
