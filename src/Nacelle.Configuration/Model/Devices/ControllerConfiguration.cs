using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>Kinds of controllers.</summary>
public enum ControllerType
{
    /// <summary>IDE.</summary>
    Ide,

    /// <summary>Floppy.</summary>
    Fdc,

    /// <summary>SCSI host bus adapter.</summary>
    Scsi,

    /// <summary>SATA.</summary>
    Sata,

    /// <summary>virtio-serial.</summary>
    VirtioSerial,

    /// <summary>Smart cards.</summary>
    Ccid,

    /// <summary>USB.</summary>
    Usb,

    /// <summary>PCI buses, bridges and ports.</summary>
    Pci,

    /// <summary>Xen's bus.</summary>
    XenBus,

    /// <summary>ISA.</summary>
    Isa,
}

/// <summary>A controller.</summary>
public sealed record ControllerConfiguration : DeviceConfiguration
{
    /// <summary>Its kind.</summary>
    public ControllerType Type { get; init; }

    /// <summary>Its number among its kind; null for the next.</summary>
    public int? Index { get; init; }

    /// <summary>Its model; null for what libvirt makes of it.</summary>
    public string? Model { get; init; }

    /// <summary>Ports.</summary>
    public int? Ports { get; init; }

    /// <summary>Interrupt vectors.</summary>
    public int? Vectors { get; init; }

    /// <summary>Grant frames of Xen.</summary>
    public int? MaximumGrantFrames { get; init; }

    /// <summary>Event channels of Xen.</summary>
    public int? MaximumEventChannels { get; init; }

    /// <summary>The driver.</summary>
    public ControllerDriverConfiguration? Driver { get; init; }

    /// <summary>Where a companion of USB 2.0 begins.</summary>
    public int? MasterStartPort { get; init; }

    /// <summary>Bytes of the 64-bit hole below a host bridge, in KiB as libvirt has it.</summary>
    public ulong? PciHole64 { get; init; }

    /// <summary>The device that implements a PCI controller.</summary>
    public string? ModelName { get; init; }

    /// <summary>Number of a bridge, 1 to 255.</summary>
    public int? ChassisNumber { get; init; }

    /// <summary>Chassis of a port.</summary>
    public int? Chassis { get; init; }

    /// <summary>Port number.</summary>
    public ulong? Port { get; init; }

    /// <summary>First bus of an expander.</summary>
    public int? BusNumber { get; init; }

    /// <summary>Index of a host bridge of IBM POWER.</summary>
    public int? TargetIndex { get; init; }

    /// <summary>Whether devices can be plugged.</summary>
    public bool? HotPlug { get; init; }

    /// <summary>The guest's NUMA node of an expander.</summary>
    public int? Node { get; init; }
}

/// <summary>The driver of a controller.</summary>
public sealed record ControllerDriverConfiguration : VirtioDriverConfiguration
{
    /// <summary>Queues.</summary>
    public int? Queues { get; init; }

    /// <summary>Commands for a unit.</summary>
    public int? CommandsPerUnit { get; init; }

    /// <summary>Sectors of a request.</summary>
    public int? MaximumSectors { get; init; }

    /// <summary>Whether kicks are handled by another thread.</summary>
    public bool? IoEventFd { get; init; }

    /// <summary>The I/O thread that serves it.</summary>
    public int? IoThread { get; init; }

    /// <summary>I/O threads that serve it, with the queues of each; empty where <see cref="IoThread"/> or the main loop does.</summary>
    public ImmutableArray<DiskIoThreadConfiguration> IoThreads { get; init; } = [];
}
