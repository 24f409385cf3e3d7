using Nacelle.Memory;

namespace Nacelle.Devices.Interrupts;

/// <summary>The PC's two cascaded 8259A with the edge/level control registers (ICH9 data sheet, 13.4).</summary>
/// <remarks>Both chips are guarded by one lock of the pair's own. Thread safe.</remarks>
public sealed class InterruptControllerPair : IAddressRangeHandler
{
    private readonly Lock _state = new();
    private readonly ApicBus _bus;
    private readonly InterruptControllerChip _master;
    private readonly InterruptControllerChip _slave;

    /// <summary>Connects the pair's output to the bootstrap processor's LINT0.</summary>
    public InterruptControllerPair(ApicBus bus)
    {
        ArgumentNullException.ThrowIfNull(bus);
        _bus = bus;

        // Inputs 0, 1, 2, 8 and 13 are always edge-triggered.
        _master = new InterruptControllerChip(_state, Update, 0xF8);
        _slave = new InterruptControllerChip(_state, Update, 0xDE);
        bus.OnAcknowledgeExternal(Acknowledge);
    }

    /// <summary>Places the registers: 0x20, 0xA0, and 0x4D0 for the edge/level control.</summary>
    public void Map(AddressSpace ports)
    {
        ArgumentNullException.ThrowIfNull(ports);
        ports.Map(0x20, 2, "8259 master", _master);
        ports.Map(0xA0, 2, "8259 slave", _slave);
        ports.Map(0x4D0, 2, "8259 edge/level control", this);
    }

    /// <summary>Back to the state after power-on.</summary>
    public void Reset()
    {
        lock (_state)
        {
            _master.Reset();
            _slave.Reset();
            Update();
        }
    }

    /// <summary>Drives an input.</summary>
    /// <param name="input">0 to 15.</param>
    /// <param name="asserted">Whether the device asks for attention.</param>
    public void SetLevel(int input, bool asserted)
    {
        lock (_state)
        {
            if (input < 8)
            {
                _master.SetLevel(input, asserted);
            }
            else
            {
                _slave.SetLevel(input - 8, asserted);
            }

            Update();
        }
    }

    /// <inheritdoc/>
    ulong IAddressRangeHandler.Read(ulong offset, int size)
    {
        lock (_state)
        {
            ulong both = _master.LevelTriggered | ((ulong)_slave.LevelTriggered << 8);
            return (both >> ((int)offset * 8)) & (size == 1 ? 0xFFu : 0xFFFFu);
        }
    }

    /// <inheritdoc/>
    void IAddressRangeHandler.Write(ulong offset, int size, ulong value)
    {
        lock (_state)
        {
            if (offset == 0)
            {
                _master.LevelTriggered = (byte)value;
            }

            if (offset == 1 || size == 2)
            {
                _slave.LevelTriggered = (byte)(offset == 1 ? value : value >> 8);
            }
        }
    }

    private int Acknowledge()
    {
        lock (_state)
        {
            int input = _master.Acknowledge();
            int vector = input == 2 ? _slave.VectorOf(_slave.Acknowledge()) : _master.VectorOf(input);
            Update();
            return vector;
        }
    }

    private void Update()
    {
        // The master sees an edge for each of the slave's requests, so the wire falls between two of them.
        _master.SetLevel(2, false);
        if (_slave.Output)
        {
            _master.SetLevel(2, true);
        }

        _bus.SetExternal(_master.Output);
    }
}
