using Nacelle.Devices.Timers;

namespace Nacelle.Devices.Interrupts;

/// <summary>A local APIC in xAPIC and x2APIC mode (SDM volume 3, chapter 11).</summary>
/// <remarks>Its state is guarded by a lock of its own, held for a few instructions: messages come from any thread.</remarks>
public sealed partial class LocalApic
{
    private const ulong BaseEnabled = 1 << 11;
    private const ulong BaseX2Apic = 1 << 10;
    private const ulong BaseBootstrap = 1 << 8;
    private const ulong AddressMask = 0x000F_FFFF_FFFF_F000;
    private const uint SoftwareEnabled = 0x100;
    private const uint Masked = 1 << 16;
    private const uint SentIllegalVector = 1 << 5;
    private const uint ReceivedIllegalVector = 1 << 6;
    private readonly Lock _state = new();
    private readonly ApicBus _bus;
    private readonly LocalApicTimer _timer;
    private readonly ulong _initialBase;
    private ILocalApicProcessor? _processor;
    private VectorSet _requested;
    private VectorSet _inService;
    private VectorSet _levelTriggered;
    private ulong _base;
    private uint _physicalId;
    private uint _taskPriority;
    private uint _logicalDestination;
    private uint _destinationFormat;
    private uint _spuriousVector;
    private uint _errorStatus;
    private uint _pendingErrors;
    private ulong _command;
    private int _nonMaskablePending;
    private bool _nonMaskableInService;
    private bool _externalPending;
    private readonly uint[] _localVectors = new uint[7];

    /// <summary>Makes the LAPIC of a vCPU.</summary>
    /// <param name="id">Initial APIC id.</param>
    /// <param name="isBootstrap">Whether the vCPU is the bootstrap processor.</param>
    /// <param name="bus">Where messages go and come from.</param>
    /// <param name="timers">Time.</param>
    /// <param name="timestampFrequency">Hertz of the guest's time-stamp counter, for TSC-deadline mode.</param>
    public LocalApic(uint id, bool isBootstrap, ApicBus bus, ITimerService timers, ulong timestampFrequency)
    {
        ArgumentNullException.ThrowIfNull(bus);
        ArgumentNullException.ThrowIfNull(timers);
        Id = id;
        _bus = bus;
        _initialBase = 0xFEE0_0000 | BaseEnabled | (isBootstrap ? BaseBootstrap : 0);
        _timer = new LocalApicTimer(timers, timestampFrequency, OnTimer);
        bus.Add(this);
        Reset(init: false);
    }

    /// <summary>Numbers of the local vector table's entries.</summary>
    private enum LocalVector
    {
        CorrectedMachineCheck,
        Timer,
        Thermal,
        PerformanceCounter,
        Pin0,
        Pin1,
        Error,
    }

    /// <summary>The APIC id.</summary>
    public uint Id { get; }

    /// <summary>Whether the processor offers x2APIC mode (CPUID.01H:ECX bit 21). Before the vCPU runs.</summary>
    public bool OffersX2Apic { get; set; } = true;

    /// <summary>Bits of a guest-physical address (CPUID.80000008H:EAX). Before the vCPU runs.</summary>
    public int PhysicalAddressBits { get; set; } = 52;

    /// <summary>Guest-physical address of the registers in xAPIC mode.</summary>
    internal ulong WindowAddress => Volatile.Read(ref _base) & AddressMask;

    /// <summary>Whether the guest has switched to x2APIC mode.</summary>
    public bool IsX2Apic => (_base & (BaseEnabled | BaseX2Apic)) == (BaseEnabled | BaseX2Apic);

    /// <summary>Whether an interrupt is ready for the vCPU.</summary>
    public bool HasInterrupt
    {
        get
        {
            lock (_state)
            {
                return IsDeliverable(_requested.Highest) || HasExternal;
            }
        }
    }

