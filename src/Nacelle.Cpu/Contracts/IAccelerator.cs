using Nacelle.Memory;

namespace Nacelle.Cpu;

/// <summary>What runs guest code: KVM or the translator.</summary>
public interface IAccelerator : IDisposable
{
    /// <summary>The name on the command line: "kvm" or "translator".</summary>
    string Name { get; }

    /// <summary>
    /// The interrupt controllers that the host kernel emulates for this machine, or null when the machine has to bring its
    /// own LAPICs, IOAPIC, 8259 pair and PIT.
    /// </summary>
    IKernelInterruptControllers? KernelInterruptControllers { get; }

    /// <summary>Makes a vCPU. All are made before the first one runs; number 0 is the bootstrap processor.</summary>
    /// <param name="configuration">Number, APIC id, CPUID and the vCPU's local interrupt controller.</param>
    IVirtualCpu CreateVirtualCpu(VirtualCpuConfiguration configuration);

    /// <summary>
    /// Signals <paramref name="notifier"/> for a guest write to this address without an exit to the monitor (KVM's
    /// ioeventfd).
    /// </summary>
    /// <returns>False where the accelerator has no such thing; the write then arrives through the address space.</returns>
    bool TryBindDoorbell(ulong address, int size, Linux.EventFileDescriptor notifier);

    /// <summary>Takes a doorbell away.</summary>
    void UnbindDoorbell(ulong address, int size, Linux.EventFileDescriptor notifier);
}

/// <summary>A machine's memory and devices, as an accelerator sees them.</summary>
/// <param name="Ram">Guest RAM.</param>
/// <param name="Memory">Memory-mapped devices. RAM wins where both claim an address.</param>
/// <param name="Ports">Devices in I/O port space.</param>
public sealed record MachineBus(GuestMemory Ram, AddressSpace Memory, AddressSpace Ports);

/// <summary>Interrupt controllers inside the host kernel (KVM's irqchip).</summary>
public interface IKernelInterruptControllers
{
    /// <summary>Sets the level of a global system interrupt: pins 0 to 23 of the IOAPIC, 0 to 15 also of the 8259 pair.</summary>
    void SetLevel(int globalSystemInterrupt, bool asserted);

    /// <summary>Delivers a message-signalled interrupt.</summary>
    void SendMessage(ulong address, uint data);

    /// <summary>
    /// Takes the interrupts of the 8254's channel 0 off their pin while an HPET replaces it (IA-PC HPET 1.0a, 2.3.5), or puts
    /// them back.
    /// </summary>
    void DisconnectIntervalTimer(bool disconnected);

    /// <summary>Back to the state after power-on, for a machine reset; LAPICs follow with their vCPUs. Routes stay.</summary>
    void Reset();
}

/// <summary>What a vCPU is made of.</summary>
/// <param name="Index">0 is the bootstrap processor.</param>
/// <param name="ApicId">Initial (x2)APIC id.</param>
/// <param name="Cpuid">What the CPUID instruction answers.</param>
/// <param name="LocalInterrupts">The vCPU's LAPIC; null when the host kernel emulates it.</param>
public sealed record VirtualCpuConfiguration(
    int Index, uint ApicId, CpuidTable Cpuid, ILocalInterruptController? LocalInterrupts);
