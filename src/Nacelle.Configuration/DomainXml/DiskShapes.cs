using static Nacelle.Configuration.TextTypes;

namespace Nacelle.Configuration;

/// <summary>Disks.</summary>
internal static class DiskShapes
{
    private const int LargestSector = 2 << 20;

    internal static XmlShape<DiskConfiguration> Disk { get; } = new XmlShape<DiskConfiguration>()
        .Attribute("type", ConfigurationWords.StorageType, disk => disk.Type, (disk, value) => disk with { Type = value })
        .Attribute("device", Word("disk", "cdrom", "floppy", "lun"), disk => disk.Device, (disk, value) => disk with { Device = value })
        .Attribute("rawio", Word("yes", "no"), disk => disk.RawIo, (disk, value) => disk with { RawIo = value })
        .Attribute("sgio", Word("unfiltered", "filtered"), disk => disk.SgIo, (disk, value) => disk with { SgIo = value })
        .Attribute("model", Word(ConfigurationWords.VirtioModels), disk => disk.Model, (disk, value) => disk with { Model = value })
        .Attribute("snapshot", Word("no", "internal", "external", "manual"), disk => disk.Snapshot, (disk, value) => disk with { Snapshot = value })
        .Child("driver", () => Driver!, () => new DiskDriverConfiguration(), disk => disk.Driver, (disk, value) => disk with { Driver = value })
        .Child("auth", () => StorageShapes.Authentication, () => new AuthenticationConfiguration(), disk => disk.Authentication, (disk, value) => disk with { Authentication = value })
        .Child("source", () => StorageShapes.Source, () => new StorageSourceConfiguration(), disk => disk.Source, (disk, value) => disk with { Source = value })
        .Child("backingStore", () => StorageShapes.BackingStore, () => new BackingStoreConfiguration(), disk => disk.BackingStore, (disk, value) => disk with { BackingStore = value })
        .Child("mirror", () => StorageShapes.Mirror, () => new MirrorConfiguration(), disk => disk.Mirror, (disk, value) => disk with { Mirror = value })
        .Group(
            "target",
            group => group
                .Attribute("dev", Text, disk => disk.TargetName, (disk, value) => disk with { TargetName = value }, required: true)
                .Attribute("bus", ConfigurationWords.DiskBus, disk => disk.Bus, (disk, value) => disk with { Bus = value })
                .Attribute("tray", Word("open", "closed"), disk => disk.Tray, (disk, value) => disk with { Tray = value })
                .Attribute("removable", OnOff, disk => disk.Removable, (disk, value) => disk with { Removable = value })
                .Attribute("rotation_rate", Number(1, 65534), disk => disk.RotationRate, (disk, value) => disk with { RotationRate = value }),
            required: true)
        .Child("iotune", () => Throttle!, () => new DiskThrottleConfiguration(), disk => disk.Throttle, (disk, value) => disk with { Throttle = value })
        .List("throttlefilters", "throttlefilter", () => ThrottleFilter!, () => new ThrottleFilterConfiguration(), disk => disk.ThrottleFilters, (disk, value) => disk with { ThrottleFilters = value })
        .Group("geometry", group => group
            .Attribute("cyls", Number(1), disk => disk.Cylinders, (disk, value) => disk with { Cylinders = value })
            .Attribute("heads", Number(1), disk => disk.Heads, (disk, value) => disk with { Heads = value })
            .Attribute("secs", Number(1), disk => disk.Sectors, (disk, value) => disk with { Sectors = value })
            .Attribute("trans", Word("auto", "none", "lba"), disk => disk.Translation, (disk, value) => disk with { Translation = value }))
        .Group("blockio", group => group
            .Attribute("logical_block_size", Number(0, LargestSector), disk => disk.LogicalBlockSize, (disk, value) => disk with { LogicalBlockSize = value })
            .Attribute("physical_block_size", Number(0, LargestSector), disk => disk.PhysicalBlockSize, (disk, value) => disk with { PhysicalBlockSize = value }))
        .Flag("readonly", disk => disk.ReadOnly, (disk, value) => disk with { ReadOnly = value })
        .Flag("shareable", disk => disk.Shareable, (disk, value) => disk with { Shareable = value })
        .Child("transient", () => Transient!, () => new TransientConfiguration(), disk => disk.Transient, (disk, value) => disk with { Transient = value })
        .Element("serial", AnyText, disk => disk.Serial, (disk, value) => disk with { Serial = value })
        .Element("wwn", Text, disk => disk.WorldWideName, (disk, value) => disk with { WorldWideName = value })
        .Element("vendor", Text, disk => disk.Vendor, (disk, value) => disk with { Vendor = value })
        .Element("product", Text, disk => disk.Product, (disk, value) => disk with { Product = value })
        .Child("encryption", () => StorageShapes.Encryption, () => new EncryptionConfiguration(), disk => disk.Encryption, (disk, value) => disk with { Encryption = value })
        .Device(bootable: true, acpi: true);

