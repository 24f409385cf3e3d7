using System.Buffers.Binary;
using Nacelle.Network;

namespace Nacelle.Devices.Virtio.Network;

/// <summary>Which frames the driver wants to see (virtio 1.2, 5.1.6.5.1 to 5.1.6.5.3).</summary>
/// <remarks>Immutable: the control queue publishes a new one, and the receiving loops read whichever is current.</remarks>
internal sealed record ReceiveFilter
{
    /// <summary>Bytes of a frame that <see cref="Accepts"/> looks at: Ethernet header and VLAN tag.</summary>
    public const int InspectedBytes = 18;

    /// <summary>Addresses that a table holds; a longer one is taken to mean all.</summary>
    public const int MaximumAddresses = 64;

    /// <summary>VLAN ids are 0 to 4095.</summary>
    public const int Vlans = 4096;

    /// <summary>Everything comes in: as long as the driver has said nothing else.</summary>
    public bool Promiscuous { get; init; } = true;

    public bool AllMulticast { get; init; }

    public bool AllUnicast { get; init; }

    public bool NoMulticast { get; init; }

    public bool NoUnicast { get; init; }

    public bool NoBroadcast { get; init; }

    /// <summary>The station's own address.</summary>
    public required MacAddress Own { get; init; }

    /// <summary>Further addresses of the station; null for all.</summary>
    public MacAddress[]? Unicast { get; init; } = [];

    /// <summary>Groups to listen to; null for all.</summary>
    public MacAddress[]? Multicast { get; init; } = [];

    /// <summary>One bit a VLAN; null where VLANs are not filtered.</summary>
    public ulong[]? AllowedVlans { get; init; }

    /// <summary>Whether a frame comes in.</summary>
    /// <param name="start">Its first <see cref="InspectedBytes"/>, or all of it where it is shorter.</param>
    public bool Accepts(ReadOnlySpan<byte> start)
    {
        if (Promiscuous)
        {
            return true;
        }

        if (start.Length < TransmitHeaderParser.ShortestFrame || !AcceptsVlan(start))
        {
            return false;
        }

        MacAddress target = MacAddress.Read(start);
        if (!target.IsGroup)
        {
            return !NoUnicast && (AllUnicast || target == Own || Contains(Unicast, target));
        }

        return target == MacAddress.Broadcast ? !NoBroadcast : !NoMulticast && (AllMulticast || Contains(Multicast, target));
    }

    private static bool Contains(MacAddress[]? table, MacAddress address) => table is null || table.AsSpan().Contains(address);

    private bool AcceptsVlan(ReadOnlySpan<byte> start)
    {
        const ushort customerTag = 0x8100;
        const ushort serviceTag = 0x88A8;
        if (AllowedVlans is null || start.Length < InspectedBytes
            || BinaryPrimitives.ReadUInt16BigEndian(start[12..]) is not (customerTag or serviceTag))
        {
            return true;
        }

        int vlan = BinaryPrimitives.ReadUInt16BigEndian(start[14..]) % Vlans;
        return (AllowedVlans[vlan / 64] & (1UL << (vlan % 64))) != 0;
    }
}
