using System.Buffers.Binary;
using Nacelle.Linux;
using Nacelle.Network;

namespace Nacelle.Devices.Virtio.Network;

/// <summary>What the control queue may change in its card.</summary>
internal interface INetworkControl
{
    /// <summary>Which frames the driver wants to see from now on.</summary>
    ReceiveFilter Filter { get; set; }

    /// <summary>Gives the station another address.</summary>
    void SetAddress(MacAddress address);

    /// <summary>Uses the first so many queue pairs.</summary>
    /// <returns>False where there are not so many, or the back end refuses.</returns>
    bool TrySetQueuePairs(int count);

    /// <summary>Sets what may be left undone in received frames.</summary>
    /// <param name="features">Bits of <see cref="NetworkFeatures.GuestOffloads"/>.</param>
    void SetGuestOffloads(ulong features);
}

/// <summary>Does what the driver asks for on the control queue (virtio 1.2, 5.1.6.5).</summary>
/// <remarks>Owned by the control queue's loop.</remarks>
internal sealed class ControlQueueHandler
{
    private const int HeaderSize = 2;
    private const byte Ok = 0;
    private const byte Error = 1;
    private readonly INetworkControl _card;
    private readonly EventLoop _loop;
    private readonly Action _continue;
    private readonly DescriptorChain _chain = new();
    private ulong _features;
    private Virtqueue? _queue;
    private bool _continues;

    public ControlQueueHandler(INetworkControl card, EventLoop loop)
    {
        _card = card;
        _loop = loop;
        _continue = () =>
        {
            _continues = false;
            Process();
        };
    }

    public void Activate(Virtqueue? queue, ulong features)
    {
        _queue = queue;
        _features = features;
        _card.Filter = _card.Filter with
        {
            AllowedVlans = Has(NetworkFeatures.ControlVlan) ? new ulong[ReceiveFilter.Vlans / 64] : null,
        };
    }

    public void Deactivate() => _queue = null;

    /// <summary>Does the commands of one turn.</summary>
    public void Process()
    {
        if (_queue is not { } queue)
        {
            return;
        }

        // A turn is bounded so that a guest that commands without end cannot keep the loop from its frames.
        int budget = queue.Size;
        do
        {
            queue.DisableNotifications();
            while (budget > 0 && queue.TryPop(_chain))
            {
                budget--;
                if (_chain.ReadableLength < HeaderSize || _chain.WritableLength == 0)
                {
                    queue.Break("a control command has no whole header or no room for its answer");
                    return;
                }

                _chain.CopyIn(0, [Execute(_chain) ? Ok : Error]);
                queue.Push(_chain, 1);
                queue.NotifyIfNeeded();
            }
        }
        while (budget > 0 && queue.EnableNotifications());

        if (budget == 0 && !_continues)
        {
            _continues = true;
            _loop.Post(_continue);
        }
    }

    private bool Has(ulong feature) => (_features & feature) == feature;

    private bool Execute(DescriptorChain chain)
    {
        Span<byte> header = stackalloc byte[HeaderSize];
        chain.CopyOut(0, header);
        ulong length = chain.ReadableLength - HeaderSize;
        return (header[0], header[1]) switch
        {
            (0, <= 1) when Has(NetworkFeatures.ControlReceive) && length >= 1 => SetMode(header[1], ReadByte(chain)),
            (0, >= 2 and <= 5) when Has(NetworkFeatures.ControlReceiveExtra) && length >= 1 => SetMode(header[1], ReadByte(chain)),
            (1, 0) when Has(NetworkFeatures.ControlReceive) => SetTables(chain),
            (1, 1) when Has(NetworkFeatures.ControlMac) && length >= MacAddress.Size => SetAddress(chain),
            (2, 0 or 1) when Has(NetworkFeatures.ControlVlan) && length >= 2 => SetVlan(ReadUInt16(chain), header[1] == 0),
            (4, 0) when Has(NetworkFeatures.MultiQueue) && length >= 2 => _card.TrySetQueuePairs(ReadUInt16(chain)),
            (5, 0) when Has(NetworkFeatures.ControlGuestOffloads) && length >= 8 => SetOffloads(chain),
            _ => false,
        };
    }

