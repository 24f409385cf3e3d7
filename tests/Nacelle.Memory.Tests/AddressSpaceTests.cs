namespace Nacelle.Memory.Tests;

public sealed class AddressSpaceTests
{
    [Fact]
    public void Finds_the_device_behind_an_address_and_passes_the_offset()
    {
        AddressSpace space = new("port");
        Probe low = new(0x11);
        Probe high = new(0x22);
        space.Map(0x70, 2, "rtc", low);
        space.Map(0x3F8, 8, "serial", high);
        Assert.Equal(0x11UL, space.Read(0x71, 1));
        Assert.Equal(0x22UL, space.Read(0x3FD, 1));
        space.Write(0x3FF, 1, 0x5A);
        Assert.Equal((7UL, 1, 0x5AUL), high.LastWrite);
    }

    [Theory]
    [InlineData(0x72UL, 1, 0xFFUL)]
    [InlineData(0x6FUL, 2, 0xFFFFUL)]
    [InlineData(0x71UL, 2, 0xFFFFUL)]
    [InlineData(0x100UL, 8, ulong.MaxValue)]
    public void Answers_all_ones_where_no_device_covers_the_access(ulong address, int size, ulong expected)
    {
        AddressSpace space = new("port");
        space.Map(0x70, 2, "rtc", new Probe(0));
        Assert.Equal(expected, space.Read(address, size));
    }

    [Fact]
    public void Names_both_devices_when_ranges_collide()
    {
        AddressSpace space = new("port");
        space.Map(0x70, 2, "rtc", new Probe(0));
        InvalidOperationException error = Assert.Throws<InvalidOperationException>(() => space.Map(0x71, 4, "other", new Probe(0)));
        Assert.Equal("other cannot have port addresses 0x71..0x74: rtc has 0x70..0x71", error.Message);
    }

    [Fact]
    public void A_range_is_free_again_after_its_device_left()
    {
        AddressSpace space = new("memory");
        space.Map(0x1000, 0x1000, "first", new Probe(1));
        Assert.True(space.Unmap(0x1000));
        Assert.False(space.Unmap(0x1000));
        space.Map(0x1800, 0x1000, "second", new Probe(2));
        Assert.Equal(2UL, space.Read(0x1800, 4));
        Assert.Equal(0xFFFFFFFFUL, space.Read(0x1000, 4));
    }

    private sealed class Probe(ulong answer) : IAddressRangeHandler
    {
        public (ulong Offset, int Size, ulong Value) LastWrite { get; private set; }

        public ulong Read(ulong offset, int size) => answer;

        public void Write(ulong offset, int size, ulong value) => LastWrite = (offset, size, value);
    }
}
