using Nacelle.Devices.Timers;

namespace Nacelle.Devices.Interrupts;

/// <summary>Modes of the LAPIC timer (SDM volume 3, figure 11-8).</summary>
internal enum LocalApicTimerMode
{
    /// <summary>Counts down once.</summary>
    OneShot,

    /// <summary>Counts down again and again.</summary>
    Periodic,

    /// <summary>Fires when the time-stamp counter reaches a value.</summary>
    Deadline,
}

/// <summary>The timer of a LAPIC. Its input clock is 1 GHz: a count is a nanosecond times the divisor.</summary>
/// <remarks>Guarded by a lock of its own; the callback comes on the timer service's thread, without the lock.</remarks>
internal sealed class LocalApicTimer
{
    private readonly Lock _state = new();
    private readonly ITimerService _timers;
    private readonly ulong _timestampFrequency;
    private readonly Action _fire;
    private readonly IDeviceTimer _timer;
    private LocalApicTimerMode _mode;
    private uint _initialCount;
    private uint _divide;
    private long _start;
    private long _next;
    private bool _isCounting;
    private ulong _deadline;

    public LocalApicTimer(ITimerService timers, ulong timestampFrequency, Action fire)
    {
        _timers = timers;
        _timestampFrequency = timestampFrequency;
        _fire = fire;
        _timer = timers.CreateTimer(OnExpired);
    }

    /// <summary>The mode; a change to or from deadline mode stops the timer (SDM volume 3, 11.5.4.1).</summary>
    public LocalApicTimerMode Mode
    {
        get => _mode;
        set
        {
            bool expired = false;
            lock (_state)
            {
                if (_mode == value)
                {
                    return;
                }

                if (_mode == LocalApicTimerMode.Deadline || value == LocalApicTimerMode.Deadline)
                {
                    _timer.Cancel();
                    _deadline = 0;
                    _initialCount = 0;
                    _isCounting = false;
                }
                else if (_isCounting && _mode == LocalApicTimerMode.Periodic)
                {
                    // The period that runs is the last one.
                    _start = _next - Span(_initialCount);
                }
                else if (_isCounting && _timers.NowNanoseconds >= _next)
                {
                    // It has counted down once, though the timer service was not there yet.
                    _timer.Cancel();
                    _isCounting = false;
                    expired = true;
                }

                _mode = value;
            }

            if (expired)
            {
                _fire();
            }
        }
    }

    /// <summary>The divide configuration register.</summary>
    public uint DivideConfiguration
    {
        get => _divide;
        set
        {
            lock (_state)
            {
                if (!_isCounting)
                {
                    _divide = value;
                    return;
                }

                // What is left to count is counted at the new speed.
                uint left = Math.Max(1, CurrentCountLocked);
                _divide = value;
                _next = Moment.After(_timers.NowNanoseconds, (ulong)Span(left));
                _start = _next - Span(_initialCount);
                _timer.Arm(_next);
            }
        }
    }

    /// <summary>The initial count register.</summary>
    public uint InitialCount => _initialCount;

    /// <summary>IA32_TSC_DEADLINE; zero when not armed.</summary>
    public ulong Deadline => _deadline;

    /// <summary>The current count register.</summary>
    public uint CurrentCount
    {
        get
        {
            lock (_state)
            {
                return CurrentCountLocked;
            }
        }
    }

    private uint CurrentCountLocked
    {
        get
        {
            if (!_isCounting)
            {
                return 0;
            }

            ulong elapsed = (ulong)(_timers.NowNanoseconds - _start) / Divisor;
            return _mode == LocalApicTimerMode.Periodic
                ? _initialCount - (uint)(elapsed % _initialCount)
                : elapsed >= _initialCount ? 0 : _initialCount - (uint)elapsed;
        }
    }

    private uint Divisor
    {
        get
        {
            uint code = (_divide & 3) | ((_divide >> 1) & 4);
            return code == 7 ? 1 : 2u << (int)code;
        }
    }

    /// <summary>Writes the initial count: starts the timer, or stops it with zero.</summary>
    public void SetInitialCount(uint value)
    {
        bool expired;
        lock (_state)
        {
            if (_mode == LocalApicTimerMode.Deadline)
            {
                return;
            }

            expired = _isCounting && _timers.NowNanoseconds >= _next;
            _initialCount = value;
            _isCounting = value != 0;
            _start = _timers.NowNanoseconds;
            if (value == 0)
            {
                _timer.Cancel();
            }
            else
            {
                _next = Moment.After(_start, (ulong)(_mode == LocalApicTimerMode.Periodic ? Period : Span(value)));
                _timer.Arm(_next);
            }
        }

        if (expired)
        {
            // It came about before this write, though the timer service was not there yet.
            _fire();
        }
    }

    /// <summary>Writes IA32_TSC_DEADLINE: arms the timer, or stops it with zero.</summary>
    public void SetDeadline(ulong value, ulong timestampNow)
    {
        bool expired;
        lock (_state)
        {
            if (_mode != LocalApicTimerMode.Deadline)
            {
                return;
            }

            expired = _deadline != 0 && _timers.NowNanoseconds >= _next;
            _deadline = value;
            if (value == 0)
            {
                _timer.Cancel();
            }
            else if (value > timestampNow)
            {
                // Rounded up, so that the counter has come to the value when the timer fires.
                UInt128 nanoseconds = ((UInt128)(value - timestampNow) * 1_000_000_000 / _timestampFrequency) + 1;
                _next = Moment.After(_timers.NowNanoseconds, nanoseconds);
                _timer.Arm(_next);
            }
            else
            {
                // It is past: the interrupt belongs to the write.
                _timer.Cancel();
                _deadline = 0;
                expired = true;
            }
        }

        if (expired)
        {
            _fire();
        }
    }

    /// <summary>Stops everything.</summary>
    public void Reset()
    {
        lock (_state)
        {
            _timer.Cancel();
            _mode = LocalApicTimerMode.OneShot;
            _initialCount = 0;
            _isCounting = false;
            _divide = 0;
            _deadline = 0;
        }
    }

    /// <summary>The time that a count takes, at most nine minutes.</summary>
    private long Span(uint count) => (long)((ulong)count * Divisor);

    private long Period => Math.Max(Span(_initialCount), Moment.ShortestPeriod);

    private void OnExpired()
    {
        lock (_state)
        {
            // Armed anew, or stopped, while the callback was on its way.
            long now = _timers.NowNanoseconds;
            if (now < _next || !(_mode == LocalApicTimerMode.Deadline ? _deadline != 0 : _isCounting))
            {
                return;
            }

            switch (_mode)
            {
                case LocalApicTimerMode.Deadline:
                    _deadline = 0;
                    break;
                case LocalApicTimerMode.Periodic:
                    // Periods that passed while the host was busy are merged into this one.
                    long period = Period;
                    _next = Moment.After(_next, (UInt128)(((now - _next) / period) + 1) * (ulong)period);
                    _timer.Arm(_next);
                    break;
                case LocalApicTimerMode.OneShot:
                default:
                    _isCounting = false;
                    break;
            }
        }

        _fire();
    }
}
