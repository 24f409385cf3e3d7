using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>What a block device is made of.</summary>
public enum HostBlockDeviceKind
{
    /// <summary>A whole disk: a SCSI or ATA disk, a virtio disk, an NVMe namespace, an eMMC card.</summary>
    Disk,

    /// <summary>A partition of one.</summary>
    Partition,

    /// <summary>A logical volume of LVM.</summary>
    LogicalVolume,

    /// <summary>The paths to one disk, bound together by device mapper.</summary>
    Multipath,

    /// <summary>An opened encrypted volume.</summary>
    Crypt,

    /// <summary>Another target of device mapper.</summary>
    DeviceMapper,

    /// <summary>A file as a device.</summary>
    Loop,

    /// <summary>An MD array.</summary>
    Raid,

    /// <summary>A disk with a cache.</summary>
    Bcache,

    /// <summary>A network block device: nbd, rbd, drbd.</summary>
    Network,

    /// <summary>A volume of ZFS.</summary>
    ZfsVolume,

    /// <summary>A CD or DVD drive, a floppy drive.</summary>
    RemovableDrive,

    /// <summary>RAM: brd, zram, pmem.</summary>
    Memory,
}

/// <summary>A block device of a host, and what is on it. Immutable.</summary>
public sealed record HostBlockDevice
{
    /// <summary>Its path by the kernel's name: "/dev/sda", "/dev/dm-0".</summary>
    public required string Path { get; init; }

    /// <summary>Other paths to it, under /dev/disk and /dev/mapper.</summary>
    public required ImmutableArray<string> Links { get; init; }

    /// <summary>Major and minor number: "8:0".</summary>
    public required string Number { get; init; }

    /// <summary>What it is made of.</summary>
    public required HostBlockDeviceKind Kind { get; init; }

    /// <summary>Of a partition, the path of its disk; null for others.</summary>
    public required string? WholeDisk { get; init; }

    /// <summary>Paths of the devices that it is built on: of an array, its members; of a logical volume, its physical volumes.</summary>
    public required ImmutableArray<string> BuiltOn { get; init; }

    /// <summary>Paths of the devices that are built on it or its partitions, and so hold it.</summary>
    public required ImmutableArray<string> Holders { get; init; }

    /// <summary>Device mapper's name, such as "vg0-root"; null for others.</summary>
    public required string? MapperName { get; init; }

    /// <summary>Of a loop device, the file; null for others.</summary>
    public required string? BackingFile { get; init; }

    /// <summary>Vendor, model and serial number as far as the kernel tells; null where it does not.</summary>
    public required string? Model { get; init; }

    /// <summary>Size in bytes; 0 for a drive without a medium.</summary>
    public required ulong SizeBytes { get; init; }

    /// <summary>Bytes of the smallest request, and the alignment that O_DIRECT needs: 512 or 4096.</summary>
    public required int LogicalSectorBytes { get; init; }

    /// <summary>Bytes that the disk writes at once.</summary>
    public required int PhysicalSectorBytes { get; init; }

    /// <summary>Whether its medium can be taken out.</summary>
    public required bool IsRemovable { get; init; }

    /// <summary>Whether nothing can be written to it.</summary>
    public required bool IsReadOnly { get; init; }

    /// <summary>Whether it is a disk that turns.</summary>
    public required bool IsRotational { get; init; }

    /// <summary>NUMA node of its controller; null where the host does not tell.</summary>
    public required int? NumaNode { get; init; }

    /// <summary>Where the file system on it is mounted on the host.</summary>
    public required ImmutableArray<string> MountPoints { get; init; }

    /// <summary>Whether the host swaps to it.</summary>
    public required bool IsSwap { get; init; }

    /// <summary>What was recognised on it.</summary>
    public required HostBlockContents Contents { get; init; }

    /// <summary>Whether it is a device of its own and no part of one, so that its first sectors are what a host takes for a label.</summary>
    public bool IsWhole => Kind is not (HostBlockDeviceKind.Partition or HostBlockDeviceKind.LogicalVolume);

