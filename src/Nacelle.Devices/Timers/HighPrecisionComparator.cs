namespace Nacelle.Devices.Timers;

/// <summary>One comparator of a <see cref="HighPrecisionTimer"/>, whose lock guards it.</summary>
internal sealed class HighPrecisionComparator
{
    private const ulong LevelTriggered = 1 << 1;
    private const ulong InterruptEnable = 1 << 2;
    private const ulong PeriodicType = 1 << 3;
    private const ulong PeriodicCapable = 1 << 4;
    private const ulong Wide = 1 << 5;
    private const ulong ValueSet = 1 << 6;
    private const ulong Force32 = 1 << 8;
    private const ulong RouteBits = 0x1F << 9;

    // IOAPIC pins 16 to 23: those that no ISA device uses.
    private const ulong Routes = 0x00FF_0000UL << 32;
    private const ulong Writable = LevelTriggered | InterruptEnable | PeriodicType | ValueSet | Force32 | RouteBits;

    // A guest that asks for a period below this would only starve itself of everything else.
    private const ulong ShortestPeriodTicks = 1_000;
    private readonly HighPrecisionTimer _owner;
    private readonly Action<int, bool> _interrupt;
    private readonly IDeviceTimer _timer;
    private readonly int _index;
    private ulong _configuration;
    private ulong _period;
    private int _drivenLine = -1;

    internal HighPrecisionComparator(HighPrecisionTimer owner, int index, Action<int, bool> interrupt)
    {
        _owner = owner;
        _index = index;
        _interrupt = interrupt;
        _timer = owner.Timers.CreateTimer(OnTimer);
        Reset();
    }

    internal ulong Configuration => _configuration | Routes | PeriodicCapable | Wide;

    internal ulong Value { get; private set; }

    internal void Reset()
    {
        _configuration = 0;
        _period = 0;
        Value = ulong.MaxValue;
        _timer.Cancel();
        UpdateLevel();
    }

    internal void WriteConfiguration(ulong value, ulong mask)
    {
        ulong writable = mask & Writable;
        _configuration = (_configuration & ~writable) | (value & writable);
        if ((_configuration & Force32) != 0)
        {
            Value = (uint)Value;
            _period = (uint)_period;
        }

        UpdateLevel();
        Arm();
    }

    internal void WriteValue(ulong value, ulong mask)
    {
        if ((_configuration & Force32) != 0)
        {
            mask &= uint.MaxValue;
        }

        bool periodic = (_configuration & PeriodicType) != 0;
        if (!periodic || (_configuration & ValueSet) != 0)
        {
            Value = (Value & ~mask) | (value & mask);
        }

        if (periodic && ((_configuration & ValueSet) == 0 || mask == ulong.MaxValue || _period == 0))
        {
            _period = (_period & ~mask) | (value & mask);
        }

        // The bit clears itself after the write that it was set for (specification 2.3.8).
        _configuration &= ~ValueSet;
        Arm();
    }

    internal void Arm()
    {
        if (!_owner.IsEnabled)
        {
            _timer.Cancel();
            return;
        }

        ulong now = _owner.Counter;
        ulong wait = (_configuration & Force32) != 0 ? (uint)(Value - now) : Value - now;
        if (wait < long.MaxValue / (ulong)HighPrecisionTimer.TickNanoseconds)
        {
            _timer.Arm(_owner.Timers.NowNanoseconds + ((long)wait * HighPrecisionTimer.TickNanoseconds));
        }
        else
        {
            _timer.Cancel();
        }
    }

    internal void UpdateLevel()
    {
        bool active = (_configuration & (LevelTriggered | InterruptEnable)) == (LevelTriggered | InterruptEnable)
            && _owner.HasStatus(_index);
        int line = active ? Line : -1;
        if (_drivenLine >= 0 && _drivenLine != line)
        {
            _interrupt(_drivenLine, false);
        }

        _drivenLine = line;
        if (line >= 0)
        {
            _interrupt(line, true);
        }
    }

    private int Line => _owner.IsLegacy && _index < 2 ? (_index == 0 ? 0 : 8) : (int)((_configuration & RouteBits) >> 9);

    private void OnTimer()
    {
        lock (_owner.State)
        {
            if (!_owner.IsEnabled)
            {
                return;
            }

            if ((_configuration & PeriodicType) != 0 && _period != 0)
            {
                ulong period = Math.Max(_period, ShortestPeriodTicks);
                ulong late = _owner.Counter - Value;
                Value += ((late / period) + 1) * period;
                if ((_configuration & Force32) != 0)
                {
                    Value = (uint)Value;
                }

                Arm();
            }

            if ((_configuration & LevelTriggered) != 0)
            {
                _owner.SetStatus(_index);
                UpdateLevel();
            }
            else if ((_configuration & InterruptEnable) != 0)
            {
                _interrupt(Line, true);
                _interrupt(Line, false);
            }
        }
    }
}
