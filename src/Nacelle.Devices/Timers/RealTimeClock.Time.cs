namespace Nacelle.Devices.Timers;

/// <content>The time of day, its update and its alarm.</content>
public sealed partial class RealTimeClock
{
    private const int SecondsPerDay = 86_400;
    private static readonly int[] s_timeRegisters = [0, 2, 4, 6, 7, 8, 9, CenturyRegister];
    private CalendarTime _base;
    private long _baseNanoseconds;
    private long _phaseWhileStanding;

    // Days that the guest's day of the week is ahead of the calendar's.
    private int _weekdayOffset;

    // The last second whose update the flags know of.
    private CalendarTime _seen;

    private long Elapsed => Math.Max(0, _timers.NowNanoseconds - _baseNanoseconds);

    private CalendarTime Now => IsStanding ? _base : _base.Plus(Elapsed / NanosecondsPerSecond);

    /// <summary>Nanoseconds since the seconds changed.</summary>
    private long Phase => Elapsed % NanosecondsPerSecond;

    /// <summary>Puts the time into the registers, where it stays as it is.</summary>
    private void Stand()
    {
        CalendarTime now = _base.Plus(Elapsed / NanosecondsPerSecond);
        foreach (int index in s_timeRegisters)
        {
            _memory[index] = Show(now, index);
        }

        _base = now;
    }

    /// <summary>Lets the time go on from what is in the registers.</summary>
    private void Go(long phase)
    {
        _base = CalendarTime.Nearest(
            (Decode(_memory[CenturyRegister]) * 100) + Decode(_memory[9]),
            Decode(_memory[8]),
            Decode(_memory[7]),
            DecodeHour(_memory[4]),
            Decode(_memory[2]),
            Decode(_memory[0]));
        _baseNanoseconds = _timers.NowNanoseconds - phase;
        _weekdayOffset = Decode(_memory[6]) + 6 - _base.DayOfWeek + 7;
        _seen = _base;
    }

    private byte Show(CalendarTime time, int index) => index switch
    {
        0 => Encode(time.Second),
        2 => Encode(time.Minute),
        4 => EncodeHour(time.Hour),
        6 => Encode(((time.DayOfWeek + _weekdayOffset) % 7) + 1),
        7 => Encode(time.Day),
        8 => Encode(time.Month),
        9 => Encode(time.Year % 100),
        _ => Encode(time.Year / 100),
    };

    private void ArmSecond()
    {
        if ((_registerB & (UpdateEnded | Alarm)) != 0 && !IsStanding)
        {
            _secondTimer.Arm(Moment.After(_timers.NowNanoseconds, (ulong)(NanosecondsPerSecond - Phase)));
        }
        else
        {
            _secondTimer.Cancel();
        }
    }

    private void OnSecond()
    {
        lock (_state)
        {
            NoteSeconds();
            ArmSecond();
        }
    }

    /// <summary>Sets the flags of the updates that have come about, whether or not anybody is interrupted for them.</summary>
    private void NoteSeconds()
    {
        CalendarTime now = Now;
        if (IsStanding || now.Seconds == _seen.Seconds)
        {
            return;
        }

        // A day has every alarm in it, so that no more need be looked at.
        CalendarTime first = _seen.Plus(1);
        int seconds = (int)Math.Clamp(now.Seconds - _seen.Seconds, 1, SecondsPerDay);
        bool rings = false;
        for (int i = 0; i < seconds && !rings; i++)
        {
            int second = (int)((first.Seconds + i) % SecondsPerDay);
            rings = AlarmMatches(1, Encode(second % 60)) && AlarmMatches(3, Encode(second / 60 % 60)) && AlarmMatches(5, EncodeHour(second / 3600));
        }

        _seen = now;
        Raise((byte)(UpdateEnded | (rings ? Alarm : 0)));
    }

    /// <summary>Values of 0xC0 and more match always.</summary>
    private bool AlarmMatches(int index, byte now) => _memory[index] >= 0xC0 || _memory[index] == now;

    private byte Encode(int value) => (byte)((_registerB & Binary) != 0 ? value : (value / 10 << 4) | (value % 10));

    private int Decode(byte value) => (_registerB & Binary) != 0 ? value : ((value >> 4) * 10) + (value & 15);

    private byte EncodeHour(int hour)
    {
        if ((_registerB & Hours24) != 0)
        {
            return Encode(hour);
        }

        int half = hour % 12;
        return (byte)(Encode(half == 0 ? 12 : half) | (hour >= 12 ? 0x80 : 0));
    }

    private int DecodeHour(byte value)
    {
        if ((_registerB & Hours24) != 0)
        {
            return Decode(value);
        }

        return (Decode((byte)(value & 0x7F)) % 12) + ((value & 0x80) != 0 ? 12 : 0);
    }
}
