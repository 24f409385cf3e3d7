using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>What a network interface is connected to.</summary>
public enum InterfaceType
{
    /// <summary>A network of libvirt.</summary>
    Network,

    /// <summary>A bridge of the host.</summary>
    Bridge,

    /// <summary>The monitor's own user-mode networking.</summary>
    User,

    /// <summary>A tap device.</summary>
    Ethernet,

    /// <summary>A host's interface, by macvtap.</summary>
    Direct,

    /// <summary>A device of the host.</summary>
    HostDevice,

    /// <summary>A vhost-user back end.</summary>
    VhostUser,

    /// <summary>A vhost-vdpa device.</summary>
    Vdpa,

    /// <summary>A TCP server of another machine.</summary>
    Server,

    /// <summary>A TCP connection to another machine.</summary>
    Client,

    /// <summary>A multicast group.</summary>
    Multicast,

    /// <summary>UDP between two machines.</summary>
    Udp,

    /// <summary>A network of libvirt without addresses.</summary>
    Internal,

    /// <summary>Nothing.</summary>
    Null,

    /// <summary>Distributed switch of VMware.</summary>
    Vds,
}

/// <summary>A network interface.</summary>
public sealed record InterfaceConfiguration : DeviceConfiguration
{
    /// <summary>What it is connected to.</summary>
    public InterfaceType Type { get; init; }

    /// <summary>Whether a device of the host is taken from its driver and given back.</summary>
    public bool? Managed { get; init; }

    /// <summary>Whether guests may change what filters trust.</summary>
    public bool? TrustGuestReceiveFilters { get; init; }

    /// <summary>Its MAC address.</summary>
    public string? MacAddress { get; init; }

    /// <summary>generated or static.</summary>
    public string? MacType { get; init; }

    /// <summary>Whether the address is checked.</summary>
    public bool? MacCheck { get; init; }

    /// <summary>Where it is connected.</summary>
    public InterfaceSourceConfiguration? Source { get; init; }

    /// <summary>A virtual port of a switch.</summary>
    public VirtualPortConfiguration? VirtualPort { get; init; }

    /// <summary>Name of the host's interface.</summary>
    public string? Target { get; init; }

    /// <summary>Whether libvirt made that interface.</summary>
    public bool? TargetManaged { get; init; }

    /// <summary>Name of the guest's interface.</summary>
    public string? GuestName { get; init; }

    /// <summary>A script that brings the interface up.</summary>
    public string? Script { get; init; }

    /// <summary>A script that takes it down.</summary>
    public string? DownScript { get; init; }

    /// <summary>Domain of Xen that serves it.</summary>
    public string? BackendDomain { get; init; }

    /// <summary>passt or default.</summary>
    public string? BackendType { get; init; }

    /// <summary>The tap device's file on the host.</summary>
    public string? BackendTap { get; init; }

    /// <summary>The vhost device's file on the host.</summary>
    public string? BackendVhost { get; init; }

    /// <summary>Where the back end logs.</summary>
    public string? BackendLogFile { get; init; }

    /// <summary>virtio, e1000e and so on.</summary>
    public string? Model { get; init; }

    /// <summary>The driver.</summary>
    public InterfaceDriverConfiguration? Driver { get; init; }

    /// <summary>Rules of a filter.</summary>
    public InterfaceFilterConfiguration? Filter { get; init; }

    /// <summary>up or down.</summary>
    public string? Link { get; init; }

    /// <summary>Largest frame's content in bytes.</summary>
    public int? Mtu { get; init; }

    /// <summary>VLANs.</summary>
    public InterfaceVlanConfiguration? Vlan { get; init; }

    /// <summary>Limits.</summary>
    public BandwidthConfiguration? Bandwidth { get; init; }

    /// <summary>Bytes in the send buffer of the tap.</summary>
    public ulong? SendBuffer { get; init; }

    /// <summary>Received packets that are gathered before the guest is told.</summary>
    public int? CoalesceFrames { get; init; }

    /// <summary>Name of a port group, as a running domain has it.</summary>
    public string? PortGroup { get; init; }

    /// <summary>Whether it is isolated from others of the bridge.</summary>
    public bool? Isolated { get; init; }

    /// <summary>persistent or transient: its part in a pair for migration.</summary>
    public string? TeamingType { get; init; }

    /// <summary>Alias of the persistent one.</summary>
    public string? TeamingPersistent { get; init; }

