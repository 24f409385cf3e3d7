using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>What a character device is connected to on the host.</summary>
public enum CharacterDeviceType
{
    /// <summary>A pseudo terminal.</summary>
    Pty,

    /// <summary>A file.</summary>
    File,

    /// <summary>The monitor's standard streams.</summary>
    StandardStreams,

    /// <summary>A UNIX socket.</summary>
    Unix,

    /// <summary>A TCP connection.</summary>
    Tcp,

    /// <summary>UDP.</summary>
    Udp,

    /// <summary>A named pipe.</summary>
    Pipe,

    /// <summary>A device of the host.</summary>
    Device,

    /// <summary>Nothing.</summary>
    Null,

    /// <summary>A display's text console.</summary>
    VirtualConsole,

    /// <summary>A channel of SPICE for its agent.</summary>
    SpiceVmc,

    /// <summary>A channel of SPICE.</summary>
    SpicePort,

    /// <summary>A clipboard over D-Bus.</summary>
    Dbus,

    /// <summary>vdagent inside the monitor.</summary>
    QemuVdagent,

    /// <summary>NMDM of FreeBSD.</summary>
    Nmdm,
}

/// <summary>A device that carries characters, and what it is connected to.</summary>
public abstract record CharacterDeviceConfiguration : DeviceConfiguration
{
    /// <summary>What it is connected to.</summary>
    public CharacterDeviceType Type { get; init; }

    /// <summary>The terminal of a running domain's console.</summary>
    public string? Tty { get; init; }

    /// <summary>Where it is connected; of UDP both ends.</summary>
    public ImmutableArray<CharacterSourceConfiguration> Sources { get; init; } = [];

    /// <summary>raw, telnet, telnets or tls.</summary>
    public string? Protocol { get; init; }

    /// <summary>A file that all output is copied to.</summary>
    public string? LogFile { get; init; }

    /// <summary>Whether that file is added to.</summary>
    public bool? LogAppend { get; init; }
}

/// <summary>Where a character device is connected. Which members count depends on its type.</summary>
public sealed record CharacterSourceConfiguration
{
    /// <summary>A path.</summary>
    public string? Path { get; init; }

    /// <summary>bind or connect.</summary>
    public string? Mode { get; init; }

    /// <summary>Whether a file is added to.</summary>
    public bool? Append { get; init; }

    /// <summary>An address.</summary>
    public string? Host { get; init; }

    /// <summary>A port or its name.</summary>
    public string? Service { get; init; }

    /// <summary>Whether the connection is encrypted.</summary>
    public bool? Tls { get; init; }

    /// <summary>A channel of SPICE.</summary>
    public string? Channel { get; init; }

    /// <summary>The master of a NMDM.</summary>
    public string? Master { get; init; }

    /// <summary>The slave of a NMDM.</summary>
    public string? Slave { get; init; }

    /// <summary>Whether a back end that went away is connected to again.</summary>
    public bool? Reconnect { get; init; }

    /// <summary>Seconds between attempts to.</summary>
    public int? ReconnectTimeout { get; init; }

    /// <summary>Whether the clipboard is shared.</summary>
    public bool? ClipboardCopyPaste { get; init; }

    /// <summary>Whether the mouse is shared.</summary>
    public string? MouseMode { get; init; }

    /// <summary>Labels of the source alone.</summary>
    public ImmutableArray<SecurityLabelConfiguration> SecurityLabels { get; init; } = [];
}

/// <summary>A serial or parallel port.</summary>
public sealed record SerialConfiguration : CharacterDeviceConfiguration
{
    /// <summary>isa-serial, pci-serial, usb-serial and so on.</summary>
    public string? TargetType { get; init; }

    /// <summary>Its number.</summary>
    public int? Port { get; init; }

    /// <summary>The device that implements it.</summary>
    public string? TargetModel { get; init; }
}

/// <summary>A console.</summary>
public sealed record ConsoleConfiguration : CharacterDeviceConfiguration
{
    /// <summary>serial, virtio and so on.</summary>
    public string? TargetType { get; init; }

    /// <summary>Its number.</summary>
    public int? Port { get; init; }
}

/// <summary>A channel between host and guest.</summary>
public sealed record ChannelConfiguration : CharacterDeviceConfiguration
{
    /// <summary>virtio, guestfwd or xen.</summary>
    public string? TargetType { get; init; }

    /// <summary>Its name in the guest.</summary>
    public string? TargetName { get; init; }

    /// <summary>connected or disconnected, as a running domain has it.</summary>
    public string? TargetState { get; init; }

    /// <summary>An address in the guest's network.</summary>
    public string? TargetAddress { get; init; }

    /// <summary>A port there.</summary>
    public int? TargetPort { get; init; }
}

/// <summary>A smart card reader.</summary>
public sealed record SmartcardConfiguration : DeviceConfiguration
{
    /// <summary>host, host-certificates or passthrough.</summary>
    public string? Mode { get; init; }

    /// <summary>What a reader that is passed through is connected to.</summary>
    public string? Type { get; init; }

    /// <summary>Certificates.</summary>
    public ImmutableArray<CertificateConfiguration> Certificates { get; init; } = [];

    /// <summary>Where they are kept.</summary>
    public string? Database { get; init; }

    /// <summary>Where the reader is connected.</summary>
    public CharacterSourceConfiguration? Source { get; init; }
}

/// <summary>A certificate.</summary>
public sealed record CertificateConfiguration
{
    /// <summary>Its name.</summary>
    public string Name { get; init; } = "";
}
