using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>All devices, by kind and in the order in which the text has them.</summary>
public sealed record DevicesConfiguration
{
    /// <summary>The monitor's executable; null for this program.</summary>
    public string? Emulator { get; init; }

    /// <summary>Disks.</summary>
    public ImmutableArray<DiskConfiguration> Disks { get; init; } = [];

    /// <summary>Controllers.</summary>
    public ImmutableArray<ControllerConfiguration> Controllers { get; init; } = [];

    /// <summary>File systems of the host.</summary>
    public ImmutableArray<FilesystemConfiguration> Filesystems { get; init; } = [];

    /// <summary>Network interfaces.</summary>
    public ImmutableArray<InterfaceConfiguration> Interfaces { get; init; } = [];

    /// <summary>Serial ports.</summary>
    public ImmutableArray<SerialConfiguration> Serials { get; init; } = [];

    /// <summary>Parallel ports.</summary>
    public ImmutableArray<SerialConfiguration> Parallels { get; init; } = [];

    /// <summary>Consoles. The first one of type serial is the first serial port once more.</summary>
    public ImmutableArray<ConsoleConfiguration> Consoles { get; init; } = [];

    /// <summary>Channels between host and guest.</summary>
    public ImmutableArray<ChannelConfiguration> Channels { get; init; } = [];

    /// <summary>Smart card readers.</summary>
    public ImmutableArray<SmartcardConfiguration> Smartcards { get; init; } = [];

    /// <summary>Keyboards, mice and tablets.</summary>
    public ImmutableArray<InputConfiguration> Inputs { get; init; } = [];

    /// <summary>Trusted platform modules.</summary>
    public ImmutableArray<TpmConfiguration> Tpms { get; init; } = [];

    /// <summary>Ways to see the display.</summary>
    public ImmutableArray<GraphicsConfiguration> Graphics { get; init; } = [];

    /// <summary>Sound cards.</summary>
    public ImmutableArray<SoundConfiguration> Sounds { get; init; } = [];

    /// <summary>Where sound goes on the host.</summary>
    public ImmutableArray<AudioConfiguration> Audios { get; init; } = [];

    /// <summary>Display adapters.</summary>
    public ImmutableArray<VideoConfiguration> Videos { get; init; } = [];

    /// <summary>Devices of the host.</summary>
    public ImmutableArray<HostDeviceConfiguration> HostDevices { get; init; } = [];

    /// <summary>USB devices over the network or SPICE.</summary>
    public ImmutableArray<RedirectedDeviceConfiguration> RedirectedDevices { get; init; } = [];

    /// <summary>Which USB devices may be redirected.</summary>
    public RedirectionFilterConfiguration? RedirectionFilter { get; init; }

    /// <summary>Leases of a lock manager.</summary>
    public ImmutableArray<LeaseConfiguration> Leases { get; init; } = [];

    /// <summary>Hubs.</summary>
    public ImmutableArray<HubConfiguration> Hubs { get; init; } = [];

    /// <summary>Watchdogs.</summary>
    public ImmutableArray<WatchdogConfiguration> Watchdogs { get; init; } = [];

    /// <summary>The memory balloon.</summary>
    public BalloonConfiguration? Balloon { get; init; }

    /// <summary>Sources of random numbers.</summary>
    public ImmutableArray<RandomConfiguration> Randoms { get; init; } = [];

    /// <summary>Memory modules.</summary>
    public ImmutableArray<MemoryModuleConfiguration> MemoryModules { get; init; } = [];

    /// <summary>Devices that tell the host of a guest's panic.</summary>
    public ImmutableArray<PanicConfiguration> Panics { get; init; } = [];

    /// <summary>Memory shared with other machines.</summary>
    public ImmutableArray<SharedMemoryConfiguration> SharedMemories { get; init; } = [];

    /// <summary>Sockets between host and guest.</summary>
    public VsockConfiguration? Vsock { get; init; }

    /// <summary>The IOMMU that the guest sees.</summary>
    public IommuConfiguration? Iommu { get; init; }
}
