using Nacelle.Devices.Interrupts;
using Nacelle.Memory;

namespace Nacelle.Devices.Timers;

/// <summary>The PC's 8254 at ports 0x40 to 0x43 and the speaker port 0x61.</summary>
/// <remarks>
/// Guarded by a lock of its own. When the host runs late, ticks of channel 0 that fell together arrive as one.
/// </remarks>
public sealed class IntervalTimer : IAddressRangeHandler
{
    private readonly Lock _state = new();
    private readonly ITimerService _timers;
    private readonly IDeviceTimer _timer;
    private readonly IInterruptLine _line;
    private readonly SpeakerPort _speaker;
    private long _due = long.MaxValue;
    private readonly IntervalTimerChannel[] _channels =
        [new IntervalTimerChannel(true), new IntervalTimerChannel(true), new IntervalTimerChannel(false)];

    /// <summary>Connects channel 0 to an interrupt line.</summary>
    public IntervalTimer(ITimerService timers, IInterruptLine line)
    {
        ArgumentNullException.ThrowIfNull(timers);
        ArgumentNullException.ThrowIfNull(line);
        _timers = timers;
        _line = line;
        _timer = timers.CreateTimer(OnTimer);
        _speaker = new SpeakerPort(this);
    }

    /// <summary>Whether something else (HPET legacy replacement) owns the interrupt line.</summary>
    public bool IsDisconnected { get; set; }

    /// <summary>Places the registers.</summary>
    public void Map(AddressSpace ports)
    {
        ArgumentNullException.ThrowIfNull(ports);
        ports.Map(0x40, 4, "8254 timer", this);
        ports.Map(0x61, 1, "speaker port", _speaker);
    }

    /// <summary>Back to the state after power-on.</summary>
    public void Reset()
    {
        lock (_state)
        {
            Disarm();
            foreach (IntervalTimerChannel channel in _channels)
            {
                channel.Reset();
            }
        }
    }

    /// <inheritdoc/>
    ulong IAddressRangeHandler.Read(ulong offset, int size)
    {
        lock (_state)
        {
            return offset < 3 ? _channels[offset].ReadCount(_timers.NowNanoseconds) : 0xFFu;
        }
    }

    /// <inheritdoc/>
    void IAddressRangeHandler.Write(ulong offset, int size, ulong value)
    {
        bool late;
        lock (_state)
        {
            // What was due before this write has come about, though the timer's thread was not there yet.
            long now = _timers.NowNanoseconds;
            late = now >= _due;
            if (offset < 3)
            {
                _channels[offset].WriteCount((byte)value, now);
            }
            else
            {
                WriteControl((byte)value, now);
            }

            Arm(now);
        }

        if (late)
        {
            Pulse();
        }
    }

    private void WriteControl(byte value, long now)
    {
        int selected = value >> 6;
        if (selected < 3)
        {
            _channels[selected].WriteControl(value, now);
            return;
        }

        // Read-back command: the low bits are active-low.
        for (int i = 0; i < 3; i++)
        {
            if ((value & (2 << i)) != 0)
            {
                if ((value & 0x20) == 0)
                {
                    _channels[i].LatchCount(now);
                }

                if ((value & 0x10) == 0)
                {
                    _channels[i].LatchStatus(now);
                }
            }
        }
    }

    /// <param name="now">The moment.</param>
    /// <param name="earliest">Before this channel 0 does not interrupt again.</param>
    private void Arm(long now, long earliest = long.MinValue)
    {
        if (_channels[0].NextRise(now) is long moment)
        {
            _due = Math.Max(moment, earliest);
            _timer.Arm(_due);
        }
        else
        {
            Disarm();
        }
    }

    private void Disarm()
    {
        _due = long.MaxValue;
        _timer.Cancel();
    }

    private void OnTimer()
    {
        lock (_state)
        {
            // Armed anew, or stopped, while the callback was on its way.
            long now = _timers.NowNanoseconds;
            if (now < _due)
            {
                return;
            }

            Arm(now, Moment.After(now, Moment.ShortestPeriod));
        }

        Pulse();
    }

    private void Pulse()
    {
        if (!IsDisconnected)
        {
            _line.SetLevel(true);
            _line.SetLevel(false);
        }
    }

    /// <summary>Port 0x61: gate and output of channel 2, and the refresh toggle that old delay loops watch.</summary>
    private sealed class SpeakerPort(IntervalTimer owner) : IAddressRangeHandler
    {
        private const long RefreshNanoseconds = 15_085;
        private bool _data;

        public ulong Read(ulong offset, int size)
        {
            lock (owner._state)
            {
                long now = owner._timers.NowNanoseconds;
                IntervalTimerChannel channel = owner._channels[2];
                return (channel.Gate ? 1u : 0) | (_data ? 2u : 0) | (now / RefreshNanoseconds % 2 != 0 ? 0x10u : 0)
                    | (channel.Output(now) ? 0x20u : 0);
            }
        }

        public void Write(ulong offset, int size, ulong value)
        {
            lock (owner._state)
            {
                _data = (value & 2) != 0;
                owner._channels[2].SetGate((value & 1) != 0, owner._timers.NowNanoseconds);
            }
        }
    }
}
