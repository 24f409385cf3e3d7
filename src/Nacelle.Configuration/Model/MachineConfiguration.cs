using System.Collections.Immutable;
using Nacelle.Machine;

namespace Nacelle.Configuration;

/// <summary>
/// All that is said of a machine, whoever said it: the command line, domain XML of libvirt, QEMU's arguments or JSON. What is null
/// was not said. Immutable; equal texts make equal JSON (<see cref="MachineConfigurationJson"/>).
/// </summary>
/// <remarks>
/// The parts follow libvirt's domain XML ("Domain XML format", libvirt 9.0), which is the fullest vocabulary of the field. A
/// configuration may say more than a machine of this version has: rules judge it whole, and a start refuses what is missing.
/// </remarks>
public sealed record MachineConfiguration
{
    /// <summary>The version of the JSON form, <see cref="MachineConfigurationJson.Version"/>.</summary>
    public int FormatVersion { get; init; } = MachineConfigurationJson.Version;

    /// <summary>What runs the guest. <see cref="AcceleratorChoice.Kvm"/> and <see cref="AcceleratorChoice.Translator"/> are the domain types kvm and qemu.</summary>
    public AcceleratorChoice Accelerator { get; init; } = AcceleratorChoice.Auto;

    /// <summary>The number that a running domain has in libvirt; null where it does not run.</summary>
    public int? Id { get; init; }

    /// <summary>A name for people.</summary>
    public string Name { get; init; } = "nacelle";

    /// <summary>The machine's UUID; null for one made up.</summary>
    public string? Uuid { get; init; }

    /// <summary>A virtual machine generation identifier; empty for one that changes by itself.</summary>
    public string? GenerationId { get; init; }

    /// <summary>A line about the machine.</summary>
    public string? Title { get; init; }

    /// <summary>A longer text about the machine.</summary>
    public string? Description { get; init; }

    /// <summary>A metadata element with what other programs keep in it, as XML.</summary>
    public string? Metadata { get; init; }

    /// <summary>RAM at start, in bytes.</summary>
    public ulong? Memory { get; init; }

    /// <summary>Whether the RAM is in a core dump of the monitor's process.</summary>
    public bool? MemoryInCoreDump { get; init; }

    /// <summary>RAM that the balloon leaves the guest, in bytes.</summary>
    public ulong? CurrentMemory { get; init; }

    /// <summary>RAM with all that can be plugged, in bytes.</summary>
    public ulong? MaximumMemory { get; init; }

    /// <summary>Slots for memory modules.</summary>
    public int? MemorySlots { get; init; }

    /// <summary>What the RAM is made of on the host.</summary>
    public MemoryBackingConfiguration? MemoryBacking { get; init; }

    /// <summary>Limits of the monitor's memory.</summary>
    public MemoryTuningConfiguration? MemoryTuning { get; init; }

    /// <summary>How many vCPUs there are.</summary>
    public VcpuConfiguration Vcpu { get; init; } = new();

    /// <summary>vCPUs one by one.</summary>
    public ImmutableArray<VcpuStateConfiguration> Vcpus { get; init; } = [];

    /// <summary>How many I/O threads there are.</summary>
    public int? IoThreads { get; init; }

    /// <summary>I/O threads one by one.</summary>
    public ImmutableArray<IoThreadConfiguration> IoThreadIds { get; init; } = [];

    /// <summary>Groups of limits that requests of disks pass.</summary>
    public ImmutableArray<DiskThrottleConfiguration> ThrottleGroups { get; init; } = [];

    /// <summary>The pool of worker threads of the monitor's main loop.</summary>
    public DefaultIoThreadConfiguration? DefaultIoThread { get; init; }

    /// <summary>How threads are scheduled on the host.</summary>
    public CpuTuningConfiguration? CpuTuning { get; init; }

    /// <summary>Which of the host's NUMA nodes memory comes from.</summary>
    public NumaTuningConfiguration? NumaTuning { get; init; }

    /// <summary>Shares of the host's disks.</summary>
    public BlockTuningConfiguration? BlockTuning { get; init; }

    /// <summary>Control group that the machine is put into.</summary>
    public string? ResourcePartition { get; init; }

    /// <summary>What the guest finds in SMBIOS tables and fw_cfg.</summary>
    public ImmutableArray<SystemInformationConfiguration> SystemInformation { get; init; } = [];

    /// <summary>What is booted, and on which board.</summary>
    public BootConfiguration Boot { get; init; } = new();

    /// <summary>Features of board and hypervisor.</summary>
    public FeaturesConfiguration? Features { get; init; }

    /// <summary>The processor that the guest sees.</summary>
    public CpuConfiguration? Cpu { get; init; }

    /// <summary>Clock and timers.</summary>
    public ClockConfiguration? Clock { get; init; }

    /// <summary>What happens when the guest powers off.</summary>
    public LifecycleAction? OnPowerOff { get; init; }

    /// <summary>What happens when the guest resets.</summary>
    public LifecycleAction? OnReboot { get; init; }

    /// <summary>What happens when the guest crashes.</summary>
    public LifecycleAction? OnCrash { get; init; }

    /// <summary>What happens when a disk's lock is lost.</summary>
    public LockFailureAction? OnLockFailure { get; init; }

