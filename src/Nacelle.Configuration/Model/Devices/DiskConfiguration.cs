using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>Buses of disks.</summary>
public enum DiskBus
{
    /// <summary>virtio-blk.</summary>
    Virtio,

    /// <summary>SCSI.</summary>
    Scsi,

    /// <summary>IDE.</summary>
    Ide,

    /// <summary>SATA.</summary>
    Sata,

    /// <summary>USB.</summary>
    Usb,

    /// <summary>The floppy controller.</summary>
    Fdc,

    /// <summary>Xen.</summary>
    Xen,

    /// <summary>SD card.</summary>
    Sd,
}

/// <summary>Where a disk's bytes are.</summary>
public enum StorageType
{
    /// <summary>In a file.</summary>
    File,

    /// <summary>On a block device.</summary>
    Block,

    /// <summary>In a directory shown as FAT.</summary>
    Directory,

    /// <summary>On a server.</summary>
    Network,

    /// <summary>In a volume of a pool of libvirt.</summary>
    Volume,

    /// <summary>On an NVMe device assigned to the monitor.</summary>
    Nvme,

    /// <summary>Behind a vhost-user back end.</summary>
    VhostUser,

    /// <summary>Behind vhost-vdpa.</summary>
    VhostVdpa,
}

/// <summary>How the host's page cache is used for a disk.</summary>
public enum DiskCache
{
    /// <summary>As the monitor has it: <see cref="Writeback"/>.</summary>
    Default,

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

/// <summary>A disk, floppy or CD-ROM.</summary>
public sealed record DiskConfiguration : DeviceConfiguration
{
    /// <summary>Where its bytes are; null means in a file.</summary>
    public StorageType? Type { get; init; }

    /// <summary>disk, cdrom, floppy or lun; null means disk.</summary>
    public string? Device { get; init; }

    /// <summary>native: whether a lun takes all SCSI commands.</summary>
    public string? RawIo { get; init; }

    /// <summary>unfiltered or filtered.</summary>
    public string? SgIo { get; init; }

    /// <summary>virtio, virtio-transitional or virtio-non-transitional.</summary>
    public string? Model { get; init; }

    /// <summary>no, internal, external or manual: what snapshots take.</summary>
    public string? Snapshot { get; init; }

    /// <summary>The driver.</summary>
    public DiskDriverConfiguration? Driver { get; init; }

    /// <summary>Where its bytes are.</summary>
    public StorageSourceConfiguration? Source { get; init; }

    /// <summary>What its image is laid over.</summary>
    public BackingStoreConfiguration? BackingStore { get; init; }

    /// <summary>A copy being made.</summary>
    public MirrorConfiguration? Mirror { get; init; }

    /// <summary>The name by which the configuration knows it, such as vda.</summary>
    public string TargetName { get; init; } = "";

    /// <summary>Its bus; null for what the name says.</summary>
    public DiskBus? Bus { get; init; }

    /// <summary>open or closed.</summary>
    public string? Tray { get; init; }

    /// <summary>Whether it is a medium that can be taken out.</summary>
    public bool? Removable { get; init; }

    /// <summary>Revolutions in a minute; 1 for none.</summary>
    public int? RotationRate { get; init; }

    /// <summary>Limits of its requests.</summary>
    public DiskThrottleConfiguration? Throttle { get; init; }

    /// <summary>Groups of limits of the machine that its requests pass, in their order.</summary>
    public ImmutableArray<ThrottleFilterConfiguration> ThrottleFilters { get; init; } = [];

    /// <summary>Whether the guest cannot write.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>Whether other machines write to it as well.</summary>
    public bool Shareable { get; init; }

    /// <summary>Given where writes are gone when the machine ends.</summary>
    public TransientConfiguration? Transient { get; init; }

    /// <summary>What the guest reads as serial number.</summary>
    public string? Serial { get; init; }

    /// <summary>A world wide name.</summary>
    public string? WorldWideName { get; init; }

