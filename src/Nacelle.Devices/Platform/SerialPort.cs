using Nacelle.Devices.Interrupts;
using Nacelle.Devices.Timers;
using Nacelle.Memory;

namespace Nacelle.Devices.Platform;

/// <summary>A 16550A UART (National Semiconductor PC16550D data sheet).</summary>
/// <remarks>
/// Guarded by a lock of its own. Sent bytes are gathered and handed to the back end after a millisecond at most, because a
/// host system call per byte would dominate a guest's boot.
/// </remarks>
public sealed class SerialPort : IAddressRangeHandler
{
    /// <summary>Number of registers.</summary>
    public const ulong Length = 8;

    private const int FifoSize = 16;
    private const long GatherNanoseconds = 1_000_000;
    private const uint TransmitterReady = 0x60;
    private const byte ReceiveInterrupt = 1;
    private const byte TransmitInterrupt = 2;
    private const byte LineInterrupt = 4;
    private const byte ModemInterrupt = 8;
    private const byte Loopback = 0x10;
    private const byte InterruptGate = 8;

    // How long a guest that writes without looking at the line status is held up by a far end that takes nothing.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);
    private readonly Lock _state = new();
    private readonly RoomSignal _room = new();
    private readonly IInterruptLine _line;
    private readonly ISerialBackend _backend;
    private readonly ITimerService _timers;
    private readonly IDeviceTimer _flushTimer;
    private readonly byte[] _output = new byte[1024];
    private readonly byte[] _received = new byte[FifoSize];
    private int _outputCount;
    private int _receivedStart;
    private int _receivedCount;
    private byte _interruptEnable;
    private byte _fifoControl;
    private byte _lineControl;
    private byte _modemControl;
    private byte _modemDelta;
    private byte _scratch;
    private ushort _divisor = 1;
    private bool _overrun;
    private bool _transmitPending;
    private bool _full;
    private bool _stalled;

    /// <summary>Connects a port.</summary>
    /// <param name="line">Its interrupt line.</param>
    /// <param name="timers">Time.</param>
    /// <param name="backend">Where sent bytes go.</param>
    public SerialPort(IInterruptLine line, ITimerService timers, ISerialBackend backend)
    {
        ArgumentNullException.ThrowIfNull(line);
        ArgumentNullException.ThrowIfNull(timers);
        ArgumentNullException.ThrowIfNull(backend);
        _line = line;
        _backend = backend;
        _timers = timers;
        _flushTimer = timers.CreateTimer(Flush);
        backend.CallWhenRoom(OnRoom);
    }

    /// <summary>
    /// There is room in the receiver again: the guest read from it, emptied it or ended loop-back. Raised on the thread that
    /// caused it, outside the port's lock.
    /// </summary>
    public event Action? ReceiverDrained;

    /// <summary>Back to the state after power-on.</summary>
    public void Reset()
    {
        lock (_state)
        {
            FlushLocked();
            _receivedCount = 0;
            _interruptEnable = 0;
            _fifoControl = 0;
            _lineControl = 0;
            _modemControl = 0;
            _modemDelta = 0;
            _scratch = 0;
            _divisor = 1;
            _overrun = false;
            _transmitPending = false;
            UpdateLine();
        }

        ReceiverDrained?.Invoke();
    }

    /// <summary>Puts bytes into the receiver.</summary>
    /// <returns>How many found room; the rest can be offered again upon <see cref="ReceiverDrained"/>.</returns>
    public int Receive(ReadOnlySpan<byte> bytes)
    {
        lock (_state)
        {
            if ((_modemControl & Loopback) != 0)
            {
                return 0;
            }

            int count = Math.Min(bytes.Length, Capacity - _receivedCount);
            for (int i = 0; i < count; i++)
            {
                Enqueue(bytes[i]);
            }

            UpdateLine();
            return count;
        }
    }

    /// <summary>Hands gathered output to the back end now.</summary>
    public void Flush()
    {
        lock (_state)
        {
            FlushLocked();
        }
    }