    /// <summary>Whether the guest may suspend to RAM.</summary>
    public bool? SuspendToMemory { get; init; }

    /// <summary>Whether the guest may suspend to disk.</summary>
    public bool? SuspendToDisk { get; init; }

    /// <summary>Performance events that the host counts.</summary>
    public ImmutableArray<PerformanceEventConfiguration> PerformanceEvents { get; init; } = [];

    /// <summary>Devices.</summary>
    public DevicesConfiguration Devices { get; init; } = new();

    /// <summary>Security labels of the monitor's process and its files.</summary>
    public ImmutableArray<SecurityLabelConfiguration> SecurityLabels { get; init; } = [];

    /// <summary>Arguments and environment that are passed to QEMU as they are.</summary>
    public QemuPassthroughConfiguration? QemuPassthrough { get; init; }

    /// <summary>Encryption of the guest's memory, as an XML element.</summary>
    public string? LaunchSecurity { get; init; }

    /// <summary>Keys of IBM Z, as an XML element.</summary>
    public string? KeyWrap { get; init; }

    /// <summary>Capabilities that libvirt is to believe or not to believe QEMU to have, as an XML element.</summary>
    public string? QemuCapabilities { get; init; }

    /// <summary>Properties of QEMU's devices that libvirt is to set otherwise, as an XML element.</summary>
    public string? QemuOverride { get; init; }

    /// <summary>What QEMU is to do with deprecated things, as an XML element.</summary>
    public string? QemuDeprecation { get; init; }

    /// <summary>What only machines of this program have.</summary>
    public NacelleConfiguration? Nacelle { get; init; }
}

/// <summary>What happens when a guest has ended in some way.</summary>
public enum LifecycleAction
{
    /// <summary>The machine ends.</summary>
    Destroy,

    /// <summary>The guest starts again.</summary>
    Restart,

    /// <summary>The machine stays for inspection.</summary>
    Preserve,

    /// <summary>The guest starts again under a new name.</summary>
    RenameRestart,

    /// <summary>The guest's memory is dumped and the machine ends.</summary>
    CoreDumpDestroy,

    /// <summary>The guest's memory is dumped and the guest starts again.</summary>
    CoreDumpRestart,
}

/// <summary>What happens when the lock of a disk is lost.</summary>
public enum LockFailureAction
{
    /// <summary>The machine ends.</summary>
    PowerOff,

    /// <summary>The guest starts again.</summary>
    Restart,

    /// <summary>The machine pauses.</summary>
    Pause,

    /// <summary>Nothing.</summary>
    Ignore,
}

/// <summary>An event of perf_event_open(2) that libvirt counts for the machine.</summary>
public sealed record PerformanceEventConfiguration
{
    /// <summary>Its name, such as cache_misses.</summary>
    public string Name { get; init; } = "";

    /// <summary>Whether it is counted.</summary>
    public bool? Enabled { get; init; }
}

/// <summary>A security label.</summary>
public sealed record SecurityLabelConfiguration
{
    /// <summary>dynamic, static or none.</summary>
    public string? Type { get; init; }

    /// <summary>selinux, apparmor or dac.</summary>
    public string? Model { get; init; }

    /// <summary>Whether files are relabelled.</summary>
    public bool? Relabel { get; init; }

    /// <summary>The label of the process.</summary>
    public string? Label { get; init; }

    /// <summary>What a dynamic label is made from.</summary>
    public string? BaseLabel { get; init; }

    /// <summary>The label of files.</summary>
    public string? ImageLabel { get; init; }
}

/// <summary>What is passed to QEMU as it is.</summary>
public sealed record QemuPassthroughConfiguration
{
    /// <summary>Arguments.</summary>
    public ImmutableArray<QemuArgumentConfiguration> Arguments { get; init; } = [];

    /// <summary>Variables of the environment.</summary>
    public ImmutableArray<QemuVariableConfiguration> Environment { get; init; } = [];
}

/// <summary>One argument for QEMU.</summary>
public sealed record QemuArgumentConfiguration
{
    /// <summary>The argument.</summary>
    public string Value { get; init; } = "";
}

/// <summary>One variable of QEMU's environment.</summary>
public sealed record QemuVariableConfiguration
{
    /// <summary>Its name.</summary>
    public string Name { get; init; } = "";

    /// <summary>Its value.</summary>
    public string? Value { get; init; }
}

/// <summary>What only machines of this program have.</summary>
public sealed record NacelleConfiguration
{
    /// <summary>Whether the accelerator is the best that the host has; then the domain type names the best case.</summary>
    public bool AutomaticAccelerator { get; init; }

    /// <summary>Bytes of translated code that a vCPU keeps.</summary>
    public ulong? CodeCache { get; init; }

    /// <summary>Blocks after which a region of translated code is given up, for tests.</summary>
    public int? EvictEvery { get; init; }

    /// <summary>First port whose writes end the machine.</summary>
    public int? DebugExitPort { get; init; }

    /// <summary>How many such ports there are.</summary>
    public int? DebugExitLength { get; init; }

    /// <summary>Whether the machine has the test device of kvm-unit-tests.</summary>
    public bool TestDevice { get; init; }
}
