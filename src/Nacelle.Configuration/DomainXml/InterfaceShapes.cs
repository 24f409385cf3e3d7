using static Nacelle.Configuration.TextTypes;

namespace Nacelle.Configuration;

/// <summary>Network interfaces.</summary>
internal static class InterfaceShapes
{
    private const int LastPort = 65535;

    internal static XmlShape<InterfaceConfiguration> Interface { get; } = new XmlShape<InterfaceConfiguration>()
        .Attribute("type", ConfigurationWords.InterfaceType, network => network.Type, (network, value) => network with { Type = value }, required: true)
        .Attribute("managed", YesNo, network => network.Managed, (network, value) => network with { Managed = value })
        .Attribute("trustGuestRxFilters", YesNo, network => network.TrustGuestReceiveFilters, (network, value) => network with { TrustGuestReceiveFilters = value })
        .Group("mac", group => group
            .Attribute("address", MacAddress, network => network.MacAddress, (network, value) => network with { MacAddress = value }, required: true)
            .Attribute("type", Word("generated", "static"), network => network.MacType, (network, value) => network with { MacType = value })
            .Attribute("check", YesNo, network => network.MacCheck, (network, value) => network with { MacCheck = value }))
        .Child("source", () => Source!, () => new InterfaceSourceConfiguration(), network => network.Source, (network, value) => network with { Source = value })
        .Child("virtualport", () => VirtualPort!, () => new VirtualPortConfiguration(), network => network.VirtualPort, (network, value) => network with { VirtualPort = value })
        .Group("target", group => group
            .Attribute("dev", Text, network => network.Target, (network, value) => network with { Target = value })
            .Attribute("managed", YesNo, network => network.TargetManaged, (network, value) => network with { TargetManaged = value }))
        .Group("guest", group => group
            .Attribute("dev", Text, network => network.GuestName, (network, value) => network with { GuestName = value }))
        .Group("script", group => group
            .Attribute("path", FilePath, network => network.Script, (network, value) => network with { Script = value }))
        .Group("downscript", group => group
            .Attribute("path", FilePath, network => network.DownScript, (network, value) => network with { DownScript = value }))
        .Group("backenddomain", group => group
            .Attribute("name", Text, network => network.BackendDomain, (network, value) => network with { BackendDomain = value }))
        .Group("backend", group => group
            .Attribute("type", Word("default", "passt"), network => network.BackendType, (network, value) => network with { BackendType = value })
            .Attribute("tap", FilePath, network => network.BackendTap, (network, value) => network with { BackendTap = value })
            .Attribute("vhost", FilePath, network => network.BackendVhost, (network, value) => network with { BackendVhost = value })
            .Attribute("logFile", FilePath, network => network.BackendLogFile, (network, value) => network with { BackendLogFile = value }))
        .Group("model", group => group
            .Attribute("type", Text, network => network.Model, (network, value) => network with { Model = value }))
        .Child("driver", () => Driver!, () => new InterfaceDriverConfiguration(), network => network.Driver, (network, value) => network with { Driver = value })
        .Child("filterref", () => Filter!, () => new InterfaceFilterConfiguration(), network => network.Filter, (network, value) => network with { Filter = value })
        .Group("link", group => group
            .Attribute("state", Word("up", "down"), network => network.Link, (network, value) => network with { Link = value }))
        .Group("mtu", group => group
            .Attribute("size", Number(1, LastPort), network => network.Mtu, (network, value) => network with { Mtu = value }))
        .Child("vlan", () => Vlan!, () => new InterfaceVlanConfiguration(), network => network.Vlan, (network, value) => network with { Vlan = value })
        .Child("bandwidth", () => Bandwidth!, () => new BandwidthConfiguration(), network => network.Bandwidth, (network, value) => network with { Bandwidth = value })
        .Group("tune", group => group
            .Element("sndbuf", Large(), network => network.SendBuffer, (network, value) => network with { SendBuffer = value }))
        .Group("coalesce", group => group
            .Group("rx", receive => receive
                .Group("frames", frames => frames
                    .Attribute("max", Number(), network => network.CoalesceFrames, (network, value) => network with { CoalesceFrames = value }))))
        .Group("port", group => group
            .Attribute("isolated", YesNo, network => network.Isolated, (network, value) => network with { Isolated = value }))
        .Group("teaming", group => group
            .Attribute("type", Word("persistent", "transient"), network => network.TeamingType, (network, value) => network with { TeamingType = value })
            .Attribute("persistent", Text, network => network.TeamingPersistent, (network, value) => network with { TeamingPersistent = value }))
        .Child("rom", () => DeviceShapes.Rom, () => new RomConfiguration(), network => network.Rom, (network, value) => network with { Rom = value })
        .Many("portForward", () => PortForward!, () => new PortForwardConfiguration(), network => network.PortForwards, (network, value) => network with { PortForwards = value })
        .Many("ip", () => GuestAddress!, () => new InterfaceAddressConfiguration(), network => network.Addresses, (network, value) => network with { Addresses = value })
        .Device(bootable: true, acpi: true);

