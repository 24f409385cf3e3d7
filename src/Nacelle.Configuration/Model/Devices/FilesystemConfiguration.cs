namespace Nacelle.Configuration;

/// <summary>A file system of the host that the guest sees.</summary>
public sealed record FilesystemConfiguration : DeviceConfiguration
{
    /// <summary>mount, template, file, block, ram, bind or volume.</summary>
    public string? Type { get; init; }

    /// <summary>passthrough, mapped or squash.</summary>
    public string? AccessMode { get; init; }

    /// <summary>Mode of new files, octal.</summary>
    public string? FileMode { get; init; }

    /// <summary>Mode of new directories, octal.</summary>
    public string? DirectoryMode { get; init; }

    /// <summary>default, remap, forbid or warn: what happens with several devices below.</summary>
    public string? MultipleDevices { get; init; }

    /// <summary>virtio, virtio-transitional or virtio-non-transitional.</summary>
    public string? Model { get; init; }

    /// <summary>The driver.</summary>
    public FilesystemDriverConfiguration? Driver { get; init; }

    /// <summary>The daemon of virtiofs.</summary>
    public VirtiofsBinaryConfiguration? Binary { get; init; }

    /// <summary>A directory.</summary>
    public string? SourceDirectory { get; init; }

    /// <summary>A file.</summary>
    public string? SourceFile { get; init; }

    /// <summary>A block device.</summary>
    public string? SourceDevice { get; init; }

    /// <summary>A name.</summary>
    public string? SourceName { get; init; }

    /// <summary>A socket where a daemon listens already.</summary>
    public string? SourceSocket { get; init; }

    /// <summary>A pool of libvirt.</summary>
    public string? SourcePool { get; init; }

    /// <summary>A volume in it.</summary>
    public string? SourceVolume { get; init; }

    /// <summary>Size of a file system in RAM.</summary>
    public ulong? SourceUsage { get; init; }

    /// <summary>The tag by which the guest mounts it.</summary>
    public string? Target { get; init; }

    /// <summary>Whether the guest cannot write.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>Bytes that it may have.</summary>
    public ulong? SpaceHardLimit { get; init; }

    /// <summary>Bytes after which a warning is given.</summary>
    public ulong? SpaceSoftLimit { get; init; }
}

/// <summary>The daemon of virtiofs.</summary>
public sealed record VirtiofsBinaryConfiguration
{
    /// <summary>Its path.</summary>
    public string? Path { get; init; }

    /// <summary>Whether extended attributes are shown.</summary>
    public bool? ExtendedAttributes { get; init; }

    /// <summary>none, auto or always.</summary>
    public string? CacheMode { get; init; }

    /// <summary>namespace or chroot.</summary>
    public string? SandboxMode { get; init; }

    /// <summary>POSIX locks.</summary>
    public bool? PosixLock { get; init; }

    /// <summary>flock(2).</summary>
    public bool? Flock { get; init; }

    /// <summary>Threads.</summary>
    public int? ThreadPoolSize { get; init; }
}

/// <summary>The driver of a file system.</summary>
public sealed record FilesystemDriverConfiguration : VirtioDriverConfiguration
{
    /// <summary>path, handle, loop, nbd, ploop, mtp or virtiofs.</summary>
    public string? Type { get; init; }

    /// <summary>The driver's name.</summary>
    public string? Name { get; init; }

    /// <summary>The image's format.</summary>
    public string? Format { get; init; }

    /// <summary>immediate: whether writes are made durable.</summary>
    public string? WritePolicy { get; init; }

    /// <summary>Requests in a queue.</summary>
    public int? QueueSize { get; init; }
}
