using Nacelle.Devices.Interrupts;
using Nacelle.Memory;

namespace Nacelle.Devices.Timers;

/// <summary>The PC's clock and CMOS memory at ports 0x70 and 0x71 (Motorola MC146818A data sheet).</summary>
/// <remarks>
/// Guarded by a lock of its own. The clock begins with the host's time in UTC and keeps what the guest sets. Periodic interrupts
/// that the guest does not take in time, or that the host is late with, arrive as one; where the clock catches up, they are made up
/// for by up to as many more again.
/// </remarks>
public sealed partial class RealTimeClock : IAddressRangeHandler
{
    private const byte UpdateEnded = 0x10;
    private const byte Alarm = 0x20;
    private const byte Periodic = 0x40;
    private const byte SetBit = 0x80;
    private const byte Binary = 4;
    private const byte Hours24 = 2;
    private const byte DividerBits = 0x60;
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

    // Memory and alarms; while the clock stands also the time, as the guest left it.
    private readonly byte[] _memory = new byte[128];
    private byte _index;
    private byte _registerA;
    private byte _registerB;
    private byte _registerC;
    private bool _isDisconnected;

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
        _base = CalendarTime.Nearest(now.Year, now.Month, now.Day, now.Hour, now.Minute, now.Second);
        _baseNanoseconds = timers.NowNanoseconds - (now.Ticks % TimeSpan.TicksPerSecond * 100);
        _secondTimer = timers.CreateTimer(OnSecond);
        _periodicTimer = timers.CreateTimer(OnPeriodic);
        _catchUpTimer = timers.CreateTimer(OnCatchUp);
        _catchesUp = catchesUp;
        Reset();
    }

    /// <summary>Whether something else (HPET legacy replacement) owns the interrupt line.</summary>
    public bool IsDisconnected
    {
        get => _isDisconnected;
        set
        {
            lock (_state)
            {
                _isDisconnected = value;
                UpdateLine();
            }
        }
    }

    /// <summary>After a machine reset: interrupts off; time and memory stay, as they are fed by a battery.</summary>
    public void Reset()
    {
        lock (_state)
        {
            if (IsStanding)
            {
                Go(_phaseWhileStanding);
            }

            _registerA = 0x26;
            _registerB = Hours24;
            _registerC = 0;
            _seen = Now;
            _secondTimer.Cancel();
            StopPeriodic();
            UpdateLine();
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

    /// <summary>Whether time does not go on: the guest sets it, or holds the divider in reset.</summary>
    private bool IsStanding => Stands(_registerA, _registerB);

    private static bool Stands(byte a, byte b) => (b & SetBit) != 0 || (a & DividerBits) == DividerBits;

    private static bool IsTime(int index) => index is 0 or 2 or 4 or 6 or 7 or 8 or 9 or CenturyRegister;

    private byte ReadRegister(int index)
    {
        switch (index)
        {
            case 0xA:
                return (byte)(_registerA | (!IsStanding && NanosecondsPerSecond - Phase <= UpdateWarningNanoseconds ? 0x80 : 0));
            case 0xB:
                return _registerB;
            case 0xC:
                NoteSeconds();
                byte flags = (byte)(_registerC | (HasTicked() ? Periodic : 0));
                _registerC = 0;
                UpdateLine();
                CatchUp();
                return flags;
            case 0xD:
                // The battery is good.
                return 0x80;
            default:
                return IsTime(index) && !IsStanding ? Show(Now, index) : _memory[index];
        }
    }

    private void WriteRegister(int index, byte value)
    {
        switch (index)
        {
            case 0xA:
                WriteControl((byte)(value & 0x7F), _registerB);
                break;
            case 0xB:
                WriteControl(_registerA, value);
                break;
            case 0xC or 0xD:
                break;
            default:
                if (IsTime(index) && !IsStanding)
                {
                    // The others keep what they show.
                    long phase = Phase;
                    Stand();
                    _memory[index] = value;
                    Go(phase);
                    ArmSecond();
                }
                else
                {
                    _memory[index] = value;
                }

                break;
        }
    }

    private void WriteControl(byte a, byte b)
    {
        NoteSeconds();
        bool stood = IsStanding;
        bool stands = Stands(a, b);
        bool divided = (_registerA & DividerBits) == DividerBits;
        if (!stood && stands)
        {
            _phaseWhileStanding = Phase;
            Stand();
        }

        // How the time is written holds for the registers as the guest leaves them.
        _registerA = a;
        _registerB = b;
        if (stood && !stands)
        {
            // The first update comes half a second after the divider is let go.
            Go(divided ? NanosecondsPerSecond / 2 : _phaseWhileStanding);
        }

        UpdateLine();
        ArmSecond();
        ArmPeriodic();
    }

    private void Raise(byte flags)
    {
        _registerC |= flags;
        UpdateLine();
    }

    private void UpdateLine()
    {
        bool asks = (_registerC & _registerB & (UpdateEnded | Alarm | Periodic)) != 0;
        _registerC = (byte)(asks ? _registerC | 0x80 : _registerC & 0x7F);
        _line.SetLevel(asks && !_isDisconnected);
    }
}
