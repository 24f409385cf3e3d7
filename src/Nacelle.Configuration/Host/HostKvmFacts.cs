using System.Collections.Immutable;
using Nacelle.Kvm;

namespace Nacelle.Configuration;

/// <summary>A host's KVM. Immutable.</summary>
public sealed record HostKvmFacts
{
    /// <summary>Whether /dev/kvm opens for the user who gathered the facts.</summary>
    public required KvmAvailability Availability { get; init; }

    /// <summary>One line for a person: what is in the way and what to change, or what was found.</summary>
    public required string Reason { get; init; }

    /// <summary>Modules that are loaded, or built in with parameters: of kvm, kvm_intel, kvm_amd and others that begin so.</summary>
    public required ImmutableArray<string> Modules { get; init; }

    /// <summary>The parameter "nested" of kvm_intel or kvm_amd; null where neither is loaded.</summary>
    public required bool? Nested { get; init; }

    /// <summary>What it offers; null unless /dev/kvm opens.</summary>
    public required KvmFacts? Capabilities { get; init; }

    /// <summary>
    /// Features that it can show to guests, nesting included, by the names of <see cref="Cpu.CpuFeatures"/>; null unless /dev/kvm opens
    /// and has what is needed.
    /// </summary>
    public required ImmutableArray<string>? Features { get; init; }

    /// <summary>Whether <c>--accel kvm</c> can run.</summary>
    public bool IsAvailable => Availability == KvmAvailability.Available;

    /// <summary>The module with the processor's half: "kvm_intel" or "kvm_amd"; null where neither is loaded.</summary>
    public string? VendorModule => Modules.Contains("kvm_intel") ? "kvm_intel" : Modules.Contains("kvm_amd") ? "kvm_amd" : null;
}

/// <summary>The translator on a host. Immutable.</summary>
public sealed record HostTranslatorFacts
{
    /// <summary>Whether <c>--accel translator</c> can run.</summary>
    public required bool IsAvailable { get; init; }

    /// <summary>One line for a person: what is in the way, or that nothing is.</summary>
    public required string Reason { get; init; }

    /// <summary>Features that it can show to guests, by the names of <see cref="Cpu.CpuFeatures"/>; null where it cannot run.</summary>
    public required ImmutableArray<string>? Features { get; init; }
}
