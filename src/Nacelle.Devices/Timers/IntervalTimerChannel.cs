namespace Nacelle.Devices.Timers;

/// <summary>One counter of an 8254 (Intel data sheet 231164).</summary>
/// <remarks>Guarded by the lock of the timer that it belongs to. Times are nanoseconds of the timer service.</remarks>
internal sealed class IntervalTimerChannel
{
    /// <summary>Hertz of the clock input on a PC.</summary>
    internal const long Frequency = 1_193_182;

    private long _start;
    private long _load = 0x10000;
    private int _mode;
    private bool _binaryCodedDecimal;
    private int _access = 3;
    private bool _gate;
    private bool _writeHighNext;
    private bool _readHighNext;
    private byte _lowByte;
    private ushort? _latch;
    private byte? _statusLatch;
    private bool _armed;

    internal IntervalTimerChannel(bool gate) => _gate = gate;

    internal bool Gate => _gate;

    internal void Reset()
    {
        _load = 0x10000;
        _mode = 0;
        _access = 3;
        _armed = false;
        _writeHighNext = false;
        _readHighNext = false;
        _latch = null;
        _statusLatch = null;
    }

    internal void WriteControl(byte value, long now)
    {
        int access = (value >> 4) & 3;
        if (access == 0)
        {
            LatchCount(now);
            return;
        }

        _access = access;
        _mode = (value >> 1) & 7;
        _mode = _mode > 5 ? _mode & 3 : _mode;
        _binaryCodedDecimal = (value & 1) != 0;
        _writeHighNext = false;
        _readHighNext = false;
        _latch = null;
        _statusLatch = null;

        // Counting begins with the count that follows.
        _armed = false;
    }

    internal void LatchCount(long now) => _latch ??= Encode(Count(now));

    internal void LatchStatus(long now) =>
        _statusLatch ??= (byte)((Output(now) ? 0x80 : 0) | (_armed ? 0 : 0x40) | (_access << 4) | (_mode << 1)
            | (_binaryCodedDecimal ? 1 : 0));

    internal void WriteCount(byte value, long now)
    {
        switch (_access)
        {
            case 1:
                Load(value, now);
                break;
            case 2:
                Load(value << 8, now);
                break;
            default:
                if (_writeHighNext)
                {
                    Load((value << 8) | _lowByte, now);
                }
                else
                {
                    _lowByte = value;
                }

                _writeHighNext = !_writeHighNext;
                break;
        }
    }

    internal byte ReadCount(long now)
    {
        if (_statusLatch is byte status)
        {
            _statusLatch = null;
            return status;
        }

        ushort count = _latch ?? Encode(Count(now));
        bool high = _access == 2 || (_access == 3 && _readHighNext);
        if (_access == 3)
        {
            _readHighNext = !_readHighNext;
        }

        if (_access != 3 || high)
        {
            _latch = null;
        }

        return (byte)(high ? count >> 8 : count);
    }

    /// <summary>The gate input: a rising edge restarts modes 1, 2, 3 and 5; a low gate holds modes 0 and 4 in principle.</summary>
    internal void SetGate(bool gate, long now)
    {
        if (gate && !_gate && _mode is 1 or 2 or 3 or 5)
        {
            _start = now;
        }

        _gate = gate;
    }

    /// <summary>The output pin.</summary>
    internal bool Output(long now)
    {
        if (!_armed)
        {
            return _mode != 0;
        }

        long ticks = Ticks(now);
        return _mode switch
        {
            0 or 1 => ticks >= _load,
            2 => ticks % _load != _load - 1,
            3 => ticks % _load < (_load + 1) / 2,
            _ => ticks != _load,
        };
    }

    /// <summary>The moment of the next rising edge of the output after a moment, or null when there is none.</summary>
    internal long? NextRise(long now)
    {
        if (!_armed || !_gate)
        {
            return null;
        }

        long ticks = Ticks(now);
        long next = _mode switch
        {
            0 or 1 => _load,
            2 or 3 => ((ticks / _load) + 1) * _load,
            _ => _load + 1,
        };
        return next > ticks ? Moment.After(_start, Nanoseconds(next)) : null;
    }

    private void Load(int value, long now)
    {
        int count = _binaryCodedDecimal
            ? (value & 15) + (((value >> 4) & 15) * 10) + (((value >> 8) & 15) * 100) + ((value >> 12) * 1000)
            : value;
        _load = count != 0 ? count : _binaryCodedDecimal ? 10000 : 0x10000;
        _start = now;
        _armed = true;
    }

    private long Count(long now)
    {
        if (!_armed)
        {
            return _load;
        }

        long ticks = Ticks(now);
        return _mode switch
        {
            2 => _load - (ticks % _load),
            3 => _load - (2 * (ticks % _load) % _load),
            _ => _load - ticks,
        };
    }

    private ushort Encode(long count)
    {
        if (!_binaryCodedDecimal)
        {
            return (ushort)count;
        }

        int value = (int)(((count % 10000) + 10000) % 10000);
        return (ushort)((value % 10) | (value / 10 % 10 << 4) | (value / 100 % 10 << 8) | (value / 1000 << 12));
    }

    private long Ticks(long now) => (long)((Int128)(now - _start) * Frequency / 1_000_000_000);

    /// <summary>Rounded up, so that the tick has been counted at that moment.</summary>
    private static UInt128 Nanoseconds(long ticks) => (((UInt128)ticks * 1_000_000_000) + (Frequency - 1)) / Frequency;
}
