namespace Nacelle.Configuration;

/// <summary>What every device can have.</summary>
public abstract record DeviceConfiguration
{
    /// <summary>Its name at control interfaces; null for one made up.</summary>
    public string? Alias { get; init; }

    /// <summary>Where it is on its bus; null for a place made up.</summary>
    public DeviceAddress? Address { get; init; }

    /// <summary>Its place in the order of booting, from 1.</summary>
    public int? BootOrder { get; init; }

    /// <summary>What firmware of IBM Z is told.</summary>
    public string? LoadParameter { get; init; }

    /// <summary>The index that the guest is told by ACPI, for names of network interfaces.</summary>
    public int? AcpiIndex { get; init; }
}

/// <summary>Options of the driver that all virtio devices have.</summary>
public record VirtioDriverConfiguration
{
    /// <summary>Whether accesses go through an IOMMU.</summary>
    public bool? Iommu { get; init; }

    /// <summary>Address translation services of PCI.</summary>
    public bool? Ats { get; init; }

    /// <summary>Packed virtqueues (virtio 1.2, section 2.8).</summary>
    public bool? Packed { get; init; }

    /// <summary>A page for each queue's notification.</summary>
    public bool? PagePerQueue { get; init; }
}

/// <summary>Kinds of addresses.</summary>
public enum DeviceAddressType
{
    /// <summary>PCI: domain, bus, slot and function.</summary>
    Pci,

    /// <summary>Of a drive: controller, bus, target and unit.</summary>
    Drive,

    /// <summary>Of a port of virtio-serial: controller, bus and port.</summary>
    VirtioSerial,

    /// <summary>Of a smart card: controller and slot.</summary>
    Ccid,

    /// <summary>USB: bus and port.</summary>
    Usb,

    /// <summary>ISA: port and interrupt.</summary>
    Isa,

    /// <summary>A register of IBM POWER.</summary>
    SpaprVio,

    /// <summary>virtio over memory.</summary>
    VirtioMmio,

    /// <summary>A channel of IBM Z.</summary>
    Ccw,

    /// <summary>A memory module: slot and base.</summary>
    Dimm,

    /// <summary>None was given.</summary>
    Unassigned,
}

/// <summary>Where a device is on its bus. Which members count depends on the type.</summary>
public sealed record DeviceAddress
{
    /// <summary>The kind.</summary>
    public DeviceAddressType Type { get; init; }

    /// <summary>PCI segment.</summary>
    public ulong? Domain { get; init; }

    /// <summary>Controller, counted from 0.</summary>
    public int? Controller { get; init; }

    /// <summary>Bus.</summary>
    public ulong? Bus { get; init; }

    /// <summary>SCSI target.</summary>
    public int? Target { get; init; }

    /// <summary>Unit on the bus.</summary>
    public int? Unit { get; init; }

    /// <summary>Slot: of PCI 0 to 31.</summary>
    public ulong? Slot { get; init; }

    /// <summary>PCI function, 0 to 7.</summary>
    public ulong? Function { get; init; }

    /// <summary>Whether other functions share the slot.</summary>
    public bool? Multifunction { get; init; }

    /// <summary>Port: a number, of USB one with dots.</summary>
    public string? Port { get; init; }

    /// <summary>First I/O port of an ISA device.</summary>
    public ulong? IoPort { get; init; }

    /// <summary>Interrupt of an ISA device.</summary>
    public ulong? Interrupt { get; init; }

    /// <summary>Guest physical address of a memory module.</summary>
    public ulong? Base { get; init; }

    /// <summary>The register of a device of IBM POWER.</summary>
    public ulong? Register { get; init; }
}

/// <summary>The option ROM of a PCI device.</summary>
public sealed record RomConfiguration
{
    /// <summary>Whether it has a BAR.</summary>
    public bool? Bar { get; init; }

    /// <summary>Whether it has one at all.</summary>
    public bool? Enabled { get; init; }

    /// <summary>A file with its content.</summary>
    public string? File { get; init; }
}
