using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Nacelle.Linux;

/// <summary>
/// One thread that waits for descriptors, timers and posted actions (epoll(7)) and runs their callbacks one at a time.
/// A device that belongs to a loop is touched by that loop's thread only, and so needs no lock of its own.
/// </summary>
/// <remarks>
/// <see cref="Post"/>, <see cref="Watch"/>, <see cref="Unwatch"/> and the timers may be used from any thread; callbacks run
/// on the loop's thread. An exception that leaves a callback is a defect of this program: it goes to whoever the loop was
/// given for that, the descriptor it came of is watched no longer, and the loop goes on. A loop without such a taker ends the process.
/// </remarks>
public sealed unsafe partial class EventLoop : IDisposable
{
    private const int MaximumEvents = 64;
    private readonly int _epoll;
    private readonly EventFileDescriptor _wake = new();
    private readonly ConcurrentQueue<Work> _posted = new();
    private readonly ConcurrentDictionary<int, Action<PollEvents>> _watches = new();
    private readonly Lock _timerLock = new();
    private readonly TimerHeap _timers = new();
    private readonly Action<Exception>? _failed;
    private readonly Thread _thread;
    private volatile bool _stopping;
    private volatile bool _ended;

    /// <summary>Starts the loop's thread.</summary>
    /// <param name="name">The thread's name, as ps(1) and debuggers show it.</param>
    /// <param name="failed">
    /// Takes an exception that left a callback, on the loop's thread, and must not throw; null to let it end the process.
    /// </param>
    /// <exception cref="LinuxException">The host has no descriptor left.</exception>
    public EventLoop(string name, Action<Exception>? failed = null)
    {
        const int closeOnExec = 0x80000;
        _failed = failed;
        _epoll = EpollCreate(closeOnExec);
        if (_epoll < 0)
        {
            throw LinuxException.FromLastError("create an epoll instance");
        }

        Watch(_wake.FileDescriptor, PollEvents.Readable, _ => _wake.Consume());
        _thread = new Thread(Run) { Name = name, IsBackground = true };
        _thread.Start();
    }

    /// <summary>Whether the caller is the loop's own thread.</summary>
    public bool IsCurrent => Thread.CurrentThread == _thread;

    /// <summary>Nanoseconds of the monotonic clock; the time base of <see cref="EventLoopTimer.Arm"/>.</summary>
    public static long NowNanoseconds
    {
        get
        {
            // Stopwatch counts CLOCK_MONOTONIC in nanoseconds on Linux.
            Debug.Assert(Stopwatch.Frequency == 1_000_000_000);
            return Stopwatch.GetTimestamp();
        }
    }

    /// <summary>Runs an action on the loop's thread, after those posted before it; one posted to a disposed loop is dropped.</summary>
    public void Post(Action action)
    {
        ArgumentNullException.ThrowIfNull(action);
        Enqueue(new Work(action, null));
    }

    /// <summary>Runs an action on the loop's thread and waits for it; at once when already there.</summary>
    /// <exception cref="ObjectDisposedException">The loop was disposed before the action began.</exception>
    public void Invoke(Action action)
    {
        ArgumentNullException.ThrowIfNull(action);
        if (IsCurrent)
        {
            action();
            return;
        }

        Invocation invocation = new(action);
        Enqueue(new Work(invocation.Run, invocation));
        ObjectDisposedException.ThrowIf(!invocation.Wait(), this);
    }

    /// <summary>Calls back whenever the descriptor is ready (level-triggered).</summary>
    /// <exception cref="LinuxException">The descriptor cannot be polled.</exception>
    public void Watch(int descriptor, PollEvents events, Action<PollEvents> callback)
    {
        const int add = 1;
        _watches[descriptor] = callback;
        EpollEvent registration = new() { Events = (uint)events, Data = (ulong)descriptor };
        if (EpollControl(_epoll, add, descriptor, &registration) != 0)
        {
            _watches.TryRemove(descriptor, out _);
            throw LinuxException.FromLastError($"watch descriptor {descriptor}");
        }
    }

    /// <summary>Changes which events of a watched descriptor call back.</summary>
    public void Rewatch(int descriptor, PollEvents events)
    {
        const int modify = 3;
        EpollEvent registration = new() { Events = (uint)events, Data = (ulong)descriptor };
        _ = EpollControl(_epoll, modify, descriptor, &registration);
    }

    /// <summary>Stops calling back; a callback under way on the loop's thread still ends.</summary>
    public void Unwatch(int descriptor)
    {
        const int delete = 2;
        EpollEvent unused = default;
        _ = EpollControl(_epoll, delete, descriptor, &unused);
        _watches.TryRemove(descriptor, out _);
    }

    /// <summary>Makes a one-shot timer whose callback runs on the loop's thread.</summary>
    public EventLoopTimer CreateTimer(Action callback) => new(this, callback);

    /// <summary>Ends the thread after the callback under way; posted actions that have not begun are dropped, and whoever waits for one is told.</summary>
    public void Dispose()
    {
        if (_stopping)
        {
            return;
        }

        _stopping = true;
        _wake.Signal();
        if (!IsCurrent)
        {
            _thread.Join();
        }
    }

