using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>Features of board and hypervisor. Switches that are null are the accelerator's choice.</summary>
public sealed record FeaturesConfiguration
{
    /// <summary>ACPI.</summary>
    public bool Acpi { get; init; }

    /// <summary>The local APIC; null for none.</summary>
    public ApicConfiguration? Apic { get; init; }

    /// <summary>Physical address extension.</summary>
    public bool Pae { get; init; }

    /// <summary>Hardware assisted paging, for Xen.</summary>
    public bool? Hap { get; init; }

    /// <summary>Whether the guest is told of hypercalls of Hyper-V, for Xen.</summary>
    public bool Viridian { get; init; }

    /// <summary>Whether the guest has a network of its own, for containers.</summary>
    public bool PrivateNetwork { get; init; }

    /// <summary>What is shown of Hyper-V.</summary>
    public HyperVConfiguration? HyperV { get; init; }

    /// <summary>What is shown of KVM.</summary>
    public KvmFeaturesConfiguration? Kvm { get; init; }

    /// <summary>Spin locks that yield.</summary>
    public bool? ParavirtualSpinLocks { get; init; }

    /// <summary>Performance counters.</summary>
    public bool? PerformanceCounters { get; init; }

    /// <summary>The port of VMware.</summary>
    public bool? VmPort { get; init; }

    /// <summary>System management mode.</summary>
    public bool? SystemManagementMode { get; init; }

    /// <summary>Bytes of RAM that system management mode has for itself.</summary>
    public ulong? SystemManagementMemory { get; init; }

    /// <summary>kvm or qemu: where the IOAPIC is.</summary>
    public string? IoapicDriver { get; init; }

    /// <summary>The device that tells dumps about the guest's kernel.</summary>
    public bool? VmCoreInfo { get; init; }

    /// <summary>ignore or fault: MSRs that nothing is known of.</summary>
    public string? UnknownMsrs { get; init; }

    /// <summary>What a container may do, as an XML element.</summary>
    public string? Capabilities { get; init; }

    /// <summary>Whether TCG's code cache has a size of its own, in bytes.</summary>
    public ulong? TranslationCache { get; init; }
}

/// <summary>The local APIC.</summary>
public sealed record ApicConfiguration
{
    /// <summary>Whether the guest may skip the end of interrupts.</summary>
    public bool? Eoi { get; init; }
}

/// <summary>What is shown of Hyper-V (Hypervisor Top Level Functional Specification, section 2).</summary>
public sealed record HyperVConfiguration
{
    /// <summary>custom or passthrough.</summary>
    public string? Mode { get; init; }

    /// <summary>Relaxed timing.</summary>
    public bool? Relaxed { get; init; }

    /// <summary>Paravirtual APIC.</summary>
    public bool? VirtualApic { get; init; }

    /// <summary>Spin locks.</summary>
    public bool? SpinLocks { get; init; }

    /// <summary>Attempts before a vCPU gives up spinning, 4095 and more.</summary>
    public int? SpinLockRetries { get; init; }

    /// <summary>Index of the vCPU.</summary>
    public bool? VpIndex { get; init; }

    /// <summary>Time that the vCPU ran.</summary>
    public bool? VpRuntime { get; init; }

    /// <summary>Synthetic interrupt controller.</summary>
    public bool? SynIc { get; init; }

    /// <summary>Synthetic timers.</summary>
    public bool? SyntheticTimers { get; init; }

    /// <summary>Synthetic timers that interrupt directly.</summary>
    public bool? DirectSyntheticTimers { get; init; }

    /// <summary>Reset by an MSR.</summary>
    public bool? Reset { get; init; }

    /// <summary>A vendor name of its own.</summary>
    public bool? VendorId { get; init; }

    /// <summary>That name, up to 12 characters.</summary>
    public string? VendorIdValue { get; init; }

    /// <summary>Frequencies in MSRs.</summary>
    public bool? Frequencies { get; init; }

    /// <summary>Notice of a migration to a host with another TSC.</summary>
    public bool? Reenlightenment { get; init; }

    /// <summary>Flushes of TLBs by hypercall.</summary>
    public bool? TlbFlush { get; init; }

    /// <summary>Interrupts between vCPUs by hypercall.</summary>
    public bool? Ipi { get; init; }

    /// <summary>Enlightened VMCS.</summary>
    public bool? Evmcs { get; init; }

    /// <summary>No automatic end of interrupts.</summary>
    public bool? Avic { get; init; }

    /// <summary>Bits of MSRs for nested guests.</summary>
    public bool? EmsrBitmap { get; init; }

    /// <summary>Fast hypercall input.</summary>
    public bool? XmmInput { get; init; }
}

/// <summary>What is shown of KVM.</summary>
public sealed record KvmFeaturesConfiguration
{
    /// <summary>Whether the guest is not told of KVM.</summary>
    public bool? Hidden { get; init; }

    /// <summary>Whether the guest is told that vCPUs have host CPUs of their own.</summary>
    public bool? HintDedicated { get; init; }

    /// <summary>Whether the guest may keep the host from polling.</summary>
    public bool? PollControl { get; init; }

    /// <summary>Interrupts between vCPUs by hypercall.</summary>
    public bool? PvIpi { get; init; }

    /// <summary>Whether writes are logged in a ring.</summary>
    public bool? DirtyRing { get; init; }

    /// <summary>Entries of the ring, a power of two from 1024 to 65536.</summary>
    public int? DirtyRingSize { get; init; }
}

/// <summary>Clock and timers.</summary>
public sealed record ClockConfiguration
{
    /// <summary>utc, localtime, timezone, variable or absolute.</summary>
    public string? Offset { get; init; }

    /// <summary>A time zone's name.</summary>
    public string? TimeZone { get; init; }

    /// <summary>Seconds that the guest's clock is ahead, or "reset".</summary>
    public string? Adjustment { get; init; }

    /// <summary>utc or localtime.</summary>
    public string? Basis { get; init; }

    /// <summary>Seconds since 1970 at which an absolute clock starts.</summary>
    public long? Start { get; init; }

    /// <summary>Timers.</summary>
    public ImmutableArray<TimerConfiguration> Timers { get; init; } = [];
}

/// <summary>A timer.</summary>
public sealed record TimerConfiguration
{
    /// <summary>platform, hpet, kvmclock, pit, rtc, tsc, hypervclock.</summary>
    public string Name { get; init; } = "rtc";

    /// <summary>Whether the guest has it.</summary>
    public bool? Present { get; init; }

    /// <summary>boot, guest, wall or realtime: what it follows.</summary>
    public string? Track { get; init; }

    /// <summary>delay, catchup, merge or discard: what happens with ticks that could not be delivered.</summary>
    public string? TickPolicy { get; init; }

    /// <summary>Hertz, for the TSC.</summary>
    public ulong? Frequency { get; init; }

    /// <summary>auto, native, emulate, paravirt or smpsafe, for the TSC.</summary>
    public string? Mode { get; init; }

    /// <summary>Microseconds behind before it catches up.</summary>
    public int? CatchUpThreshold { get; init; }

    /// <summary>Rate of catching up.</summary>
    public int? CatchUpSlew { get; init; }

    /// <summary>Most microseconds that are caught up.</summary>
    public int? CatchUpLimit { get; init; }
}
