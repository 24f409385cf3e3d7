namespace Nacelle.Kvm;

/// <summary>What the host's KVM offers. Immutable.</summary>
/// <param name="ApiVersion">12 on every kernel since 2007.</param>
/// <param name="RecommendedVcpus">vCPUs a VM should have at most.</param>
/// <param name="MaximumVcpus">vCPUs a VM can have.</param>
/// <param name="MemorySlots">Ranges of RAM a VM can have.</param>
/// <param name="InterruptControllers">In-kernel LAPICs, IOAPIC and 8259 pair, with irqfd.</param>
/// <param name="IntervalTimer">In-kernel 8254.</param>
/// <param name="SplitInterruptControllers">In-kernel LAPICs alone.</param>
/// <param name="Doorbells">ioeventfd.</param>
/// <param name="Messages">KVM_SIGNAL_MSI.</param>
/// <param name="TscDeadline">The LAPIC timer's deadline mode.</param>
/// <param name="ImmediateExit">A flag that makes KVM_RUN return without entering the guest.</param>
/// <param name="DirtyRingBytes">Largest dirty ring of a vCPU in bytes, or 0 for none.</param>
/// <param name="ExtendedStateBytes">Size of a vCPU's XSAVE image; 4096 at least.</param>
/// <param name="NestedStateBytes">Size of nested-virtualisation state, or 0 where guests cannot have VMs of their own.</param>
/// <param name="GuestDebugFlags">What KVM_SET_GUEST_DEBUG takes (KVM_GUESTDBG_*), or 0 where vCPUs cannot be debugged.</param>
/// <param name="TscScaling">Whether vCPUs can have a TSC of another frequency than the host's by the processor's scaling.</param>
public sealed record KvmFacts(
    int ApiVersion,
    int RecommendedVcpus,
    int MaximumVcpus,
    int MemorySlots,
    bool InterruptControllers,
    bool IntervalTimer,
    bool SplitInterruptControllers,
    bool Doorbells,
    bool Messages,
    bool TscDeadline,
    bool ImmediateExit,
    int DirtyRingBytes,
    int ExtendedStateBytes,
    int NestedStateBytes,
    int GuestDebugFlags,
    bool TscScaling)
{
    /// <summary>Whether guests can have VMs of their own.</summary>
    public bool Nested => NestedStateBytes > 0;

    /// <summary>What the accelerator needs and this kernel has not, or null when it has everything.</summary>
    public string? Missing =>
        ApiVersion != 12 ? $"KVM API version 12 (it has {ApiVersion})"
        : !InterruptControllers ? "in-kernel interrupt controllers"
        : !IntervalTimer ? "the in-kernel interval timer"
        : !Messages ? "message-signalled interrupts (KVM_SIGNAL_MSI)"
        : !ImmediateExit ? "immediate exit from KVM_RUN (Linux 4.12)"
        : null;
}
