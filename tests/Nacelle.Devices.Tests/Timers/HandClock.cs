using Nacelle.Devices.Timers;

namespace Nacelle.Devices.Tests.Timers;

/// <summary>A clock that stands where it is put; timers fire when told.</summary>
internal sealed class HandClock : ITimerService
{
    private readonly List<Timer> _timers = [];

    public long Now { get; set; }

    public long NowNanoseconds => Now;

    public IDeviceTimer CreateTimer(Action callback)
    {
        Timer timer = new(callback);
        _timers.Add(timer);
        return timer;
    }

    /// <summary>Moves the clock to a moment, stopping for every timer that is due on the way.</summary>
    /// <returns>How many timers fired.</returns>
    public int MoveTo(long moment)
    {
        int fired = 0;
        while (_timers.MinBy(timer => timer.Deadline) is { } first && first.Deadline <= moment)
        {
            Now = Math.Max(Now, first.Deadline);
            first.Fire();
            fired++;
        }

        Now = moment;
        return fired;
    }

    public void FireAll()
    {
        foreach (Timer timer in _timers.Where(timer => timer.Deadline <= Now).ToArray())
        {
            timer.Fire();
        }
    }

    private sealed class Timer(Action callback) : IDeviceTimer
    {
        public long Deadline { get; private set; } = long.MaxValue;

        public void Arm(long deadlineNanoseconds) => Deadline = deadlineNanoseconds;

        public void Cancel() => Deadline = long.MaxValue;

        public void Fire()
        {
            Deadline = long.MaxValue;
            callback();
        }
    }
}
