using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>A way to see the display.</summary>
public sealed record GraphicsConfiguration
{
    /// <summary>sdl, vnc, spice, rdp, desktop, egl-headless or dbus.</summary>
    public string Type { get; init; } = "vnc";

    /// <summary>Port; -1 for a free one.</summary>
    public int? Port { get; init; }

    /// <summary>Port for encrypted connections.</summary>
    public int? TlsPort { get; init; }

    /// <summary>Whether a free port is taken.</summary>
    public bool? AutoPort { get; init; }

    /// <summary>Port for web sockets.</summary>
    public int? WebSocket { get; init; }

    /// <summary>Address that it listens on, as older versions wrote it.</summary>
    public string? ListenAddress { get; init; }

    /// <summary>Path of a socket, as older versions wrote it.</summary>
    public string? Socket { get; init; }

    /// <summary>A keyboard layout.</summary>
    public string? Keymap { get; init; }

    /// <summary>A password.</summary>
    public string? Password { get; init; }

    /// <summary>Until when the password is valid.</summary>
    public string? PasswordValidTo { get; init; }

    /// <summary>fail, disconnect or keep: what a change of password does to who is connected.</summary>
    public string? Connected { get; init; }

    /// <summary>allow-exclusive, force-shared or ignore.</summary>
    public string? SharePolicy { get; init; }

    /// <summary>secure, insecure or any.</summary>
    public string? DefaultMode { get; init; }

    /// <summary>An X display.</summary>
    public string? Display { get; init; }

    /// <summary>A file with the right to use it.</summary>
    public string? XAuthority { get; init; }

    /// <summary>Whether the window fills the screen.</summary>
    public bool? FullScreen { get; init; }

    /// <summary>Whether a power control is shown.</summary>
    public bool? PowerControl { get; init; }

    /// <summary>Whether several people may connect.</summary>
    public bool? MultiUser { get; init; }

    /// <summary>Whether a D-Bus connection is peer to peer.</summary>
    public bool? PeerToPeer { get; init; }

    /// <summary>A D-Bus address.</summary>
    public string? DbusAddress { get; init; }

    /// <summary>Where it listens.</summary>
    public ImmutableArray<ListenConfiguration> Listens { get; init; } = [];

    /// <summary>Channels of SPICE.</summary>
    public ImmutableArray<SpiceChannelConfiguration> Channels { get; init; } = [];

    /// <summary>Compression of images.</summary>
    public string? ImageCompression { get; init; }

    /// <summary>Compression of JPEG.</summary>
    public string? JpegCompression { get; init; }

    /// <summary>Compression of zlib over slow links.</summary>
    public string? ZlibCompression { get; init; }

    /// <summary>Compression of sound.</summary>
    public bool? PlaybackCompression { get; init; }

    /// <summary>filter, all or off: which areas are taken for video.</summary>
    public string? StreamingMode { get; init; }

    /// <summary>Whether the clipboard is shared.</summary>
    public bool? ClipboardCopyPaste { get; init; }

    /// <summary>client or server.</summary>
    public string? MouseMode { get; init; }

    /// <summary>Whether files can be sent.</summary>
    public bool? FileTransfer { get; init; }

    /// <summary>OpenGL.</summary>
    public bool? Gl { get; init; }

    /// <summary>The host's render node.</summary>
    public string? RenderNode { get; init; }

    /// <summary>The audio back end that it takes.</summary>
    public int? Audio { get; init; }
}

/// <summary>Where a display listens.</summary>
public sealed record ListenConfiguration
{
    /// <summary>address, network, socket or none.</summary>
    public string Type { get; init; } = "address";

    /// <summary>An address.</summary>
    public string? Address { get; init; }

    /// <summary>A network of libvirt.</summary>
    public string? Network { get; init; }

    /// <summary>Path of a socket.</summary>
    public string? Socket { get; init; }
}

/// <summary>A channel of SPICE.</summary>
public sealed record SpiceChannelConfiguration
{
    /// <summary>main, display, inputs, cursor and so on.</summary>
    public string Name { get; init; } = "main";

    /// <summary>secure, insecure or any.</summary>
    public string Mode { get; init; } = "any";
}

/// <summary>A display adapter.</summary>
public sealed record VideoConfiguration : DeviceConfiguration
{
    /// <summary>vga, cirrus, qxl, virtio, bochs, ramfb, none and so on; null for what libvirt takes.</summary>
    public string? Model { get; init; }

    /// <summary>KiB of RAM for commands and surfaces, of qxl.</summary>
    public ulong? Ram { get; init; }

    /// <summary>KiB of RAM.</summary>
    public ulong? Vram { get; init; }

    /// <summary>KiB of RAM in the 64-bit BAR.</summary>
    public ulong? Vram64 { get; init; }

    /// <summary>KiB of RAM for VGA.</summary>
    public ulong? VgaMemory { get; init; }

    /// <summary>Displays.</summary>
    public int? Heads { get; init; }

    /// <summary>Whether it is the first.</summary>
    public bool? Primary { get; init; }

    /// <summary>Whether resources may be in memory shared with the host.</summary>
    public bool? Blob { get; init; }

    /// <summary>3D.</summary>
    public bool? Accel3D { get; init; }

    /// <summary>2D.</summary>
    public bool? Accel2D { get; init; }

    /// <summary>The host's render node.</summary>
    public string? RenderNode { get; init; }

