using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>A PCI function of a host. Immutable.</summary>
public sealed record HostPciDevice
{
    /// <summary>Domain, bus, slot and function: "0000:3b:00.0".</summary>
    public required string Address { get; init; }

    /// <summary>Vendor's number, 0 to 65535.</summary>
    public required int VendorId { get; init; }

    /// <summary>Device's number, 0 to 65535.</summary>
    public required int DeviceId { get; init; }

    /// <summary>Class, subclass and programming interface, 24 bits: 0x010802 is NVMe.</summary>
    public required int ClassCode { get; init; }

    /// <summary>The driver that has it, such as "nvme" or "vfio-pci"; null for none.</summary>
    public required string? Driver { get; init; }

    /// <summary>Its IOMMU group; null where it is in none.</summary>
    public required int? IommuGroup { get; init; }

    /// <summary>Its NUMA node; null where the firmware does not tell.</summary>
    public required int? NumaNode { get; init; }

    /// <summary>Whether the host can reset it alone; without that it keeps its state from one guest to the next.</summary>
    public required bool HasReset { get; init; }

    /// <summary>"8086:10fb", as lspci -n has it.</summary>
    public string Identity => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{VendorId:x4}:{DeviceId:x4}");

    /// <summary>Whether it is a bridge (class 06H), which stays with the host when the rest of its group is assigned.</summary>
    public bool IsBridge => ClassCode >> 16 == 0x06;
}

/// <summary>A host's IOMMU. Immutable.</summary>
public sealed record HostIommuFacts
{
    /// <summary>Units that translate, by the kernel's names: dmar0 (Intel VT-d), ivhd0 (AMD-Vi); empty where it is off or absent.</summary>
    public required ImmutableArray<string> Units { get; init; }

    /// <summary>Groups by number.</summary>
    public required ImmutableArray<HostIommuGroup> Groups { get; init; }

    /// <summary>Whether devices can be assigned to guests: there is a unit, or groups that something else keeps apart.</summary>
    public bool IsPresent => !Units.IsEmpty || !Groups.IsEmpty;
}

/// <summary>Devices that the IOMMU cannot keep apart. Immutable.</summary>
/// <param name="Number">The kernel's number of it.</param>
/// <param name="DomainType">How the host uses it: "DMA", "DMA-FQ" or "identity"; null where the kernel does not tell.</param>
/// <param name="Devices">Addresses, such as "0000:3b:00.0"; see <see cref="HostFacts.DevicesOfIommuGroup"/>.</param>
public sealed record HostIommuGroup(int Number, string? DomainType, ImmutableArray<string> Devices);
