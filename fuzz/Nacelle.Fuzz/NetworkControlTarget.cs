using System.Buffers.Binary;
using Nacelle.Devices.Virtio;
using Nacelle.Devices.Virtio.Network;
using Nacelle.Linux;
using Nacelle.Memory;
using Nacelle.Network;

namespace Nacelle.Fuzz;

/// <summary>
/// Lets the input be commands on the control queue of a network card. Each is: a byte for the split between two
/// descriptors, a byte for the length, and the command.
/// </summary>
internal static class NetworkControlTarget
{
    private const ulong Descriptors = 0;
    private const ulong DriverArea = 0x400;
    private const ulong DeviceArea = 0x800;
    private const ulong Command = 0x1000;
    private const ulong Answer = 0x2000;
    private static readonly EventLoop s_loop = new("fuzz");

    /// <summary>Runs one input.</summary>
    /// <exception cref="InvalidOperationException">A command got no answer, or what is known of the card makes no sense.</exception>
    public static void Run(ReadOnlySpan<byte> input)
    {
        const ulong features = VirtioFeatures.Version1 | NetworkFeatures.ControlReceive | NetworkFeatures.ControlReceiveExtra
            | NetworkFeatures.ControlVlan | NetworkFeatures.ControlMac | NetworkFeatures.MultiQueue
            | NetworkFeatures.ControlGuestOffloads | NetworkFeatures.GuestChecksum | NetworkFeatures.GuestTcp4;
        const ushort size = 8;
        using GuestMemory memory = new([(0, 0x10000)]);
        VirtqueueLayout layout = new(0, size, Descriptors, DriverArea, DeviceArea);
        string? broken = null;
        if (!Virtqueue.TryCreate(layout, features, memory, () => { }, rule => broken = rule, out Virtqueue? queue, out string? error))
        {
            throw new InvalidOperationException(error);
        }

        Card card = new();
        ControlQueueHandler handler = new(card, s_loop);
        handler.Activate(queue, features);
        for (ushort index = 1; input.Length > 2; index++)
        {
            byte split = input[0];
            int length = Math.Min(input[1], input.Length - 2);
            ReadOnlySpan<byte> command = input.Slice(2, length);
            input = input[(2 + length)..];
            if (length < 2)
            {
                continue;
            }

            memory.TryWrite(Command, command);
            memory.TryWrite(Answer, (byte)0xEE);
            Offer(memory, index, split, (uint)length);
            handler.Process();
            memory.TryRead(Answer, out byte answer);
            if (answer is not (0 or 1) || broken is not null)
            {
                throw new InvalidOperationException($"the answer is {answer}; broken: {broken}");
            }

            card.Check();
        }
    }

    private static void Offer(GuestMemory memory, ushort index, byte split, uint length)
    {
        uint first = 1 + (split % (length - 1));
        WriteDescriptor(memory, 0, Command, first, 1, 1);
        WriteDescriptor(memory, 1, Command + first, length - first, 1, 2);
        WriteDescriptor(memory, 2, Answer, 1, 2, 0);
        memory.TryWrite(DriverArea + 4 + (2UL * (ulong)((index - 1) % 8)), (ushort)0);
        memory.TryWrite(DriverArea + 2, index);
    }

    private static void WriteDescriptor(GuestMemory memory, ulong index, ulong address, uint length, ushort flags, ushort next)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, address);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], length);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[12..], flags);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[14..], next);
        memory.TryWrite(Descriptors + (index * 16), bytes);
    }

    private sealed class Card : INetworkControl
    {
        public ReceiveFilter Filter { get; set; } = new() { Own = new MacAddress(0x5254_0000_0001) };

        public void SetAddress(MacAddress address) => Filter = Filter with { Own = address };

        public bool TrySetQueuePairs(int count) => count is 1 or 2;

        public void SetGuestOffloads(ulong features)
        {
            if ((features & ~(NetworkFeatures.GuestChecksum | NetworkFeatures.GuestTcp4)) != 0)
            {
                throw new InvalidOperationException($"offloads 0x{features:x} were not negotiated");
            }
        }

        public void Check()
        {
            if (Filter.Own.IsGroup || Filter.Unicast?.Length > ReceiveFilter.MaximumAddresses
                || Filter.Multicast?.Length > ReceiveFilter.MaximumAddresses)
            {
                throw new InvalidOperationException("the filter is out of its bounds");
            }

            Filter.Accepts(stackalloc byte[ReceiveFilter.InspectedBytes]);
        }
    }
}
