using System.Collections.Concurrent;
using Nacelle.Cpu;
using Nacelle.Devices.Interrupts;
using Nacelle.Devices.Platform;
using Nacelle.Devices.Virtio.Console;
using Nacelle.Linux;
using Nacelle.Machine;
using Nacelle.Machine.Board;
using Nacelle.Memory;

namespace Nacelle.Fuzz;

/// <summary>The board of a machine with all its devices, time that is moved by hand, and LAPICs without vCPUs behind them.</summary>
internal sealed class FuzzBoard : IMachineEvents, ISerialBackend, IConsoleOutput, IDisposable
{
    /// <summary>LAPICs.</summary>
    public const int Processors = 2;

    private const ulong RamBytes = 4 << 20;
    private readonly ConcurrentQueue<Exception> _failures = new();
    private readonly List<EventLoop> _loops = [];
    private readonly PciDevices _pci;

    public FuzzBoard()
    {
        Ram = new GuestMemory(PhysicalLayout.RamRanges(RamBytes));
        Memory = new AddressSpace("memory");
        Ports = new AddressSpace("port");
        MachineBus bus = new(Ram, Memory, Ports);
        MachineDescription description = new()
        {
            KernelPath = "none", MemoryBytes = RamBytes, VirtualCpus = Processors, RealTimeClockCatchesUp = true, TestDevice = true,
        };
        Platform = new PlatformDevices(bus, null, Clock, this, this, description);
        _pci = new PciDevices(bus, null, Platform.Router, Clock, Platform.ResetControl.Write, _ => { }, NewLoop);
        _pci.AddEntropySource();
        _pci.AddBalloon();
        Console = _pci.AddConsole(this);
        _pci.Place();
        for (int i = 0; i < Processors; i++)
        {
            LocalApic local = Platform.CreateLocalApic(i)!;
            local.Attach(new Idle(Clock));
            Locals.Add(local);
        }
    }

    public FuzzClock Clock { get; } = new();

    public GuestMemory Ram { get; }

    public AddressSpace Memory { get; }

    public AddressSpace Ports { get; }

    public PlatformDevices Platform { get; }

    public ConsoleDevice Console { get; }

    public List<LocalApic> Locals { get; } = [];

    /// <summary>Resets everything, as the machine does.</summary>
    public void Reset()
    {
        Platform.Reset();
        _pci.Reset();
        foreach (LocalApic local in Locals)
        {
            local.Reset(init: false);
        }
    }

    /// <summary>Waits until the loops have done what there was to do.</summary>
    /// <exception cref="InvalidOperationException">One of them failed.</exception>
    public void Settle()
    {
        foreach (EventLoop loop in _loops)
        {
            loop.Invoke(() => { });
        }

        if (_failures.TryDequeue(out Exception? failure))
        {
            throw new InvalidOperationException("a loop failed", failure);
        }
    }

    public void Dispose()
    {
        _pci.Dispose();
        Ram.Dispose();
    }

    void IMachineEvents.PowerOff()
    {
        // The guest plays on.
    }

    void IMachineEvents.Reset()
    {
        // The input resets where it likes.
    }

    void IMachineEvents.DebugExit(uint value)
    {
        // The guest plays on.
    }

    void IMachineEvents.GuestPanicked(GuestPanic panic)
    {
        // The guest plays on.
    }

    void ISerialBackend.Write(ReadOnlySpan<byte> bytes)
    {
        // Nobody listens.
    }

    void IConsoleOutput.Write(ReadOnlySpan<byte> bytes)
    {
        // Nobody listens.
    }

    private EventLoop NewLoop(string name)
    {
        EventLoop loop = new(name, _failures.Enqueue);
        _loops.Add(loop);
        return loop;
    }

    private sealed class Idle(FuzzClock clock) : ILocalApicProcessor
    {
        public void NotifyInterrupt()
        {
            // Nobody runs.
        }

        public void SignalInit()
        {
            // Nobody runs.
        }

        public void SignalStartup(byte vector)
        {
            // Nobody runs.
        }

        public ulong ReadTimestamp() => (ulong)clock.NowNanoseconds * 2;
    }
}
