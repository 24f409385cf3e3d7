namespace Nacelle.Linux.Tests;

public sealed class HostArrayTests
{
    [Fact]
    public void Elements_are_zero_and_keep_what_is_written()
    {
        using HostArray<int> array = new(100_000);
        Assert.Equal(100_000, array.Length);
        Assert.Equal(-1, array.AsSpan().IndexOfAnyExcept(0));
        for (int i = 0; i < array.Length; i++)
        {
            array[i] = i;
        }

        Assert.Equal(Enumerable.Range(0, 100_000), array.AsSpan().ToArray());
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, -1)]
    [InlineData(3, 3)]
    [InlineData(3, -1)]
    [InlineData(3, int.MinValue)]
    public void There_is_nothing_beyond_its_ends(int length, int index)
    {
        using HostArray<ulong> array = new(length);
        Assert.Equal(length, array.AsSpan().Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => array[index]);
    }

    [Fact]
    public void Its_memory_is_taken_as_it_is_touched()
    {
        // More than the machine has.
        using HostArray<long> array = new(int.MaxValue);
        array[int.MaxValue - 1] = 7;
        Assert.Equal((0L, 7L), (array[0], array[int.MaxValue - 1]));
    }

    /// <summary>Neither here nor in a finaliser, where it would end the process.</summary>
    [Fact]
    public void What_the_host_refuses_is_said_once()
    {
        Assert.Throws<LinuxException>(() => new HostArray<long>(-1));
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }

    [Fact]
    public void It_can_be_disposed_twice()
    {
        HostArray<byte> array = new(1);
        array.Dispose();
        array.Dispose();
    }
}
