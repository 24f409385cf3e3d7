namespace Nacelle.Memory.Tests;

public sealed class GuestMemoryTests
{
    [Fact]
    public void Reads_back_what_was_written_on_both_sides_of_a_hole()
    {
        using GuestMemory memory = new([(0, 0x10000), (0x100000, 0x10000)]);
        Assert.True(memory.TryWrite(0xFFF8UL, 0x1122334455667788UL));
        Assert.True(memory.TryWrite(0x100000UL, 0x99AABBCCDDEEFF00UL));
        Assert.True(memory.TryRead(0xFFF8UL, out ulong low));
        Assert.True(memory.TryRead(0x100000UL, out ulong high));
        Assert.Equal(0x1122334455667788UL, low);
        Assert.Equal(0x99AABBCCDDEEFF00UL, high);
    }

    [Theory]
    [InlineData(0xFFF9UL, 8UL)]
    [InlineData(0x10000UL, 1UL)]
    [InlineData(0x0UL, 0x10001UL)]
    [InlineData(0x8UL, ulong.MaxValue)]
    [InlineData(ulong.MaxValue, 1UL)]
    [InlineData(ulong.MaxValue - 3, 8UL)]
    public unsafe void Refuses_what_is_not_wholly_ram(ulong address, ulong length)
    {
        using GuestMemory memory = new([(0, 0x10000), (0x100000, 0x10000)]);
        Assert.False(memory.TryGetHostAddress(address, length, out byte* host));
        Assert.True(host == null);
    }

    [Fact]
    public void Tells_observers_of_device_writes()
    {
        using GuestMemory memory = new([(0, 0x10000)]);
        Recorder recorder = new();
        memory.AddObserver(recorder);
        memory.TryWrite(0x1234UL, [1, 2, 3]);
        Assert.Equal([(0x1234UL, 3UL)], recorder.Writes);
    }

    [Theory]
    [InlineData(0x1000UL, 0x800UL)]
    [InlineData(0x10UL, 0x1000UL)]
    [InlineData(0UL, 0UL)]
    public void Refuses_ranges_that_are_not_pages(ulong start, ulong length) =>
        Assert.Throws<ArgumentException>(() => new GuestMemory([(start, length)]));

    private sealed class Recorder : IGuestMemoryObserver
    {
        public List<(ulong Address, ulong Length)> Writes { get; } = [];

        public void Written(ulong guestPhysicalAddress, ulong length) => Writes.Add((guestPhysicalAddress, length));
    }
}