    private bool SetMode(byte command, byte value)
    {
        ReceiveFilter filter = _card.Filter;
        bool on = value != 0;
        _card.Filter = command switch
        {
            0 => filter with { Promiscuous = on },
            1 => filter with { AllMulticast = on },
            2 => filter with { AllUnicast = on },
            3 => filter with { NoMulticast = on },
            4 => filter with { NoUnicast = on },
            _ => filter with { NoBroadcast = on },
        };
        return true;
    }

    private bool SetTables(DescriptorChain chain)
    {
        ulong offset = HeaderSize;
        if (!TryReadTable(chain, ref offset, out MacAddress[]? unicast) || !TryReadTable(chain, ref offset, out MacAddress[]? multicast))
        {
            return false;
        }

        _card.Filter = _card.Filter with { Unicast = unicast, Multicast = multicast };
        return true;
    }

    /// <summary>Reads one struct virtio_net_ctrl_mac; a table that is too long to keep comes out as null, which means all.</summary>
    private static bool TryReadTable(DescriptorChain chain, ref ulong offset, out MacAddress[]? table)
    {
        Span<byte> number = stackalloc byte[4];
        table = null;
        if (chain.CopyOut(offset, number) < number.Length)
        {
            return false;
        }

        uint count = BinaryPrimitives.ReadUInt32LittleEndian(number);
        offset += (ulong)number.Length;
        ulong bytes = (ulong)count * MacAddress.Size;
        if (bytes > chain.ReadableLength - offset)
        {
            return false;
        }

        if (count <= ReceiveFilter.MaximumAddresses)
        {
            Span<byte> copy = stackalloc byte[ReceiveFilter.MaximumAddresses * MacAddress.Size];
            copy = copy[..(int)bytes];
            chain.CopyOut(offset, copy);
            table = new MacAddress[count];
            for (int i = 0; i < table.Length; i++)
            {
                table[i] = MacAddress.Read(copy[(i * MacAddress.Size)..]);
            }
        }

        offset += bytes;
        return true;
    }

    private bool SetAddress(DescriptorChain chain)
    {
        Span<byte> bytes = stackalloc byte[MacAddress.Size];
        chain.CopyOut(HeaderSize, bytes);
        MacAddress address = MacAddress.Read(bytes);
        if (address.IsGroup)
        {
            return false;
        }

        _card.SetAddress(address);
        return true;
    }

    private bool SetVlan(ushort vlan, bool allowed)
    {
        if (vlan >= ReceiveFilter.Vlans || _card.Filter.AllowedVlans is not { } old)
        {
            return false;
        }

        ulong[] vlans = [.. old];
        ulong bit = 1UL << (vlan % 64);
        vlans[vlan / 64] = allowed ? vlans[vlan / 64] | bit : vlans[vlan / 64] & ~bit;
        _card.Filter = _card.Filter with { AllowedVlans = vlans };
        return true;
    }

    private bool SetOffloads(DescriptorChain chain)
    {
        Span<byte> bytes = stackalloc byte[8];
        chain.CopyOut(HeaderSize, bytes);
        ulong wanted = BinaryPrimitives.ReadUInt64LittleEndian(bytes);

        // 5.1.6.5.6.1: only what was negotiated may be switched on.
        if ((wanted & ~(_features & NetworkFeatures.GuestOffloads)) != 0)
        {
            return false;
        }

        _card.SetGuestOffloads(wanted);
        return true;
    }

    private static byte ReadByte(DescriptorChain chain)
    {
        Span<byte> bytes = stackalloc byte[1];
        chain.CopyOut(HeaderSize, bytes);
        return bytes[0];
    }

    private static ushort ReadUInt16(DescriptorChain chain)
    {
        Span<byte> bytes = stackalloc byte[2];
        chain.CopyOut(HeaderSize, bytes);
        return BinaryPrimitives.ReadUInt16LittleEndian(bytes);
    }
}
