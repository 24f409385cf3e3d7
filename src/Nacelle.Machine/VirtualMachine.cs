using Nacelle.Cpu;
using Nacelle.Devices.Interrupts;
using Nacelle.Devices.Platform;
using Nacelle.Devices.Virtio.Console;
using Nacelle.Linux;
using Nacelle.Machine.Board;
using Nacelle.Machine.Boot;
using Nacelle.Machine.Firmware;
using Nacelle.Machine.Interrupts;
using Nacelle.Machine.Runtime;
using Nacelle.Memory;
using Nacelle.Translation;

namespace Nacelle.Machine;

/// <summary>A machine: built from a description, started once, ended by the guest or from outside.</summary>
/// <remarks>
/// Its state belongs to a control loop of its own; all members may be called from any thread but the machine's own.
/// </remarks>
public sealed class VirtualMachine : IDisposable, IMachineEvents
{
    private readonly MachineDescription _description;
    private readonly EventLoop _control;
    private readonly EventLoop _timerLoop;
    private readonly GuestMemory _ram;
    private readonly MachineBus _bus;
    private readonly AcceleratorSelection _selection;
    private readonly PlatformDevices _platform;
    private readonly PciDevices _pci;
    private readonly List<IVirtualCpu> _processors = [];
    private readonly List<LocalApic> _localApics = [];
    private readonly List<VirtualCpuThread> _threads = [];
    private readonly TaskCompletionSource<MachineStop> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _asked;
    private bool _paused;
    private bool _disposed;

