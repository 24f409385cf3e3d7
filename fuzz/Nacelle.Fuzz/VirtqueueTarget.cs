using Nacelle.Devices.Virtio;
using Nacelle.Memory;

namespace Nacelle.Fuzz;

/// <summary>Lets the input be the rings of a virtqueue and drains it, in the layout that the first byte chooses.</summary>
internal static class VirtqueueTarget
{
    private const ulong RamSize = 0x10000;
    private const ulong Descriptors = 0;
    private const ulong DriverArea = 0x400;
    private const ulong DeviceArea = 0x800;

    /// <summary>Runs one input.</summary>
    /// <exception cref="InvalidOperationException">A buffer lies outside RAM, or the queue gave more than it can hold.</exception>
    public static void Run(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
        {
            return;
        }

        const ushort size = 16;
        ulong features = VirtioFeatures.Version1 | VirtioFeatures.IndirectDescriptors
            | ((input[0] & 1) != 0 ? VirtioFeatures.PackedRing : 0)
            | ((input[0] & 2) != 0 ? VirtioFeatures.EventIndex : 0);
        using GuestMemory memory = new([(0, RamSize)]);
        memory.TryWrite(0, input[1..]);
        VirtqueueLayout layout = new(0, size, Descriptors, DriverArea, DeviceArea);
        if (!Virtqueue.TryCreate(layout, features, memory, () => { }, _ => { }, out Virtqueue? queue, out string? error))
        {
            throw new InvalidOperationException(error);
        }

        DescriptorChain chain = new();
        for (int popped = 0; queue!.TryPop(chain); popped++)
        {
            Check(chain.Readable);
            Check(chain.Writable);
            if (popped > ushort.MaxValue)
            {
                throw new InvalidOperationException("the queue does not end");
            }

            queue.Push(chain, 0);
            queue.NotifyIfNeeded();
        }
    }

    private static void Check(ReadOnlySpan<GuestSegment> segments)
    {
        foreach (ref readonly GuestSegment segment in segments)
        {
            if (segment.Length == 0 || segment.Address >= RamSize || segment.Length > RamSize - segment.Address)
            {
                throw new InvalidOperationException($"0x{segment.Address:x}+0x{segment.Length:x} is outside of RAM");
            }
        }
    }
}
