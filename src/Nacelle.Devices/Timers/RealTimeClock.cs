using Nacelle.Devices.Interrupts;
using Nacelle.Memory;

namespace Nacelle.Devices.Timers;

/// <summary>The PC's clock and CMOS memory at ports 0x70 and 0x71 (Motorola MC146818A data sheet).</summary>
/// <remarks>
/// Guarded by a lock of its own. The clock begins with the host's time in UTC and keeps what the guest sets. Periodic interrupts
/// that the guest does not take in time, or that the host is late with, arrive as one; where the clock catches up, they are made up
/// for by up to as many more again.
/// </remarks>
public sealed class RealTimeClock : IAddressRangeHandler
{
    private const byte UpdateEnded = 0x10;
    private const byte Alarm = 0x20;
    private const byte Periodic = 0x40;
    private const byte SetBit = 0x80;
    private const byte Binary = 4;
    private const byte Hours24 = 2;
    private const int CenturyRegister = 0x32;
    private const long NanosecondsPerSecond = 1_000_000_000;

    // The update-in-progress bit rises 244 µs before the seconds change.
    private const long UpdateWarningNanoseconds = 244_000;
    private readonly Lock _state = new();
    private readonly ITimerService _timers;
    private readonly IDeviceTimer _secondTimer;
    private readonly IDeviceTimer _periodicTimer;
    private readonly IDeviceTimer _catchUpTimer;
    private readonly bool _catchesUp;
    private readonly IInterruptLine _line;
    private readonly byte[] _memory = new byte[128];
    private readonly long _hostOrigin;
    private readonly DateTime _hostTime;
    private TimeSpan _offset;
    private DateTime? _halted;
    private byte _index;
    private byte _registerA;
    private byte _registerB;
    private byte _registerC;
    private long _periodicNext;

    // Time of the periodic interrupts that the guest has not seen.
    private long _behindNanoseconds;

    /// <summary>Starts the clock.</summary>
    /// <param name="timers">Time.</param>
    /// <param name="line">Its interrupt line.</param>
    /// <param name="now">What the clock shows at first, UTC.</param>
    /// <param name="catchesUp">Whether periodic interrupts that the guest has missed are made up for.</param>
    public RealTimeClock(ITimerService timers, IInterruptLine line, DateTime now, bool catchesUp = false)
    {
        ArgumentNullException.ThrowIfNull(timers);
        ArgumentNullException.ThrowIfNull(line);
        _timers = timers;
        _line = line;
        _hostTime = now;
        _hostOrigin = timers.NowNanoseconds;
        _secondTimer = timers.CreateTimer(OnSecond);
        _periodicTimer = timers.CreateTimer(OnPeriodic);
        _catchUpTimer = timers.CreateTimer(OnCatchUp);
        _catchesUp = catchesUp;
        Reset();
    }

    /// <summary>After a machine reset: interrupts off; time and memory stay, as they are fed by a battery.</summary>
    public void Reset()
    {
        lock (_state)
        {
            _registerA = 0x26;
            _registerB = Hours24;
            _registerC = 0;
            _secondTimer.Cancel();
            StopPeriodic();
            _line.SetLevel(false);
        }
    }

    /// <inheritdoc/>
    ulong IAddressRangeHandler.Read(ulong offset, int size)
    {
        lock (_state)
        {
            return offset == 0 ? 0xFFu : ReadRegister(_index);
        }
    }

    /// <inheritdoc/>
    void IAddressRangeHandler.Write(ulong offset, int size, ulong value)
    {
        lock (_state)
        {
            if (offset == 0)
            {
                _index = (byte)(value & 0x7F);
            }
            else
            {
                WriteRegister(_index, (byte)value);
            }
        }
    }

    private long Elapsed => _timers.NowNanoseconds - _hostOrigin;

    private DateTime Now => _halted ?? _hostTime + _offset + TimeSpan.FromTicks(Elapsed / 100);

    private byte ReadRegister(int index)
    {
        DateTime now = Now;
        switch (index)
        {
            case 0:
                return Encode(now.Second);
            case 2:
                return Encode(now.Minute);
            case 4:
                return EncodeHour(now.Hour);
            case 6:
                return Encode((int)now.DayOfWeek + 1);
            case 7:
                return Encode(now.Day);
            case 8:
                return Encode(now.Month);
            case 9:
                return Encode(now.Year % 100);
            case CenturyRegister:
                return Encode(now.Year / 100);
            case 0xA:
                long untilSecond = NanosecondsPerSecond - (now.Ticks % TimeSpan.TicksPerSecond * 100);
                return (byte)(_registerA | (_halted is null && untilSecond <= UpdateWarningNanoseconds ? 0x80 : 0));
            case 0xB:
                return _registerB;
            case 0xC:
                byte flags = _registerC;
                _registerC = 0;
                _line.SetLevel(false);
                CatchUp();
                return flags;
            case 0xD:
                // The battery is good.
                return 0x80;
            default:
                return _memory[index];
        }
    }

