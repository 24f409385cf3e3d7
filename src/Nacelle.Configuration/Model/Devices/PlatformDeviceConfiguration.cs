using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>A trusted platform module.</summary>
public sealed record TpmConfiguration : DeviceConfiguration
{
    /// <summary>tpm-tis, tpm-crb, tpm-spapr or spapr-tpm-proxy.</summary>
    public string? Model { get; init; }

    /// <summary>passthrough, emulator or external.</summary>
    public string? Backend { get; init; }

    /// <summary>1.2 or 2.0.</summary>
    public string? Version { get; init; }

    /// <summary>Whether the state outlives the domain.</summary>
    public bool? PersistentState { get; init; }

    /// <summary>UUID of the secret that the state is encrypted with.</summary>
    public string? EncryptionSecret { get; init; }

    /// <summary>The host's device.</summary>
    public string? DevicePath { get; init; }

    /// <summary>unix: of an external one.</summary>
    public string? SourceType { get; init; }

    /// <summary>Path of a socket of an external one.</summary>
    public string? SourcePath { get; init; }

    /// <summary>connect: of an external one.</summary>
    public string? SourceMode { get; init; }

    /// <summary>Banks of platform configuration registers.</summary>
    public TpmBanksConfiguration? ActivePcrBanks { get; init; }
}

/// <summary>Banks of platform configuration registers.</summary>
public sealed record TpmBanksConfiguration
{
    /// <summary>SHA-1.</summary>
    public bool Sha1 { get; init; }

    /// <summary>SHA-256.</summary>
    public bool Sha256 { get; init; }

    /// <summary>SHA-384.</summary>
    public bool Sha384 { get; init; }

    /// <summary>SHA-512.</summary>
    public bool Sha512 { get; init; }
}

/// <summary>A watchdog.</summary>
public sealed record WatchdogConfiguration : DeviceConfiguration
{
    /// <summary>i6300esb, ib700, itco or diag288.</summary>
    public string Model { get; init; } = "i6300esb";

    /// <summary>reset, shutdown, poweroff, pause, none, dump or inject-nmi.</summary>
    public string? Action { get; init; }
}

/// <summary>The memory balloon.</summary>
public sealed record BalloonConfiguration : DeviceConfiguration
{
    /// <summary>virtio, virtio-transitional, virtio-non-transitional, xen or none.</summary>
    public string Model { get; init; } = "virtio";

    /// <summary>Whether memory is given back before the host's runs out.</summary>
    public bool? AutoDeflate { get; init; }

    /// <summary>Whether free pages are reported.</summary>
    public bool? FreePageReporting { get; init; }

    /// <summary>Seconds between statistics.</summary>
    public int? StatisticsPeriod { get; init; }

    /// <summary>The virtio driver.</summary>
    public VirtioDriverConfiguration? Driver { get; init; }
}

/// <summary>A source of random numbers.</summary>
public sealed record RandomConfiguration : DeviceConfiguration
{
    /// <summary>virtio, virtio-transitional or virtio-non-transitional.</summary>
    public string Model { get; init; } = "virtio";

    /// <summary>Bytes in a period.</summary>
    public int? RateBytes { get; init; }

    /// <summary>Milliseconds of a period.</summary>
    public int? RatePeriod { get; init; }

    /// <summary>random, egd or builtin.</summary>
    public string? Backend { get; init; }

    /// <summary>Device of random, nothing of builtin.</summary>
    public string? BackendPath { get; init; }

    /// <summary>What an egd is connected to.</summary>
    public string? BackendType { get; init; }

    /// <summary>Where an egd is.</summary>
    public ImmutableArray<CharacterSourceConfiguration> BackendSources { get; init; } = [];

    /// <summary>Protocol of an egd.</summary>
    public string? BackendProtocol { get; init; }

    /// <summary>The virtio driver.</summary>
    public VirtioDriverConfiguration? Driver { get; init; }
}

/// <summary>Kinds of memory modules.</summary>
public enum MemoryModuleModel
{
    /// <summary>A DIMM.</summary>
    Dimm,

    /// <summary>A DIMM that keeps its content.</summary>
    Nvdimm,

    /// <summary>virtio-mem.</summary>
    VirtioMem,

    /// <summary>virtio-pmem.</summary>
    VirtioPmem,

    /// <summary>Pages for SGX.</summary>
    SgxEpc,
}

/// <summary>A memory module.</summary>
public sealed record MemoryModuleConfiguration : DeviceConfiguration
{
    /// <summary>Its kind.</summary>
    public MemoryModuleModel Model { get; init; }

