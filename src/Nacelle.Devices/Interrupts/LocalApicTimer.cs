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
                    _start = _next - (long)((ulong)_initialCount * Divisor);
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
                _divide = value;
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
        lock (_state)
        {
            if (_mode == LocalApicTimerMode.Deadline)
            {
                return;
            }

            _initialCount = value;
            _isCounting = value != 0;
            _start = _timers.NowNanoseconds;
            if (value == 0)
            {
                _timer.Cancel();
                return;
            }

            _next = _start + (long)((ulong)value * Divisor);
            _timer.Arm(_next);
        }
    }

    /// <summary>Writes IA32_TSC_DEADLINE: arms the timer, or stops it with zero.</summary>
    public void SetDeadline(ulong value, ulong timestampNow)
    {
        lock (_state)
        {
            if (_mode != LocalApicTimerMode.Deadline)
            {
                return;
            }

            _deadline = value;
            if (value == 0)
            {
                _timer.Cancel();
                return;
            }

            if (value > timestampNow)
            {
                ulong nanoseconds = (ulong)((UInt128)(value - timestampNow) * 1_000_000_000 / _timestampFrequency);
                _timer.Arm(_timers.NowNanoseconds + (long)Math.Min(nanoseconds, long.MaxValue / 4));
                return;
            }

            // It is past: the interrupt belongs to the write.
            _timer.Cancel();
            _deadline = 0;
        }

        _fire();
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

    private void OnExpired()
    {
        lock (_state)
        {
            switch (_mode)
            {
                case LocalApicTimerMode.Deadline:
                    if (_deadline == 0)
                    {
                        return;
                    }

                    _deadline = 0;
                    break;
                case LocalApicTimerMode.Periodic:
                    if (!_isCounting)
                    {
                        return;
                    }

                    // Periods that passed while the host was busy are merged into this one.
                    long period = (long)((ulong)_initialCount * Divisor);
                    long now = _timers.NowNanoseconds;
                    _next += Math.Max(1, ((now - _next) / period) + 1) * period;
                    _timer.Arm(_next);
                    break;
                case LocalApicTimerMode.OneShot:
                default:
                    if (!_isCounting)
                    {
                        return;
                    }

                    _isCounting = false;
                    break;
            }
        }

        _fire();
    }
}