    internal void Schedule(EventLoopTimer timer, long deadline)
    {
        lock (_timerLock)
        {
            bool earliest = _timers.First is not { } first || deadline < first.Deadline;
            _timers.Set(timer, deadline);
            if (!earliest || IsCurrent)
            {
                return;
            }
        }

        _wake.Signal();
    }

    internal void Unschedule(EventLoopTimer timer)
    {
        lock (_timerLock)
        {
            _timers.Remove(timer);
        }
    }

    private void Enqueue(in Work work)
    {
        _posted.Enqueue(work);

        // Either this thread sees that the loop has ended, or the loop's thread sees the work when it ends.
        Interlocked.MemoryBarrier();
        if (_ended)
        {
            AbandonPosted();
        }
        else
        {
            _wake.Signal();
        }
    }

    private void AbandonPosted()
    {
        while (_posted.TryDequeue(out Work work))
        {
            work.Invocation?.Abandon();
        }
    }

    private void Run()
    {
        EpollEvent* events = stackalloc EpollEvent[MaximumEvents];
        while (!_stopping)
        {
            RunPosted();
            long wait = RunDueTimers();
            wait = _posted.IsEmpty ? wait : 0;
            int count = EventWait.Wait(_epoll, events, MaximumEvents, wait);
            for (int i = 0; i < count && !_stopping; i++)
            {
                RunWatch((int)events[i].Data, (PollEvents)events[i].Events);
            }
        }

        _ended = true;
        Interlocked.MemoryBarrier();
        AbandonPosted();
        _ = Close(_epoll);
        _wake.Dispose();
    }

    /// <summary>Those that are there: what they post themselves waits for the next turn, as descriptors and timers come in between.</summary>
    private void RunPosted()
    {
        for (int left = _posted.Count; left > 0 && !_stopping && _posted.TryDequeue(out Work work); left--)
        {
            try
            {
                work.Action();
            }
            catch (Exception error) when (_failed is not null)
            {
                _failed(error);
            }
        }
    }

    private void RunWatch(int descriptor, PollEvents events)
    {
        if (!_watches.TryGetValue(descriptor, out Action<PollEvents>? callback))
        {
            return;
        }

        try
        {
            callback(events);
        }
        catch (Exception error) when (_failed is not null)
        {
            // It would be ready again at once, and for ever.
            Unwatch(descriptor);
            _failed(error);
        }
    }

    /// <summary>Fires at most as many timers as there are: one that is due again at once does not keep the loop from the rest.</summary>
    /// <returns>Nanoseconds until the next timer, 0 when one is due, or -1 when there is none.</returns>
    private long RunDueTimers()
    {
        for (int fired = 0; !_stopping; fired++)
        {
            EventLoopTimer due;
            lock (_timerLock)
            {
                if (_timers.First is not { } first)
                {
                    return -1;
                }

                long now = NowNanoseconds;
                if (first.Deadline > now)
                {
                    return first.Deadline - now;
                }

                if (fired > _timers.Count)
                {
                    return 0;
                }

                _timers.Remove(first);
                due = first;
            }

            try
            {
                due.Fire();
            }
            catch (Exception error) when (_failed is not null)
            {
                _failed(error);
            }
        }

        return 0;
    }

    /// <summary>What the loop's thread is to do.</summary>
    /// <param name="Action">The thing itself.</param>
    /// <param name="Invocation">Who waits for it; null for nobody.</param>
    private readonly record struct Work(Action Action, Invocation? Invocation);

    /// <summary>An action that another thread waits for, until it has run or never will.</summary>
    private sealed class Invocation(Action action)
    {
        private readonly object _gate = new();
        private ExceptionDispatchInfo? _failure;
        private bool _isOver;
        private bool _hasRun;

        public void Run()
        {
            try
            {
                action();
            }
            catch (Exception error)
            {
                // The thread that waits throws it.
                _failure = ExceptionDispatchInfo.Capture(error);
            }

            End(hasRun: true);
        }

        public void Abandon() => End(hasRun: false);

        /// <returns>False when the loop ended before the action began.</returns>
        public bool Wait()
        {
            lock (_gate)
            {
                while (!_isOver)
                {
                    Monitor.Wait(_gate);
                }
            }

            _failure?.Throw();
            return _hasRun;
        }

        private void End(bool hasRun)
        {
            lock (_gate)
            {
                _hasRun = hasRun;
                _isOver = true;
                Monitor.PulseAll(_gate);
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    private static partial int EpollCreate(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    private static partial int EpollControl(int epoll, int operation, int descriptor, EpollEvent* registration);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}

/// <summary>Readiness of a descriptor; the values are those of epoll_ctl(2).</summary>
[Flags]
public enum PollEvents
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>EPOLLIN.</summary>
    Readable = 1,

    /// <summary>EPOLLOUT.</summary>
    Writable = 4,

    /// <summary>EPOLLERR; always reported.</summary>
    Error = 8,

    /// <summary>EPOLLHUP; always reported.</summary>
    HangUp = 16,
}