    /// <summary>What the guest reads as vendor.</summary>
    public string? Vendor { get; init; }

    /// <summary>What the guest reads as product.</summary>
    public string? Product { get; init; }

    /// <summary>A passphrase that the image is encrypted with.</summary>
    public EncryptionConfiguration? Encryption { get; init; }

    /// <summary>How the disk is told to log in.</summary>
    public AuthenticationConfiguration? Authentication { get; init; }

    /// <summary>Bytes of a logical sector.</summary>
    public int? LogicalBlockSize { get; init; }

    /// <summary>Bytes of a physical sector.</summary>
    public int? PhysicalBlockSize { get; init; }

    /// <summary>Cylinders that the guest is told of.</summary>
    public int? Cylinders { get; init; }

    /// <summary>Heads that the guest is told of.</summary>
    public int? Heads { get; init; }

    /// <summary>Sectors of a track that the guest is told of.</summary>
    public int? Sectors { get; init; }

    /// <summary>auto, none or lba.</summary>
    public string? Translation { get; init; }
}

/// <summary>Of a disk whose writes are gone when the machine ends.</summary>
public sealed record TransientConfiguration
{
    /// <summary>Whether the base is shared with other machines.</summary>
    public bool? ShareBacking { get; init; }
}

/// <summary>The driver of a disk.</summary>
public sealed record DiskDriverConfiguration : VirtioDriverConfiguration
{
    /// <summary>qemu.</summary>
    public string? Name { get; init; }

    /// <summary>The image's format, such as raw or qcow2.</summary>
    public string? Type { get; init; }

    /// <summary>How the host's page cache is used.</summary>
    public DiskCache? Cache { get; init; }

    /// <summary>stop, report, ignore or enospace: what an error of a write does.</summary>
    public string? ErrorPolicy { get; init; }

    /// <summary>stop, report or ignore: what an error of a read does.</summary>
    public string? ReadErrorPolicy { get; init; }

    /// <summary>native, threads or io_uring.</summary>
    public string? Io { get; init; }

    /// <summary>Whether kicks are handled by another thread.</summary>
    public bool? IoEventFd { get; init; }

    /// <summary>Whether the device tells the driver when to kick.</summary>
    public bool? EventIndex { get; init; }

    /// <summary>Whether blocks read are kept in the image.</summary>
    public bool? CopyOnRead { get; init; }

    /// <summary>unmap or ignore: what a discard by the guest does.</summary>
    public string? Discard { get; init; }

    /// <summary>off, on or unmap: whether zeroes that are written are looked for.</summary>
    public string? DetectZeroes { get; init; }

    /// <summary>The I/O thread that serves it.</summary>
    public int? IoThread { get; init; }

    /// <summary>I/O threads that serve its queues.</summary>
    public ImmutableArray<DiskIoThreadConfiguration> IoThreads { get; init; } = [];

    /// <summary>Queues.</summary>
    public int? Queues { get; init; }

    /// <summary>Requests in a queue.</summary>
    public int? QueueSize { get; init; }

    /// <summary>Bytes of metadata that are cached.</summary>
    public ulong? MetadataCacheSize { get; init; }
}

/// <summary>An I/O thread that serves some queues of a disk.</summary>
public sealed record DiskIoThreadConfiguration
{
    /// <summary>The thread.</summary>
    public int Id { get; init; }

    /// <summary>Its queues; empty for a share of all.</summary>
    public ImmutableArray<DiskQueueConfiguration> Queues { get; init; } = [];
}

/// <summary>A queue.</summary>
public sealed record DiskQueueConfiguration
{
    /// <summary>Its number.</summary>
    public int Id { get; init; }
}

/// <summary>A group of limits that a disk's requests pass. Immutable.</summary>
public sealed record ThrottleFilterConfiguration
{
    /// <summary>Name of the group.</summary>
    public string Group { get; init; } = "";
}

/// <summary>Limits of a disk's requests: a rate for long, a burst above it for a while.</summary>
public sealed record DiskThrottleConfiguration
{
    /// <summary>Bytes in a second.</summary>
    public ulong? TotalBytes { get; init; }

