using System.Runtime.CompilerServices;
using Nacelle.Memory;

namespace Nacelle.Devices.Virtio;

/// <summary>The packed layout: one ring that both sides write, with wrap counters (virtio 1.2, 2.8).</summary>
/// <remarks>Owned by the thread of the queue's event loop.</remarks>
internal sealed unsafe class PackedVirtqueue(
    in VirtqueueLayout layout,
    ulong features,
    GuestMemory memory,
    Action interrupt,
    Action<string> broken,
    BusMastering? mastering,
    byte* ring,
    byte* driverEvent,
    byte* deviceEvent) : Virtqueue(layout, features, memory, interrupt, broken, mastering)
{
    private const ushort AvailableFlag = 1 << 7;
    private const ushort UsedFlag = 1 << 15;
    private const ushort EventsEnabled = 0;
    private const ushort EventsDisabled = 1;
    private const ushort EventsAtDescriptor = 2;
    private readonly ulong _ringAddress = layout.DescriptorArea;
    private readonly ulong _deviceEventAddress = layout.DeviceArea;
    private readonly byte* _ring = ring;
    private readonly byte* _driverEvent = driverEvent;
    private readonly byte* _deviceEvent = deviceEvent;
    private ushort _nextAvailable;
    private ushort _nextUsed;
    private ushort _pushedSlots;
    private bool _availableWrap = true;
    private bool _usedWrap = true;
    private int _slotsHeld;
    private int _stagedHead = -1;
    private ushort _stagedFlags;

    private protected override void DisableNotificationsCore() => WriteDeviceEvent(0, EventsDisabled);

    private protected override bool EnableNotificationsCore()
    {
        if (UsesEventIndex)
        {
            WriteDeviceEvent((ushort)(_nextAvailable | (_availableWrap ? 0x8000 : 0)), EventsAtDescriptor);
        }
        else
        {
            WriteDeviceEvent(0, EventsEnabled);
        }

        // As in the split layout: ask for the kick first, then look again.
        Interlocked.MemoryBarrier();
        return IsAvailable(ReadFlags(_nextAvailable));
    }

    private protected override bool TryPopCore(DescriptorChain chain)
    {
        ushort flags = ReadFlags(_nextAvailable);
        if (!IsAvailable(flags))
        {
            return false;
        }

        int position = _nextAvailable;
        int slots = 0;
        while (true)
        {
            if (++slots > Size - _slotsHeld)
            {
                Break("a descriptor chain is longer than the free part of the ring");
                return false;
            }

            byte* entry = _ring + (position * (int)DescriptorSize);
            ulong address = Unsafe.ReadUnaligned<ulong>(entry);
            uint length = Unsafe.ReadUnaligned<uint>(entry + 8);
            ushort id = Unsafe.ReadUnaligned<ushort>(entry + 12);
            bool added = (flags & IndirectFlag) == 0
                ? TryAdd(chain, address, length, flags)
                : TryAddIndirect(chain, address, length, flags, slots);
            if (!added)
            {
                return false;
            }

            position = position + 1 == Size ? 0 : position + 1;
            if ((flags & NextFlag) == 0)
            {
                chain.Id = id;
                break;
            }

            flags = ReadFlags((ushort)position);
        }

        chain.SlotCount = (ushort)slots;
        _slotsHeld += slots;
        Advance(ref _nextAvailable, ref _availableWrap, slots);
        return true;
    }

    private protected override void StageCore(DescriptorChain chain, uint written)
    {
        byte* entry = _ring + (_nextUsed * (int)DescriptorSize);
        Unsafe.WriteUnaligned(entry + 8, written);
        Unsafe.WriteUnaligned(entry + 12, chain.Id);
        ushort flags = (ushort)((_usedWrap ? AvailableFlag | UsedFlag : 0) | (written > 0 ? WriteFlag : 0));
        if (_stagedHead < 0)
        {
            // The driver goes through the ring in order: as long as the first one is not used, it sees none of the others.
            _stagedHead = _nextUsed;
            _stagedFlags = flags;
        }
        else
        {
            WriteUsedFlags(_nextUsed, flags);
        }

        _slotsHeld -= chain.SlotCount;
        _pushedSlots += chain.SlotCount;
        Advance(ref _nextUsed, ref _usedWrap, chain.SlotCount);
    }

    private protected override void PublishCore()
    {
        if (_stagedHead >= 0)
        {
            WriteUsedFlags((ushort)_stagedHead, _stagedFlags);
            _stagedHead = -1;
        }
    }

    private protected override bool TakeNotificationNeeded()
    {
        Interlocked.MemoryBarrier();
        ushort pushed = _pushedSlots;
        _pushedSlots = 0;
        if (pushed == 0)
        {
            return false;
        }

        // One 32-bit read, so that position and mode belong together.
        uint wish = Volatile.Read(ref *(uint*)_driverEvent);
        ushort mode = (ushort)((wish >> 16) & 3);
        if (mode != EventsAtDescriptor || !UsesEventIndex)
        {
            return mode != EventsDisabled;
        }

        int wanted = (int)(wish & 0x7FFF);
        if (((wish & 0x8000) != 0) != _usedWrap)
        {
            wanted -= Size;
        }

        return (ushort)(_nextUsed - wanted - 1) < pushed;
    }

    private bool TryAddIndirect(DescriptorChain chain, ulong address, uint length, ushort flags, int slots)
    {
        if ((flags & NextFlag) != 0 || slots != 1)
        {
            Break("an indirect descriptor is part of a list");
            return false;
        }

        if (!TryOpenIndirect(address, length, out byte* table, out int count))
        {
            return false;
        }

        for (int i = 0; i < count; i++)
        {
            byte* entry = table + (i * (int)DescriptorSize);
            ulong part = Unsafe.ReadUnaligned<ulong>(entry);
            uint partLength = Unsafe.ReadUnaligned<uint>(entry + 8);

            // In an indirect table only the write flag has a meaning (2.8.8).
            ushort partFlags = Unsafe.ReadUnaligned<ushort>(entry + 14);
            if ((partFlags & IndirectFlag) != 0)
            {
                Break("an indirect descriptor is inside an indirect table");
                return false;
            }

            if (!TryAdd(chain, part, partLength, partFlags))
            {
                return false;
            }
        }

        return true;
    }

    private bool IsAvailable(ushort flags) =>
        ((flags & AvailableFlag) != 0) == _availableWrap && ((flags & UsedFlag) != 0) != _availableWrap;

    private ushort ReadFlags(ushort position) =>
        Volatile.Read(ref *(ushort*)(_ring + (position * (int)DescriptorSize) + 14));

    private void Advance(ref ushort position, ref bool wrap, int slots)
    {
        int next = position + slots;
        if (next >= Size)
        {
            next -= Size;
            wrap = !wrap;
        }

        position = (ushort)next;
    }

    /// <summary>The flags hand a descriptor over, so they come last (2.8.6).</summary>
    private void WriteUsedFlags(ushort position, ushort flags)
    {
        int offset = position * (int)DescriptorSize;
        Volatile.Write(ref *(ushort*)(_ring + offset + 14), flags);
        Memory.NotifyWritten(_ringAddress + (ulong)offset + 8, 8);
    }

    private void WriteDeviceEvent(ushort position, ushort mode)
    {
        Volatile.Write(ref *(uint*)_deviceEvent, position | ((uint)mode << 16));
        Memory.NotifyWritten(_deviceEventAddress, 4);
    }
}
