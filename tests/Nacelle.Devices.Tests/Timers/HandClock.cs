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

    public void FireAll()
    {
        foreach (Timer timer in _timers.Where(timer => timer.Deadline <= Now))
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
