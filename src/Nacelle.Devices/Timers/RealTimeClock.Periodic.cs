namespace Nacelle.Devices.Timers;

/// <content>The periodic interrupt.</content>
public sealed partial class RealTimeClock
{
    // Of a machine that stood still for longer no guest needs to hear every tick.
    private const long LongestCatchUpNanoseconds = 600 * NanosecondsPerSecond;
    private long _periodicNext = long.MaxValue;

    // When the flag was last looked at while nobody is interrupted for it.
    private long _ticksSeen;

    // Time of the periodic interrupts that the guest has not seen.
    private long _behindNanoseconds;

    /// <summary>Zero for none (data sheet, table 5).</summary>
    private long PeriodNanoseconds
    {
        get
        {
            int rate = _registerA & 15;
            rate = rate is 1 or 2 ? rate + 7 : rate;
            return rate == 0 || (_registerA & DividerBits) == DividerBits ? 0 : (NanosecondsPerSecond << (rate - 1)) / 32768;
        }
    }

    private void ArmPeriodic()
    {
        if ((_registerB & Periodic) != 0 && PeriodNanoseconds is long period and not 0)
        {
            _periodicNext = Moment.After(_timers.NowNanoseconds, (ulong)period);
            _periodicTimer.Arm(_periodicNext);
        }
        else
        {
            StopPeriodic();
        }
    }

    private void StopPeriodic()
    {
        _periodicNext = long.MaxValue;
        _periodicTimer.Cancel();
        _catchUpTimer.Cancel();
        _behindNanoseconds = 0;
    }

    private void OnPeriodic()
    {
        lock (_state)
        {
            // Armed anew, or stopped, while the callback was on its way.
            long now = _timers.NowNanoseconds;
            long period = PeriodNanoseconds;
            if (now < _periodicNext || period == 0)
            {
                return;
            }

            // Ticks that fell together while the host was late arrive as one.
            bool unseen = (_registerC & Periodic) != 0;
            Raise(Periodic);
            long late = (now - _periodicNext) / period;
            _behindNanoseconds = Math.Min(_behindNanoseconds + ((late + (unseen ? 1 : 0)) * period), LongestCatchUpNanoseconds);
            _periodicNext = Moment.After(_periodicNext, (UInt128)(late + 1) * (ulong)period);
            _periodicTimer.Arm(_periodicNext);
        }
    }

    /// <summary>Whether a tick has gone by since the last time, for a guest that asks for no interrupts and looks at the flag.</summary>
    private bool HasTicked()
    {
        long period = PeriodNanoseconds;
        long now = _timers.NowNanoseconds;
        bool ticked = period != 0 && (_registerB & Periodic) == 0 && now / period != _ticksSeen / period;
        _ticksSeen = now;
        return ticked;
    }

    /// <summary>After the guest has seen a tick: one that it has missed follows between this and the next, so that the rate is twice what it is otherwise.</summary>
    private void CatchUp()
    {
        long period = PeriodNanoseconds;
        if (_catchesUp && period != 0 && _behindNanoseconds >= period && (_registerB & Periodic) != 0)
        {
            _catchUpTimer.Arm(Moment.After(_timers.NowNanoseconds, (ulong)(period / 2)));
        }
    }

    private void OnCatchUp()
    {
        lock (_state)
        {
            // A tick that the guest has yet to see would swallow it; its turn comes when that is seen.
            long period = PeriodNanoseconds;
            if (period != 0 && _behindNanoseconds >= period && (_registerC & Periodic) == 0)
            {
                _behindNanoseconds -= period;
                Raise(Periodic);
            }
        }
    }
}
