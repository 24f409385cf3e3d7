using static Nacelle.Configuration.TextTypes;

namespace Nacelle.Configuration;

/// <summary>File systems of the host.</summary>
internal static class FilesystemShapes
{
    internal static XmlShape<FilesystemConfiguration> Filesystem { get; } = new XmlShape<FilesystemConfiguration>()
        .Attribute("type", Word("mount", "template", "file", "block", "ram", "bind", "volume"), filesystem => filesystem.Type, (filesystem, value) => filesystem with { Type = value })
        .Attribute("accessmode", Word("passthrough", "mapped", "squash"), filesystem => filesystem.AccessMode, (filesystem, value) => filesystem with { AccessMode = value })
        .Attribute("fmode", Text, filesystem => filesystem.FileMode, (filesystem, value) => filesystem with { FileMode = value })
        .Attribute("dmode", Text, filesystem => filesystem.DirectoryMode, (filesystem, value) => filesystem with { DirectoryMode = value })
        .Attribute("multidevs", Word("default", "remap", "forbid", "warn"), filesystem => filesystem.MultipleDevices, (filesystem, value) => filesystem with { MultipleDevices = value })
        .Attribute("model", Word(ConfigurationWords.VirtioModels), filesystem => filesystem.Model, (filesystem, value) => filesystem with { Model = value })
        .Child("driver", () => Driver!, () => new FilesystemDriverConfiguration(), filesystem => filesystem.Driver, (filesystem, value) => filesystem with { Driver = value })
        .Child("binary", () => Binary!, () => new VirtiofsBinaryConfiguration(), filesystem => filesystem.Binary, (filesystem, value) => filesystem with { Binary = value })
        .Group("source", group => group
            .Attribute("dir", FilePath, filesystem => filesystem.SourceDirectory, (filesystem, value) => filesystem with { SourceDirectory = value })
            .Attribute("file", FilePath, filesystem => filesystem.SourceFile, (filesystem, value) => filesystem with { SourceFile = value })
            .Attribute("dev", FilePath, filesystem => filesystem.SourceDevice, (filesystem, value) => filesystem with { SourceDevice = value })
            .Attribute("name", Text, filesystem => filesystem.SourceName, (filesystem, value) => filesystem with { SourceName = value })
            .Attribute("socket", FilePath, filesystem => filesystem.SourceSocket, (filesystem, value) => filesystem with { SourceSocket = value })
            .Attribute("pool", Text, filesystem => filesystem.SourcePool, (filesystem, value) => filesystem with { SourcePool = value })
            .Attribute("volume", Text, filesystem => filesystem.SourceVolume, (filesystem, value) => filesystem with { SourceVolume = value })
            .SizeAttribute("usage", "units", filesystem => filesystem.SourceUsage, (filesystem, value) => filesystem with { SourceUsage = value }))
        .Group("target", group => group
            .Attribute("dir", Text, filesystem => filesystem.Target, (filesystem, value) => filesystem with { Target = value }))
        .Flag("readonly", filesystem => filesystem.ReadOnly, (filesystem, value) => filesystem with { ReadOnly = value })
        .Size("space_hard_limit", filesystem => filesystem.SpaceHardLimit, (filesystem, value) => filesystem with { SpaceHardLimit = value }, defaultUnit: "bytes")
        .Size("space_soft_limit", filesystem => filesystem.SpaceSoftLimit, (filesystem, value) => filesystem with { SpaceSoftLimit = value }, defaultUnit: "bytes")
        .Device(bootable: true, acpi: true);

    private static XmlShape<FilesystemDriverConfiguration> Driver { get; } = new XmlShape<FilesystemDriverConfiguration>()
        .Attribute("type", Word("path", "handle", "loop", "nbd", "ploop", "mtp", "virtiofs"), driver => driver.Type, (driver, value) => driver with { Type = value })
        .Attribute("name", Text, driver => driver.Name, (driver, value) => driver with { Name = value })
        .Attribute("format", Text, driver => driver.Format, (driver, value) => driver with { Format = value })
        .Attribute("wrpolicy", Word("immediate"), driver => driver.WritePolicy, (driver, value) => driver with { WritePolicy = value })
        .Attribute("queue", Number(1, 1024), driver => driver.QueueSize, (driver, value) => driver with { QueueSize = value })
        .VirtioDriver();

    private static XmlShape<VirtiofsBinaryConfiguration> Binary { get; } = new XmlShape<VirtiofsBinaryConfiguration>()
        .Attribute("path", FilePath, binary => binary.Path, (binary, value) => binary with { Path = value })
        .Attribute("xattr", OnOff, binary => binary.ExtendedAttributes, (binary, value) => binary with { ExtendedAttributes = value })
        .Group("cache", group => group
            .Attribute("mode", Word("none", "auto", "always"), binary => binary.CacheMode, (binary, value) => binary with { CacheMode = value }))
        .Group("sandbox", group => group
            .Attribute("mode", Word("namespace", "chroot"), binary => binary.SandboxMode, (binary, value) => binary with { SandboxMode = value }))
        .Group("lock", group => group
            .Attribute("posix", OnOff, binary => binary.PosixLock, (binary, value) => binary with { PosixLock = value })
            .Attribute("flock", OnOff, binary => binary.Flock, (binary, value) => binary with { Flock = value }))
        .Group("thread_pool", group => group
            .Attribute("size", Number(0), binary => binary.ThreadPoolSize, (binary, value) => binary with { ThreadPoolSize = value }));
}
