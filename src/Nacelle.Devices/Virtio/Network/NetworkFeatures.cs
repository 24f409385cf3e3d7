using Nacelle.Network;

namespace Nacelle.Devices.Virtio.Network;

/// <summary>Feature bits of the network card (virtio 1.2, 5.1.3).</summary>
internal static class NetworkFeatures
{
    public const ulong Checksum = 1UL << 0;
    public const ulong GuestChecksum = 1UL << 1;
    public const ulong ControlGuestOffloads = 1UL << 2;
    public const ulong TransmissionUnit = 1UL << 3;
    public const ulong Mac = 1UL << 5;
    public const ulong GuestTcp4 = 1UL << 7;
    public const ulong GuestTcp6 = 1UL << 8;
    public const ulong GuestCongestion = 1UL << 9;
    public const ulong GuestUdp = 1UL << 10;
    public const ulong HostTcp4 = 1UL << 11;
    public const ulong HostTcp6 = 1UL << 12;
    public const ulong HostCongestion = 1UL << 13;
    public const ulong HostUdp = 1UL << 14;
    public const ulong MergeableBuffers = 1UL << 15;
    public const ulong Status = 1UL << 16;
    public const ulong ControlQueue = 1UL << 17;
    public const ulong ControlReceive = 1UL << 18;
    public const ulong ControlVlan = 1UL << 19;
    public const ulong ControlReceiveExtra = 1UL << 20;
    public const ulong MultiQueue = 1UL << 22;
    public const ulong ControlMac = 1UL << 23;

    /// <summary>All that a driver may switch with the guest offloads command.</summary>
    public const ulong GuestOffloads = GuestChecksum | GuestTcp4 | GuestTcp6 | GuestCongestion | GuestUdp;

    private static readonly (NetworkOffloads Offload, ulong Host, ulong Guest)[] s_offloads =
    [
        (NetworkOffloads.Checksum, Checksum, GuestChecksum),
        (NetworkOffloads.Tcp4, HostTcp4, GuestTcp4),
        (NetworkOffloads.Tcp6, HostTcp6, GuestTcp6),
        (NetworkOffloads.TcpCongestion, HostCongestion, GuestCongestion),
        (NetworkOffloads.Udp, HostUdp, GuestUdp),
    ];

    /// <summary>The feature bits that offer a back end's abilities.</summary>
    public static ulong Offer(NetworkOffloads send, NetworkOffloads receive)
    {
        ulong features = receive == NetworkOffloads.None ? 0 : ControlGuestOffloads;
        foreach ((NetworkOffloads offload, ulong host, ulong guest) in s_offloads)
        {
            features |= ((send & offload) != 0 ? host : 0) | ((receive & offload) != 0 ? guest : 0);
        }

        return features;
    }

    /// <summary>What the driver may leave undone in frames that it sends.</summary>
    public static NetworkOffloads SendOffloads(ulong features)
    {
        NetworkOffloads result = NetworkOffloads.None;
        foreach ((NetworkOffloads offload, ulong host, _) in s_offloads)
        {
            result |= (features & host) != 0 ? offload : 0;
        }

        return result;
    }

    /// <summary>What the driver accepts undone in frames that it receives; without its checksum feature nothing (5.1.3.1).</summary>
    public static NetworkOffloads ReceiveOffloads(ulong features)
    {
        NetworkOffloads result = NetworkOffloads.None;
        foreach ((NetworkOffloads offload, _, ulong guest) in s_offloads)
        {
            result |= (features & guest) != 0 ? offload : 0;
        }

        return (result & NetworkOffloads.Checksum) != 0 ? result : NetworkOffloads.None;
    }
}
