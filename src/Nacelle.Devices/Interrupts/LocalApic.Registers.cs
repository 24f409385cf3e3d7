namespace Nacelle.Devices.Interrupts;

/// <content>The registers, at 16-byte steps in xAPIC mode and as model-specific registers in x2APIC mode.</content>
public sealed partial class LocalApic
{
    private const uint BaseRegister = 0x1B;
    private const uint DeadlineRegister = 0x6E0;
    private const uint FirstX2Register = 0x800;
    private const uint LastX2Register = 0x83F;
    private const uint Version = 0x0006_0014;

    /// <summary>Reads IA32_APIC_BASE, IA32_TSC_DEADLINE or an x2APIC register.</summary>
    /// <returns>False where the access raises #GP.</returns>
    public bool TryReadModelSpecificRegister(uint index, out ulong value)
    {
        switch (index)
        {
            case BaseRegister:
                value = _base;
                return true;
            case DeadlineRegister:
                value = _timer.Deadline;
                return true;
        }

        value = 0;
        if (!IsX2Apic || index is < FirstX2Register or > LastX2Register)
        {
            return false;
        }

        int register = (int)(index - FirstX2Register);
        if (register == 0x30)
        {
            value = _command;
            return true;
        }

        // Write-only and absent registers (SDM volume 3, table 11-6).
        if (register is 0x0B or 0x0E or 0x31 or 0x3F || !IsKnown(register))
        {
            return false;
        }

        value = register switch { 0x02 => Id, 0x0D => X2LogicalId, _ => Read(register) };
        return true;
    }

    /// <summary>Writes IA32_APIC_BASE, IA32_TSC_DEADLINE or an x2APIC register.</summary>
    /// <returns>False where the access raises #GP.</returns>
    public bool TryWriteModelSpecificRegister(uint index, ulong value)
    {
        switch (index)
        {
            case BaseRegister:
                return TryWriteBase(value);
            case DeadlineRegister:
                _timer.SetDeadline(value, _processor?.ReadTimestamp() ?? 0);
                return true;
        }

        if (!IsX2Apic || index is < FirstX2Register or > LastX2Register)
        {
            return false;
        }

        int register = (int)(index - FirstX2Register);
        switch (register)
        {
            case 0x30:
                _command = value;
                Send((uint)value, (uint)(value >> 32));
                return true;
            case 0x3F when value > byte.MaxValue:
                return false;
            case 0x3F:
                Send(0x0004_4000 | ((uint)value & 0xFF), Id);
                return true;
            case 0x0B or 0x28 when value != 0:
            case 0x02 or 0x03 or 0x0A or 0x0D or 0x0E or 0x31 or 0x39:
            case >= 0x10 and <= 0x27:
                return false;
        }

        if (!IsKnown(register) || value > uint.MaxValue)
        {
            return false;
        }

        Write(register, (uint)value);
        return true;
    }

    /// <summary>Reads a register in xAPIC mode.</summary>
    /// <param name="register">Its offset divided by 16.</param>
    internal uint ReadWindow(int register) => (_base & (BaseEnabled | BaseX2Apic)) != BaseEnabled ? uint.MaxValue : register switch
    {
        0x02 => _physicalId << 24,
        0x0D => _logicalDestination,
        0x30 => (uint)_command,
        0x31 => (uint)(_command >> 32),
        _ => Read(register),
    };

    /// <summary>Writes a register in xAPIC mode.</summary>
    internal void WriteWindow(int register, uint value)
    {
        if ((_base & (BaseEnabled | BaseX2Apic)) != BaseEnabled)
        {
            return;
        }

        switch (register)
        {
            case 0x02:
                // Software may give itself another id in xAPIC mode (SDM volume 3, 11.4.6).
                _physicalId = value >> 24;
                break;
            case 0x0D:
                _logicalDestination = value & 0xFF00_0000;
                break;
            case 0x0E:
                _destinationFormat = value | 0x0FFF_FFFF;
                break;
            case 0x30:
                _command = (_command & 0xFFFF_FFFF_0000_0000) | (value & ~(1u << 12));
                Send(value, (uint)(_command >> 56));
                break;
            case 0x31:
                _command = (uint)_command | ((ulong)value << 32);
                break;
            default:
                Write(register, value);
                break;
        }
    }

    private static bool IsKnown(int register) => register is 0x02 or 0x03 or 0x08 or 0x0A or 0x0B or 0x0D or 0x0F
        or (>= 0x10 and <= 0x28) or 0x2F or (>= 0x32 and <= 0x39) or 0x3E;

    private static int EntryOf(int register) => register == 0x2F ? 0 : register - 0x31;

