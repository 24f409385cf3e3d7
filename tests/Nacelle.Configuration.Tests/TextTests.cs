using CsCheck;

namespace Nacelle.Configuration.Tests;

/// <summary>Sizes and nearest names.</summary>
public sealed class TextTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("1048576", 1 << 20)]
    [InlineData("512b", 512)]
    [InlineData("4k", 4096)]
    [InlineData("512M", 512L << 20)]
    [InlineData("512MiB", 512L << 20)]
    [InlineData("512mb", 512L << 20)]
    [InlineData("1.5G", 3L << 29)]
    [InlineData("2T", 2L << 40)]
    [InlineData("8388607T", 8388607L << 40)]
    public void Sizes_are_read(string text, long bytes) => Assert.Equal((ulong)bytes, ByteSize.Parse("size", text));

    [Theory]
    [InlineData("")]
    [InlineData("M")]
    [InlineData("-1M")]
    [InlineData("1 M")]
    [InlineData("1X")]
    [InlineData("1.2.3G")]
    [InlineData("0.3")]
    [InlineData("1e3")]
    [InlineData("8388608T")]
    [InlineData("99999999999999999999999999999999999999999G")]
    public void What_is_no_size_is_refused(string text) =>
        Assert.Throws<ConfigurationException>(() => ByteSize.Parse("size", text));

    [Theory]
    [InlineData("0x1000-0x2000", 0x1000UL, 0x1FFFUL)]
    [InlineData("4096-0X2000", 0x1000UL, 0x1FFFUL)]
    [InlineData("0-1", 0UL, 0UL)]
    [InlineData("0xffffffff81000000-0xffffffffffffffff", 0xFFFF_FFFF_8100_0000UL, ulong.MaxValue - 1)]
    public void Ranges_of_addresses_end_before_their_end(string text, ulong first, ulong last) =>
        Assert.Equal(new AddressRange(first, last), AddressRange.Parse(text));

    [Theory]
    [InlineData("")]
    [InlineData("-")]
    [InlineData("0x1000")]
    [InlineData("0x1000-")]
    [InlineData("-0x1000")]
    [InlineData("0x-0x1")]
    [InlineData("1000-10g0")]
    [InlineData("0x1-0x10000000000000000")]
    [InlineData("0x2000-0x2000")]
    [InlineData("0x2000-0x1000")]
    [InlineData("0x1000-0x2000-0x3000")]
    public void What_is_no_range_of_addresses_is_refused(string text) =>
        Assert.Throws<ConfigurationException>(() => AddressRange.Parse(text));

    [Fact]
    public void A_listing_names_a_file_and_maybe_a_range()
    {
        Assert.Equal(new TranslatorListingOption("a,b", AddressRange.All), TranslatorListingOption.Parse("a,,b"));
        Assert.Equal(new TranslatorListingOption("file", new AddressRange(1, 1)), TranslatorListingOption.Parse("file,range=1-2"));
        Assert.Throws<ConfigurationException>(() => TranslatorListingOption.Parse("file,range=1-2,range=3-4"));
    }

    [Fact]
    public void Sizes_are_read_back_as_written() =>
        Gen.ULong[0, long.MaxValue].Sample(bytes => Assert.Equal(bytes, ByteSize.Parse("size", ByteSize.Format(bytes))));

    [Theory]
    [InlineData("memroy", "memory")]
    [InlineData("mem", "memory")]
    [InlineData("MEMORY", "memory")]
    [InlineData("dsik", "disk")]
    [InlineData("zzzz", null)]
    [InlineData("", null)]
    public void The_nearest_name_is_found(string word, string? expected) =>
        Assert.Equal(expected, NearestName.Find(word, ["cpus", "disk", "memory", "net"]));

    [Fact]
    public void The_distance_is_a_distance() => Gen.Select(
        Gen.Char['a', 'c'].Array[0, 8], Gen.Char['a', 'c'].Array[0, 8]).Sample((left, right) =>
    {
        string one = new(left);
        string other = new(right);
        int distance = NearestName.Distance(one, other);
        Assert.Equal(distance, NearestName.Distance(other, one));
        Assert.Equal(one == other, distance == 0);
        Assert.InRange(distance, Math.Abs(one.Length - other.Length), Math.Max(one.Length, other.Length));
    });

    [Theory]
    [InlineData("0-3,8", true, "0,1,2,3,8")]
    [InlineData("8, 0-1", true, "0,1,8")]
    [InlineData("0-3,^2,8", true, "0,1,3,8")]
    [InlineData("0-3,^2", false, null)]
    [InlineData("", true, null)]
    [InlineData("3-1", true, null)]
    [InlineData("0-", true, null)]
    [InlineData("1-2-3", true, null)]
    [InlineData("-1", true, null)]
    [InlineData("101", true, null)]
    public void Ranges_are_read(string text, bool exclusions, string? expected)
    {
        int[]? read = NumberRanges.TryParse(text, 100, exclusions);
        Assert.Equal(expected, read is null ? null : string.Join(',', read));
        Assert.Equal(expected is not null, NumberRanges.IsValid(text, 100, exclusions));
    }

    /// <summary>Work grows with the number of ranges and not with what they hold together.</summary>
    [Fact]
    public void Many_ranges_that_overlap_cost_little_memory()
    {
        string text = string.Join(',', Enumerable.Repeat("0-16383", 100_000));
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(16384, NumberSetText.TryParse(text)!.Length);
        Assert.True(NumberSetText.IsValid(text));
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated < 4 << 20, $"{allocated} bytes");
    }
}