    private VirtualMachine(MachineDescription description, ISerialBackend serial, IConsoleOutput? console)
    {
        _description = description;
        try
        {
            _control = NewLoop("machine control");
            _timerLoop = NewLoop("device timers");
            EventLoopTimerService timers = new(_timerLoop);
            _ram = new GuestMemory(PhysicalLayout.RamRanges(description.MemoryBytes));
            _bus = new MachineBus(_ram, new AddressSpace("memory"), new AddressSpace("ports"));
            _selection = AcceleratorSelection.Choose(description, _bus);
            _platform = new PlatformDevices(
                _bus, _selection.Accelerator.KernelInterruptControllers, timers, serial, this, description);
            _pci = new PciDevices(
                _bus,
                _selection.Accelerator,
                _platform.Router,
                timers,
                _platform.ResetControl.Write,
                line => Diagnostic?.Invoke(line),
                NewLoop);
            AddDevices(console);
            for (int i = 0; i < description.VirtualCpus; i++)
            {
                AddProcessor(i);
            }

            Debugger = new MachineDebugger(_control, _ram, _processors, WaitAllParked, ResumeAll);
            LoadGuest();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>"kvm" or "translator".</summary>
    public string AcceleratorName => _selection.Accelerator.Name;

    /// <summary>Why that accelerator, in one line.</summary>
    public string AcceleratorReason => _selection.Reason;

    /// <summary>What runs the vCPUs.</summary>
    internal IAccelerator Accelerator => _selection.Accelerator;

    /// <summary>The guest's RAM.</summary>
    internal GuestMemory Ram => _ram;

    /// <summary>The way in for a debugger outside the guest.</summary>
    public MachineDebugger Debugger { get; }

    /// <summary>Completes when the machine has ended, with the reason.</summary>
    public Task<MachineStop> Completion => _completion.Task;

    /// <summary>The first serial port, for input.</summary>
    public SerialPort Serial => _platform.Serial;

    /// <summary>The virtio console, for input; null when the machine was built without one.</summary>
    public ConsoleDevice? Console { get; private set; }

    /// <summary>Raised, on any thread, with a line when a guest driver breaks a rule of its device.</summary>
    public event Action<string>? Diagnostic;

    /// <summary>
    /// Raised, on any thread, with the reason in one line when the machine pauses over a host error; <see cref="Continue"/>
    /// goes on.
    /// </summary>
    public event Action<string>? Paused;

    /// <summary>Builds a machine and loads the guest; nothing runs yet.</summary>
    /// <param name="description">What to build.</param>
    /// <param name="serial">What the first serial port is connected to; null connects it to nothing.</param>
    /// <param name="console">What a virtio console is connected to; null for a machine without one.</param>
    /// <exception cref="MachineException">The host or the files do not allow it. Nothing is left behind.</exception>
    public static VirtualMachine Build(
        MachineDescription description, ISerialBackend? serial, IConsoleOutput? console = null)
    {
        ArgumentNullException.ThrowIfNull(description);
        MachineLimits.Check(description);
        try
        {
            return new VirtualMachine(description, serial ?? SilentSerial.Instance, console);
        }
        catch (LinuxException error)
        {
            throw new MachineException(MachineErrorKind.HostResource, $"the host refuses what the machine needs: {error.Message}", error);
        }
        catch (OutOfMemoryException error)
        {
            throw new MachineException(
                MachineErrorKind.HostResource, "no memory of the host is left to build the machine: raise 'ulimit -v', or free memory", error);
        }
    }

    /// <summary>Starts the guest. Once.</summary>
    public void Start()
    {
        _control.Invoke(() =>
        {
            foreach (VirtualCpuThread thread in _threads)
            {
                thread.Start();
            }

            // Whoever ended or paused it before the start is not overruled.
            ResumeAll();
        });
    }

    /// <summary>Stops the vCPUs until <see cref="Continue"/>; devices finish what they have begun.</summary>
    public void Pause() => _control.Invoke(() => EnterPause());

    /// <summary>Lets a paused machine go on, trying again what the host refused. Does nothing to one that runs.</summary>
    public void Continue() => _control.Invoke(() =>
    {
        if (!_paused)
        {
            return;
        }

        _paused = false;
        _pci.ResumeDisks();
        ResumeAll();
    });

    /// <summary>Ends the machine at once, as pulling the plug would.</summary>
    public void RequestStop() => Stop(new MachineStop(MachineStopReason.Requested));

    /// <summary>Presses the ACPI power button.</summary>
    /// <returns>Whether the guest listens to it.</returns>
    public bool PressPowerButton() => _platform.Power.PressPowerButton();

    /// <summary>What the translator has counted so far, over all vCPUs; null on another accelerator. Until the machine is disposed.</summary>
    public TranslatorCounters? ReadTranslatorCounters() => (_selection.Accelerator as TranslatorAccelerator)?.ReadCounters();

    /// <summary>
    /// What the translator has made of the guest code in a range of linear addresses; null on another accelerator. After the
    /// machine has ended and until it is disposed.
    /// </summary>
    /// <param name="first">First address.</param>
    /// <param name="last">Last address.</param>
    public IEnumerable<ListedBlock>? ListTranslatedBlocks(ulong first, ulong last) =>
        (_selection.Accelerator as TranslatorAccelerator)?.ListBlocks(first, last);

    /// <summary>Makes an event loop for something that serves this machine: an exception on it ends this machine and no other of the process.</summary>
    /// <param name="name">The thread's name, which the report of a defect gives too.</param>
    /// <exception cref="LinuxException">The host has no descriptor left.</exception>
    public EventLoop NewLoop(string name) =>
        new(name, error => Stop(new MachineStop(MachineStopReason.Failed, DefectReport.Describe(name, error))));

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        foreach (VirtualCpuThread thread in _threads)
        {
            thread.End();
        }

        _completion.TrySetResult(new MachineStop(MachineStopReason.Requested));
        _control?.Dispose();
        _pci?.Dispose();
        _timerLoop?.Dispose();
        _selection?.Accelerator.Dispose();
        _ram?.Dispose();
    }

    void IMachineEvents.PowerOff() => Stop(new MachineStop(MachineStopReason.PowerOff));

    void IMachineEvents.DebugExit(uint value) => Stop(new MachineStop(MachineStopReason.DebugExit, null, value));

    void IMachineEvents.GuestPanicked(GuestPanic panic)
    {
        // A guest with a crash kernel goes on by itself.
        if (panic == GuestPanic.Panicked)
        {
            Stop(new MachineStop(MachineStopReason.Panic, "the guest kernel panicked"));
        }
    }

    void IMachineEvents.Reset()
    {
        if (!_description.RestartOnReset)
        {
            Stop(new MachineStop(MachineStopReason.Reset));
        }
        else if (Interlocked.CompareExchange(ref _asked, 1, 0) == 0)
        {
            ParkAll();
            _control.Post(Restart);
        }
    }

    private void AddProcessor(int index)
    {
        LocalApic? local = _platform.CreateLocalApic(index);
        CpuidTable cpuid = _selection.Cpuid(index);
        if (local is not null)
        {
            local.OffersX2Apic = CpuFeatures.Find("x2apic")!.IsIn(cpuid);
            local.PhysicalAddressBits = Math.Clamp((int)(cpuid.Query(0x8000_0008, 0).Eax & 0xFF), 36, 52);
        }

        IVirtualCpu processor = _selection.Accelerator.CreateVirtualCpu(new VirtualCpuConfiguration(
            index,
            (uint)index,
            cpuid,
            local is null ? null : new LocalInterruptController(local)));
        if (local is not null)
        {
            local.Attach(new LocalApicProcessor(processor));
            _localApics.Add(local);
        }

        _processors.Add(processor);
        _threads.Add(new VirtualCpuThread(processor, _ram, OnProcessorEnded));
    }

    private void AddDevices(IConsoleOutput? console)
    {
        if (_description.EntropySource)
        {
            _pci.AddEntropySource();
        }

        if (_description.Balloon)
        {
            _pci.AddBalloon();
        }

        for (int i = 0; i < _description.Disks.Length; i++)
        {
            _pci.AddDisk(_description.Disks[i], i, _description.VirtualCpus, PauseFor);
        }

        for (int i = 0; i < _description.Networks.Length; i++)
        {
            _pci.AddNetwork(_description.Networks[i], i, _description);
        }

        Console = console is null ? null : _pci.AddConsole(console);
        _pci.Place();
    }

    /// <summary>Takes the blame for a host error from the guest: it stands still until somebody mended it.</summary>
    private void PauseFor(string reason) => _control.Post(() =>
    {
        if (EnterPause())
        {
            Paused?.Invoke(reason);
        }
    });

    private bool EnterPause()
    {
        if (_paused || Volatile.Read(ref _asked) == 2)
        {
            return false;
        }

        _paused = true;
        WaitAllParked();
        return true;
    }

    private void LoadGuest()
    {
        BiosDataArea.Write(_ram);
        ulong root = AcpiTables.Write(_ram, _description.VirtualCpus, withTimer: _description.HighPrecisionTimer);
        SystemManagementTables.Write(_ram, _description.Name, _description.Uuid);
        foreach (IVirtualCpu processor in _processors)
        {
            MemoryTypes.SetDefault(processor);
        }

        _processors[0].ReadState(out CpuRegisters reset);
        CpuRegisters entry = BootPayload.Load(_description, _ram, root, reset);
        _processors[0].WriteState(entry);
    }

    private void OnProcessorEnded(int index, VirtualCpuExit exit)
    {
        if (exit.Reason == VirtualCpuExitReason.Debug)
        {
            Debugger.OnStop(index, exit.DebugStop);
        }
        else if (exit.Reason != VirtualCpuExitReason.Shutdown)
        {
            Stop(new MachineStop(MachineStopReason.Failed, $"vCPU {index}: {exit.Detail}"));
        }
        else if (_description.RestartOnReset)
        {
            // Chipsets answer a processor's shutdown cycle with a reset.
            ((IMachineEvents)this).Reset();
        }
        else
        {
            Stop(new MachineStop(MachineStopReason.TripleFault, exit.Detail ?? $"vCPU {index} met a triple fault"));
        }
    }

    /// <summary>The first reason wins; whatever the guest does until it is stopped is not looked at any more.</summary>
    private void Stop(MachineStop stop)
    {
        if (Interlocked.Exchange(ref _asked, 2) != 2)
        {
            ParkAll();
            _control.Post(() =>
            {
                try
                {
                    WaitAllParked();
                    _pci.ConcludeMessages();
                    _platform.Serial.Flush();
                }
                finally
                {
                    // Whatever goes wrong on the way, whoever waits for the end hears of it.
                    _completion.TrySetResult(stop);
                }
            });
        }
    }

    private void ParkAll()
    {
        foreach (VirtualCpuThread thread in _threads)
        {
            thread.RequestPark();
        }
    }

    /// <summary>On the control loop, which alone resumes vCPUs: whatever it resumed since the request is asked again.</summary>
    private void WaitAllParked()
    {
        ParkAll();
        foreach (VirtualCpuThread thread in _threads)
        {
            thread.WaitParked();
        }
    }

    private void Restart()
    {
        WaitAllParked();
        if (Interlocked.CompareExchange(ref _asked, 0, 1) != 1)
        {
            return;
        }

        try
        {
            _platform.Reset();
            _pci.Reset();
            for (int i = 0; i < _processors.Count; i++)
            {
                if (_localApics.Count != 0)
                {
                    _localApics[i].Reset(init: false);
                }

                _processors[i].Reset();
            }

            LoadGuest();
        }
        catch (MachineException error)
        {
            Stop(new MachineStop(MachineStopReason.Failed, $"cannot restart: {error.Message}"));
            return;
        }

        ResumeAll();
    }

    /// <summary>Lets the vCPUs run, unless there is a reason left to stand still.</summary>
    private void ResumeAll()
    {
        if (_paused || Volatile.Read(ref _asked) != 0)
        {
            return;
        }

        for (int i = 0; i < _threads.Count; i++)
        {
            if (Debugger.MayRun(i))
            {
                _threads[i].Resume();
            }
        }
    }
}
