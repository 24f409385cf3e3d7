using Nacelle.Cpu;
using Nacelle.Kvm.Interop;
using Nacelle.Linux;

namespace Nacelle.Kvm;

/// <summary>The LAPICs, the IOAPIC, the 8259 pair and the 8254 timer that the host kernel emulates for a VM.</summary>
/// <remarks>Safe from any thread; the routing table is guarded by a lock that only set-up takes.</remarks>
public sealed unsafe class KvmInterruptControllers : IKernelInterruptControllers
{
    /// <summary>Pins of the IOAPIC; global system interrupts from here on are routes to messages.</summary>
    public const int Pins = 24;

    // Room for vectors of MSI-X functions; far below the kernel's own limit of 4096.
    private const int MaximumRoutes = 1024;

    private readonly KvmHandle _vm;
    private readonly Lock _changes = new();
    private readonly List<KvmRoute> _routes = [];
    private readonly KvmInterruptChipState _powerOn;

    internal KvmInterruptControllers(KvmHandle vm)
    {
        _vm = vm;
        vm.Call(KvmRequest.CreateInterruptChips, 0, "create KVM's interrupt controllers");

        // Port 0x61 comes with the 8254: the guest calibrates its clock by it, the sound goes nowhere.
        KvmIntervalTimerConfiguration timer = new() { Flags = KvmIntervalTimerConfiguration.SpeakerDummy };
        vm.Call(KvmRequest.CreateIntervalTimer, &timer, "create KVM's interval timer");

        // Ticks that fell together arrive as one, as they do from the machine's own 8254.
        KvmReinjectControl control = default;
        vm.Call(KvmRequest.ReinjectControl, &control, "set KVM's interval timer to drop missed ticks");
        AddStandardRoutes();
        Install();
        _powerOn = KvmInterruptChipState.Read(vm);
    }

