using Nacelle.Devices.Interrupts;
using Nacelle.Devices.Timers;
using Nacelle.Memory;

namespace Nacelle.Devices.Platform;

/// <summary>ACPI fixed hardware: PM1 events and control, the power management timer, general-purpose event block 0.</summary>
/// <remarks>
/// ACPI 6.4, section 4.8. There is no legacy mode to leave: SCI_EN is always set. Guarded by a lock of its own; the timer is
/// read without it.
/// </remarks>
public sealed class PowerManagementBlock : IAddressRangeHandler
{
    /// <summary>First port.</summary>
    public const ushort Base = 0x600;

    /// <summary>Number of ports.</summary>
    public const ushort Length = 0x30;

    /// <summary>Offset of PM1a_EVT_BLK, 4 bytes.</summary>
    public const ushort EventOffset = 0;

    /// <summary>Offset of PM1a_CNT_BLK, 2 bytes.</summary>
    public const ushort ControlOffset = 4;

    /// <summary>Offset of PM_TMR_BLK, 4 bytes.</summary>
    public const ushort TimerOffset = 8;

    /// <summary>Offset of GPE0_BLK, 16 bytes.</summary>
    public const ushort GeneralOffset = 0x20;

    /// <summary>SLP_TYP of S5.</summary>
    public const int SoftOffSleepType = 5;

    /// <summary>Hertz of the power management timer.</summary>
    public const long TimerFrequency = 3_579_545;

    private const ushort TimerStatus = 1;
    private const ushort PowerButtonStatus = 1 << 8;
    private const ushort SciEnable = 1;
    private const ushort SleepEnable = 1 << 13;
    private readonly Lock _state = new();
    private readonly ITimerService _timers;
    private readonly IDeviceTimer _carryTimer;
    private readonly IInterruptLine _line;
    private readonly Action _powerOff;
    private bool _carrySeen;
    private ushort _status;
    private ushort _enable;
    private ushort _control = SciEnable;
    private ulong _generalStatus;
    private ulong _generalEnable;

    /// <summary>Connects the block.</summary>
    /// <param name="timers">Time.</param>
    /// <param name="line">The system control interrupt.</param>
    /// <param name="powerOff">Called on a vCPU thread when the guest enters S5.</param>
    public PowerManagementBlock(ITimerService timers, IInterruptLine line, Action powerOff)
    {
        ArgumentNullException.ThrowIfNull(timers);
        ArgumentNullException.ThrowIfNull(line);
        ArgumentNullException.ThrowIfNull(powerOff);
        _timers = timers;
        _line = line;
        _powerOff = powerOff;
        _carryTimer = timers.CreateTimer(OnCarry);
        _carrySeen = Carry;
    }

    /// <summary>Back to the state after power-on.</summary>
    public void Reset()
    {
        lock (_state)
        {
            _status = 0;
            _enable = 0;
            _control = SciEnable;
            _generalStatus = 0;
            _generalEnable = 0;
            _carryTimer.Cancel();
            _carrySeen = Carry;
            UpdateLine();
        }
    }

    /// <summary>A person presses the power button: the guest decides what to do.</summary>
    /// <returns>Whether the guest listens to the button.</returns>
    public bool PressPowerButton()
    {
        lock (_state)
        {
            _status |= PowerButtonStatus;
            UpdateLine();
            return (_enable & PowerButtonStatus) != 0;
        }
    }

    /// <inheritdoc/>
    ulong IAddressRangeHandler.Read(ulong offset, int size)
    {
        if (offset == TimerOffset)
        {
            return Ticks(_timers.NowNanoseconds) & uint.MaxValue;
        }

        lock (_state)
        {
            NoteCarry();
            ulong value = 0;
            for (int i = 0; i < size; i++)
            {
                value |= (ulong)ReadByte((int)offset + i) << (i * 8);
            }

            return value;
        }
    }

    /// <inheritdoc/>
    void IAddressRangeHandler.Write(ulong offset, int size, ulong value)
    {
        bool powerOff = false;
        lock (_state)
        {
            NoteCarry();
            for (int i = 0; i < size; i++)
            {
                powerOff |= WriteByte((int)offset + i, (byte)(value >> (i * 8)));
            }

            UpdateLine();
        }

        if (powerOff)
        {
            _powerOff();
        }
    }

    private static ulong Ticks(long now) => (ulong)((UInt128)(ulong)now * (ulong)TimerFrequency / 1_000_000_000);

    private byte ReadByte(int offset) => offset switch
    {
        0 or 1 => (byte)(_status >> (offset * 8)),
        2 or 3 => (byte)(_enable >> ((offset - 2) * 8)),
        4 or 5 => (byte)(_control >> ((offset - 4) * 8)),
        >= 8 and < 12 => (byte)(Ticks(_timers.NowNanoseconds) >> ((offset - 8) * 8)),
        >= GeneralOffset and < GeneralOffset + 8 => (byte)(_generalStatus >> ((offset - GeneralOffset) * 8)),
        >= GeneralOffset + 8 and < GeneralOffset + 16 => (byte)(_generalEnable >> ((offset - GeneralOffset - 8) * 8)),
        _ => 0,
    };

    private bool WriteByte(int offset, byte value)
    {
        switch (offset)
        {
            case 0 or 1:
                // Status bits are cleared by writing ones.
                _status &= (ushort)~(value << (offset * 8));
                break;
            case 2:
                _enable = (ushort)((_enable & 0xFF00) | value);
                ArmCarry();
                break;
            case 3:
                _enable = (ushort)((_enable & 0xFF) | (value << 8));
                break;
            case 4:
                _control = (ushort)((_control & 0xFF00) | value | SciEnable);
                break;
            case 5:
                ushort control = (ushort)((_control & 0xFF) | (value << 8));
                _control = (ushort)(control & ~SleepEnable);
                return (control & SleepEnable) != 0 && ((control >> 10) & 7) == SoftOffSleepType;
            case >= GeneralOffset and < GeneralOffset + 8:
                _generalStatus &= ~((ulong)value << ((offset - GeneralOffset) * 8));
                break;
            case >= GeneralOffset + 8 and < GeneralOffset + 16:
                int shift = (offset - GeneralOffset - 8) * 8;
                _generalEnable = (_generalEnable & ~(0xFFUL << shift)) | ((ulong)value << shift);
                break;
        }

        return false;
    }

    private void ArmCarry()
    {
        if ((_enable & TimerStatus) == 0)
        {
            _carryTimer.Cancel();
            return;
        }

        long now = _timers.NowNanoseconds;
        ulong next = (Ticks(now) | 0x7FFF_FFFF) + 1;
        _carryTimer.Arm(Moment.After(0, ((UInt128)next * 1_000_000_000 / (ulong)TimerFrequency) + 1));
    }

    private void OnCarry()
    {
        lock (_state)
        {
            NoteCarry();
            UpdateLine();
            ArmCarry();
        }
    }

    private bool Carry => (Ticks(_timers.NowNanoseconds) >> 31 & 1) != 0;

    /// <summary>The status bit is set whenever bit 31 of the 32-bit timer toggles (section 4.8.3.1.1), whoever looks.</summary>
    private void NoteCarry()
    {
        if (Carry != _carrySeen)
        {
            _carrySeen = !_carrySeen;
            _status |= TimerStatus;
        }
    }

    private void UpdateLine() =>
        _line.SetLevel((_status & _enable) != 0 || (_generalStatus & _generalEnable) != 0);
}
