using System.Reflection;
using Nacelle.Kvm;

namespace Nacelle;

/// <summary>Whether the host offers something.</summary>
/// <param name="Available">Whether it can be used by this user now.</param>
/// <param name="Detail">One line for a person: what was found, or what is in the way and what to change.</param>
public sealed record HostFeature(bool Available, string Detail);

/// <summary>Which models of <c>--cpu</c> a host can show to guests as they are, by accelerator.</summary>
/// <param name="Kvm">Names; null where KVM does not run.</param>
/// <param name="Translator">Names; null where the translator does not run.</param>
public sealed record HostCpuModels(IReadOnlyList<string>? Kvm, IReadOnlyList<string>? Translator);

/// <summary>What a host offers to machines. Immutable; a look at one moment.</summary>
public sealed record HostReport
{
    /// <summary>This program's version.</summary>
    public static string ProgramVersion { get; } =
        typeof(HostReport).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0]
        ?? "unknown";

    /// <summary>This program's version.</summary>
    public string Version { get; init; } = ProgramVersion;

    /// <summary>Release of the host's kernel, as uname -r has it.</summary>
    public required string KernelRelease { get; init; }

    /// <summary>The processor's name.</summary>
    public required string Processor { get; init; }

    /// <summary>Logical processors that this process may use.</summary>
    public required int LogicalProcessors { get; init; }

    /// <summary>The host's RAM in bytes.</summary>
    public required ulong MemoryBytes { get; init; }

    /// <summary>Bytes of RAM that a machine could have without swapping.</summary>
    public required ulong AvailableMemoryBytes { get; init; }

    /// <summary>"kvm" or "translator": what <c>--accel auto</c> takes, or null where neither runs.</summary>
    public required string? AutomaticAccelerator { get; init; }

    /// <summary>Why <c>--accel auto</c> takes it, in one line.</summary>
    public required string AutomaticReason { get; init; }

    /// <summary>Nanoseconds per guest instruction at ring 0 under KVM; null where nothing ran.</summary>
    public required double? KvmNanosecondsPerInstruction { get; init; }

    /// <summary>Whether <c>--accel kvm</c> runs.</summary>
    public required HostFeature Kvm { get; init; }

    /// <summary>What KVM offers; null unless /dev/kvm opens.</summary>
    public required KvmFacts? KvmFacts { get; init; }

    /// <summary>Whether <c>--accel translator</c> runs.</summary>
    public required HostFeature Translator { get; init; }

    /// <summary>Which processors guests can be shown.</summary>
    public required HostCpuModels CpuModels { get; init; }

    /// <summary>Whether taps can be attached.</summary>
    public required HostFeature Tap { get; init; }

    /// <summary>Whether passt is there for user-mode networking.</summary>
    public required HostFeature UserNetworking { get; init; }

    /// <summary>Whether disks go through io_uring.</summary>
    public required HostFeature IoUring { get; init; }

    /// <summary>Looks at this host. Takes some milliseconds, for KVM is timed; leaves nothing open.</summary>
    public static HostReport Gather() => HostProbe.Gather();
}
