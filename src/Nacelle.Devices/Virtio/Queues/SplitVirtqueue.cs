using System.Runtime.CompilerServices;
using Nacelle.Memory;

namespace Nacelle.Devices.Virtio;

/// <summary>The split layout: descriptor table, available ring, used ring (virtio 1.2, 2.7).</summary>
/// <remarks>Owned by the thread of the queue's event loop.</remarks>
internal sealed unsafe class SplitVirtqueue(
    in VirtqueueLayout layout,
    ulong features,
    GuestMemory memory,
    Action interrupt,
    Action<string> broken,
    BusMastering? mastering,
    byte* descriptors,
    byte* available,
    byte* used) : Virtqueue(layout, features, memory, interrupt, broken, mastering)
{
    private const ushort SuppressFlag = 1;
    private readonly ulong _usedAddress = layout.DeviceArea;
    private readonly byte* _descriptors = descriptors;
    private readonly byte* _available = available;
    private readonly byte* _used = used;
    private ushort _nextAvailable;
    private ushort _nextUsed;
    private ushort _signalledUsed;
    private int _held;

    private ushort AvailableIndex => Volatile.Read(ref *(ushort*)(_available + 2));

    private protected override void DisableNotificationsCore()
    {
        // With the event index the driver compares with the position of the last request for a kick, which is behind.
        if (!UsesEventIndex)
        {
            WriteUsed16(0, SuppressFlag);
        }
    }

    private protected override bool EnableNotificationsCore()
    {
        if (UsesEventIndex)
        {
            WriteUsed16(4 + (8 * Size), _nextAvailable);
        }
        else
        {
            WriteUsed16(0, 0);
        }

        // The request for a kick must be visible before the ring is looked at again, or both sides may wait (2.7.10).
        Interlocked.MemoryBarrier();
        return AvailableIndex != _nextAvailable;
    }

    private protected override bool TryPopCore(DescriptorChain chain)
    {
        ushort available = AvailableIndex;
        ushort pending = (ushort)(available - _nextAvailable);
        if (pending == 0)
        {
            return false;
        }

        if (pending > Size)
        {
            Break("the available index ran ahead of the ring");
            return false;
        }

        // A driver that offers a head twice could otherwise have any number of requests in flight.
        if (_held >= Size)
        {
            Break("more buffers are in flight than the ring has descriptors");
            return false;
        }

        ushort head = *(ushort*)(_available + 4 + (2 * (_nextAvailable & (Size - 1))));
        if (!TryWalk(head, chain))
        {
            return false;
        }

        chain.Id = head;
        chain.SlotCount = 1;
        _nextAvailable++;
        _held++;
        return true;
    }

    private protected override void StageCore(DescriptorChain chain, uint written)
    {
        int offset = 4 + (8 * (_nextUsed & (Size - 1)));
        *(uint*)(_used + offset) = chain.Id;
        *(uint*)(_used + offset + 4) = written;
        Memory.NotifyWritten(_usedAddress + (ulong)offset, 8);
        _nextUsed++;
        _held--;
    }

    private protected override void PublishCore() => WriteUsed16(2, _nextUsed);

    private protected override bool TakeNotificationNeeded()
    {
        // The used index must be visible before the driver's wish is read (2.7.7.2).
        Interlocked.MemoryBarrier();
        ushort previous = _signalledUsed;
        _signalledUsed = _nextUsed;
        if (previous == _nextUsed)
        {
            return false;
        }

        if (!UsesEventIndex)
        {
            return (Volatile.Read(ref *(ushort*)_available) & SuppressFlag) == 0;
        }

        ushort wanted = Volatile.Read(ref *(ushort*)(_available + 4 + (2 * Size)));
        return (ushort)(_nextUsed - wanted - 1) < (ushort)(_nextUsed - previous);
    }

    private bool TryWalk(ushort head, DescriptorChain chain)
    {
        byte* table = _descriptors;
        int tableSize = Size;
        int steps = 0;
        uint index = head;
        bool indirect = false;
        while (true)
        {
            if (index >= tableSize)
            {
                Break("a descriptor index is past its table");
                return false;
            }

            if (steps++ >= tableSize)
            {
                Break("a descriptor chain is a loop");
                return false;
            }

            byte* entry = table + (index * DescriptorSize);
            ulong address = Unsafe.ReadUnaligned<ulong>(entry);
            uint length = Unsafe.ReadUnaligned<uint>(entry + 8);
            ushort flags = Unsafe.ReadUnaligned<ushort>(entry + 12);
            ushort next = Unsafe.ReadUnaligned<ushort>(entry + 14);
            if ((flags & IndirectFlag) != 0)
            {
                if (indirect || (flags & NextFlag) != 0)
                {
                    Break("an indirect descriptor is inside an indirect table or has a successor");
                    return false;
                }

                if (!TryOpenIndirect(address, length, out table, out tableSize))
                {
                    return false;
                }

                indirect = true;
                index = 0;
                steps = 0;
                continue;
            }

            if (!TryAdd(chain, address, length, flags))
            {
                return false;
            }

            if ((flags & NextFlag) == 0)
            {
                return true;
            }

            index = next;
        }
    }

    private void WriteUsed16(int offset, ushort value)
    {
        Volatile.Write(ref *(ushort*)(_used + offset), value);
        Memory.NotifyWritten(_usedAddress + (ulong)offset, 2);
    }
}
