using Nacelle.Cpu;
using Nacelle.Devices.Interrupts;

namespace Nacelle.Machine.Interrupts;

/// <summary>Takes global system interrupts and messages to whichever interrupt controllers the machine has.</summary>
/// <remarks>Thread safe.</remarks>
internal sealed class InterruptRouter : IMessageInterruptTarget
{
    /// <summary>The system control interrupt of ACPI.</summary>
    internal const int SystemControl = 9;

    /// <summary>Interrupt pins of PCI devices use 16 to 23.</summary>
    internal const int FirstPci = 16;

    private readonly IKernelInterruptControllers? _kernel;
    private readonly ApicBus? _bus;
    private readonly IoApic? _ioApic;
    private readonly InterruptControllerPair? _pair;
    private readonly Dictionary<int, SharedWire> _shared = [];

    /// <summary>Routes into the host kernel.</summary>
    internal InterruptRouter(IKernelInterruptControllers kernel) => _kernel = kernel;

    /// <summary>Routes to the machine's own controllers.</summary>
    internal InterruptRouter(ApicBus bus, IoApic ioApic, InterruptControllerPair pair)
    {
        _bus = bus;
        _ioApic = ioApic;
        _pair = pair;
    }

    public void Send(ulong address, uint data)
    {
        if (_kernel is not null)
        {
            _kernel.SendMessage(address, data);
        }
        else
        {
            _bus!.Send(address, data);
        }
    }

    /// <summary>Drives a global system interrupt.</summary>
    internal void SetLevel(int number, bool asserted)
    {
        if (_kernel is not null)
        {
            _kernel.SetLevel(number, asserted);
            return;
        }

        if (number < 16)
        {
            _pair!.SetLevel(number, asserted);
        }

        // The PIT is wired to pin 2, where the 8259 pair's cascade would be (MADT says so).
        _ioApic!.SetLevel(number == 0 ? 2 : number, asserted);
    }

    /// <summary>A wire to a global system interrupt.</summary>
    internal IInterruptLine Line(int number) => new Wire(this, number);

    /// <summary>A wire to a global system interrupt that others share: it is asserted while anyone asserts it (PCI 3.0, 2.2.6).</summary>
    internal IInterruptLine SharedLine(int number)
    {
        lock (_shared)
        {
            if (!_shared.TryGetValue(number, out SharedWire? wire))
            {
                wire = _shared[number] = new SharedWire(this, number);
            }

            return wire.Branch();
        }
    }

    /// <summary>Counts who asserts. The lock orders the last level to travel with the count.</summary>
    private sealed class SharedWire(InterruptRouter router, int number)
    {
        private readonly Lock _sync = new();
        private int _asserted;

        internal IInterruptLine Branch() => new Branching(this);

        private void Change(int by)
        {
            lock (_sync)
            {
                bool before = _asserted != 0;
                _asserted += by;
                if (before != (_asserted != 0))
                {
                    router.SetLevel(number, _asserted != 0);
                }
            }
        }

        private sealed class Branching(SharedWire wire) : IInterruptLine
        {
            private int _level;

            public void SetLevel(bool asserted)
            {
                if (Interlocked.Exchange(ref _level, asserted ? 1 : 0) != (asserted ? 1 : 0))
                {
                    wire.Change(asserted ? 1 : -1);
                }
            }
        }
    }

    /// <summary>Remembers the level, so that only changes travel.</summary>
    private sealed class Wire(InterruptRouter router, int number) : IInterruptLine
    {
        private int _level;

        public void SetLevel(bool asserted)
        {
            if (Interlocked.Exchange(ref _level, asserted ? 1 : 0) != (asserted ? 1 : 0))
            {
                router.SetLevel(number, asserted);
            }
        }
    }
}
