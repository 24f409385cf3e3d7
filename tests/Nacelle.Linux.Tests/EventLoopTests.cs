namespace Nacelle.Linux.Tests;

public sealed class EventLoopTests
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(20);

    [Fact]
    public void Runs_posted_actions_in_order_on_its_own_thread()
    {
        using EventLoop loop = new("test");
        List<int> seen = [];
        for (int i = 0; i < 100; i++)
        {
            int number = i;
            loop.Post(() => seen.Add(loop.IsCurrent ? number : -1));
        }

        loop.Invoke(() => { });
        Assert.Equal(Enumerable.Range(0, 100), seen);
    }

    [Fact]
    public void Calls_back_when_a_descriptor_is_ready()
    {
        using EventLoop loop = new("test");
        using EventFileDescriptor source = new();
        using SemaphoreSlim called = new(0);
        loop.Watch(source.FileDescriptor, PollEvents.Readable, _ =>
        {
            source.Consume();
            called.Release();
        });
        source.Signal();
        Assert.True(called.Wait(s_deadline, TestContext.Current.CancellationToken), "no callback for a raised eventfd");
        loop.Unwatch(source.FileDescriptor);
        source.Signal();
        loop.Invoke(() => { });
        Assert.Equal(0, called.CurrentCount);
    }

    [Fact]
    public void Fires_timers_in_order_of_their_deadlines_and_not_before()
    {
        using EventLoop loop = new("test");
        using SemaphoreSlim fired = new(0);
        List<(char Name, long Late)> order = [];
        long now = EventLoop.NowNanoseconds;
        EventLoopTimer Make(char name, long deadline)
        {
            EventLoopTimer timer = loop.CreateTimer(() =>
            {
                order.Add((name, EventLoop.NowNanoseconds - deadline));
                fired.Release();
            });
            timer.Arm(deadline);
            return timer;
        }

        // On the loop itself, so that none can fire before all are armed, however late this thread gets to run.
        loop.Invoke(() =>
        {
            EventLoopTimer cancelled = Make('x', now + 5_000_000);
            cancelled.Cancel();
            Make('b', now + 20_000_000);
            Make('a', now + 10_000_000);
        });
        Assert.True(fired.Wait(s_deadline, TestContext.Current.CancellationToken), "the first timer did not fire");
        Assert.True(fired.Wait(s_deadline, TestContext.Current.CancellationToken), "the second timer did not fire");
        Assert.Equal("ab", string.Concat(order.Select(entry => entry.Name)));
        Assert.All(order, entry => Assert.True(entry.Late >= 0, $"{entry.Name} fired {-entry.Late} ns early"));
    }

    [Fact]
    public void A_timer_armed_again_fires_once_at_the_later_moment()
    {
        using EventLoop loop = new("test");
        using SemaphoreSlim fired = new(0);
        EventLoopTimer timer = loop.CreateTimer(() => fired.Release());
        long now = EventLoop.NowNanoseconds;
        timer.Arm(now + 1_000_000_000_000);
        timer.Arm(now + 1_000_000);
        Assert.True(fired.Wait(s_deadline, TestContext.Current.CancellationToken), "the timer armed again did not fire");
        loop.Invoke(() => { });
        Assert.Equal(0, fired.CurrentCount);
    }

    [Fact]
    public void Reports_a_descriptor_that_cannot_be_watched()
    {
        using EventLoop loop = new("test");
        LinuxException error = Assert.Throws<LinuxException>(() => loop.Watch(-1, PollEvents.Readable, _ => { }));
        Assert.Contains("watch descriptor -1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_exception_of_any_callback_goes_to_its_taker_and_the_loop_goes_on()
    {
        List<string> seen = [];
        using EventLoop loop = new("test", error => seen.Add(error.Message));
        using EventFileDescriptor source = new();
        using SemaphoreSlim fired = new(0);
        loop.Watch(source.FileDescriptor, PollEvents.Readable, _ =>
        {
            seen.Add("watched");
            throw new InvalidOperationException("of a watch");
        });
        EventLoopTimer timer = loop.CreateTimer(() =>
        {
            fired.Release();
            throw new InvalidOperationException("of a timer");
        });
        loop.Post(() => throw new InvalidOperationException("of an action"));
        loop.Invoke(() => timer.Arm(0));
        Assert.True(fired.Wait(s_deadline, TestContext.Current.CancellationToken), "the timer did not fire");
        source.Signal();

        // A turn of the loop looks at the descriptors after what was posted: the second call comes after at least one of them.
        loop.Invoke(() => loop.Post(() => { }));
        loop.Invoke(() => { });
        loop.Invoke(() => { });
        Assert.Equal(["of an action", "of a timer", "watched", "of a watch"], seen);
    }

    [Fact]
    public void An_exception_of_an_invoked_action_is_the_callers()
    {
        List<string> seen = [];
        using EventLoop loop = new("test", error => seen.Add(error.Message));
        InvalidOperationException error = Assert.Throws<InvalidOperationException>(
            () => loop.Invoke(() => throw new InvalidOperationException("of the action")));
        Assert.Equal("of the action", error.Message);
        loop.Invoke(() => { });
        Assert.Empty(seen);
    }

    [Fact]
    public void A_disposed_loop_refuses_to_be_waited_for()
    {
        EventLoop loop = new("test");
        using SemaphoreSlim begun = new(0);
        using SemaphoreSlim go = new(0);
        loop.Post(() =>
        {
            begun.Release();
            go.Wait(TestContext.Current.CancellationToken);
        });
        Assert.True(begun.Wait(s_deadline, TestContext.Current.CancellationToken), "the loop did not begin");

        // One call waits in the queue while the loop ends, the other comes after the end.
        Exception? waiting = null;
        Thread caller = new(() => waiting = Record.Exception(() => loop.Invoke(() => { })));
        caller.Start();
        Thread disposer = new(loop.Dispose);
        disposer.Start();
        Assert.True(SpinWait.SpinUntil(() => disposer.ThreadState.HasFlag(ThreadState.WaitSleepJoin), s_deadline), "Dispose does not wait");
        go.Release();
        Assert.True(disposer.Join(s_deadline), "the loop did not end");
        Assert.True(caller.Join(s_deadline), "the call still waits");
        Assert.True(waiting is null or ObjectDisposedException, $"{waiting}");
        Assert.Throws<ObjectDisposedException>(() => loop.Invoke(() => { }));
        loop.Post(() => { });
        loop.CreateTimer(() => { }).Arm(0);
    }

    [Fact]
    public void A_timer_that_is_due_again_at_once_keeps_nothing_from_its_turn()
    {
        EventLoop loop = new("test");
        EventLoopTimer? greedy = null;
        greedy = loop.CreateTimer(() => greedy!.Arm(0));
        Action? again = null;
        again = () => loop.Post(again!);
        loop.Post(again);
        greedy.Arm(0);
        using EventFileDescriptor source = new();
        using SemaphoreSlim called = new(0);
        loop.Watch(source.FileDescriptor, PollEvents.Readable, _ =>
        {
            source.Consume();
            called.Release();
        });
        source.Signal();
        Assert.True(called.Wait(s_deadline, TestContext.Current.CancellationToken), "the descriptor had no turn");
        loop.Invoke(() => { });
        Thread end = new(loop.Dispose);
        end.Start();
        Assert.True(end.Join(s_deadline), "the loop does not end");
    }
}
