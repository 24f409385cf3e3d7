using System.Buffers.Binary;
using Nacelle.Network;

namespace Nacelle.Devices.Virtio.Network;

/// <summary>The network card's configuration space (struct virtio_net_config; virtio 1.2, 5.1.4).</summary>
/// <remarks>Thread safe: the address and the link are atomics, the rest is fixed at construction.</remarks>
/// <param name="address">The address after a reset.</param>
/// <param name="queuePairs">The most queue pairs.</param>
/// <param name="transmissionUnit">The largest packet, 0 where it is not known.</param>
internal sealed class NetworkConfigurationSpace(MacAddress address, int queuePairs, int transmissionUnit)
{
    public const uint Size = 12;
    private const ushort LinkUpStatus = 1;
    private ulong _address = address.Value;
    private volatile bool _linkUp = true;

    public MacAddress Address
    {
        get => new(Volatile.Read(ref _address));
        set => Volatile.Write(ref _address, value.Value);
    }

    public bool LinkUp
    {
        get => _linkUp;
        set => _linkUp = value;
    }

    public void Read(uint offset, Span<byte> destination)
    {
        Span<byte> image = stackalloc byte[(int)Size];
        Address.Write(image);
        BinaryPrimitives.WriteUInt16LittleEndian(image[6..], _linkUp ? LinkUpStatus : (ushort)0);
        BinaryPrimitives.WriteUInt16LittleEndian(image[8..], (ushort)queuePairs);
        BinaryPrimitives.WriteUInt16LittleEndian(image[10..], (ushort)transmissionUnit);
        image.Slice((int)offset, destination.Length).CopyTo(destination);
    }
}