    /// <inheritdoc/>
    public void SetLevel(int globalSystemInterrupt, bool asserted)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(globalSystemInterrupt);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(globalSystemInterrupt, Pins);
        KvmInterruptLevel request = new() { Interrupt = (uint)globalSystemInterrupt, Level = asserted ? 1u : 0u };
        _ = _vm.Try(KvmRequest.InterruptLine, &request);
    }

    /// <inheritdoc/>
    public void SendMessage(ulong address, uint data)
    {
        KvmMessage request = new() { AddressLow = (uint)address, AddressHigh = (uint)(address >> 32), Data = data };

        // The guest chose address and data: a message to nobody is lost, as on the bus.
        _ = _vm.Try(KvmRequest.SignalMessage, &request);
    }

    /// <inheritdoc/>
    /// <exception cref="LinuxException">The host refused.</exception>
    public void DisconnectIntervalTimer(bool disconnected) => KvmInterruptChipState.DisconnectTimer(_vm, disconnected);

    /// <inheritdoc/>
    public void Reset() => _powerOn.Write(_vm);

    /// <summary>Makes a descriptor raise an edge on an interrupt, without the monitor in between (irqfd).</summary>
    /// <param name="notifier">Raised by whoever wants the interrupt.</param>
    /// <param name="globalSystemInterrupt">A pin, or a route from <see cref="AddMessageRoute"/>.</param>
    /// <exception cref="LinuxException">The host refused, for example because the descriptor is connected already.</exception>
    public void Connect(EventFileDescriptor notifier, int globalSystemInterrupt) =>
        Connect(notifier, globalSystemInterrupt, flags: 0);

    /// <summary>Undoes <see cref="Connect(EventFileDescriptor, int)"/>.</summary>
    /// <exception cref="LinuxException">The host refused.</exception>
    public void Disconnect(EventFileDescriptor notifier, int globalSystemInterrupt) =>
        Connect(notifier, globalSystemInterrupt, KvmInterruptEventFd.Deassign);

    /// <summary>Makes a route to a message-signalled interrupt.</summary>
    /// <returns>Its global system interrupt, for <see cref="Connect(EventFileDescriptor, int)"/>.</returns>
    /// <exception cref="InvalidOperationException">All routes are taken.</exception>
    /// <exception cref="LinuxException">The host refused.</exception>
    public int AddMessageRoute(ulong address, uint data)
    {
        lock (_changes)
        {
            int number = Pins;
            while (_routes.Exists(route => route.Interrupt == number))
            {
                number++;
            }

            if (number >= MaximumRoutes)
            {
                throw new InvalidOperationException(
                    $"all {MaximumRoutes - Pins} message routes are taken: remove devices or give them fewer vectors");
            }

            _routes.Add(Message(number, address, data));
            Install();
            return number;
        }
    }

    /// <summary>Points a route at another message.</summary>
    /// <exception cref="ArgumentException">There is no such route.</exception>
    /// <exception cref="LinuxException">The host refused.</exception>
    public void ChangeMessageRoute(int number, ulong address, uint data)
    {
        lock (_changes)
        {
            _routes[Find(number)] = Message(number, address, data);
            Install();
        }
    }

    /// <summary>Takes a route away; nothing may be connected to it.</summary>
    /// <exception cref="ArgumentException">There is no such route.</exception>
    /// <exception cref="LinuxException">The host refused.</exception>
    public void RemoveMessageRoute(int number)
    {
        lock (_changes)
        {
            _routes.RemoveAt(Find(number));
            Install();
        }
    }

    private static KvmRoute Message(int number, ulong address, uint data) => new()
    {
        Interrupt = (uint)number,
        Type = KvmRoute.MessageType,
        AddressLow = (uint)address,
        AddressHigh = (uint)(address >> 32),
        Data = data,
    };

    private int Find(int number)
    {
        int index = _routes.FindIndex(route => route.Interrupt == number && route.Type == KvmRoute.MessageType);
        return index >= 0 ? index : throw new ArgumentException($"there is no message route {number}", nameof(number));
    }

    private void Connect(EventFileDescriptor notifier, int globalSystemInterrupt, uint flags)
    {
        ArgumentNullException.ThrowIfNull(notifier);
        KvmInterruptEventFd request = new()
        {
            Descriptor = (uint)notifier.FileDescriptor,
            Interrupt = (uint)globalSystemInterrupt,
            Flags = flags,
        };
        _vm.Call(KvmRequest.InterruptEventFd, &request, $"connect a descriptor to interrupt {globalSystemInterrupt}");
    }

    /// <summary>
    /// ISA interrupts reach both controllers. Interrupt 0 arrives at pin 2 of the IOAPIC, as PC boards wire it and the
    /// MADT's source override says (ACPI 6.5, 5.2.12.5); the cascade of the 8259 pair takes its input 2.
    /// </summary>
    private void AddStandardRoutes()
    {
        const uint master = 0;
        const uint slave = 1;
        const uint ioapic = 2;
        for (uint pin = 0; pin < Pins; pin++)
        {
            if (pin < 16 && pin != 2)
            {
                _routes.Add(new KvmRoute
                {
                    Interrupt = pin,
                    Type = KvmRoute.ChipType,
                    Chip = pin < 8 ? master : slave,
                    Pin = pin & 7,
                });
            }

            _routes.Add(new KvmRoute
            {
                Interrupt = pin,
                Type = KvmRoute.ChipType,
                Chip = ioapic,
                Pin = pin == 0 ? 2 : pin,
            });
        }
    }

    /// <summary>struct kvm_irq_routing: count, flags, entries.</summary>
    private void Install()
    {
        byte[] buffer = new byte[8 + (_routes.Count * sizeof(KvmRoute))];
        fixed (byte* request = buffer)
        {
            *(uint*)request = (uint)_routes.Count;
            for (int i = 0; i < _routes.Count; i++)
            {
                ((KvmRoute*)(request + 8))[i] = _routes[i];
            }

            _vm.Call(KvmRequest.SetRouting, request, $"route {_routes.Count} interrupts");
        }
    }
}
