using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>Where a frequency of the time-stamp counter is known from.</summary>
public enum TscFrequencySource
{
    /// <summary>CPUID function 15H.</summary>
    Cpuid,

    /// <summary>The host is a guest, and its hypervisor says so in CPUID function 40000010H.</summary>
    Hypervisor,

    /// <summary>Measured against the host's monotonic clock: right to some parts in 100,000.</summary>
    Measured,
}

/// <summary>A host's time-stamp counter (SDM volume 3, 18.17) and clock. Immutable.</summary>
public sealed record HostTimestampCounterFacts
{
    /// <summary>Whether the counter's rate does not follow the processor's: the kernel's flag constant_tsc.</summary>
    public required bool IsConstant { get; init; }

    /// <summary>Whether it goes on in deep sleep of the processor: the kernel's flag nonstop_tsc.</summary>
    public required bool IsNonstop { get; init; }

    /// <summary>Whether the processor promises both: CPUID 80000007H EDX bit 8.</summary>
    public required bool IsInvariant { get; init; }

    /// <summary>Whether the kernel takes it for reliable without watching it (tsc_reliable); a hypervisor or platform vouches for it.</summary>
    public required bool IsReliable { get; init; }

    /// <summary>Ticks in a second; null where it is not known.</summary>
    public required ulong? FrequencyHertz { get; init; }

    /// <summary>Where the frequency is known from; null where it is not known.</summary>
    public required TscFrequencySource? FrequencySource { get; init; }

    /// <summary>
    /// Whether guests can be given another frequency by the processor: VMX TSC scaling, SVM TSC rate. Null where neither KVM nor the
    /// kernel's flags tell.
    /// </summary>
    public required bool? HasScaling { get; init; }

    /// <summary>The clock source that the kernel uses: "tsc", "hpet", "acpi_pm", "kvm-clock"; null where it does not tell.</summary>
    public required string? ClockSource { get; init; }

    /// <summary>The clock sources that it could use. A kernel that found the counter unstable leaves "tsc" out.</summary>
    public required ImmutableArray<string> AvailableClockSources { get; init; }

    /// <summary>Whether the kernel could keep time with it: null where it does not tell.</summary>
    public bool? IsTrustedByKernel => AvailableClockSources.IsEmpty ? null : AvailableClockSources.Contains("tsc");
}