    private static XmlShape<TransientConfiguration> Transient { get; } = new XmlShape<TransientConfiguration>()
        .Attribute("shareBacking", YesNo, transient => transient.ShareBacking, (transient, value) => transient with { ShareBacking = value });

    private static XmlShape<DiskDriverConfiguration> Driver { get; } = new XmlShape<DiskDriverConfiguration>()
        .Attribute("name", Text, driver => driver.Name, (driver, value) => driver with { Name = value })
        .Attribute("type", Text, driver => driver.Type, (driver, value) => driver with { Type = value })
        .Attribute("cache", ConfigurationWords.DiskCache, driver => driver.Cache, (driver, value) => driver with { Cache = value })
        .Attribute("error_policy", Word("stop", "report", "ignore", "enospace"), driver => driver.ErrorPolicy, (driver, value) => driver with { ErrorPolicy = value })
        .Attribute("rerror_policy", Word("stop", "report", "ignore"), driver => driver.ReadErrorPolicy, (driver, value) => driver with { ReadErrorPolicy = value })
        .Attribute("io", Word("native", "threads", "io_uring"), driver => driver.Io, (driver, value) => driver with { Io = value })
        .Attribute("ioeventfd", OnOff, driver => driver.IoEventFd, (driver, value) => driver with { IoEventFd = value })
        .Attribute("event_idx", OnOff, driver => driver.EventIndex, (driver, value) => driver with { EventIndex = value })
        .Attribute("copy_on_read", OnOff, driver => driver.CopyOnRead, (driver, value) => driver with { CopyOnRead = value })
        .Attribute("discard", Word("unmap", "ignore"), driver => driver.Discard, (driver, value) => driver with { Discard = value })
        .Attribute("detect_zeroes", Word("off", "on", "unmap"), driver => driver.DetectZeroes, (driver, value) => driver with { DetectZeroes = value })
        .Attribute("iothread", Number(1), driver => driver.IoThread, (driver, value) => driver with { IoThread = value })
        .Attribute("queues", Number(1, 1024), driver => driver.Queues, (driver, value) => driver with { Queues = value })
        .Attribute("queue_size", Number(1, 32768), driver => driver.QueueSize, (driver, value) => driver with { QueueSize = value })
        .VirtioDriver()
        .List("iothreads", "iothread", () => IoThread!, () => new DiskIoThreadConfiguration(), driver => driver.IoThreads, (driver, value) => driver with { IoThreads = value })
        .Group("metadata_cache", group => group
            .Size("max_size", driver => driver.MetadataCacheSize, (driver, value) => driver with { MetadataCacheSize = value }, defaultUnit: "bytes"));

    internal static XmlShape<DiskIoThreadConfiguration> IoThread { get; } = new XmlShape<DiskIoThreadConfiguration>()
        .Attribute("id", Number(1), thread => thread.Id, (thread, value) => thread with { Id = value }, required: true)
        .Many("queue", () => Queue!, () => new DiskQueueConfiguration(), thread => thread.Queues, (thread, value) => thread with { Queues = value });