    /// <summary>CR8: bits 7:4 of the task priority.</summary>
    public byte TaskPriority
    {
        get => (byte)(_taskPriority >> 4);
        set
        {
            lock (_state)
            {
                _taskPriority = (uint)value << 4;
            }

            // A lower priority may let a waiting interrupt through.
            _processor?.NotifyInterrupt();
        }
    }

    private bool IsEnabled => (_base & BaseEnabled) != 0 && (_spuriousVector & SoftwareEnabled) != 0;

    private bool HasExternal => _externalPending && (_base & BaseEnabled) != 0
        && (_localVectors[(int)LocalVector.Pin0] & (Masked | 0x700)) == 0x700;

    /// <summary>Names the vCPU. Once, before it runs.</summary>
    public void Attach(ILocalApicProcessor processor) => _processor = processor;

    /// <summary>Takes the highest ready interrupt into service.</summary>
    /// <returns>Its vector, or -1 when there is none any more.</returns>
    public int Acknowledge()
    {
        lock (_state)
        {
            int vector = _requested.Highest;
            if (IsDeliverable(vector))
            {
                _requested.Set(vector, false);
                _inService.Set(vector, true);
                return vector;
            }

            if (!HasExternal)
            {
                return -1;
            }
        }

        return _bus.AcknowledgeExternal();
    }

    /// <summary>Takes a pending non-maskable interrupt.</summary>
    public bool TakeNonMaskable()
    {
        lock (_state)
        {
            if (_nonMaskablePending == 0)
            {
                return false;
            }

            _nonMaskablePending--;
            _nonMaskableInService = true;
            return true;
        }
    }

    /// <summary>The handler of a non-maskable interrupt has returned.</summary>
    public void EndNonMaskable()
    {
        lock (_state)
        {
            _nonMaskableInService = false;
        }
    }

    /// <summary>Sends an interrupt to the LAPIC of an APIC id, whichever mode both are in.</summary>
    /// <param name="identifier">The physical APIC id.</param>
    /// <param name="command">Vector and delivery mode as in bits 10:0 of the interrupt command register.</param>
    /// <returns>False where no LAPIC has the id.</returns>
    public bool TrySend(uint identifier, uint command) =>
        _bus.TryDeliver(identifier, new InterruptMessage(identifier, false, (DeliveryMode)((command >> 8) & 7), (byte)command, false));

    /// <summary>Back to the state after power-on, or after INIT, which keeps the base and the id (SDM volume 3, 11.4.7).</summary>
    public void Reset(bool init)
    {
        lock (_state)
        {
            if (!init)
            {
                _base = _initialBase;
                _physicalId = Id & 0xFF;
            }

            _requested = default;
            _inService = default;
            _levelTriggered = default;
            _taskPriority = 0;
            _logicalDestination = 0;
            _destinationFormat = uint.MaxValue;
            _spuriousVector = 0xFF;
            _errorStatus = 0;
            _pendingErrors = 0;
            _command = 0;
            _nonMaskablePending = 0;
            _nonMaskableInService = false;
            _externalPending = false;
            Array.Fill(_localVectors, Masked);
            if (!init && (_initialBase & BaseBootstrap) != 0)
            {
                // Without firmware nobody else connects the 8259 pair: virtual wire mode (MP specification 3.6.2.2).
                _spuriousVector |= SoftwareEnabled;
                _localVectors[(int)LocalVector.Pin0] = 0x700;
                _localVectors[(int)LocalVector.Pin1] = 0x400;
            }
        }

        _timer.Reset();
    }

    /// <summary>The 8259 pair drives LINT0.</summary>
    internal void SetExternal(bool asserted)
    {
        lock (_state)
        {
            _externalPending = asserted;
        }

        if (asserted)
        {
            _processor?.NotifyInterrupt();
        }
    }

