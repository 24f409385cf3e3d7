using Nacelle.Devices.Timers;

namespace Nacelle.Fuzz;

/// <summary>A clock that the input moves, with the timers of devices.</summary>
/// <remarks>Thread safe, as loops of devices read it; timers fire on the thread that moves it.</remarks>
internal sealed class FuzzClock : ITimerService
{
    // With a floor of 200 µs for each of some ten timers no step of the clock has more to do.
    private const int MostFirings = 20_000;
    private readonly Lock _sync = new();
    private readonly List<Timer> _timers = [];
    private long _now = 1_000_000_000;

    public long NowNanoseconds => Interlocked.Read(ref _now);

    public int Timers => _timers.Count;

    public IDeviceTimer CreateTimer(Action callback)
    {
        Timer timer = new(callback);
        lock (_sync)
        {
            _timers.Add(timer);
        }

        return timer;
    }

    /// <summary>Moves the clock by a little, stopping wherever a timer is due.</summary>
    public void Step(long nanoseconds) => Fire(After(nanoseconds), stops: true);

    /// <summary>Moves the clock all at once, as after a pause; what was due on the way is late.</summary>
    public void Jump(long nanoseconds) => Fire(After(nanoseconds), stops: false);

    /// <summary>Time does not turn round at its end.</summary>
    private long After(long nanoseconds)
    {
        long now = NowNanoseconds;
        return nanoseconds > long.MaxValue - now ? long.MaxValue : now + nanoseconds;
    }

    private void Fire(long end, bool stops)
    {
        if (!stops)
        {
            Interlocked.Exchange(ref _now, end);
        }

        for (int fired = 0; First() is { } due && due.Deadline <= end; fired++)
        {
            if (fired > MostFirings)
            {
                throw new InvalidOperationException($"timers do not come to rest at {end}: {due.Name} is due at {due.Deadline}");
            }

            Interlocked.Exchange(ref _now, Math.Max(NowNanoseconds, due.Deadline));
            due.Fire();
        }

        Interlocked.Exchange(ref _now, end);
    }

    private Timer? First()
    {
        lock (_sync)
        {
            Timer? first = null;
            foreach (Timer timer in _timers)
            {
                // The end of time never comes.
                first = timer.Deadline != long.MaxValue && (first is null || timer.Deadline < first.Deadline) ? timer : first;
            }

            return first;
        }
    }

    private sealed class Timer(Action callback) : IDeviceTimer
    {
        private long _deadline = long.MaxValue;

        public string Name => $"{callback.Method.DeclaringType?.Name}.{callback.Method.Name}";

        public long Deadline => Interlocked.Read(ref _deadline);

        public void Arm(long deadlineNanoseconds) => Interlocked.Exchange(ref _deadline, deadlineNanoseconds);

        public void Cancel() => Interlocked.Exchange(ref _deadline, long.MaxValue);

        public void Fire()
        {
            Interlocked.Exchange(ref _deadline, long.MaxValue);
            callback();
        }
    }
}