    /// <summary>The option ROM.</summary>
    public RomConfiguration? Rom { get; init; }

    /// <summary>Ports forwarded to the guest.</summary>
    public ImmutableArray<PortForwardConfiguration> PortForwards { get; init; } = [];

    /// <summary>Addresses of the guest.</summary>
    public ImmutableArray<InterfaceAddressConfiguration> Addresses { get; init; } = [];
}

/// <summary>Where an interface is connected. Which members count depends on the interface's type.</summary>
public sealed record InterfaceSourceConfiguration
{
    /// <summary>A network of libvirt.</summary>
    public string? Network { get; init; }

    /// <summary>Its port group.</summary>
    public string? PortGroup { get; init; }

    /// <summary>Its port, as a running domain has it.</summary>
    public string? PortId { get; init; }

    /// <summary>A bridge.</summary>
    public string? Bridge { get; init; }

    /// <summary>A host's interface or vdpa device.</summary>
    public string? Device { get; init; }

    /// <summary>vepa, bridge, private or passthrough for macvtap; client or server for vhost-user.</summary>
    public string? Mode { get; init; }

    /// <summary>unix for vhost-user.</summary>
    public string? Type { get; init; }

    /// <summary>Path of a socket.</summary>
    public string? Path { get; init; }

    /// <summary>An address.</summary>
    public string? HostAddress { get; init; }

    /// <summary>A port.</summary>
    public int? Port { get; init; }

    /// <summary>A name.</summary>
    public string? Name { get; init; }

    /// <summary>A distributed switch of VMware.</summary>
    public string? SwitchId { get; init; }

    /// <summary>Its port group.</summary>
    public string? PortGroupId { get; init; }

    /// <summary>A connection of it.</summary>
    public string? ConnectionId { get; init; }

    /// <summary>Address of the near end, for UDP.</summary>
    public string? LocalAddress { get; init; }

    /// <summary>Port of the near end, for UDP.</summary>
    public int? LocalPort { get; init; }

    /// <summary>Whether a back end that went away is connected to again.</summary>
    public bool? Reconnect { get; init; }

    /// <summary>Seconds between attempts to.</summary>
    public int? ReconnectTimeout { get; init; }

    /// <summary>Where the host's device is.</summary>
    public DeviceAddress? HostDevice { get; init; }
}

/// <summary>The driver of a network interface.</summary>
public sealed record InterfaceDriverConfiguration : VirtioDriverConfiguration
{
    /// <summary>vhost, qemu or vfio.</summary>
    public string? Name { get; init; }

    /// <summary>iothread or timer: who sends.</summary>
    public string? TransmitMode { get; init; }

    /// <summary>Whether kicks are handled by another thread.</summary>
    public bool? IoEventFd { get; init; }

    /// <summary>Whether the device tells the driver when to kick.</summary>
    public bool? EventIndex { get; init; }

    /// <summary>Pairs of queues.</summary>
    public int? Queues { get; init; }

    /// <summary>Buffers of a receive queue.</summary>
    public int? ReceiveQueueSize { get; init; }

    /// <summary>Buffers of a transmit queue.</summary>
    public int? TransmitQueueSize { get; init; }

    /// <summary>Receive side scaling.</summary>
    public bool? Rss { get; init; }

    /// <summary>Whether the guest is told hashes.</summary>
    public bool? RssHashReport { get; init; }

    /// <summary>Offloads of the host's side.</summary>
    public OffloadConfiguration? Host { get; init; }

    /// <summary>Offloads of the guest's side.</summary>
    public OffloadConfiguration? Guest { get; init; }
}

/// <summary>Offloads of a network interface.</summary>
public sealed record OffloadConfiguration
{
    /// <summary>Checksums.</summary>
    public bool? Checksum { get; init; }

    /// <summary>Segmentation.</summary>
    public bool? GenericSegmentation { get; init; }

    /// <summary>Segmentation of TCP over IPv4.</summary>
    public bool? Tso4 { get; init; }

    /// <summary>Segmentation of TCP over IPv6.</summary>
    public bool? Tso6 { get; init; }

    /// <summary>Congestion notification.</summary>
    public bool? Ecn { get; init; }

    /// <summary>Fragmentation of UDP.</summary>
    public bool? Ufo { get; init; }

    /// <summary>Buffers put together.</summary>
    public bool? MergedBuffers { get; init; }
}