    private static XmlShape<DeviceAddress> SourceAddress { get; } = new XmlShape<DeviceAddress>()
        .Attribute("type", ConfigurationWords.DeviceAddressType, address => address.Type, (address, value) => address with { Type = value })
        .With(DeviceShapes.AddressParts);

    private static XmlShape<InterfaceSourceConfiguration> Source { get; } = new XmlShape<InterfaceSourceConfiguration>()
        .Attribute("network", Text, source => source.Network, (source, value) => source with { Network = value })
        .Attribute("portgroup", Text, source => source.PortGroup, (source, value) => source with { PortGroup = value })
        .Attribute("portid", Text, source => source.PortId, (source, value) => source with { PortId = value })
        .Attribute("bridge", Text, source => source.Bridge, (source, value) => source with { Bridge = value })
        .Attribute("dev", Text, source => source.Device, (source, value) => source with { Device = value })
        .Attribute("mode", Text, source => source.Mode, (source, value) => source with { Mode = value })
        .Attribute("type", Text, source => source.Type, (source, value) => source with { Type = value })
        .Attribute("path", FilePath, source => source.Path, (source, value) => source with { Path = value })
        .Attribute("address", Text, source => source.HostAddress, (source, value) => source with { HostAddress = value })
        .Attribute("port", Number(0, LastPort), source => source.Port, (source, value) => source with { Port = value })
        .Attribute("name", Text, source => source.Name, (source, value) => source with { Name = value })
        .Attribute("switchid", Text, source => source.SwitchId, (source, value) => source with { SwitchId = value })
        .Attribute("portgroupid", Text, source => source.PortGroupId, (source, value) => source with { PortGroupId = value })
        .Attribute("connectionid", Text, source => source.ConnectionId, (source, value) => source with { ConnectionId = value })
        .Group("local", group => group
            .Attribute("address", Text, source => source.LocalAddress, (source, value) => source with { LocalAddress = value })
            .Attribute("port", Number(0, LastPort), source => source.LocalPort, (source, value) => source with { LocalPort = value }))
        .Group("reconnect", group => group
            .Attribute("enabled", YesNo, source => source.Reconnect, (source, value) => source with { Reconnect = value })
            .Attribute("timeout", Number(), source => source.ReconnectTimeout, (source, value) => source with { ReconnectTimeout = value }))
        .Child("address", () => SourceAddress, () => new DeviceAddress(), source => source.HostDevice, (source, value) => source with { HostDevice = value });

