using Nacelle.Memory;

namespace Nacelle.Devices.Tests.Virtio;

/// <summary>One element of a buffer that a mock driver offers.</summary>
internal readonly record struct MockBuffer(ulong Address, uint Length, bool Writable);

/// <summary>The driver's side of a queue, in either layout.</summary>
/// <param name="place">Added to the addresses of the rings, for a device with several queues.</param>
internal abstract class MockDriver(GuestMemory memory, ushort size, ulong place)
{
    public const ulong Descriptors = 0x1000;
    public const ulong DriverArea = 0x6000;
    public const ulong DeviceArea = 0x8000;
    public const ulong IndirectTable = 0xC000;

    protected GuestMemory Memory => memory;

    protected ushort Size => size;

    protected ulong DescriptorsAt => Descriptors + place;

    protected ulong DriverAreaAt => DriverArea + place;

    protected ulong DeviceAreaAt => DeviceArea + place;

    protected ulong IndirectTableAt => IndirectTable + place;

    public static MockDriver Create(bool packed, GuestMemory memory, ushort size, ulong place = 0) =>
        packed ? new PackedMockDriver(memory, size, place) : new SplitMockDriver(memory, size, place);

    /// <summary>Makes a buffer available.</summary>
    public abstract void Offer(ushort id, params MockBuffer[] buffers);

    /// <summary>Makes a buffer available through an indirect table.</summary>
    public abstract void OfferIndirect(ushort id, params MockBuffer[] buffers);

    /// <summary>Takes a used buffer.</summary>
    public abstract bool TryTakeUsed(out uint id, out uint written);

    protected void WriteDescriptor(ulong place, ulong address, uint length, ushort third, ushort fourth)
    {
        Assert.True(memory.TryWrite(place, address));
        Assert.True(memory.TryWrite(place + 8, length));
        Assert.True(memory.TryWrite(place + 12, third));
        Assert.True(memory.TryWrite(place + 14, fourth));
    }

    protected T Read<T>(ulong address)
        where T : unmanaged
    {
        Assert.True(memory.TryRead(address, out T value));
        return value;
    }
}