/// <summary>A virtual port of a switch.</summary>
public sealed record VirtualPortConfiguration
{
    /// <summary>openvswitch, 802.1Qbg, 802.1Qbh or midonet.</summary>
    public string? Type { get; init; }

    /// <summary>Its parameters.</summary>
    public VirtualPortParameters? Parameters { get; init; }
}

/// <summary>Parameters of a virtual port.</summary>
public sealed record VirtualPortParameters
{
    /// <summary>Interface.</summary>
    public string? InterfaceId { get; init; }

    /// <summary>Profile.</summary>
    public string? ProfileId { get; init; }

    /// <summary>Manager of 802.1Qbg.</summary>
    public string? ManagerId { get; init; }

    /// <summary>Type of 802.1Qbg.</summary>
    public string? TypeId { get; init; }

    /// <summary>Version of 802.1Qbg.</summary>
    public string? TypeIdVersion { get; init; }

    /// <summary>Instance of 802.1Qbg.</summary>
    public string? InstanceId { get; init; }
}

/// <summary>Rules of a filter.</summary>
public sealed record InterfaceFilterConfiguration
{
    /// <summary>Its name.</summary>
    public string Filter { get; init; } = "";

    /// <summary>Its parameters.</summary>
    public ImmutableArray<FilterParameterConfiguration> Parameters { get; init; } = [];
}

/// <summary>A parameter of a filter.</summary>
public sealed record FilterParameterConfiguration
{
    /// <summary>Its name.</summary>
    public string Name { get; init; } = "";

    /// <summary>Its value.</summary>
    public string Value { get; init; } = "";
}

/// <summary>VLANs of an interface.</summary>
public sealed record InterfaceVlanConfiguration
{
    /// <summary>Whether it carries several.</summary>
    public bool? Trunk { get; init; }

    /// <summary>They.</summary>
    public ImmutableArray<VlanTagConfiguration> Tags { get; init; } = [];
}

/// <summary>A VLAN.</summary>
public sealed record VlanTagConfiguration
{
    /// <summary>Its number, 0 to 4095.</summary>
    public int Id { get; init; }

    /// <summary>tagged or untagged.</summary>
    public string? NativeMode { get; init; }
}

/// <summary>Limits of an interface.</summary>
public sealed record BandwidthConfiguration
{
    /// <summary>To the guest.</summary>
    public BandwidthLimitConfiguration? Inbound { get; init; }

    /// <summary>From the guest.</summary>
    public BandwidthLimitConfiguration? Outbound { get; init; }
}

/// <summary>A limit.</summary>
public sealed record BandwidthLimitConfiguration
{
    /// <summary>KiB in a second.</summary>
    public ulong? Average { get; init; }

    /// <summary>KiB in a second at most.</summary>
    public ulong? Peak { get; init; }

    /// <summary>KiB that go at the peak's speed.</summary>
    public ulong? Burst { get; init; }

    /// <summary>KiB in a second that are guaranteed.</summary>
    public ulong? Floor { get; init; }
}

/// <summary>Ports of the host forwarded to the guest.</summary>
public sealed record PortForwardConfiguration
{
    /// <summary>tcp or udp.</summary>
    public string Protocol { get; init; } = "tcp";

    /// <summary>Address of the host.</summary>
    public string? Address { get; init; }

    /// <summary>Interface of the host.</summary>
    public string? Device { get; init; }

    /// <summary>Ports.</summary>
    public ImmutableArray<PortRangeConfiguration> Ranges { get; init; } = [];
}

/// <summary>A range of ports.</summary>
public sealed record PortRangeConfiguration
{
    /// <summary>First port of the host.</summary>
    public int Start { get; init; } = 1;

    /// <summary>Last port of the host; null for the first.</summary>
    public int? End { get; init; }

    /// <summary>First port of the guest; null for the same.</summary>
    public int? To { get; init; }

    /// <summary>Whether the range is left out of one that it is in.</summary>
    public bool? Exclude { get; init; }
}

/// <summary>An address of the guest.</summary>
public sealed record InterfaceAddressConfiguration
{
    /// <summary>The address.</summary>
    public string Address { get; init; } = "";

    /// <summary>ipv4 or ipv6.</summary>
    public string? Family { get; init; }

    /// <summary>Bits of the network.</summary>
    public int? Prefix { get; init; }

    /// <summary>Address of the host.</summary>
    public string? Peer { get; init; }
}