    /// <summary>Whether a message's destination includes this LAPIC (SDM volume 3, 11.6.2).</summary>
    internal bool Matches(uint destination, bool logical)
    {
        if (!logical)
        {
            return IsX2Apic ? destination == Id || destination is uint.MaxValue or 0xFF : destination == _physicalId || (destination & 0xFF) == 0xFF;
        }

        if (IsX2Apic)
        {
            uint own = X2LogicalId;
            return destination == uint.MaxValue || (destination >> 16 == own >> 16 && (destination & own & 0xFFFF) != 0);
        }

        uint mine = _logicalDestination >> 24;
        uint wanted = destination & 0xFF;
        return _destinationFormat >> 28 == 0xF
            ? (mine & wanted) != 0
            : wanted == 0xFF || (mine >> 4 == wanted >> 4 && (mine & wanted & 0xF) != 0);
    }

    /// <summary>Whether messages can be taken.</summary>
    internal bool Accepts => IsEnabled;

    /// <summary>Takes a message.</summary>
    internal void Receive(in InterruptMessage message)
    {
        switch (message.Mode)
        {
            case DeliveryMode.Fixed or DeliveryMode.LowestPriority:
                lock (_state)
                {
                    if (!IsEnabled)
                    {
                        return;
                    }

                    if (message.Vector < 16)
                    {
                        SetError(ReceivedIllegalVector);
                    }
                    else
                    {
                        _requested.Set(message.Vector, true);
                        _levelTriggered.Set(message.Vector, message.IsLevelTriggered);
                    }
                }

                _processor?.NotifyInterrupt();
                break;
            case DeliveryMode.NonMaskable:
                lock (_state)
                {
                    // One is handled and one more waits for its end, as a processor latches them (SDM volume 3, 6.7.1).
                    _nonMaskablePending = Math.Min(_nonMaskablePending + 1, _nonMaskableInService ? 1 : 2);
                }

                _processor?.NotifyInterrupt();
                break;
            case DeliveryMode.Init:
                _processor?.SignalInit();
                break;
            case DeliveryMode.StartUp:
                _processor?.SignalStartup(message.Vector);
                break;
            case DeliveryMode.External:
                SetExternal(true);
                break;
            case DeliveryMode.SystemManagement:
            default:
                // No system management mode is offered: FADT names no command port and nothing else can ask for it.
                break;
        }
    }

    private uint X2LogicalId => ((Id >> 4) << 16) | (1u << (int)(Id & 15));

    private int ProcessorPriority()
    {
        int service = Math.Max(_inService.Highest, 0) & 0xF0;
        return (int)(_taskPriority & 0xF0) >= service ? (int)_taskPriority : service;
    }

    private bool IsDeliverable(int vector) => vector >= 0 && IsEnabled && (vector & 0xF0) > (ProcessorPriority() & 0xF0);

    private void OnTimer() => RaiseLocal(LocalVector.Timer);

    private void RaiseLocal(LocalVector entry)
    {
        uint value = _localVectors[(int)entry];
        if ((value & Masked) == 0)
        {
            Receive(new InterruptMessage(Id, false, (DeliveryMode)((value >> 8) & 7), (byte)value, false));
        }
    }

    /// <summary>Notes an error and asks for its interrupt (SDM volume 3, 11.5.3). Under the lock; the caller then tells the vCPU.</summary>
    private void SetError(uint error)
    {
        _pendingErrors |= error;
        uint value = _localVectors[(int)LocalVector.Error];
        if (IsEnabled && (value & Masked) == 0 && (byte)value >= 16)
        {
            _requested.Set((byte)value, true);
            _levelTriggered.Set((byte)value, false);
        }
    }

    private void EndOfInterrupt()
    {
        int vector;
        bool level;
        lock (_state)
        {
            vector = _inService.Highest;
            if (vector < 0)
            {
                return;
            }

            _inService.Set(vector, false);

            // The bit stays until the vector is next accepted (SDM volume 3, 11.8.4).
            level = _levelTriggered.Contains(vector);
        }

        if (level)
        {
            _bus.EndOfInterrupt((byte)vector);
        }

        if (HasInterrupt)
        {
            _processor?.NotifyInterrupt();
        }
    }
}
