using Nacelle.Cpu;
using Nacelle.Devices.Interrupts;
using Nacelle.Devices.Pci;
using Nacelle.Devices.Platform;
using Nacelle.Devices.Timers;
using Nacelle.Devices.Virtio;
using Nacelle.Devices.Virtio.Balloon;
using Nacelle.Devices.Virtio.Console;
using Nacelle.Devices.Virtio.Entropy;
using Nacelle.Linux;
using Nacelle.Machine.Firmware;
using Nacelle.Machine.Interrupts;

namespace Nacelle.Machine.Board;

/// <summary>The root bus of the machine and everything on it.</summary>
/// <remarks>Made, reset and disposed on one thread while no vCPU runs.</remarks>
internal sealed class PciDevices : IDisposable
{
    private readonly MachineBus _bus;
    private readonly InterruptRouter _router;
    private readonly DoorbellBinder? _doorbells;
    private readonly ITimerService _timers;
    private readonly Action<string> _diagnostics;
    private readonly List<(string Name, MessageLimiter Messages)> _limiters = [];
    private readonly PciBus _pci;
    private readonly Func<string, EventLoop> _newLoop;
    private readonly EventLoop _loop;
    private readonly List<VirtioPciTransport> _transports = [];
    private readonly List<DiskAttachment> _disks = [];
    private readonly List<NetworkAttachment> _networks = [];

    /// <summary>Makes the chipset's own functions; devices are added after it.</summary>
    /// <param name="bus">Where registers go.</param>
    /// <param name="accelerator">Short cuts for doorbells; null for none.</param>
    /// <param name="router">Where interrupts go.</param>
    /// <param name="timers">Time.</param>
    /// <param name="resetControl">Takes writes to port 0xCF9.</param>
    /// <param name="diagnostics">Takes a line when a guest driver breaks a rule; called on any thread.</param>
    /// <param name="newLoop">Makes an event loop of a name, whose defects end the machine.</param>
    internal PciDevices(
        MachineBus bus,
        IAccelerator? accelerator,
        InterruptRouter router,
        ITimerService timers,
        Action<byte> resetControl,
        Action<string> diagnostics,
        Func<string, EventLoop> newLoop)
    {
        _newLoop = newLoop;
        _loop = newLoop("virtio");
        _bus = bus;
        _router = router;
        _timers = timers;
        _diagnostics = diagnostics;
        _doorbells = accelerator is null ? null : new DoorbellBinder(accelerator);
        _pci = new PciBus(bus.Memory);
        _ = new PciHostBridge(_pci, bus.Memory, bus.Ports, resetControl);
        _pci.Add(new LpcBridge(), 31);
    }

    /// <summary>Puts a source of random numbers on the bus.</summary>
    internal void AddEntropySource() => AddVirtio("entropy source", new EntropyDevice(_loop));

    /// <summary>Puts a memory balloon on the bus, which nobody inflates.</summary>
    internal void AddBalloon() => AddVirtio("balloon", new BalloonDevice(_loop));

    /// <summary>Puts a disk on the bus.</summary>
    /// <param name="description">The disk.</param>
    /// <param name="index">Its place among the disks.</param>
    /// <param name="virtualCpus">Of the machine, for the number of queues.</param>
    /// <param name="paused">Told on the disk's loop when the machine has to pause over a host error.</param>
    /// <exception cref="MachineException">The file cannot be had.</exception>
    internal void AddDisk(DiskDescription description, int index, int virtualCpus, Action<string> paused)
    {
        DiskAttachment disk = new(description, _newLoop($"disk {index}"), virtualCpus, paused);
        _disks.Add(disk);
        AddVirtio($"disk {index} ({description.Path})", disk.Device, description.Packed);
    }

    /// <summary>Puts a network card on the bus.</summary>
    /// <param name="description">The card.</param>
    /// <param name="index">Its place among the cards.</param>
    /// <param name="machine">The machine, for the defaults of address and queues.</param>
    /// <exception cref="MachineException">The back end cannot be had.</exception>
    internal void AddNetwork(NetworkDescription description, int index, MachineDescription machine)
    {
        NetworkAttachment network = new(description, index, machine, LimitMessages($"network {index}"), _newLoop);
        _networks.Add(network);
        AddVirtio($"network {index}", network.Device, description.Packed);
    }

    /// <summary>Puts a console on the bus.</summary>
    internal ConsoleDevice AddConsole(IConsoleOutput output)
    {
        ConsoleDevice console = new(_loop, output);
        AddVirtio("console", console);
        return console;
    }

    /// <summary>Places all registers, once every device is there, and again after <see cref="Reset"/>.</summary>
    /// <exception cref="MachineException">The devices do not fit.</exception>
    internal void Place()
    {
        try
        {
            _pci.AssignBars(PhysicalLayout.DeviceWindowBase, PhysicalLayout.DeviceWindowLast + 1);
        }
        catch (InvalidOperationException error)
        {
            throw new MachineException(MachineErrorKind.Configuration, error.Message, error);
        }
    }

    /// <summary>Every function back to the state after power-on. While no vCPU runs.</summary>
    internal void Reset()
    {
        _pci.Reset();
        Place();
    }

    /// <summary>Tries again what the disks hold back since the host refused it.</summary>
    internal void ResumeDisks()
    {
        foreach (DiskAttachment disk in _disks)
        {
            disk.Resume();
        }
    }

    /// <summary>Says how many messages of each device were left out. Once the guest has ended.</summary>
    internal void ConcludeMessages()
    {
        foreach ((string name, MessageLimiter messages) in _limiters)
        {
            messages.Conclude(name);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (VirtioPciTransport transport in _transports)
        {
            transport.Dispose();
        }

        foreach (DiskAttachment disk in _disks)
        {
            disk.Dispose();
        }

        foreach (NetworkAttachment network in _networks)
        {
            network.Dispose();
        }

        _loop.Dispose();
    }

    private Action<string> LimitMessages(string name)
    {
        MessageLimiter limiter = new(_timers, _diagnostics);
        _limiters.Add((name, limiter));
        return limiter.Say;
    }

    private void AddVirtio(string name, IVirtioDevice device, bool packed = false)
    {
        int slot = _pci.FindFreeSlot() is int free and > 0
            ? free
            : throw new MachineException(
                MachineErrorKind.Configuration, $"{name} has no PCI slot: all are taken; remove a device");
        IInterruptLine pin = _router.Line(DifferentiatedDescription.PinOf(slot, 0));
        VirtioPciTransport transport = new(name, device, _bus.Ram, _router, pin, _doorbells, packed, LimitMessages(name));
        _transports.Add(transport);
        _pci.Add(transport, slot);
    }

    /// <summary>The accelerator's doorbells as the transports want them.</summary>
    private sealed class DoorbellBinder(IAccelerator accelerator) : IDoorbellBinder
    {
        public bool TryBind(ulong address, int size, EventFileDescriptor doorbell) =>
            accelerator.TryBindDoorbell(address, size, doorbell);

        public void Unbind(ulong address, int size, EventFileDescriptor doorbell) =>
            accelerator.UnbindDoorbell(address, size, doorbell);
    }
}