    /// <summary>Bytes read in a second.</summary>
    public ulong? ReadBytes { get; init; }

    /// <summary>Bytes written in a second.</summary>
    public ulong? WriteBytes { get; init; }

    /// <summary>Requests in a second.</summary>
    public ulong? TotalOperations { get; init; }

    /// <summary>Reads in a second.</summary>
    public ulong? ReadOperations { get; init; }

    /// <summary>Writes in a second.</summary>
    public ulong? WriteOperations { get; init; }

    /// <summary>Bytes in a second in a burst.</summary>
    public ulong? TotalBytesMaximum { get; init; }

    /// <summary>Bytes read in a second in a burst.</summary>
    public ulong? ReadBytesMaximum { get; init; }

    /// <summary>Bytes written in a second in a burst.</summary>
    public ulong? WriteBytesMaximum { get; init; }

    /// <summary>Requests in a second in a burst.</summary>
    public ulong? TotalOperationsMaximum { get; init; }

    /// <summary>Reads in a second in a burst.</summary>
    public ulong? ReadOperationsMaximum { get; init; }

    /// <summary>Writes in a second in a burst.</summary>
    public ulong? WriteOperationsMaximum { get; init; }

    /// <summary>Bytes that count as one request.</summary>
    public ulong? OperationSize { get; init; }

    /// <summary>Disks of one group share its limits.</summary>
    public string? Group { get; init; }

    /// <summary>Seconds of a burst.</summary>
    public ulong? TotalBytesLength { get; init; }

    /// <summary>Seconds of a burst of reads.</summary>
    public ulong? ReadBytesLength { get; init; }

    /// <summary>Seconds of a burst of writes.</summary>
    public ulong? WriteBytesLength { get; init; }

    /// <summary>Seconds of a burst of requests.</summary>
    public ulong? TotalOperationsLength { get; init; }

    /// <summary>Seconds of a burst of read requests.</summary>
    public ulong? ReadOperationsLength { get; init; }

    /// <summary>Seconds of a burst of write requests.</summary>
    public ulong? WriteOperationsLength { get; init; }
}

/// <summary>An image that another is laid over; empty for none.</summary>
public sealed record BackingStoreConfiguration
{
    /// <summary>Where its bytes are; null for none.</summary>
    public StorageType? Type { get; init; }

    /// <summary>Its number in a running chain.</summary>
    public int? Index { get; init; }

    /// <summary>Its format.</summary>
    public string? Format { get; init; }

    /// <summary>Bytes of metadata that are cached.</summary>
    public ulong? MetadataCacheSize { get; init; }

    /// <summary>Where its bytes are.</summary>
    public StorageSourceConfiguration? Source { get; init; }

    /// <summary>What it is laid over itself.</summary>
    public BackingStoreConfiguration? BackingStore { get; init; }
}

/// <summary>A copy of a disk that is being made.</summary>
public sealed record MirrorConfiguration
{
    /// <summary>Where the copy is.</summary>
    public StorageType? Type { get; init; }

    /// <summary>The file, as older versions wrote it.</summary>
    public string? File { get; init; }

    /// <summary>The format, as older versions wrote it.</summary>
    public string? OldFormat { get; init; }

    /// <summary>copy or active-commit.</summary>
    public string? Job { get; init; }

    /// <summary>yes, abort or pivot.</summary>
    public string? Ready { get; init; }

    /// <summary>The copy's format.</summary>
    public string? Format { get; init; }

    /// <summary>Where the copy is.</summary>
    public StorageSourceConfiguration? Source { get; init; }

    /// <summary>What the copy is laid over.</summary>
    public BackingStoreConfiguration? BackingStore { get; init; }
}