    /// <summary>shared or private.</summary>
    public string? Access { get; init; }

    /// <summary>Whether the content is dropped when the machine ends.</summary>
    public bool? Discard { get; init; }

    /// <summary>A UUID.</summary>
    public string? Uuid { get; init; }

    /// <summary>A file with the content.</summary>
    public string? SourcePath { get; init; }

    /// <summary>Bytes that addresses are multiples of.</summary>
    public ulong? AlignSize { get; init; }

    /// <summary>Whether writes are made durable.</summary>
    public bool SourcePersistent { get; init; }

    /// <summary>Bytes of a host page.</summary>
    public ulong? PageSize { get; init; }

    /// <summary>Host nodes.</summary>
    public string? NodeMask { get; init; }

    /// <summary>Bytes.</summary>
    public ulong? Size { get; init; }

    /// <summary>The guest's node.</summary>
    public int? Node { get; init; }

    /// <summary>Bytes of labels, of an NVDIMM.</summary>
    public ulong? LabelSize { get; init; }

    /// <summary>Bytes of a block, of virtio-mem.</summary>
    public ulong? BlockSize { get; init; }

    /// <summary>Bytes that the guest is to have, of virtio-mem.</summary>
    public ulong? RequestedSize { get; init; }

    /// <summary>Bytes that the guest has, of virtio-mem.</summary>
    public ulong? CurrentSize { get; init; }

    /// <summary>Guest physical address, of virtio-mem and virtio-pmem.</summary>
    public ulong? TargetAddress { get; init; }

    /// <summary>Whether the guest cannot write, of an NVDIMM.</summary>
    public bool ReadOnly { get; init; }
}

/// <summary>A device that tells the host of a guest's panic.</summary>
public sealed record PanicConfiguration : DeviceConfiguration
{
    /// <summary>isa, pseries, hyperv, s390 or pvpanic.</summary>
    public string? Model { get; init; }
}

/// <summary>Memory shared with other machines.</summary>
public sealed record SharedMemoryConfiguration : DeviceConfiguration
{
    /// <summary>Its name.</summary>
    public string Name { get; init; } = "";

    /// <summary>peer or master: its part in a migration.</summary>
    public string? Role { get; init; }

    /// <summary>ivshmem, ivshmem-plain or ivshmem-doorbell.</summary>
    public string? Model { get; init; }

    /// <summary>Bytes.</summary>
    public ulong? Size { get; init; }

    /// <summary>A server's socket.</summary>
    public string? Server { get; init; }

    /// <summary>Whether there are interrupts.</summary>
    public bool? MsiEnabled { get; init; }

    /// <summary>Interrupt vectors.</summary>
    public int? MsiVectors { get; init; }

    /// <summary>Whether kicks are handled by another thread.</summary>
    public bool? MsiIoEventFd { get; init; }
}

/// <summary>Sockets between host and guest.</summary>
public sealed record VsockConfiguration : DeviceConfiguration
{
    /// <summary>virtio, virtio-transitional or virtio-non-transitional.</summary>
    public string? Model { get; init; }

    /// <summary>Whether a free number is taken.</summary>
    public bool? AutoCid { get; init; }

    /// <summary>The guest's number, from 3.</summary>
    public ulong? Cid { get; init; }

    /// <summary>The virtio driver.</summary>
    public VirtioDriverConfiguration? Driver { get; init; }
}

/// <summary>The IOMMU that the guest sees.</summary>
public sealed record IommuConfiguration : DeviceConfiguration
{
    /// <summary>intel, smmuv3 or virtio.</summary>
    public string Model { get; init; } = "intel";

    /// <summary>Interrupt remapping.</summary>
    public bool? InterruptRemapping { get; init; }

    /// <summary>Caching of what is not there, for devices of the host.</summary>
    public bool? CachingMode { get; init; }

    /// <summary>Interrupts to APIC ids above 255.</summary>
    public bool? ExtendedInterruptMode { get; init; }

    /// <summary>Caches in devices.</summary>
    public bool? DeviceIotlb { get; init; }

    /// <summary>Bits of addresses, 39 or 48.</summary>
    public int? AddressWidth { get; init; }
}

/// <summary>A lease of a lock manager.</summary>
public sealed record LeaseConfiguration
{
    /// <summary>Where the lock manager keeps it.</summary>
    public string? LockSpace { get; init; }

    /// <summary>Its name there.</summary>
    public string? Key { get; init; }

    /// <summary>The lease's file.</summary>
    public string? Path { get; init; }

    /// <summary>Where it begins in the file.</summary>
    public ulong? Offset { get; init; }
}
