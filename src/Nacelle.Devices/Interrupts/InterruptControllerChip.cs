using System.Numerics;
using Nacelle.Memory;

namespace Nacelle.Devices.Interrupts;

/// <summary>One 8259A (Intel data sheet 231468).</summary>
/// <remarks>Guarded by the lock of the pair that it belongs to.</remarks>
internal sealed class InterruptControllerChip : IAddressRangeHandler
{
    private readonly Lock _state;
    private readonly Action _changed;
    private readonly byte _levelCapable;
    private byte _requested;
    private byte _inService;
    private byte _mask;
    private byte _levels;
    private byte _levelTriggered;
    private byte _vectorBase;
    private int _lowestPriority = 7;
    private int _initialisationStep;
    private bool _expectsCommandWord4;
    private bool _automaticEnd;
    private bool _rotateOnAutomaticEnd;
    private bool _specialMask;
    private bool _specialFullyNested;
    private bool _readsInService;
    private bool _poll;

    /// <summary>Makes a chip after power-on.</summary>
    /// <param name="state">The pair's lock.</param>
    /// <param name="changed">Called under the lock when the output may have changed.</param>
    /// <param name="levelCapable">Inputs that ELCR can make level-triggered.</param>
    internal InterruptControllerChip(Lock state, Action changed, byte levelCapable)
    {
        _state = state;
        _changed = changed;
        _levelCapable = levelCapable;
    }

    /// <summary>Whether the chip asks its master or the processor for attention.</summary>
    internal bool Output => PendingInput() >= 0;

    /// <summary>Edge/level control register: a set bit makes the input level-triggered.</summary>
    internal byte LevelTriggered
    {
        get => _levelTriggered;
        set
        {
            _levelTriggered = (byte)(value & _levelCapable);
            _changed();
        }
    }

    internal void Reset()
    {
        _requested = 0;
        _inService = 0;
        _mask = 0;
        _vectorBase = 0;
        _levelTriggered = 0;
        BeginInitialisation(0);
        _initialisationStep = 0;
    }

    internal void SetLevel(int input, bool asserted)
    {
        byte bit = (byte)(1 << input);
        bool before = (_levels & bit) != 0;
        _levels = (byte)(asserted ? _levels | bit : _levels & ~bit);
        if ((_levelTriggered & bit) != 0)
        {
            _requested = (byte)(asserted ? _requested | bit : _requested & ~bit);
        }
        else if (asserted && !before)
        {
            _requested |= bit;
        }
    }

    /// <summary>Takes the highest request into service.</summary>
    /// <returns>The input, or 7 for a spurious one.</returns>
    internal int Acknowledge()
    {
        int input = PendingInput();
        if (input < 0)
        {
            return 7;
        }

        byte bit = (byte)(1 << input);
        if ((_levelTriggered & bit) == 0)
        {
            _requested &= (byte)~bit;
        }

        if (!_automaticEnd)
        {
            _inService |= bit;
        }
        else if (_rotateOnAutomaticEnd)
        {
            _lowestPriority = input;
        }

        return input;
    }

    internal byte VectorOf(int input) => (byte)(_vectorBase | input);

    ulong IAddressRangeHandler.Read(ulong offset, int size)
    {
        lock (_state)
        {
            if (_poll)
            {
                _poll = false;
                bool pending = Output;
                int input = Acknowledge();
                _changed();
                return (byte)(pending ? 0x80 | input : 0);
            }

            return offset != 0 ? _mask : _readsInService ? _inService : _requested;
        }
    }

    void IAddressRangeHandler.Write(ulong offset, int size, ulong value)
    {
        lock (_state)
        {
            if (offset == 0)
            {
                WriteCommand((byte)value);
            }
            else
            {
                WriteData((byte)value);
            }

            _changed();
        }
    }

    private void WriteCommand(byte value)
    {
        if ((value & 0x10) != 0)
        {
            BeginInitialisation(value);
        }
        else if ((value & 0x08) != 0)
        {
            WriteOperationWord3(value);
        }
        else
        {
            WriteOperationWord2(value);
        }
    }

    private void BeginInitialisation(byte value)
    {
        _requested = (byte)(_levels & _levelTriggered);
        _inService = 0;
        _mask = 0;
        _lowestPriority = 7;
        _automaticEnd = false;
        _rotateOnAutomaticEnd = false;
        _specialMask = false;
        _specialFullyNested = false;
        _readsInService = false;
        _poll = false;
        _expectsCommandWord4 = (value & 1) != 0;
        _initialisationStep = 2;
    }

    private void WriteOperationWord2(byte value)
    {
        int level = value & 7;
        switch (value >> 5)
        {
            case 0 or 4:
                _rotateOnAutomaticEnd = value >> 5 == 4;
                break;
            case 1 or 5:
                int highest = HighestOf(_inService);
                if (highest >= 0)
                {
                    _inService &= (byte)~(1 << highest);
                    _lowestPriority = value >> 5 == 5 ? highest : _lowestPriority;
                }

                break;
            case 3 or 7:
                _inService &= (byte)~(1 << level);
                _lowestPriority = value >> 5 == 7 ? level : _lowestPriority;
                break;
            case 6:
                _lowestPriority = level;
                break;
        }
    }

    private void WriteOperationWord3(byte value)
    {
        if ((value & 0x40) != 0)
        {
            _specialMask = (value & 0x20) != 0;
        }

        _poll = (value & 4) != 0;
        if ((value & 2) != 0)
        {
            _readsInService = (value & 1) != 0;
        }
    }

    private void WriteData(byte value)
    {
        switch (_initialisationStep)
        {
            case 2:
                _vectorBase = (byte)(value & 0xF8);
                _initialisationStep = 3;
                break;
            case 3:
                // The wiring between the two chips is fixed.
                _initialisationStep = _expectsCommandWord4 ? 4 : 0;
                break;
            case 4:
                _automaticEnd = (value & 2) != 0;
                _specialFullyNested = (value & 0x10) != 0;
                _initialisationStep = 0;
                break;
            default:
                _mask = value;
                break;
        }
    }

    private int HighestOf(byte inputs)
    {
        if (inputs == 0)
        {
            return -1;
        }

        int first = (_lowestPriority + 1) & 7;
        uint rotated = BitOperations.RotateRight(inputs * 0x0101_0101u, first) & 0xFF;
        return (BitOperations.TrailingZeroCount(rotated) + first) & 7;
    }

    private int PendingInput()
    {
        if (_initialisationStep != 0)
        {
            return -1;
        }

        int input = HighestOf((byte)(_requested & ~_mask));
        if (input < 0)
        {
            return -1;
        }

        byte service = _specialMask ? (byte)(_inService & ~_mask) : _inService;
        if (_specialFullyNested && input == 2)
        {
            // The slave may interrupt its own lower requests.
            service &= unchecked((byte)~4);
        }

        int current = HighestOf(service);
        return current < 0 || Rank(input) < Rank(current) ? input : -1;
    }

    private int Rank(int input) => (input - _lowestPriority - 1) & 7;
}