    /// <inheritdoc/>
    ulong IAddressRangeHandler.Read(ulong offset, int size)
    {
        bool drained = false;
        ulong value;
        lock (_state)
        {
            switch (offset)
            {
                case 0 when DivisorAccess:
                    return (byte)_divisor;
                case 1 when DivisorAccess:
                    return (ulong)(_divisor >> 8);
                case 0:
                    value = Dequeue(out drained);
                    break;
                case 1:
                    return _interruptEnable;
                case 2:
                    value = ReadIdentification();
                    break;
                case 3:
                    return _lineControl;
                case 4:
                    return _modemControl;
                case 5:
                    value = (IsTransmitterReady ? TransmitterReady : 0) | (_receivedCount != 0 ? 1u : 0) | (_overrun ? 2u : 0);
                    if (!_overrun)
                    {
                        return value;
                    }

                    _overrun = false;
                    break;
                case 6:
                    value = ReadModemStatus();
                    break;
                default:
                    return _scratch;
            }

            UpdateLine();
        }

        if (drained)
        {
            ReceiverDrained?.Invoke();
        }

        return value;
    }

    /// <inheritdoc/>
    void IAddressRangeHandler.Write(ulong offset, int size, ulong value)
    {
        byte data = (byte)value;
        bool closed;
        bool open;
        bool taken = true;
        lock (_state)
        {
            closed = IsReceiverClosed;
            switch (offset)
            {
                case 0 when DivisorAccess:
                    _divisor = (ushort)((_divisor & 0xFF00) | data);
                    return;
                case 1 when DivisorAccess:
                    _divisor = (ushort)((_divisor & 0xFF) | (data << 8));
                    return;
                case 0:
                    taken = Transmit(data);
                    break;
                case 1:
                    // Enabling the interrupt while the transmitter is empty raises it at once.
                    _transmitPending |= IsTransmitterReady && (data & ~_interruptEnable & TransmitInterrupt) != 0;
                    _interruptEnable = (byte)(data & 0xF);
                    break;
                case 2:
                    WriteFifoControl(data);
                    break;
                case 3:
                    _lineControl = data;
                    break;
                case 4:
                    WriteModemControl((byte)(data & 0x1F));
                    break;
                case 7:
                    _scratch = data;
                    return;
                default:
                    return;
            }

            UpdateLine();
            open = !IsReceiverClosed;
        }

        while (!taken)
        {
            taken = TransmitWhenRoom(data);
        }

        if (closed && open)
        {
            ReceiverDrained?.Invoke();
        }
    }

    private bool IsReceiverClosed => _receivedCount >= Capacity || (_modemControl & Loopback) != 0;

    private bool DivisorAccess => (_lineControl & 0x80) != 0;

    private bool FifoEnabled => (_fifoControl & 1) != 0;

    private int Capacity => FifoEnabled ? FifoSize : 1;

    private int TriggerLevel => !FifoEnabled ? 1 : (_fifoControl >> 6) switch { 0 => 1, 1 => 4, 2 => 8, _ => 14 };

    private byte ModemLines => (_modemControl & Loopback) == 0
        ? (byte)0xB0
        : (byte)(((_modemControl & 2) << 3) | ((_modemControl & 1) << 5) | ((_modemControl & 0xC) << 4));

    /// <summary>Room for a whole FIFO, which drivers fill without looking in between.</summary>
    private bool IsTransmitterReady => _outputCount <= _output.Length - FifoSize;

