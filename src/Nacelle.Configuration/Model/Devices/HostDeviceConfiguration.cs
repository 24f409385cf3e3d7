using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>Kinds of devices of the host.</summary>
public enum HostDeviceType
{
    /// <summary>A PCI device.</summary>
    Pci,

    /// <summary>A USB device.</summary>
    Usb,

    /// <summary>A SCSI unit.</summary>
    Scsi,

    /// <summary>A SCSI target of vhost.</summary>
    ScsiHost,

    /// <summary>A mediated device.</summary>
    Mediated,

    /// <summary>Storage of a container.</summary>
    Storage,

    /// <summary>A character device of a container.</summary>
    Miscellaneous,

    /// <summary>A network interface of a container.</summary>
    Network,
}

/// <summary>A device of the host that the guest has.</summary>
public sealed record HostDeviceConfiguration : DeviceConfiguration
{
    /// <summary>subsystem or capabilities.</summary>
    public string? Mode { get; init; }

    /// <summary>Its kind.</summary>
    public HostDeviceType Type { get; init; }

    /// <summary>Whether it is taken from its driver and given back.</summary>
    public bool? Managed { get; init; }

    /// <summary>unfiltered or filtered.</summary>
    public string? SgIo { get; init; }

    /// <summary>Whether a unit takes all SCSI commands.</summary>
    public bool? RawIo { get; init; }

    /// <summary>vfio-pci, vfio-ap, vfio-ccw, virtio and so on.</summary>
    public string? Model { get; init; }

    /// <summary>Whether a mediated device has a display.</summary>
    public bool? Display { get; init; }

    /// <summary>Whether that display is there at boot.</summary>
    public bool? RamFb { get; init; }

    /// <summary>vfio or kvm.</summary>
    public string? DriverName { get; init; }

    /// <summary>Which device it is.</summary>
    public HostDeviceSourceConfiguration? Source { get; init; }

    /// <summary>persistent or transient: its part in a pair for migration.</summary>
    public string? TeamingType { get; init; }

    /// <summary>Alias of the persistent one.</summary>
    public string? TeamingPersistent { get; init; }

    /// <summary>The option ROM.</summary>
    public RomConfiguration? Rom { get; init; }

    /// <summary>Whether the guest cannot write.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>Whether other machines have it as well.</summary>
    public bool Shareable { get; init; }
}

/// <summary>Which device of the host is meant. Which members count depends on the device's type.</summary>
public sealed record HostDeviceSourceConfiguration
{
    /// <summary>Domain of a PCI device.</summary>
    public ulong? Domain { get; init; }

    /// <summary>Bus of a PCI, USB or SCSI device.</summary>
    public ulong? Bus { get; init; }

    /// <summary>Slot of a PCI device.</summary>
    public ulong? Slot { get; init; }

    /// <summary>Function of a PCI device.</summary>
    public ulong? Function { get; init; }

    /// <summary>Device on the bus of USB.</summary>
    public ulong? Device { get; init; }

    /// <summary>Port of USB.</summary>
    public string? Port { get; init; }

    /// <summary>Target of SCSI.</summary>
    public int? Target { get; init; }

    /// <summary>Unit of SCSI.</summary>
    public ulong? Unit { get; init; }

    /// <summary>UUID of a mediated device.</summary>
    public string? Uuid { get; init; }

    /// <summary>Vendor of a USB device.</summary>
    public ulong? Vendor { get; init; }

    /// <summary>Product of a USB device.</summary>
    public ulong? Product { get; init; }

    /// <summary>off, uninitialized or on: whether the guest can reset a USB device.</summary>
    public string? GuestReset { get; init; }

    /// <summary>A SCSI adapter, such as scsi_host0.</summary>
    public string? Adapter { get; init; }

    /// <summary>mandatory, requisite or optional: whether a start needs it.</summary>
    public string? StartupPolicy { get; init; }

    /// <summary>Whether configuration space is written past the driver.</summary>
    public bool? WriteFiltering { get; init; }

    /// <summary>vhost or iscsi.</summary>
    public string? Protocol { get; init; }

    /// <summary>The server's name for it.</summary>
    public string? Name { get; init; }

    /// <summary>A world wide port name of vhost.</summary>
    public string? WorldWidePortName { get; init; }

    /// <summary>Servers.</summary>
    public ImmutableArray<StorageHostConfiguration> Hosts { get; init; } = [];

    /// <summary>How to log in.</summary>
    public AuthenticationConfiguration? Authentication { get; init; }

    /// <summary>The initiator's name for iSCSI.</summary>
    public string? Initiator { get; init; }

    /// <summary>A block device, of a container.</summary>
    public string? Block { get; init; }

    /// <summary>A character device, of a container.</summary>
    public string? Character { get; init; }

    /// <summary>An interface, of a container.</summary>
    public string? Interface { get; init; }
}

/// <summary>A USB device over the network or SPICE.</summary>
public sealed record RedirectedDeviceConfiguration : CharacterDeviceConfiguration
{
    /// <summary>usb.</summary>
    public string? Bus { get; init; }
}

/// <summary>Which USB devices may be redirected.</summary>
public sealed record RedirectionFilterConfiguration
{
    /// <summary>Rules in order.</summary>
    public ImmutableArray<RedirectionRuleConfiguration> Rules { get; init; } = [];
}

/// <summary>A rule.</summary>
public sealed record RedirectionRuleConfiguration
{
    /// <summary>Class of a device.</summary>
    public string? Class { get; init; }

    /// <summary>Vendor.</summary>
    public string? Vendor { get; init; }

    /// <summary>Product.</summary>
    public string? Product { get; init; }

    /// <summary>Version.</summary>
    public string? Version { get; init; }

    /// <summary>Whether it may.</summary>
    public bool Allow { get; init; }
}

/// <summary>A hub.</summary>
public sealed record HubConfiguration : DeviceConfiguration
{
    /// <summary>usb.</summary>
    public string Type { get; init; } = "usb";
}