    private void WriteRegister(int index, byte value)
    {
        switch (index)
        {
            case 0xA:
                _registerA = (byte)(value & 0x7F);
                ArmPeriodic();
                break;
            case 0xB:
                WriteRegisterB(value);
                break;
            case 0xC or 0xD:
                break;
            case 0 or 2 or 4 or 6 or 7 or 8 or 9 or CenturyRegister:
                SetTime(index, value);
                break;
            default:
                _memory[index] = value;
                break;
        }
    }

    private void WriteRegisterB(byte value)
    {
        if ((value & SetBit) != 0 && _halted is null)
        {
            _halted = Now;
        }
        else if ((value & SetBit) == 0 && _halted is DateTime set)
        {
            _offset = set - _hostTime - TimeSpan.FromTicks(Elapsed / 100);
            _halted = null;
        }

        _registerB = value;
        ArmSecond();
        ArmPeriodic();
    }

    private void SetTime(int index, byte raw)
    {
        DateTime old = Now;
        int value = index == 4 ? DecodeHour(raw) : Decode(raw);
        int year = index == 9 ? (old.Year / 100 * 100) + value : index == CenturyRegister ? (value * 100) + (old.Year % 100) : old.Year;
        int month = index == 8 ? value : old.Month;
        int day = index == 7 ? value : old.Day;
        year = Math.Clamp(year, 1, 9998);
        month = Math.Clamp(month, 1, 12);
        day = Math.Clamp(day, 1, DateTime.DaysInMonth(year, month));
        DateTime time = new(
            year,
            month,
            day,
            Math.Clamp(index == 4 ? value : old.Hour, 0, 23),
            Math.Clamp(index == 2 ? value : old.Minute, 0, 59),
            Math.Clamp(index == 0 ? value : old.Second, 0, 59));
        time += TimeSpan.FromTicks(old.Ticks % TimeSpan.TicksPerSecond);
        if (_halted is null)
        {
            _offset += time - old;
        }
        else
        {
            _halted = time;
        }
    }

    private void ArmSecond()
    {
        if ((_registerB & (UpdateEnded | Alarm)) != 0 && _halted is null)
        {
            _secondTimer.Arm(_timers.NowNanoseconds + NanosecondsPerSecond - (Now.Ticks % TimeSpan.TicksPerSecond * 100));
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
            DateTime now = Now;
            byte flags = UpdateEnded;
            if (AlarmMatches(1, Encode(now.Second)) && AlarmMatches(3, Encode(now.Minute)) && AlarmMatches(5, EncodeHour(now.Hour)))
            {
                flags |= Alarm;
            }

            Raise(flags);
            ArmSecond();
        }
    }

    /// <summary>Values of 0xC0 and more match always.</summary>
    private bool AlarmMatches(int index, byte now) => _memory[index] >= 0xC0 || _memory[index] == now;

    private long PeriodNanoseconds
    {
        get
        {
            int rate = _registerA & 15;
            rate = rate is 1 or 2 ? rate + 7 : rate;
            return rate == 0 ? 0 : (NanosecondsPerSecond << (rate - 1)) / 32768;
        }
    }

    private void ArmPeriodic()
    {
        if ((_registerB & Periodic) != 0 && PeriodNanoseconds != 0)
        {
            _periodicNext = _timers.NowNanoseconds + PeriodNanoseconds;
            _periodicTimer.Arm(_periodicNext);
        }
        else
        {
            StopPeriodic();
        }
    }

    private void StopPeriodic()
    {
        _periodicTimer.Cancel();
        _catchUpTimer.Cancel();
        _behindNanoseconds = 0;
    }

    private void OnPeriodic()
    {
        lock (_state)
        {
            bool unseen = (_registerC & Periodic) != 0;
            Raise(Periodic);
            long period = PeriodNanoseconds;
            if (period != 0)
            {
                // Ticks that fell together while the host was late arrive as one.
                long late = Math.Max(0, (_timers.NowNanoseconds - _periodicNext) / period);
                _behindNanoseconds += (late + (unseen ? 1 : 0)) * period;
                _periodicNext += (late + 1) * period;
                _periodicTimer.Arm(_periodicNext);
            }
        }
    }

    /// <summary>After the guest has seen a tick: one that it has missed follows between this and the next, so that the rate is twice what it is otherwise.</summary>
    private void CatchUp()
    {
        long period = PeriodNanoseconds;
        if (_catchesUp && period != 0 && _behindNanoseconds >= period && (_registerB & Periodic) != 0)
        {
            _catchUpTimer.Arm(_timers.NowNanoseconds + (period / 2));
        }
    }

    private void OnCatchUp()
    {
        lock (_state)
        {
            // A tick that the guest has yet to see would swallow it; its turn comes when that is seen.
            if (_behindNanoseconds >= PeriodNanoseconds && (_registerC & Periodic) == 0)
            {
                _behindNanoseconds -= PeriodNanoseconds;
                Raise(Periodic);
            }
        }
    }

    private void Raise(byte flags)
    {
        _registerC |= flags;
        if ((_registerC & _registerB & 0x70) != 0)
        {
            _registerC |= 0x80;
            _line.SetLevel(true);
        }
    }

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