    /// <summary>Width at start.</summary>
    public int? ResolutionX { get; init; }

    /// <summary>Height at start.</summary>
    public int? ResolutionY { get; init; }

    /// <summary>The driver.</summary>
    public VideoDriverConfiguration? Driver { get; init; }
}

/// <summary>The driver of a display adapter.</summary>
public sealed record VideoDriverConfiguration : VirtioDriverConfiguration
{
    /// <summary>qemu or vhostuser.</summary>
    public string? Name { get; init; }

    /// <summary>io, on or off: VGA's registers.</summary>
    public string? VgaConf { get; init; }
}

/// <summary>A keyboard, mouse or tablet.</summary>
public sealed record InputConfiguration : DeviceConfiguration
{
    /// <summary>mouse, tablet, keyboard, passthrough or evdev.</summary>
    public string Type { get; init; } = "tablet";

    /// <summary>ps2, usb, virtio, xen or none.</summary>
    public string? Bus { get; init; }

    /// <summary>virtio, virtio-transitional or virtio-non-transitional.</summary>
    public string? Model { get; init; }

    /// <summary>The host's device, of passthrough.</summary>
    public string? EventDevice { get; init; }

    /// <summary>The host's device, of evdev.</summary>
    public string? Device { get; init; }

    /// <summary>all: what is grabbed.</summary>
    public string? Grab { get; init; }

    /// <summary>Keys that give it back.</summary>
    public string? GrabToggle { get; init; }

    /// <summary>Whether keys repeat.</summary>
    public bool? Repeat { get; init; }

    /// <summary>The virtio driver.</summary>
    public VirtioDriverConfiguration? Driver { get; init; }
}

/// <summary>A sound card.</summary>
public sealed record SoundConfiguration : DeviceConfiguration
{
    /// <summary>ac97, ich6, ich9, es1370, sb16, pcspk, usb or virtio.</summary>
    public string Model { get; init; } = "ich9";

    /// <summary>Codecs: duplex, micro or output.</summary>
    public ImmutableArray<CodecConfiguration> Codecs { get; init; } = [];

    /// <summary>The audio back end that it takes.</summary>
    public int? Audio { get; init; }

    /// <summary>The virtio driver.</summary>
    public VirtioDriverConfiguration? Driver { get; init; }
}

/// <summary>A codec of a sound card.</summary>
public sealed record CodecConfiguration
{
    /// <summary>duplex, micro or output.</summary>
    public string Type { get; init; } = "duplex";
}

/// <summary>Where sound goes on the host.</summary>
public sealed record AudioConfiguration
{
    /// <summary>Its number.</summary>
    public int Id { get; init; } = 1;

    /// <summary>none, alsa, coreaudio, dbus, jack, oss, pulseaudio, sdl, spice or file.</summary>
    public string Type { get; init; } = "none";

    /// <summary>Microseconds between timers.</summary>
    public int? TimerPeriod { get; init; }

    /// <summary>A server's name.</summary>
    public string? ServerName { get; init; }

    /// <summary>A file.</summary>
    public string? Path { get; init; }

    /// <summary>A driver of SDL.</summary>
    public string? Driver { get; init; }

    /// <summary>Whether OSS maps memory.</summary>
    public bool? TryMap { get; init; }

    /// <summary>Whether OSS has the device for itself.</summary>
    public bool? Exclusive { get; init; }

    /// <summary>Policy of OSS for its buffers, -1 to 10.</summary>
    public int? DspPolicy { get; init; }

    /// <summary>What is recorded.</summary>
    public AudioStreamConfiguration? Input { get; init; }

    /// <summary>What is played.</summary>
    public AudioStreamConfiguration? Output { get; init; }
}

/// <summary>Sound in one direction.</summary>
public sealed record AudioStreamConfiguration
{
    /// <summary>Whether the monitor mixes.</summary>
    public bool? MixingEngine { get; init; }

    /// <summary>Whether the host's settings are those given.</summary>
    public bool? FixedSettings { get; init; }

    /// <summary>Voices.</summary>
    public int? Voices { get; init; }

    /// <summary>Microseconds that are buffered.</summary>
    public int? BufferLength { get; init; }

    /// <summary>Number of buffers.</summary>
    public int? BufferCount { get; init; }

    /// <summary>A device of the host.</summary>
    public string? Device { get; init; }

    /// <summary>A name of the host's sound system.</summary>
    public string? Name { get; init; }

    /// <summary>The stream's name.</summary>
    public string? StreamName { get; init; }

    /// <summary>Microseconds of latency.</summary>
    public int? Latency { get; init; }

    /// <summary>A server of JACK.</summary>
    public string? ServerName { get; init; }

    /// <summary>A client's name at JACK.</summary>
    public string? ClientName { get; init; }

    /// <summary>Ports of JACK to connect to.</summary>
    public string? ConnectPorts { get; init; }

    /// <summary>Whether the client's name is used as it is.</summary>
    public bool? ExactName { get; init; }

    /// <summary>Whether the host's sound system is polled.</summary>
    public bool? TryPoll { get; init; }

    /// <summary>Hertz.</summary>
    public int? Frequency { get; init; }

    /// <summary>Channels.</summary>
    public int? Channels { get; init; }

    /// <summary>s8, u8, s16, u16, s32, u32 or f32.</summary>
    public string? Format { get; init; }
}