    private static XmlShape<InterfaceDriverConfiguration> Driver { get; } = new XmlShape<InterfaceDriverConfiguration>()
        .Attribute("name", Text, driver => driver.Name, (driver, value) => driver with { Name = value })
        .Attribute("txmode", Word("iothread", "timer"), driver => driver.TransmitMode, (driver, value) => driver with { TransmitMode = value })
        .Attribute("ioeventfd", OnOff, driver => driver.IoEventFd, (driver, value) => driver with { IoEventFd = value })
        .Attribute("event_idx", OnOff, driver => driver.EventIndex, (driver, value) => driver with { EventIndex = value })
        .Attribute("queues", Number(1, 256), driver => driver.Queues, (driver, value) => driver with { Queues = value })
        .Attribute("rx_queue_size", Number(1, 32768), driver => driver.ReceiveQueueSize, (driver, value) => driver with { ReceiveQueueSize = value })
        .Attribute("tx_queue_size", Number(1, 32768), driver => driver.TransmitQueueSize, (driver, value) => driver with { TransmitQueueSize = value })
        .Attribute("rss", OnOff, driver => driver.Rss, (driver, value) => driver with { Rss = value })
        .Attribute("rss_hash_report", OnOff, driver => driver.RssHashReport, (driver, value) => driver with { RssHashReport = value })
        .VirtioDriver()
        .Child("host", () => Offload!, () => new OffloadConfiguration(), driver => driver.Host, (driver, value) => driver with { Host = value })
        .Child("guest", () => Offload!, () => new OffloadConfiguration(), driver => driver.Guest, (driver, value) => driver with { Guest = value });

    private static XmlShape<OffloadConfiguration> Offload { get; } = new XmlShape<OffloadConfiguration>()
        .Attribute("csum", OnOff, offload => offload.Checksum, (offload, value) => offload with { Checksum = value })
        .Attribute("gso", OnOff, offload => offload.GenericSegmentation, (offload, value) => offload with { GenericSegmentation = value })
        .Attribute("tso4", OnOff, offload => offload.Tso4, (offload, value) => offload with { Tso4 = value })
        .Attribute("tso6", OnOff, offload => offload.Tso6, (offload, value) => offload with { Tso6 = value })
        .Attribute("ecn", OnOff, offload => offload.Ecn, (offload, value) => offload with { Ecn = value })
        .Attribute("ufo", OnOff, offload => offload.Ufo, (offload, value) => offload with { Ufo = value })
        .Attribute("mrg_rxbuf", OnOff, offload => offload.MergedBuffers, (offload, value) => offload with { MergedBuffers = value });

    private static XmlShape<VirtualPortConfiguration> VirtualPort { get; } = new XmlShape<VirtualPortConfiguration>()
        .Attribute("type", Word("openvswitch", "802.1Qbg", "802.1Qbh", "midonet"), port => port.Type, (port, value) => port with { Type = value })
        .Child("parameters", () => VirtualPortParameters!, () => new VirtualPortParameters(), port => port.Parameters, (port, value) => port with { Parameters = value });

    private static XmlShape<VirtualPortParameters> VirtualPortParameters { get; } = new XmlShape<VirtualPortParameters>()
        .Attribute("interfaceid", Text, port => port.InterfaceId, (port, value) => port with { InterfaceId = value })
        .Attribute("profileid", Text, port => port.ProfileId, (port, value) => port with { ProfileId = value })
        .Attribute("managerid", Text, port => port.ManagerId, (port, value) => port with { ManagerId = value })
        .Attribute("typeid", Text, port => port.TypeId, (port, value) => port with { TypeId = value })
        .Attribute("typeidversion", Text, port => port.TypeIdVersion, (port, value) => port with { TypeIdVersion = value })
        .Attribute("instanceid", Text, port => port.InstanceId, (port, value) => port with { InstanceId = value });

    private static XmlShape<InterfaceFilterConfiguration> Filter { get; } = new XmlShape<InterfaceFilterConfiguration>()
        .Attribute("filter", Text, filter => filter.Filter, (filter, value) => filter with { Filter = value }, required: true)
        .Many("parameter", () => FilterParameter!, () => new FilterParameterConfiguration(), filter => filter.Parameters, (filter, value) => filter with { Parameters = value });

