using System.Collections.Immutable;
using Nacelle.Cpu;
using Nacelle.Translation;

namespace Nacelle.Machine;

/// <summary>Everything a machine is built from. Immutable; parsing made it, building reads it.</summary>
public sealed record MachineDescription
{
    /// <summary>The largest number of vCPUs this machine's interrupt routing can address (8-bit APIC ids).</summary>
    public const int MaximumVirtualCpus = 254;

    /// <summary>What a machine is called that nobody named.</summary>
    public const string DefaultName = "nacelle";

    /// <summary>A name for people: in messages, process titles and defaults such as MAC addresses.</summary>
    public string Name { get; init; } = DefaultName;

    /// <summary>The UUID that the guest finds in its SMBIOS tables; all zeros for none.</summary>
    public Guid Uuid { get; init; }

    /// <summary>1 to <see cref="MaximumVirtualCpus"/>.</summary>
    public int VirtualCpus { get; init; } = 1;

    /// <summary>Guest RAM in bytes; a multiple of 2 MiB.</summary>
    public ulong MemoryBytes { get; init; } = 512UL << 20;

    /// <summary>What runs the guest.</summary>
    public AcceleratorChoice Accelerator { get; init; } = AcceleratorChoice.Auto;

    /// <summary>How the translator runs the guest, where it does.</summary>
    public TranslatorOptions Translator { get; init; } = new();

    /// <summary>The processor that the guest sees.</summary>
    public CpuModelSpecification Cpu { get; init; } = CpuModelSpecification.Host;

    /// <summary>Whether a reset by the guest starts it again; otherwise the machine ends with <see cref="MachineStopReason.Reset"/>.</summary>
    public bool RestartOnReset { get; init; } = true;

    /// <summary>A bzImage, a PVH ELF or a multiboot ELF32 file.</summary>
    public required string KernelPath { get; init; }

    /// <summary>An initial RAM disk, or null.</summary>
    public string? InitrdPath { get; init; }

    /// <summary>The kernel's command line.</summary>
    public string KernelCommandLine { get; init; } = "";

    /// <summary>Disks in the order in which the guest sees them.</summary>
    public ImmutableArray<DiskDescription> Disks { get; init; } = [];

    /// <summary>Network interfaces in the order in which the guest sees them.</summary>
    public ImmutableArray<NetworkDescription> Networks { get; init; } = [];

    /// <summary>Where the first serial port (16550 at 0x3f8) is connected.</summary>
    public SerialDescription Serial { get; init; } = SerialDescription.None;

    /// <summary>Whether the machine has a virtio source of random numbers.</summary>
    public bool EntropySource { get; init; } = true;

    /// <summary>Whether the machine has a virtio memory balloon.</summary>
    public bool Balloon { get; init; } = true;

    /// <summary>The ports whose writes end the machine with <see cref="MachineStopReason.DebugExit"/>; null for none.</summary>
    public DebugExitDescription? DebugExit { get; init; } = new(0xF4, 4);

    /// <summary>Whether the machine has the 8254 timer with the speaker port.</summary>
    public bool IntervalTimer { get; init; } = true;

    /// <summary>Whether the machine has the HPET.</summary>
    public bool HighPrecisionTimer { get; init; } = true;

    /// <summary>
    /// Whether the real-time clock makes up for periodic interrupts that the guest did not see in time, by a higher rate; otherwise
    /// those that fall together arrive as one.
    /// </summary>
    public bool RealTimeClockCatchesUp { get; init; }

    /// <summary>Whether the machine has the test device of kvm-unit-tests.</summary>
    public bool TestDevice { get; init; }
}

/// <summary>Where a write ends the machine.</summary>
/// <param name="Port">First port.</param>
/// <param name="Length">Number of ports.</param>
public sealed record DebugExitDescription(ushort Port, int Length);

/// <summary>How the accelerator is chosen.</summary>
public enum AcceleratorChoice
{
    /// <summary>KVM where guest kernel code runs at hardware speed, the translator elsewhere.</summary>
    Auto,

    /// <summary>KVM or nothing.</summary>
    Kvm,

    /// <summary>The dynamic translator.</summary>
    Translator,
}

/// <summary>How the host's page cache is used for a disk.</summary>
public enum DiskCacheMode
{
    /// <summary>Host page cache, guest flushes honoured.</summary>
    Writeback,

    /// <summary>O_DIRECT, guest flushes honoured.</summary>
    None,

    /// <summary>Host page cache for reads, each write made durable before it completes.</summary>
    Writethrough,

