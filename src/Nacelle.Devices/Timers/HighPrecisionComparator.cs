using Nacelle.Devices.Interrupts;

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
    private const uint Routes = 0x00FF_0000;
    private const ulong Writable = LevelTriggered | InterruptEnable | PeriodicType | ValueSet | Force32;
    private const int NoLine = -1;
    private readonly HighPrecisionTimer _owner;
    private readonly Func<int, IInterruptLine> _connect;
    private readonly Dictionary<int, IInterruptLine> _lines = [];
    private readonly IDeviceTimer _timer;
    private readonly int _index;
    private ulong _configuration;
    private ulong _period;
    private int _drivenLine = NoLine;

    // When the counter meets the value; null while it will not.
    private long? _due;

    internal HighPrecisionComparator(HighPrecisionTimer owner, int index, Func<int, IInterruptLine> connect)
    {
        _owner = owner;
        _index = index;
        _connect = connect;
        _timer = owner.Timers.CreateTimer(OnTimer);
        Value = ulong.MaxValue;
    }

    internal ulong Configuration => _configuration | ((ulong)Routes << 32) | PeriodicCapable | Wide;

    internal ulong Value { get; private set; }

    internal void Reset()
    {
        _configuration = 0;
        _period = 0;
        Value = ulong.MaxValue;
        Disarm();
        UpdateLevel();
    }

    internal void WriteConfiguration(ulong value, ulong mask)
    {
        ulong writable = mask & Writable;
        _configuration = (_configuration & ~writable) | (value & writable);

        // A route that the timer does not have does not read back (specification 2.3.8).
        int route = (int)((value & RouteBits) >> 9);
        if ((mask & RouteBits) == RouteBits && (Routes >> route & 1) != 0)
        {
            _configuration = (_configuration & ~RouteBits) | (value & RouteBits);
        }

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

    /// <summary>Works out anew when the counter meets the value.</summary>
    internal void Arm()
    {
        if (!_owner.IsEnabled)
        {
            Disarm();
            return;
        }

        ulong now = _owner.Counter;
        ArmIn(Is32Bit ? (uint)(Value - now) : Value - now, _owner.Timers.NowNanoseconds);
    }

    /// <summary>What has come about since: the timer's thread may be late, and the guest is not to see that.</summary>
    internal void CatchUp()
    {
        if (_due is long due && _owner.Timers.NowNanoseconds is long now && now >= due)
        {
            Meet(due, now);
        }
    }

    internal void UpdateLevel()
    {
        bool active = (_configuration & (LevelTriggered | InterruptEnable)) == (LevelTriggered | InterruptEnable)
            && _owner.IsEnabled && _owner.HasStatus(_index);
        int line = active ? Line : NoLine;
        if (_drivenLine == line)
        {
            return;
        }

        Drive(_drivenLine, false);
        _drivenLine = line;
        Drive(line, true);
    }

    private bool Is32Bit => (_configuration & Force32) != 0;

    private int Line
    {
        get
        {
            if (_owner.IsLegacy && _index < 2)
            {
                return _index == 0 ? 0 : 8;
            }

            // After a reset no route is chosen.
            int route = (int)((_configuration & RouteBits) >> 9);
            return (Routes >> route & 1) != 0 ? route : NoLine;
        }
    }

    private void Drive(int number, bool asserted)
    {
        if (number == NoLine)
        {
            return;
        }

        // A wire of its own on each line that it ever drove: who else drives that one is not its business.
        if (!_lines.TryGetValue(number, out IInterruptLine? line))
        {
            line = _lines[number] = _connect(number);
        }

        line.SetLevel(asserted);
    }

    private void ArmIn(UInt128 ticks, long from)
    {
        _due = Moment.After(from, ticks * HighPrecisionTimer.TickNanoseconds);
        _timer.Arm(_due.Value);
    }

    private void Disarm()
    {
        _due = null;
        _timer.Cancel();
    }

    private void OnTimer()
    {
        lock (_owner.State)
        {
            CatchUp();
        }
    }

    /// <summary>The counter has met the value. Meetings that fell together are one.</summary>
    private void Meet(long due, long now)
    {
        ulong late = (ulong)(now - due) / HighPrecisionTimer.TickNanoseconds;
        if ((_configuration & PeriodicType) != 0 && _period != 0)
        {
            // As many periods as it takes to come to one that lies far enough ahead.
            const ulong shortest = Moment.ShortestPeriod / HighPrecisionTimer.TickNanoseconds;
            ulong ahead = _period >= shortest ? 0 : shortest;
            UInt128 periods = (((UInt128)late + ahead) / _period) + 1;
            Value = (ulong)((UInt128)Value + (periods * _period));
            Value = Is32Bit ? (uint)Value : Value;
            ArmIn(periods * _period, due);
        }
        else if (Is32Bit)
        {
            // A narrow comparator meets the counter again whenever its low half comes round.
            ArmIn((((UInt128)late >> 32) + 1) << 32, due);
        }
        else
        {
            Disarm();
        }

        if ((_configuration & LevelTriggered) != 0)
        {
            _owner.SetStatus(_index);
            UpdateLevel();
        }
        else if ((_configuration & InterruptEnable) != 0)
        {
            int line = Line;
            Drive(line, true);
            Drive(line, false);
        }
    }
}
