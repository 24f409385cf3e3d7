using System.Collections.Immutable;

namespace Nacelle.Configuration.Tests;

/// <summary>A host that has one or more of everything.</summary>
internal static class SampleHost
{
    public static HostFacts Make() => HostFixture.Make("amd-epyc-7763") with
    {
        HostName = "sample",
        NumaNodes =
        [
            new() { Number = 0, Cpus = CpuSet.TryParse("0-63")!, MemoryBytes = 256UL << 30, FreeBytes = 1 << 30, HugePages = [new(2 << 20, 512, 100), new(1 << 30, 4, 4)], Distances = [10, 32] },
            new() { Number = 1, Cpus = CpuSet.TryParse("64-255")!, MemoryBytes = 256UL << 30, FreeBytes = 1 << 30, HugePages = [], Distances = [32, 10] },
        ],
        Iommu = new() { Units = ["ivhd0"], Groups = [new(17, "DMA-FQ", ["0000:3b:00.0", "0000:3b:00.1"])] },
        PciDevices =
        [
            new() { Address = "0000:3b:00.0", VendorId = 0x8086, DeviceId = 0x10FB, ClassCode = 0x020000, Driver = "ixgbe", IommuGroup = 17, NumaNode = 1, HasReset = true },
            new() { Address = "0000:3b:00.1", VendorId = 0x8086, DeviceId = 0x10FB, ClassCode = 0x020000, Driver = null, IommuGroup = null, NumaNode = null, HasReset = false },
        ],
        BlockDevices =
        [
            Device("/dev/sda", HostBlockDeviceKind.Disk) with
            {
                Links = ["/dev/disk/by-id/wwn-0x5000c500a1b2c3d4"],
                Holders = ["/dev/dm-0"],
                Contents = new()
                {
                    NotReadable = null,
                    Signatures = [new(HostBlockSignatureKind.PhysicalVolume, "lvm2", null, "vg <0> & 'x'", "uuid", 512)],
                    PartitionTable = new(HostPartitionScheme.Gpt, "id", false, [new(1, 1 << 20, 1 << 30, "0fc63daf-8483-4772-8e79-3d69d8477de4", "data", false)]),
                },
            },
            Device("/dev/sda1", HostBlockDeviceKind.Partition) with { WholeDisk = "/dev/sda", Contents = HostBlockContents.Unknown("no permission") },
            Device("/dev/dm-0", HostBlockDeviceKind.LogicalVolume) with { BuiltOn = ["/dev/sda"], MapperName = "vg-lv", MountPoints = ["/srv"], IsSwap = true },
        ],
        Mounts =
        [
            new() { MountPoint = "/", FileSystem = "ext4", Source = "/dev/sda1", IsReadOnly = false },
            new() { MountPoint = "/srv", FileSystem = "xfs", Source = "/dev/dm-0", IsReadOnly = false },
            new() { MountPoint = "/srv/images", FileSystem = "nfs4", Source = "filer:/images", IsReadOnly = false },
        ],
    };

    private static HostBlockDevice Device(string path, HostBlockDeviceKind kind) => new()
    {
        Path = path,
        Links = ImmutableArray<string>.Empty,
        Number = "8:0",
        Kind = kind,
        WholeDisk = null,
        BuiltOn = [],
        Holders = [],
        MapperName = null,
        BackingFile = null,
        Model = "ATA SAMPLE",
        SizeBytes = 1UL << 40,
        LogicalSectorBytes = 512,
        PhysicalSectorBytes = 4096,
        IsRemovable = false,
        IsReadOnly = false,
        IsRotational = true,
        NumaNode = 0,
        MountPoints = [],
        IsSwap = false,
        Contents = HostBlockContents.Nothing,
    };
}
