using Nacelle.Memory;

namespace Nacelle.Devices.Interrupts;

/// <summary>An I/O APIC with 24 pins (82093AA data sheet; version 0x20 with the EOI register of the ICH9 data sheet 13.5).</summary>
/// <remarks>Its state is guarded by a lock of its own; messages are sent outside it.</remarks>
public sealed class IoApic : IAddressRangeHandler
{
    /// <summary>Guest-physical address of the registers.</summary>
    public const ulong Address = 0xFEC0_0000;

    /// <summary>Bytes of the registers.</summary>
    public const ulong Length = 0x1000;

    /// <summary>Number of pins.</summary>
    public const int PinCount = 24;

    private const ulong Masked = 1 << 16;
    private const ulong LevelTriggered = 1 << 15;
    private const ulong RemoteRequest = 1 << 14;
    private const ulong ReadOnlyBits = RemoteRequest | (1 << 12);
    private readonly Lock _state = new();
    private readonly ApicBus _bus;
    private readonly ulong[] _entries = new ulong[PinCount];
    private uint _levels;
    private uint _select;
    private uint _id;

    /// <summary>Connects to the LAPICs.</summary>
    public IoApic(ApicBus bus)
    {
        ArgumentNullException.ThrowIfNull(bus);
        _bus = bus;
        bus.OnEndOfInterrupt(EndOfInterrupt);
        Reset();
    }

    /// <summary>Back to the state after power-on: every pin masked.</summary>
    public void Reset()
    {
        lock (_state)
        {
            Array.Fill(_entries, Masked);
            _select = 0;
            _id = 0;
        }
    }

    /// <summary>Drives a pin.</summary>
    /// <param name="pin">0 to 23.</param>
    /// <param name="asserted">Whether the device asks for attention, whatever the wire's polarity.</param>
    public void SetLevel(int pin, bool asserted)
    {
        InterruptMessage? message = null;
        lock (_state)
        {
            uint bit = 1u << pin;
            bool before = (_levels & bit) != 0;
            _levels = asserted ? _levels | bit : _levels & ~bit;
            if (asserted && (!before || (_entries[pin] & LevelTriggered) != 0))
            {
                message = TakeMessage(pin);
            }
        }

        Send(message);
    }

    /// <inheritdoc/>
    ulong IAddressRangeHandler.Read(ulong offset, int size)
    {
        lock (_state)
        {
            return offset switch { 0 => _select, 0x10 => ReadSelected(), _ => 0 };
        }
    }

    /// <inheritdoc/>
    void IAddressRangeHandler.Write(ulong offset, int size, ulong value)
    {
        InterruptMessage? message = null;
        switch (offset)
        {
            case 0:
                lock (_state)
                {
                    _select = (byte)value;
                }

                break;
            case 0x10:
                lock (_state)
                {
                    message = WriteSelected((uint)value);
                }

                break;
            case 0x40:
                EndOfInterrupt((byte)value);
                break;
        }

        Send(message);
    }

    private uint ReadSelected()
    {
        switch (_select)
        {
            case 0 or 2:
                return _id;
            case 1:
                return 0x20 | ((PinCount - 1) << 16);
        }

        int pin = ((int)_select - 0x10) >> 1;
        return pin is < 0 or >= PinCount ? 0 : (uint)(_entries[pin] >> ((int)(_select & 1) * 32));
    }

    private InterruptMessage? WriteSelected(uint value)
    {
        if (_select == 0)
        {
            _id = value & 0x0F00_0000;
            return null;
        }

        int pin = ((int)_select - 0x10) >> 1;
        if (pin is < 0 or >= PinCount)
        {
            return null;
        }

        ref ulong entry = ref _entries[pin];
        entry = (_select & 1) != 0
            ? (uint)entry | ((ulong)value << 32)
            : (entry & (0xFFFF_FFFF_0000_0000 | ReadOnlyBits)) | (value & ~ReadOnlyBits & 0x1_FFFF);
        if ((entry & LevelTriggered) == 0)
        {
            entry &= ~RemoteRequest;
        }

        bool pending = (_levels & (1u << pin)) != 0 && (entry & LevelTriggered) != 0;
        return pending ? TakeMessage(pin) : null;
    }

    private InterruptMessage? TakeMessage(int pin)
    {
        ref ulong entry = ref _entries[pin];
        bool level = (entry & LevelTriggered) != 0;
        if ((entry & Masked) != 0 || (level && (entry & RemoteRequest) != 0))
        {
            return null;
        }

        if (level)
        {
            entry |= RemoteRequest;
        }

        return new InterruptMessage(
            (uint)(entry >> 56), (entry & (1 << 11)) != 0, (DeliveryMode)((entry >> 8) & 7), (byte)entry, level);
    }

    private void EndOfInterrupt(byte vector)
    {
        for (int pin = 0; pin < PinCount; pin++)
        {
            InterruptMessage? message = null;
            lock (_state)
            {
                ref ulong entry = ref _entries[pin];
                if ((byte)entry == vector && (entry & RemoteRequest) != 0)
                {
                    entry &= ~RemoteRequest;
                    message = (_levels & (1u << pin)) != 0 ? TakeMessage(pin) : null;
                }
            }

            Send(message);
        }
    }

    private void Send(InterruptMessage? message)
    {
        if (message is InterruptMessage ready)
        {
            _bus.Deliver(ready);
        }
    }
}
