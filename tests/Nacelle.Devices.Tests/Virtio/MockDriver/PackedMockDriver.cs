using Nacelle.Memory;

namespace Nacelle.Devices.Tests.Virtio;

internal sealed class PackedMockDriver(GuestMemory memory, ushort size, ulong place = 0) : MockDriver(memory, size, place)
{
    private readonly Dictionary<uint, int> _slots = [];
    private int _next;
    private int _taken;
    private bool _wrap = true;
    private bool _takenWrap = true;

    public override void Offer(ushort id, params MockBuffer[] buffers)
    {
        int head = _next;
        ushort headFlags = 0;
        for (int i = 0; i < buffers.Length; i++)
        {
            ushort flags = Flags(buffers[i].Writable, i < buffers.Length - 1);

            // The head's flags hand the whole list over, so they are written last.
            headFlags = i == 0 ? flags : headFlags;
            WriteDescriptor(DescriptorsAt + (16UL * (ulong)_next), buffers[i].Address, buffers[i].Length, id, i == 0 ? Hidden() : flags);
            Advance(ref _next, ref _wrap, 1);
        }

        _slots[id] = buffers.Length;
        Assert.True(Memory.TryWrite(DescriptorsAt + (16UL * (ulong)head) + 14, headFlags));
    }

    public override void OfferIndirect(ushort id, params MockBuffer[] buffers)
    {
        for (int i = 0; i < buffers.Length; i++)
        {
            WriteDescriptor(
                IndirectTableAt + (16UL * (ulong)i), buffers[i].Address, buffers[i].Length, 0, buffers[i].Writable ? (ushort)2 : (ushort)0);
        }

        ushort flags = (ushort)(Flags(false, false) | 4);
        WriteDescriptor(DescriptorsAt + (16UL * (ulong)_next), IndirectTableAt, 16 * (uint)buffers.Length, id, flags);
        _slots[id] = 1;
        Advance(ref _next, ref _wrap, 1);
    }

    public override bool TryTakeUsed(out uint id, out uint written)
    {
        ulong entry = DescriptorsAt + (16UL * (ulong)_taken);
        ushort flags = Read<ushort>(entry + 14);
        id = Read<ushort>(entry + 12);
        written = Read<uint>(entry + 8);
        bool used = (flags & 0x8000) != 0;
        if (used != ((flags & 0x80) != 0) || used != _takenWrap)
        {
            return false;
        }

        Advance(ref _taken, ref _takenWrap, _slots[id]);
        return true;
    }

    private ushort Flags(bool writable, bool more) =>
        (ushort)((_wrap ? 0x80 : 0x8000) | (writable ? 2 : 0) | (more ? 1 : 0));

    private ushort Hidden() => _wrap ? (ushort)0 : (ushort)0x8080;

    private void Advance(ref int position, ref bool wrap, int slots)
    {
        position += slots;
        if (position >= Size)
        {
            position -= Size;
            wrap = !wrap;
        }
    }
}
