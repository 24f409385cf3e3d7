using Nacelle.Memory;

namespace Nacelle.Devices.Tests.Virtio;

internal sealed class SplitMockDriver(GuestMemory memory, ushort size, ulong place = 0) : MockDriver(memory, size, place)
{
    private ushort _nextDescriptor;
    private ushort _available;
    private ushort _taken;

    public override void Offer(ushort id, params MockBuffer[] buffers)
    {
        ushort head = _nextDescriptor;
        for (int i = 0; i < buffers.Length; i++)
        {
            ushort next = (ushort)((_nextDescriptor + 1) % Size);
            Put(DescriptorsAt + (16UL * _nextDescriptor), buffers[i], next, i == buffers.Length - 1);
            _nextDescriptor = next;
        }

        Publish(head);
    }

    public override void OfferIndirect(ushort id, params MockBuffer[] buffers)
    {
        for (int i = 0; i < buffers.Length; i++)
        {
            Put(IndirectTableAt + (16UL * (ulong)i), buffers[i], (ushort)(i + 1), i == buffers.Length - 1);
        }

        WriteDescriptor(DescriptorsAt + (16UL * _nextDescriptor), IndirectTableAt, 16 * (uint)buffers.Length, 4, 0);
        Publish(_nextDescriptor);
        _nextDescriptor = (ushort)((_nextDescriptor + 1) % Size);
    }

    public override bool TryTakeUsed(out uint id, out uint written)
    {
        id = 0;
        written = 0;
        if (Read<ushort>(DeviceAreaAt + 2) == _taken)
        {
            return false;
        }

        ulong entry = DeviceAreaAt + 4 + (8UL * (ulong)(_taken % Size));
        id = Read<uint>(entry);
        written = Read<uint>(entry + 4);
        _taken++;
        return true;
    }

    public void Publish(ushort head)
    {
        Assert.True(Memory.TryWrite(DriverAreaAt + 4 + (2UL * (ulong)(_available % Size)), head));
        _available++;
        Assert.True(Memory.TryWrite(DriverAreaAt + 2, _available));
    }

    public void PutRaw(int index, ulong address, uint length, ushort flags, ushort next) =>
        WriteDescriptor(DescriptorsAt + (16UL * (ulong)index), address, length, flags, next);

    private void Put(ulong place, MockBuffer buffer, ushort next, bool last) => WriteDescriptor(
        place, buffer.Address, buffer.Length, (ushort)((buffer.Writable ? 2 : 0) | (last ? 0 : 1)), last ? (ushort)0 : next);
}
