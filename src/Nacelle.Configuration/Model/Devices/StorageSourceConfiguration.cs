using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>Where bytes are. Which members count depends on the type of what has the source.</summary>
public sealed record StorageSourceConfiguration
{
    /// <summary>A file.</summary>
    public string? File { get; init; }

    /// <summary>A block device.</summary>
    public string? Device { get; init; }

    /// <summary>A directory.</summary>
    public string? Directory { get; init; }

    /// <summary>Protocol of a server, such as rbd, iscsi or nbd.</summary>
    public string? Protocol { get; init; }

    /// <summary>The server's name for it.</summary>
    public string? Name { get; init; }

    /// <summary>What follows a question mark in its URL.</summary>
    public string? Query { get; init; }

    /// <summary>Whether the connection is encrypted.</summary>
    public bool? Tls { get; init; }

    /// <summary>Name that the server's certificate must have.</summary>
    public string? TlsHostname { get; init; }

    /// <summary>A pool of libvirt.</summary>
    public string? Pool { get; init; }

    /// <summary>A volume in it.</summary>
    public string? Volume { get; init; }

    /// <summary>host or direct: how an iSCSI volume is reached.</summary>
    public string? Mode { get; init; }

    /// <summary>Type of a device, such as pci for NVMe or unix for vhost-user.</summary>
    public string? Type { get; init; }

    /// <summary>Path of a socket.</summary>
    public string? Path { get; init; }

    /// <summary>Whether the driver is changed for the time of use.</summary>
    public bool? Managed { get; init; }

    /// <summary>Namespace of an NVMe device.</summary>
    public ulong? NvmeNamespace { get; init; }

    /// <summary>mandatory, requisite or optional: whether a start needs it.</summary>
    public string? StartupPolicy { get; init; }

    /// <summary>Its number in a running chain.</summary>
    public int? Index { get; init; }

    /// <summary>Servers.</summary>
    public ImmutableArray<StorageHostConfiguration> Hosts { get; init; } = [];

    /// <summary>A snapshot on the server.</summary>
    public string? Snapshot { get; init; }

    /// <summary>A file with more of the server's configuration.</summary>
    public string? ConfigurationFile { get; init; }

    /// <summary>How to log in.</summary>
    public AuthenticationConfiguration? Authentication { get; init; }

    /// <summary>A passphrase that the image is encrypted with.</summary>
    public EncryptionConfiguration? Encryption { get; init; }

    /// <summary>Persistent reservations by a helper.</summary>
    public ReservationsConfiguration? Reservations { get; init; }

    /// <summary>User that a server is asked as.</summary>
    public string? IdentityUser { get; init; }

    /// <summary>Group that a server is asked as.</summary>
    public string? IdentityGroup { get; init; }

    /// <summary>The initiator's name for iSCSI.</summary>
    public string? Initiator { get; init; }

    /// <summary>storage: what a part that is used is of.</summary>
    public string? SliceType { get; init; }

    /// <summary>Bytes of the part that is used.</summary>
    public ulong? SliceSize { get; init; }

    /// <summary>Bytes before it.</summary>
    public ulong? SliceOffset { get; init; }

    /// <summary>Whether the server's certificate is checked.</summary>
    public bool? VerifyCertificate { get; init; }

    /// <summary>Cookies for HTTP.</summary>
    public ImmutableArray<CookieConfiguration> Cookies { get; init; } = [];

    /// <summary>Bytes that are read ahead.</summary>
    public ulong? ReadAhead { get; init; }

    /// <summary>Seconds that an answer may take.</summary>
    public int? Timeout { get; init; }

    /// <summary>Seconds until a connection that broke is given up.</summary>
    public int? ReconnectDelay { get; init; }

    /// <summary>Whether a back end that went away is connected to again.</summary>
    public bool? Reconnect { get; init; }

    /// <summary>Seconds between attempts to.</summary>
    public int? ReconnectTimeout { get; init; }

    /// <summary>Where the device is on the host.</summary>
    public DeviceAddress? Address { get; init; }

    /// <summary>Labels of the source alone.</summary>
    public ImmutableArray<SecurityLabelConfiguration> SecurityLabels { get; init; } = [];
}

/// <summary>A server.</summary>
public sealed record StorageHostConfiguration
{
    /// <summary>Its name or address.</summary>
    public string? Name { get; init; }

    /// <summary>Its port.</summary>
    public int? Port { get; init; }

    /// <summary>tcp, rdma or unix.</summary>
    public string? Transport { get; init; }

    /// <summary>Path of a socket.</summary>
    public string? Socket { get; init; }
}

/// <summary>A cookie.</summary>
public sealed record CookieConfiguration
{
    /// <summary>Its name.</summary>
    public string Name { get; init; } = "";

    /// <summary>Its value.</summary>
    public string? Value { get; init; }
}

/// <summary>How to log in.</summary>
public sealed record AuthenticationConfiguration
{
    /// <summary>The user.</summary>
    public string? UserName { get; init; }

    /// <summary>chap or ceph.</summary>
    public string? SecretType { get; init; }

    /// <summary>UUID of a secret that libvirt keeps.</summary>
    public string? SecretUuid { get; init; }

    /// <summary>Use of a secret that libvirt keeps.</summary>
    public string? SecretUsage { get; init; }
}

/// <summary>Encryption of an image.</summary>
public sealed record EncryptionConfiguration
{
    /// <summary>qcow, luks, luks2 or luks-any.</summary>
    public string Format { get; init; } = "luks";

    /// <summary>qemu or librbd.</summary>
    public string? Engine { get; init; }

    /// <summary>Secrets.</summary>
    public ImmutableArray<EncryptionSecretConfiguration> Secrets { get; init; } = [];
}

/// <summary>A secret that libvirt keeps.</summary>
public sealed record EncryptionSecretConfiguration
{
    /// <summary>passphrase.</summary>
    public string Type { get; init; } = "passphrase";

    /// <summary>Its UUID.</summary>
    public string? Uuid { get; init; }

    /// <summary>Its use.</summary>
    public string? Usage { get; init; }
}

/// <summary>Persistent reservations by a helper.</summary>
public sealed record ReservationsConfiguration
{
    /// <summary>Whether libvirt starts the helper.</summary>
    public bool? Managed { get; init; }

    /// <summary>unix.</summary>
    public string? Type { get; init; }

    /// <summary>Path of the helper's socket.</summary>
    public string? Path { get; init; }

    /// <summary>client.</summary>
    public string? Mode { get; init; }
}
