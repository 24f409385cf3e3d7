using Nacelle.Memory;

namespace Nacelle.Devices.Platform;

/// <summary>An 8042 without keyboard or mouse behind it: self tests, the output port, and the reset line at bit 0.</summary>
/// <remarks>Guarded by a lock of its own.</remarks>
public sealed class KeyboardController
{
    private const byte OutputFull = 1;
    private const byte SystemFlag = 4;
    private const byte CommandData = 8;
    private const byte Unlocked = 0x10;
    private readonly Lock _state = new();
    private readonly Action _reset;
    private readonly DataPort _data;
    private readonly CommandPort _command;
    private byte _configuration;
    private byte _outputPort;
    private byte? _output;
    private byte _awaiting;

    /// <summary>Connects the reset line.</summary>
    /// <param name="reset">Called on a vCPU thread.</param>
    public KeyboardController(Action reset)
    {
        ArgumentNullException.ThrowIfNull(reset);
        _reset = reset;
        _data = new DataPort(this);
        _command = new CommandPort(this);
        Reset();
    }

    /// <summary>Places the registers at ports 0x60 and 0x64.</summary>
    public void Map(AddressSpace ports)
    {
        ArgumentNullException.ThrowIfNull(ports);
        ports.Map(0x60, 1, "8042 data", _data);
        ports.Map(0x64, 1, "8042 command", _command);
    }

    /// <summary>Back to the state after power-on.</summary>
    public void Reset()
    {
        lock (_state)
        {
            // Both ports are disabled; translation is on.
            _configuration = 0x74;
            _outputPort = 3;
            _output = null;
            _awaiting = 0;
        }
    }

    private void WriteCommand(byte command)
    {
        bool reset = false;
        lock (_state)
        {
            _awaiting = 0;
            switch (command)
            {
                case 0x20:
                    _output = _configuration;
                    break;
                case 0x60 or 0xD1 or 0xD2 or 0xD3 or 0xD4:
                    _awaiting = command;
                    break;
                case 0xA7:
                    _configuration |= 0x20;
                    break;
                case 0xA8:
                    _configuration &= unchecked((byte)~0x20);
                    break;
                case 0xAA:
                    _output = 0x55;
                    break;
                case 0xA9 or 0xAB:
                    // The wires are in order.
                    _output = 0;
                    break;
                case 0xAD:
                    _configuration |= 0x10;
                    break;
                case 0xAE:
                    _configuration &= unchecked((byte)~0x10);
                    break;
                case 0xD0:
                    _output = _outputPort;
                    break;
                case >= 0xF0:
                    // Pulse the output lines whose bits are clear; bit 0 is the processors' reset.
                    reset = (command & 1) == 0;
                    break;
            }
        }

        if (reset)
        {
            _reset();
        }
    }

    private void WriteData(byte value)
    {
        bool reset = false;
        lock (_state)
        {
            switch (_awaiting)
            {
                case 0x60:
                    _configuration = value;
                    break;
                case 0xD1:
                    reset = (value & 1) == 0;
                    _outputPort = value;
                    break;
                case 0xD2 or 0xD3:
                    _output = value;
                    break;
            }

            _awaiting = 0;
        }

        if (reset)
        {
            _reset();
        }
    }

    private sealed class DataPort(KeyboardController owner) : IAddressRangeHandler
    {
        public ulong Read(ulong offset, int size)
        {
            lock (owner._state)
            {
                byte value = owner._output ?? 0;
                owner._output = null;
                return value;
            }
        }

        public void Write(ulong offset, int size, ulong value) => owner.WriteData((byte)value);
    }

    private sealed class CommandPort(KeyboardController owner) : IAddressRangeHandler
    {
        public ulong Read(ulong offset, int size)
        {
            lock (owner._state)
            {
                return (uint)(Unlocked | (owner._configuration & SystemFlag) | (owner._awaiting != 0 ? CommandData : 0)
                    | (owner._output is null ? 0 : OutputFull));
            }
        }

        public void Write(ulong offset, int size, ulong value) => owner.WriteCommand((byte)value);
    }
}