    private static XmlShape<FilterParameterConfiguration> FilterParameter { get; } = new XmlShape<FilterParameterConfiguration>()
        .Attribute("name", Text, parameter => parameter.Name, (parameter, value) => parameter with { Name = value }, required: true)
        .Attribute("value", AnyText, parameter => parameter.Value, (parameter, value) => parameter with { Value = value }, required: true);

    private static XmlShape<InterfaceVlanConfiguration> Vlan { get; } = new XmlShape<InterfaceVlanConfiguration>()
        .Attribute("trunk", YesNo, vlan => vlan.Trunk, (vlan, value) => vlan with { Trunk = value })
        .Many("tag", () => VlanTag!, () => new VlanTagConfiguration(), vlan => vlan.Tags, (vlan, value) => vlan with { Tags = value });

    private static XmlShape<VlanTagConfiguration> VlanTag { get; } = new XmlShape<VlanTagConfiguration>()
        .Attribute("id", Number(0, 4095), tag => tag.Id, (tag, value) => tag with { Id = value }, required: true)
        .Attribute("nativeMode", Word("tagged", "untagged"), tag => tag.NativeMode, (tag, value) => tag with { NativeMode = value });

    private static XmlShape<BandwidthConfiguration> Bandwidth { get; } = new XmlShape<BandwidthConfiguration>()
        .Child("inbound", () => BandwidthLimit!, () => new BandwidthLimitConfiguration(), bandwidth => bandwidth.Inbound, (bandwidth, value) => bandwidth with { Inbound = value })
        .Child("outbound", () => BandwidthLimit!, () => new BandwidthLimitConfiguration(), bandwidth => bandwidth.Outbound, (bandwidth, value) => bandwidth with { Outbound = value });

    private static XmlShape<BandwidthLimitConfiguration> BandwidthLimit { get; } = new XmlShape<BandwidthLimitConfiguration>()
        .Attribute("average", Large(), limit => limit.Average, (limit, value) => limit with { Average = value })
        .Attribute("peak", Large(), limit => limit.Peak, (limit, value) => limit with { Peak = value })
        .Attribute("burst", Large(), limit => limit.Burst, (limit, value) => limit with { Burst = value })
        .Attribute("floor", Large(), limit => limit.Floor, (limit, value) => limit with { Floor = value });

    private static XmlShape<PortForwardConfiguration> PortForward { get; } = new XmlShape<PortForwardConfiguration>()
        .Attribute("proto", Word("tcp", "udp"), forward => forward.Protocol, (forward, value) => forward with { Protocol = value }, required: true)
        .Attribute("address", Text, forward => forward.Address, (forward, value) => forward with { Address = value })
        .Attribute("dev", Text, forward => forward.Device, (forward, value) => forward with { Device = value })
        .Many("range", () => PortRange!, () => new PortRangeConfiguration(), forward => forward.Ranges, (forward, value) => forward with { Ranges = value });

    private static XmlShape<PortRangeConfiguration> PortRange { get; } = new XmlShape<PortRangeConfiguration>()
        .Attribute("start", Number(1, LastPort), range => range.Start, (range, value) => range with { Start = value }, required: true)
        .Attribute("end", Number(1, LastPort), range => range.End, (range, value) => range with { End = value })
        .Attribute("to", Number(1, LastPort), range => range.To, (range, value) => range with { To = value })
        .Attribute("exclude", YesNo, range => range.Exclude, (range, value) => range with { Exclude = value });

    private static XmlShape<InterfaceAddressConfiguration> GuestAddress { get; } = new XmlShape<InterfaceAddressConfiguration>()
        .Attribute("address", Text, address => address.Address, (address, value) => address with { Address = value }, required: true)
        .Attribute("family", Word("ipv4", "ipv6"), address => address.Family, (address, value) => address with { Family = value })
        .Attribute("prefix", Number(0, 128), address => address.Prefix, (address, value) => address with { Prefix = value })
        .Attribute("peer", Text, address => address.Peer, (address, value) => address with { Peer = value });
}
