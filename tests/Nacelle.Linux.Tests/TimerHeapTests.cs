namespace Nacelle.Linux.Tests;

public sealed class TimerHeapTests : IDisposable
{
    private readonly EventLoop _loop = new("test");

    public void Dispose() => _loop.Dispose();

    [Fact]
    public void Random_changes_leave_the_order_of_a_sorted_list()
    {
        Random random = new(1);
        TimerHeap heap = new();
        EventLoopTimer[] timers = [.. Enumerable.Range(0, 40).Select(_ => _loop.CreateTimer(() => { }))];
        Dictionary<EventLoopTimer, long> expected = [];
        for (int step = 0; step < 20_000; step++)
        {
            EventLoopTimer timer = timers[random.Next(timers.Length)];
            if (random.Next(3) == 0)
            {
                heap.Remove(timer);
                expected.Remove(timer);
            }
            else
            {
                long deadline = random.Next(8) == 0 ? random.NextInt64(long.MinValue, long.MaxValue) : random.Next(100);
                heap.Set(timer, deadline);
                expected[timer] = deadline;
            }

            Assert.Equal(expected.Count, heap.Count);
            Assert.Equal(expected.Count == 0 ? (long?)null : expected.Values.Min(), heap.First?.Deadline);
        }

        List<long> taken = [];
        while (heap.First is { } first)
        {
            taken.Add(first.Deadline);
            heap.Remove(first);
        }

        Assert.Equal(expected.Values.Order(), taken);
    }

    [Fact]
    public void Arming_again_and_again_takes_one_place()
    {
        // A timer that is due before all others stays first, so that no entry of a heap by moments would ever leave it.
        EventLoopTimer near = _loop.CreateTimer(() => { });
        EventLoopTimer far = _loop.CreateTimer(() => { });
        near.Arm(EventLoop.NowNanoseconds + 1_000_000_000_000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1_000_000; i++)
        {
            far.Arm(EventLoop.NowNanoseconds + 2_000_000_000_000 + i);
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated < 10_000, $"a million arms took {allocated} bytes");
    }
}