    /// <summary>Whether the host has it in use: mounted, as swap, or under another device.</summary>
    public bool IsInUse => !MountPoints.IsEmpty || IsSwap || !Holders.IsEmpty;
}

/// <summary>What a block device holds, by its first and last sectors. Immutable.</summary>
public sealed record HostBlockContents
{
    /// <summary>Why nothing could be read: "no permission", "no medium"; null where it could.</summary>
    public required string? NotReadable { get; init; }

    /// <summary>What was recognised, by offset. Several on one device are what an earlier use left.</summary>
    public required ImmutableArray<HostBlockSignature> Signatures { get; init; }

    /// <summary>The partition table; null for none.</summary>
    public required HostPartitionTable? PartitionTable { get; init; }

    /// <summary>Nothing on it.</summary>
    public static HostBlockContents Nothing { get; } = new() { NotReadable = null, Signatures = [], PartitionTable = null };

    /// <summary>Whether it could be read.</summary>
    public bool IsReadable => NotReadable is null;

    /// <summary>Whether it could be read and nothing was recognised.</summary>
    public bool IsBlank => IsReadable && Signatures.IsEmpty && PartitionTable is null;

    /// <summary>What could not be read, and why.</summary>
    public static HostBlockContents Unknown(string reason) => new() { NotReadable = reason, Signatures = [], PartitionTable = null };
}

/// <summary>What a signature stands for.</summary>
public enum HostBlockSignatureKind
{
    /// <summary>A file system.</summary>
    FileSystem,

    /// <summary>Swap space.</summary>
    Swap,

    /// <summary>A physical volume of LVM.</summary>
    PhysicalVolume,

    /// <summary>A member of an MD array.</summary>
    RaidMember,

    /// <summary>An encrypted volume.</summary>
    Encrypted,

    /// <summary>A backing or caching device of bcache.</summary>
    Cache,

    /// <summary>A member of a ZFS pool.</summary>
    PoolMember,
}

/// <summary>A label that a host recognises on a block device. Immutable. Text from the device is cut and cleaned: it may be anybody's.</summary>
/// <param name="Kind">What it stands for.</param>
/// <param name="Type">
/// "ext2", "ext3", "ext4", "xfs", "btrfs", "vfat", "iso9660", "swap", "lvm2", "md", "luks", "bcache" or "zfs".
/// </param>
/// <param name="Version">Version of the format, such as "1.2" for MD and "2" for LUKS; null where it has none.</param>
/// <param name="Label">
/// A name that somebody gave: of the file system, of the array, of the volume group, of the pool; null for none.
/// </param>
/// <param name="Uuid">Identity of the file system, volume or array; null for none.</param>
/// <param name="Offset">Where the magic bytes are, in bytes from the start.</param>
public sealed record HostBlockSignature(
    HostBlockSignatureKind Kind, string Type, string? Version, string? Label, string? Uuid, ulong Offset);

/// <summary>How a disk is cut into partitions.</summary>
public enum HostPartitionScheme
{
    /// <summary>Master boot record.</summary>
    Mbr,

    /// <summary>GUID partition table (UEFI 5.3).</summary>
    Gpt,
}

/// <summary>A partition table. Immutable.</summary>
/// <param name="Scheme">How it is written.</param>
/// <param name="Id">Disk's GUID, or the MBR's 32-bit signature as eight digits.</param>
/// <param name="IsDamaged">Whether a checksum or an entry is wrong; what can be read is listed.</param>
/// <param name="Partitions">By number.</param>
public sealed record HostPartitionTable(
    HostPartitionScheme Scheme, string Id, bool IsDamaged, ImmutableArray<HostPartition> Partitions);

/// <summary>A partition. Immutable.</summary>
/// <param name="Number">1 for the first.</param>
/// <param name="StartBytes">Where it begins.</param>
/// <param name="SizeBytes">Its size.</param>
/// <param name="Type">GUID of the type, or two digits of the MBR's.</param>
/// <param name="Name">GPT's name of it; null for none.</param>
/// <param name="IsBootable">The MBR's active flag, or GPT's legacy one.</param>
public sealed record HostPartition(int Number, ulong StartBytes, ulong SizeBytes, string Type, string? Name, bool IsBootable);
