using Nacelle.Devices.Interrupts;
using Nacelle.Memory;

namespace Nacelle.Devices.Timers;

/// <summary>A high precision event timer with three comparators (IA-PC HPET specification 1.0a).</summary>
/// <remarks>Guarded by a lock of its own.</remarks>
public sealed class HighPrecisionTimer : IAddressRangeHandler
{
    /// <summary>Guest-physical address of the registers.</summary>
    public const ulong Address = 0xFED0_0000;

    /// <summary>Bytes of the registers.</summary>
    public const ulong Length = 0x400;

    /// <summary>Nanoseconds of one tick: 100 MHz.</summary>
    internal const long TickNanoseconds = 10;

    /// <summary>The upper half of the capabilities register, as ACPI's HPET table repeats it: vendor, legacy, 64 bits, 3 timers.</summary>
    public const uint EventTimerBlockId = 0x8086_A201;

    private const ulong Capabilities = ((ulong)TickNanoseconds * 1_000_000 << 32) | EventTimerBlockId;
    private readonly Lock _state = new();
    private readonly ITimerService _timers;
    private readonly HighPrecisionComparator[] _comparators;
    private readonly Action<bool> _legacyChanged;
    private ulong _interruptStatus;
    private bool _legacy;
    private bool _enabled;

    // While enabled the counter is base + (now - origin) / tick; while halted it is the base.
    private long _originNanoseconds;
    private ulong _base;

    /// <summary>Connects the timer.</summary>
    /// <param name="timers">Time.</param>
    /// <param name="connect">Makes a wire to a global system interrupt: 0, 8, or 16 to 23.</param>
    /// <param name="legacyChanged">Told when legacy replacement takes or returns the PIT's and the RTC's interrupts.</param>
    public HighPrecisionTimer(ITimerService timers, Func<int, IInterruptLine> connect, Action<bool> legacyChanged)
    {
        ArgumentNullException.ThrowIfNull(timers);
        ArgumentNullException.ThrowIfNull(connect);
        ArgumentNullException.ThrowIfNull(legacyChanged);
        _timers = timers;
        _legacyChanged = legacyChanged;
        _comparators =
        [
            new HighPrecisionComparator(this, 0, connect),
            new HighPrecisionComparator(this, 1, connect),
            new HighPrecisionComparator(this, 2, connect),
        ];
    }

    internal Lock State => _state;

    internal ITimerService Timers => _timers;

    internal bool IsEnabled => _enabled;

    internal bool IsLegacy => _legacy;

    /// <summary>The main counter now.</summary>
    internal ulong Counter => _enabled ? _base + ((ulong)(_timers.NowNanoseconds - _originNanoseconds) / TickNanoseconds) : _base;

    /// <summary>Back to the state after power-on.</summary>
    public void Reset()
    {
        lock (_state)
        {
            WriteConfiguration(0);
            _base = 0;
            _interruptStatus = 0;
            foreach (HighPrecisionComparator comparator in _comparators)
            {
                comparator.Reset();
            }
        }
    }

    /// <inheritdoc/>
    ulong IAddressRangeHandler.Read(ulong offset, int size)
    {
        if (size is not (4 or 8) || (offset & (ulong)(size - 1)) != 0)
        {
            return 0;
        }

        ulong value;
        lock (_state)
        {
            CatchUp();
            value = ReadRegister(offset & ~7UL);
        }

        return (offset & 4) != 0 ? value >> 32 : size == 4 ? (uint)value : value;
    }

    /// <inheritdoc/>
    void IAddressRangeHandler.Write(ulong offset, int size, ulong value)
    {
        if (size is not (4 or 8) || (offset & (ulong)(size - 1)) != 0)
        {
            return;
        }

        lock (_state)
        {
            ulong register = offset & ~7UL;
            int shift = (int)(offset & 4) * 8;
            ulong mask = size == 8 ? ulong.MaxValue : 0xFFFF_FFFFUL << shift;
            CatchUp();
            WriteRegister(register, value << shift, mask);
        }
    }

    /// <summary>Marks a level-triggered comparator as active.</summary>
    internal void SetStatus(int comparator) => _interruptStatus |= 1UL << comparator;

    internal bool HasStatus(int comparator) => (_interruptStatus & (1UL << comparator)) != 0;

    private ulong ReadRegister(ulong register)
    {
        switch (register)
        {
            case 0:
                return Capabilities;
            case 0x10:
                return (_enabled ? 1u : 0) | (_legacy ? 2u : 0);
            case 0x20:
                return _interruptStatus;
            case 0xF0:
                return Counter;
        }

        int index = (int)((register - 0x100) >> 5);
        if (register < 0x100 || index >= _comparators.Length)
        {
            return 0;
        }

        return (register & 0x18) switch
        {
            0 => _comparators[index].Configuration,
            8 => _comparators[index].Value,
            _ => 0,
        };
    }

    private void WriteRegister(ulong register, ulong value, ulong mask)
    {
        switch (register)
        {
            case 0x10 when (mask & 0xFF) != 0:
                WriteConfiguration(value);
                return;
            case 0x20:
                _interruptStatus &= ~(value & mask);
                foreach (HighPrecisionComparator comparator in _comparators)
                {
                    comparator.UpdateLevel();
                }

                return;
            case 0xF0 when !_enabled:
                _base = (_base & ~mask) | (value & mask);
                return;
        }

        int index = (int)((register - 0x100) >> 5);
        if (register < 0x100 || index >= _comparators.Length)
        {
            return;
        }

        switch (register & 0x18)
        {
            case 0:
                _comparators[index].WriteConfiguration(value, mask);
                break;
            case 8:
                _comparators[index].WriteValue(value, mask);
                break;
        }
    }

    private void WriteConfiguration(ulong value)
    {
        bool enable = (value & 1) != 0;
        if (enable && !_enabled)
        {
            _originNanoseconds = _timers.NowNanoseconds;
            _enabled = true;
        }
        else if (!enable && _enabled)
        {
            _base = Counter;
            _enabled = false;
        }

        bool legacy = (value & 2) != 0;
        if (legacy != _legacy)
        {
            _legacy = legacy;
            _legacyChanged(legacy);
        }

        foreach (HighPrecisionComparator comparator in _comparators)
        {
            comparator.UpdateLevel();
            comparator.Arm();
        }
    }

    private void CatchUp()
    {
        foreach (HighPrecisionComparator comparator in _comparators)
        {
            comparator.CatchUp();
        }
    }
}