    private static XmlShape<DiskQueueConfiguration> Queue { get; } = new XmlShape<DiskQueueConfiguration>()
        .Attribute("id", Number(), queue => queue.Id, (queue, value) => queue with { Id = value }, required: true);

    private static XmlShape<ThrottleFilterConfiguration> ThrottleFilter { get; } = new XmlShape<ThrottleFilterConfiguration>()
        .Attribute("group", Text, filter => filter.Group, (filter, value) => filter with { Group = value }, required: true);

    internal static XmlShape<DiskThrottleConfiguration> Throttle { get; } = new XmlShape<DiskThrottleConfiguration>()
        .Element("total_bytes_sec", Large(0, long.MaxValue), throttle => throttle.TotalBytes, (throttle, value) => throttle with { TotalBytes = value })
        .Element("read_bytes_sec", Large(0, long.MaxValue), throttle => throttle.ReadBytes, (throttle, value) => throttle with { ReadBytes = value })
        .Element("write_bytes_sec", Large(0, long.MaxValue), throttle => throttle.WriteBytes, (throttle, value) => throttle with { WriteBytes = value })
        .Element("total_iops_sec", Large(0, long.MaxValue), throttle => throttle.TotalOperations, (throttle, value) => throttle with { TotalOperations = value })
        .Element("read_iops_sec", Large(0, long.MaxValue), throttle => throttle.ReadOperations, (throttle, value) => throttle with { ReadOperations = value })
        .Element("write_iops_sec", Large(0, long.MaxValue), throttle => throttle.WriteOperations, (throttle, value) => throttle with { WriteOperations = value })
        .Element("total_bytes_sec_max", Large(0, long.MaxValue), throttle => throttle.TotalBytesMaximum, (throttle, value) => throttle with { TotalBytesMaximum = value })
        .Element("read_bytes_sec_max", Large(0, long.MaxValue), throttle => throttle.ReadBytesMaximum, (throttle, value) => throttle with { ReadBytesMaximum = value })
        .Element("write_bytes_sec_max", Large(0, long.MaxValue), throttle => throttle.WriteBytesMaximum, (throttle, value) => throttle with { WriteBytesMaximum = value })
        .Element("total_iops_sec_max", Large(0, long.MaxValue), throttle => throttle.TotalOperationsMaximum, (throttle, value) => throttle with { TotalOperationsMaximum = value })
        .Element("read_iops_sec_max", Large(0, long.MaxValue), throttle => throttle.ReadOperationsMaximum, (throttle, value) => throttle with { ReadOperationsMaximum = value })
        .Element("write_iops_sec_max", Large(0, long.MaxValue), throttle => throttle.WriteOperationsMaximum, (throttle, value) => throttle with { WriteOperationsMaximum = value })
        .Element("size_iops_sec", Large(0, long.MaxValue), throttle => throttle.OperationSize, (throttle, value) => throttle with { OperationSize = value })
        .Element("group_name", Text, throttle => throttle.Group, (throttle, value) => throttle with { Group = value })
        .Element("total_bytes_sec_max_length", Large(0, long.MaxValue), throttle => throttle.TotalBytesLength, (throttle, value) => throttle with { TotalBytesLength = value })
        .Element("read_bytes_sec_max_length", Large(0, long.MaxValue), throttle => throttle.ReadBytesLength, (throttle, value) => throttle with { ReadBytesLength = value })
        .Element("write_bytes_sec_max_length", Large(0, long.MaxValue), throttle => throttle.WriteBytesLength, (throttle, value) => throttle with { WriteBytesLength = value })
        .Element("total_iops_sec_max_length", Large(0, long.MaxValue), throttle => throttle.TotalOperationsLength, (throttle, value) => throttle with { TotalOperationsLength = value })
        .Element("read_iops_sec_max_length", Large(0, long.MaxValue), throttle => throttle.ReadOperationsLength, (throttle, value) => throttle with { ReadOperationsLength = value })
        .Element("write_iops_sec_max_length", Large(0, long.MaxValue), throttle => throttle.WriteOperationsLength, (throttle, value) => throttle with { WriteOperationsLength = value });
}
