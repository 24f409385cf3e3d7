using Nacelle.Cpu;
using Nacelle.Devices.Interrupts;
using Nacelle.Devices.Platform;
using Nacelle.Devices.Timers;
using Nacelle.Machine.Interrupts;

namespace Nacelle.Machine.Board;

/// <summary>The fixed devices of a q35-shaped machine: interrupt controllers, timers, and what hangs off the LPC bridge.</summary>
internal sealed class PlatformDevices
{
    private readonly List<Action> _resets = [];
    private readonly IKernelInterruptControllers? _kernel;
    private readonly ApicBus? _apicBus;
    private readonly ITimerService _timers;
    private readonly RealTimeClock _clock;
    private IntervalTimer? _intervalTimer;

    /// <summary>Makes the devices and places their registers.</summary>
    /// <param name="bus">Where the registers go.</param>
    /// <param name="kernel">Interrupt controllers in the host kernel, or null to bring own ones.</param>
    /// <param name="timers">Time.</param>
    /// <param name="serial">What the serial port is connected to.</param>
    /// <param name="events">The machine.</param>
    /// <param name="description">Which of the devices there are.</param>
    internal PlatformDevices(
        MachineBus bus,
        IKernelInterruptControllers? kernel,
        ITimerService timers,
        ISerialBackend serial,
        IMachineEvents events,
        MachineDescription description)
    {
        _timers = timers;
        _kernel = kernel;
        if (kernel is null)
        {
            _apicBus = new ApicBus();
            Router = OwnControllers(bus, _apicBus, description.IntervalTimer);
        }
        else
        {
            Router = new InterruptRouter(kernel);
            _resets.Add(kernel.Reset);
        }

        RealTimeClock clock = _clock = new(timers, Router.Line(8), DateTime.UtcNow, description.RealTimeClockCatchesUp);
        bus.Ports.Map(0x70, 2, "real-time clock", clock);
        _resets.Add(clock.Reset);
        if (description.HighPrecisionTimer)
        {
            HighPrecisionTimer eventTimer = new(timers, Router.Line, TakeLegacyInterrupts);
            bus.Memory.Map(HighPrecisionTimer.Address, HighPrecisionTimer.Length, "HPET", eventTimer);
            _resets.Add(eventTimer.Reset);
        }

        Serial = new SerialPort(Router.Line(4), timers, serial);
        bus.Ports.Map(0x3F8, SerialPort.Length, "serial port COM1", Serial);
        _resets.Add(Serial.Reset);
        Power = new PowerManagementBlock(timers, Router.Line(InterruptRouter.SystemControl), events.PowerOff);
        bus.Ports.Map(PowerManagementBlock.Base, PowerManagementBlock.Length, "ACPI power management", Power);
        _resets.Add(Power.Reset);
        ResetControl = new ResetControl(events.Reset);
        MapSwitches(bus, events, description.DebugExit);
        FirmwareConfiguration configuration = new(description.MemoryBytes, description.VirtualCpus);
        bus.Ports.Map(FirmwareConfiguration.Port, FirmwareConfiguration.Length, "firmware configuration", configuration);
        _resets.Add(configuration.Reset);
        if (description.TestDevice)
        {
            new TestDevice(bus.Ram, Router.Line).Map(bus.Memory, bus.Ports);
        }
    }

    /// <summary>Interrupt routing for other devices.</summary>
    internal InterruptRouter Router { get; }

    /// <summary>The first serial port.</summary>
    internal SerialPort Serial { get; }

    /// <summary>The ACPI block with the power button.</summary>
    internal PowerManagementBlock Power { get; }

    /// <summary>Port 0xCF9, which lies inside the PCI host bridge's ports.</summary>
    internal ResetControl ResetControl { get; }

    /// <summary>Makes a vCPU's LAPIC, unless the host kernel has them.</summary>
    internal LocalApic? CreateLocalApic(int index) => _apicBus is null
        ? null
        : new LocalApic((uint)index, index == 0, _apicBus, _timers, TimestampCalibration.Frequency);

    /// <summary>Every device back to the state after power-on. While no vCPU runs.</summary>
    internal void Reset()
    {
        foreach (Action reset in _resets)
        {
            reset();
        }
    }

    private InterruptRouter OwnControllers(MachineBus bus, ApicBus apicBus, bool withIntervalTimer)
    {
        IoApic ioApic = new(apicBus);
        InterruptControllerPair pair = new(apicBus);
        InterruptRouter router = new(apicBus, ioApic, pair);
        apicBus.Map(bus.Memory);
        bus.Memory.Map(IoApic.Address, IoApic.Length, "IOAPIC", ioApic);
        pair.Map(bus.Ports);
        _resets.AddRange([ioApic.Reset, pair.Reset]);
        if (withIntervalTimer)
        {
            _intervalTimer = new IntervalTimer(_timers, router.Line(0));
            _intervalTimer.Map(bus.Ports);
            _resets.Add(_intervalTimer.Reset);
        }

        return router;
    }

    private void MapSwitches(MachineBus bus, IMachineEvents events, DebugExitDescription? debugExit)
    {
        KeyboardController keyboard = new(events.Reset);
        keyboard.Map(bus.Ports);
        SystemControlPort systemControl = new(events.Reset);
        bus.Ports.Map(SystemControlPort.Port, 1, "system control port A", systemControl);
        if (debugExit is not null)
        {
            bus.Ports.Map(debugExit.Port, (ulong)debugExit.Length, "debug exit", new DebugExitPort(events.DebugExit));
        }

        bus.Ports.Map(PanicNotifier.Port, 1, "pvpanic", new PanicNotifier(events.GuestPanicked));
        _resets.AddRange([keyboard.Reset, ResetControl.Reset, systemControl.Reset]);
    }

    private void TakeLegacyInterrupts(bool taken)
    {
        _kernel?.DisconnectIntervalTimer(taken);
        _clock.IsDisconnected = taken;
        if (_intervalTimer is not null)
        {
            _intervalTimer.IsDisconnected = taken;
        }
    }
}