    /// <returns>False where there is no room: to be tried again.</returns>
    private bool Transmit(byte data)
    {
        // The write takes the interrupt back; where the character goes out at once, that makes an edge for each (data sheet, table III).
        _transmitPending = false;
        UpdateLine();
        if ((_modemControl & Loopback) != 0)
        {
            _transmitPending = true;
            if (_receivedCount < Capacity)
            {
                Enqueue(data);
            }
            else
            {
                _overrun = true;
            }

            return true;
        }

        if (_outputCount == _output.Length)
        {
            FlushLocked();
        }

        if (_outputCount == _output.Length)
        {
            if (!_stalled)
            {
                _room.Reset();
            }

            // As on a line that nobody takes from, the byte is gone.
            return _stalled;
        }

        if (_outputCount == 0)
        {
            _flushTimer.Arm(_timers.NowNanoseconds + GatherNanoseconds);
        }

        _output[_outputCount++] = data;
        if (!IsTransmitterReady)
        {
            FlushLocked();
        }

        _full = !IsTransmitterReady;
        _transmitPending = !_full;
        return true;
    }

    /// <summary>Holds up the vCPU that writes, and no other: neither the port's lock is held, nor any thread that serves others.</summary>
    private bool TransmitWhenRoom(byte data)
    {
        bool room = _room.Wait(s_patience);
        lock (_state)
        {
            if (!room && _outputCount == _output.Length)
            {
                _stalled = true;
                _backend.TellStalled();
            }

            bool taken = Transmit(data);
            UpdateLine();
            return taken;
        }
    }

    private void OnRoom()
    {
        lock (_state)
        {
            FlushLocked();
            if (_outputCount == _output.Length)
            {
                return;
            }

            _stalled = false;
            _room.Set();
            if (_full && IsTransmitterReady)
            {
                _full = false;
                _transmitPending = true;
                UpdateLine();
            }
        }
    }

    private void FlushLocked()
    {
        if (_outputCount == 0)
        {
            return;
        }

        int taken = _backend.TryWrite(_output.AsSpan(0, _outputCount));
        _output.AsSpan(taken, _outputCount - taken).CopyTo(_output);
        _outputCount -= taken;
    }

    private void Enqueue(byte data)
    {
        _received[(_receivedStart + _receivedCount) % FifoSize] = data;
        _receivedCount++;
    }

    private byte Dequeue(out bool drained)
    {
        drained = _receivedCount != 0;
        if (!drained)
        {
            return 0;
        }

        byte data = _received[_receivedStart];
        _receivedStart = (_receivedStart + 1) % FifoSize;
        _receivedCount--;
        return data;
    }

    private uint ReadIdentification()
    {
        uint source = PendingSource();
        if (source == 2)
        {
            _transmitPending = false;
        }

        return source | (FifoEnabled ? 0xC0u : 0);
    }

    /// <summary>The interrupt identification's low bits, by priority (data sheet, table III).</summary>
    private uint PendingSource()
    {
        if (_overrun && (_interruptEnable & LineInterrupt) != 0)
        {
            return 6;
        }

        if (_receivedCount != 0 && (_interruptEnable & ReceiveInterrupt) != 0)
        {
            // Fewer than the trigger level: the character timeout, which here has always just passed.
            return _receivedCount >= TriggerLevel ? 4u : 0xC;
        }

        if (_transmitPending && (_interruptEnable & TransmitInterrupt) != 0)
        {
            return 2;
        }

        return _modemDelta != 0 && (_interruptEnable & ModemInterrupt) != 0 ? 0u : 1;
    }

    private void WriteFifoControl(byte data)
    {
        if (((data ^ _fifoControl) & 1) != 0 || (data & 2) != 0)
        {
            _receivedCount = 0;
        }

        _fifoControl = (byte)(data & 0xC1);
    }

    private void WriteModemControl(byte data)
    {
        byte before = ModemLines;
        _modemControl = data;
        int changed = before ^ ModemLines;

        // Ring reports its trailing edge only.
        int trailing = (before & ~ModemLines & 0x40) >> 4;
        _modemDelta |= (byte)(((changed & 0xB0) >> 4) | trailing);
    }

    private uint ReadModemStatus()
    {
        uint value = (uint)(ModemLines | _modemDelta);
        _modemDelta = 0;
        return value;
    }

    private void UpdateLine() => _line.SetLevel((_modemControl & InterruptGate) != 0 && PendingSource() != 1);
}
