using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Nacelle.Linux;

/// <summary>
/// One thread that waits for descriptors, timers and posted actions (epoll(7)) and runs their callbacks one at a time.
/// A device that belongs to a loop is touched by that loop's thread only, and so needs no lock of its own.
/// </summary>
/// <remarks>
/// <see cref="Post"/>, <see cref="Watch"/>, <see cref="Unwatch"/> and the timers may be used from any thread; callbacks run
/// on the loop's thread. An exception that leaves a callback ends the process: it is a defect of this program.
/// </remarks>
public sealed unsafe partial class EventLoop : IDisposable
{
    private const int MaximumEvents = 64;
    private readonly int _epoll;
    private readonly EventFileDescriptor _wake = new();
    private readonly ConcurrentQueue<Action> _posted = new();
    private readonly ConcurrentDictionary<int, Action<PollEvents>> _watches = new();
    private readonly PriorityQueue<(EventLoopTimer Timer, long Deadline), long> _timers = new();
    private readonly Thread _thread;
    private volatile bool _stopping;

    /// <summary>Starts the loop's thread.</summary>
    /// <param name="name">The thread's name, as ps(1) and debuggers show it.</param>
    /// <exception cref="LinuxException">The host has no descriptor left.</exception>
    public EventLoop(string name)
    {
        const int closeOnExec = 0x80000;
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

    /// <summary>Runs an action on the loop's thread, after those posted before it.</summary>
    public void Post(Action action)
    {
        ArgumentNullException.ThrowIfNull(action);
        _posted.Enqueue(action);
        _wake.Signal();
    }

    /// <summary>Runs an action on the loop's thread and waits for it; at once when already there.</summary>
    public void Invoke(Action action)
    {
        ArgumentNullException.ThrowIfNull(action);
        if (IsCurrent)
        {
            action();
            return;
        }

        using ManualResetEventSlim done = new();
        Exception? failure = null;
        Post(() =>
        {
            try
            {
                action();
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                failure = error;
            }
            finally
            {
                done.Set();
            }
        });
        done.Wait();
        if (failure is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        }
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

    /// <summary>Ends the thread after the callback under way; posted actions that have not begun are dropped.</summary>
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
        lock (_timers)
        {
            bool earliest = !_timers.TryPeek(out _, out long first) || deadline < first;
            _timers.Enqueue((timer, deadline), deadline);
            if (!earliest || IsCurrent)
            {
                return;
            }
        }

        _wake.Signal();
    }

    private void Run()
    {
        EpollEvent* events = stackalloc EpollEvent[MaximumEvents];
        while (!_stopping)
        {
            while (_posted.TryDequeue(out Action? action))
            {
                action();
            }

            long wait = RunDueTimers();
            Timespec timeout = new() { Seconds = wait / 1_000_000_000, Nanoseconds = wait % 1_000_000_000 };
            int count = EpollWait(_epoll, events, MaximumEvents, wait < 0 ? null : &timeout, null, 8);
            for (int i = 0; i < count && !_stopping; i++)
            {
                if (_watches.TryGetValue((int)events[i].Data, out Action<PollEvents>? callback))
                {
                    callback((PollEvents)events[i].Events);
                }
            }
        }

        _ = Close(_epoll);
        _wake.Dispose();
    }

    /// <returns>Nanoseconds until the next timer, or -1 when there is none.</returns>
    private long RunDueTimers()
    {
        while (true)
        {
            EventLoopTimer? due = null;
            lock (_timers)
            {
                if (!_timers.TryPeek(out (EventLoopTimer Timer, long Deadline) next, out long deadline))
                {
                    return -1;
                }

                long remaining = deadline - NowNanoseconds;
                if (next.Timer.Deadline != deadline)
                {
                    _timers.Dequeue();
                    continue;
                }

                if (remaining > 0)
                {
                    return remaining;
                }

                _timers.Dequeue();
                due = next.Timer;
                if (!due.TryExpire(deadline))
                {
                    continue;
                }
            }

            due.Fire();
        }
    }

    [StructLayout(LayoutKind.Sequential, Pack = 1)]
    private struct EpollEvent
    {
        public uint Events;
        public ulong Data;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Timespec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    private static partial int EpollCreate(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    private static partial int EpollControl(int epoll, int operation, int descriptor, EpollEvent* registration);

    [LibraryImport("libc", EntryPoint = "epoll_pwait2", SetLastError = true)]
    private static partial int EpollWait(
        int epoll, EpollEvent* events, int maximum, Timespec* timeout, void* signalMask, nuint signalMaskSize);

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