    /// <summary>O_DIRECT, each write made durable before it completes.</summary>
    DirectSync,

    /// <summary>Host page cache, guest flushes ignored.</summary>
    Unsafe,
}

/// <summary>What happens when the host refuses a disk request.</summary>
public enum DiskErrorPolicy
{
    /// <summary>The guest sees an I/O error.</summary>
    Report,

    /// <summary>The machine pauses; the request is tried again when it goes on.</summary>
    Stop,

    /// <summary>Pause when the host's file system is full, report everything else.</summary>
    StopWhenFull,
}

/// <summary>A virtio-blk disk over a raw file or block device.</summary>
public sealed record DiskDescription
{
    /// <summary>The file or block device.</summary>
    public required string Path { get; init; }

    /// <summary>Guest writes are refused.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>Use of the host's page cache.</summary>
    public DiskCacheMode Cache { get; init; } = DiskCacheMode.Writeback;

    /// <summary>Whether the file is raw by somebody's word; otherwise one that looks like an image in another format is refused.</summary>
    public bool SaidToBeRaw { get; init; }

    /// <summary>Whether guest discards free space in the file.</summary>
    public bool Discard { get; init; } = true;

    /// <summary>Request queues; 0 means one per vCPU up to 4.</summary>
    public int Queues { get; init; }

    /// <summary>Up to 20 ASCII characters that the guest reads as the serial number; null for none.</summary>
    public string? Serial { get; init; }

    /// <summary>What a failing host request does.</summary>
    public DiskErrorPolicy OnError { get; init; } = DiskErrorPolicy.Report;

    /// <summary>Whether the packed virtqueue layout is offered.</summary>
    public bool Packed { get; init; }
}

/// <summary>What a network interface is connected to.</summary>
public enum NetworkBackendKind
{
    /// <summary>A tap interface of the host.</summary>
    Tap,

    /// <summary>User-mode networking through passt: no privileges needed.</summary>
    User,
}

/// <summary>A virtio-net interface.</summary>
public sealed record NetworkDescription
{
    /// <summary>What it is connected to.</summary>
    public required NetworkBackendKind Kind { get; init; }

    /// <summary>The tap interface's name, for <see cref="NetworkBackendKind.Tap"/>.</summary>
    public string? TapName { get; init; }

    /// <summary>
    /// The MAC address as "52:54:00:12:34:56". Null derives one from the machine's name, or its UUID, and the interface's place; a machine
    /// that has neither gets another one at each start.
    /// </summary>
    public string? MacAddress { get; init; }

    /// <summary>Receive/transmit queue pairs; 0 means one, or for a tap one per vCPU up to 4.</summary>
    public int Queues { get; init; }

    /// <summary>Ports of the host forwarded to the guest, for <see cref="NetworkBackendKind.User"/>.</summary>
    public ImmutableArray<PortForward> PortForwards { get; init; } = [];

    /// <summary>Whether the packed virtqueue layout is offered.</summary>
    public bool Packed { get; init; }
}

/// <summary>A port on the host that reaches one in the guest.</summary>
/// <param name="HostPort">1 to 65535.</param>
/// <param name="GuestPort">1 to 65535.</param>
/// <param name="Address">Address of the host that listens, IPv4 or IPv6; null for every address that the host has.</param>
/// <param name="IsDatagram">Whether it is a port of UDP; otherwise one of TCP.</param>
public readonly record struct PortForward(ushort HostPort, ushort GuestPort, string? Address = PortForward.Loopback, bool IsDatagram = false)
{
    /// <summary>The address that only programs on the host itself reach.</summary>
    public const string Loopback = "127.0.0.1";
}

/// <summary>What a serial port is connected to.</summary>
public enum SerialKind
{
    /// <summary>Output vanishes, nothing arrives.</summary>
    None,

    /// <summary>The monitor's standard input and output.</summary>
    StandardStreams,

    /// <summary>Output is written to a file.</summary>
    File,

    /// <summary>A UNIX socket that the monitor listens on; one client at a time.</summary>
    Socket,

    /// <summary>A pseudo-terminal that the monitor makes; its path is a link to it, or null for none.</summary>
    Terminal,
}

/// <summary>A serial port's connection.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Path">The file, socket or link to the terminal, where there is one.</param>
public sealed record SerialDescription(SerialKind Kind, string? Path = null)
{
    /// <summary>Connected to nothing.</summary>
    public static SerialDescription None { get; } = new(SerialKind.None);

    /// <summary>Connected to the monitor's standard input and output.</summary>
    public static SerialDescription StandardStreams { get; } = new(SerialKind.StandardStreams);
}
