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
    private int _pinTwo;

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

    /// <summary>
    /// Makes a wire to a global system interrupt. However many there are to one, it is asserted while any of them is (PCI 3.0, 2.2.6).
    /// </summary>
    /// <param name="number">0 to 23.</param>
    internal IInterruptLine Line(int number)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)number, (uint)IoApic.PinCount, nameof(number));
        lock (_shared)
        {
            if (!_shared.TryGetValue(number, out SharedWire? wire))
            {
                wire = _shared[number] = new SharedWire(this, number);
            }

            return wire.Branch();
        }
    }

    private void SetLevel(int number, bool asserted)
    {
        if (_kernel is not null)
        {
            _kernel.SetLevel(number, asserted);
            return;
        }

        // Input 2 of the pair is its own cascade.
        if (number < 16 && number != 2)
        {
            _pair!.SetLevel(number, asserted);
        }

        if (number is not (0 or 2))
        {
            _ioApic!.SetLevel(number, asserted);
            return;
        }

        // The PIT is wired to pin 2, where the 8259 pair's cascade would be (MADT says so).
        lock (_shared)
        {
            _pinTwo = asserted ? _pinTwo | (1 << number) : _pinTwo & ~(1 << number);
            _ioApic!.SetLevel(2, _pinTwo != 0);
        }
    }

    /// <summary>Counts who asserts. Levels change and travel under its lock, so that they arrive in order.</summary>
    private sealed class SharedWire(InterruptRouter router, int number)
    {
        private readonly Lock _sync = new();
        private int _asserted;

        internal IInterruptLine Branch() => new Branching(this);

        private sealed class Branching(SharedWire wire) : IInterruptLine
        {
            private bool _level;

            public void SetLevel(bool asserted)
            {
                lock (wire._sync)
                {
                    if (_level == asserted)
                    {
                        return;
                    }

                    _level = asserted;
                    bool before = wire._asserted != 0;
                    wire._asserted += asserted ? 1 : -1;
                    if (before != (wire._asserted != 0))
                    {
                        wire.Drive();
                    }
                }
            }
        }

        private void Drive() => router.SetLevel(number, _asserted != 0);
    }
}