    private bool TryWriteBase(ulong value)
    {
        bool enabled = (value & BaseEnabled) != 0;
        bool extended = (value & BaseX2Apic) != 0;

        // x2APIC is entered from xAPIC mode only, needs the global enable, and is left only by disabling (SDM volume 3,
        // 11.12.5). Bits 7:0, 9 and those above the address are reserved.
        ulong defined = ((1UL << PhysicalAddressBits) - 1) & ~0x2FFUL;
        if ((extended && (!enabled || !OffersX2Apic || (_base & BaseEnabled) == 0))
            || (enabled && !extended && IsX2Apic)
            || (value & ~defined) != 0)
        {
            return false;
        }

        bool moves = (value & AddressMask) != WindowAddress;
        if (moves && !_bus.TryPlace(value & AddressMask))
        {
            return false;
        }

        lock (_state)
        {
            _base = value;

            // Off and in x2APIC mode the id is the one that it began with.
            _physicalId = !enabled || extended ? Id & 0xFF : _physicalId;
        }

        if (moves)
        {
            _bus.RemoveUnused();
        }

        return true;
    }

    private uint Read(int register)
    {
        lock (_state)
        {
            return register switch
            {
                0x03 => Version,
                0x08 => _taskPriority,
                0x0A => (uint)ProcessorPriority(),
                0x0E => _destinationFormat,
                0x0F => _spuriousVector,
                >= 0x10 and <= 0x17 => _inService.Word(register - 0x10),
                >= 0x18 and <= 0x1F => _levelTriggered.Word(register - 0x18),
                >= 0x20 and <= 0x27 => _requested.Word(register - 0x20),
                0x28 => _errorStatus,
                0x2F or (>= 0x32 and <= 0x37) => _localVectors[EntryOf(register)],
                0x38 => _timer.InitialCount,
                0x39 => _timer.CurrentCount,
                0x3E => _timer.DivideConfiguration,
                _ => 0,
            };
        }
    }

    private void Write(int register, uint value)
    {
        switch (register)
        {
            case 0x08:
                TaskPriority = (byte)(value >> 4);
                lock (_state)
                {
                    _taskPriority = value & 0xFF;
                }

                break;
            case 0x0B:
                EndOfInterrupt();
                break;
            case 0x0F:
                lock (_state)
                {
                    _spuriousVector = value & 0x11FF;
                    if ((value & SoftwareEnabled) == 0)
                    {
                        for (int i = 0; i < _localVectors.Length; i++)
                        {
                            _localVectors[i] |= Masked;
                        }
                    }
                }

                break;
            case 0x28:
                lock (_state)
                {
                    _errorStatus = _pendingErrors;
                    _pendingErrors = 0;
                }

                break;
            case 0x2F or (>= 0x32 and <= 0x37):
                WriteLocalVector(register, value);
                break;
            case 0x38:
                _timer.SetInitialCount(value);
                break;
            case 0x3E:
                _timer.DivideConfiguration = value & 0xB;
                break;
        }
    }

    private void WriteLocalVector(int register, uint value)
    {
        uint kept = register switch { 0x32 => 0x0007_00FFu, 0x35 or 0x36 => 0x0001_A7FFu, 0x37 => 0x0001_00FFu, _ => 0x0001_07FFu };
        lock (_state)
        {
            uint entry = value & kept;
            _localVectors[EntryOf(register)] = (_spuriousVector & SoftwareEnabled) == 0 ? entry | Masked : entry;
        }

        if (register == 0x32)
        {
            _timer.Mode = (LocalApicTimerMode)((value >> 17) & 3);
        }
    }

    /// <summary>Sends an interprocessor interrupt (SDM volume 3, 11.6.1).</summary>
    private void Send(uint command, uint destination)
    {
        InterruptMessage message = new(
            destination, (command & (1 << 11)) != 0, (DeliveryMode)((command >> 8) & 7), (byte)command, IsLevelTriggered: false);

        // INIT with level de-assert only synchronised arbitration ids on old processors.
        if (message.Mode == DeliveryMode.Init && (command & 0xC000) == 0x8000)
        {
            return;
        }

        if (message.Mode is DeliveryMode.Fixed or DeliveryMode.LowestPriority && message.Vector < 16)
        {
            // The message goes out all the same, and is an error at its destination too.
            lock (_state)
            {
                SetError(SentIllegalVector);
            }

            _processor?.NotifyInterrupt();
        }

        switch ((command >> 18) & 3)
        {
            case 0:
                _bus.Deliver(message);
                break;
            case 1:
                Receive(message);
                break;
            case 2:
                _bus.DeliverToAll(message, except: null);
                break;
            default:
                _bus.DeliverToAll(message, except: this);
                break;
        }
    }
}
