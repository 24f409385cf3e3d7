using static Nacelle.Configuration.TextTypes;

namespace Nacelle.Configuration;

/// <summary>What a person at the machine sees, hears and touches.</summary>
internal static class DisplayShapes
{
    internal static XmlShape<GraphicsConfiguration> Graphics { get; } = new XmlShape<GraphicsConfiguration>()
        .Attribute("type", Word("sdl", "vnc", "spice", "rdp", "desktop", "egl-headless", "dbus"), graphics => graphics.Type, (graphics, value) => graphics with { Type = value }, required: true)
        .Attribute("port", Number(-1, 65535), graphics => graphics.Port, (graphics, value) => graphics with { Port = value })
        .Attribute("tlsPort", Number(-1, 65535), graphics => graphics.TlsPort, (graphics, value) => graphics with { TlsPort = value })
        .Attribute("autoport", YesNo, graphics => graphics.AutoPort, (graphics, value) => graphics with { AutoPort = value })
        .Attribute("websocket", Number(-1, 65535), graphics => graphics.WebSocket, (graphics, value) => graphics with { WebSocket = value })
        .Attribute("listen", Text, graphics => graphics.ListenAddress, (graphics, value) => graphics with { ListenAddress = value })
        .Attribute("socket", FilePath, graphics => graphics.Socket, (graphics, value) => graphics with { Socket = value })
        .Attribute("keymap", Text, graphics => graphics.Keymap, (graphics, value) => graphics with { Keymap = value })
        .Attribute("passwd", AnyText, graphics => graphics.Password, (graphics, value) => graphics with { Password = value })
        .Attribute("passwdValidTo", Text, graphics => graphics.PasswordValidTo, (graphics, value) => graphics with { PasswordValidTo = value })
        .Attribute("connected", Word("fail", "disconnect", "keep"), graphics => graphics.Connected, (graphics, value) => graphics with { Connected = value })
        .Attribute("sharePolicy", Word("allow-exclusive", "force-shared", "ignore"), graphics => graphics.SharePolicy, (graphics, value) => graphics with { SharePolicy = value })
        .Attribute("defaultMode", Word("secure", "insecure", "any"), graphics => graphics.DefaultMode, (graphics, value) => graphics with { DefaultMode = value })
        .Attribute("display", Text, graphics => graphics.Display, (graphics, value) => graphics with { Display = value })
        .Attribute("xauth", FilePath, graphics => graphics.XAuthority, (graphics, value) => graphics with { XAuthority = value })
        .Attribute("fullscreen", YesNo, graphics => graphics.FullScreen, (graphics, value) => graphics with { FullScreen = value })
        .Attribute("powerControl", YesNo, graphics => graphics.PowerControl, (graphics, value) => graphics with { PowerControl = value })
        .Attribute("multiUser", YesNo, graphics => graphics.MultiUser, (graphics, value) => graphics with { MultiUser = value })
        .Attribute("p2p", YesNo, graphics => graphics.PeerToPeer, (graphics, value) => graphics with { PeerToPeer = value })
        .Attribute("address", Text, graphics => graphics.DbusAddress, (graphics, value) => graphics with { DbusAddress = value })
        .Many("listen", () => Listen!, () => new ListenConfiguration(), graphics => graphics.Listens, (graphics, value) => graphics with { Listens = value })
        .Many("channel", () => SpiceChannel!, () => new SpiceChannelConfiguration(), graphics => graphics.Channels, (graphics, value) => graphics with { Channels = value })
        .Group("image", group => group
            .Attribute("compression", Text, graphics => graphics.ImageCompression, (graphics, value) => graphics with { ImageCompression = value }))
        .Group("jpeg", group => group
            .Attribute("compression", Text, graphics => graphics.JpegCompression, (graphics, value) => graphics with { JpegCompression = value }))
        .Group("zlib", group => group
            .Attribute("compression", Text, graphics => graphics.ZlibCompression, (graphics, value) => graphics with { ZlibCompression = value }))
        .Group("playback", group => group
            .Attribute("compression", OnOff, graphics => graphics.PlaybackCompression, (graphics, value) => graphics with { PlaybackCompression = value }))
        .Group("streaming", group => group
            .Attribute("mode", Word("filter", "all", "off"), graphics => graphics.StreamingMode, (graphics, value) => graphics with { StreamingMode = value }))
        .Group("clipboard", group => group
            .Attribute("copypaste", YesNo, graphics => graphics.ClipboardCopyPaste, (graphics, value) => graphics with { ClipboardCopyPaste = value }))
        .Group("mouse", group => group
            .Attribute("mode", Word("client", "server"), graphics => graphics.MouseMode, (graphics, value) => graphics with { MouseMode = value }))
        .Group("filetransfer", group => group
            .Attribute("enable", YesNo, graphics => graphics.FileTransfer, (graphics, value) => graphics with { FileTransfer = value }))
        .Group("gl", group => group
            .Attribute("enable", YesNo, graphics => graphics.Gl, (graphics, value) => graphics with { Gl = value })
            .Attribute("rendernode", FilePath, graphics => graphics.RenderNode, (graphics, value) => graphics with { RenderNode = value }))
        .Group("audio", group => group
            .Attribute("id", Number(1), graphics => graphics.Audio, (graphics, value) => graphics with { Audio = value }));

    internal static XmlShape<VideoConfiguration> Video { get; } = new XmlShape<VideoConfiguration>()
        .Child("driver", () => VideoDriver!, () => new VideoDriverConfiguration(), video => video.Driver, (video, value) => video with { Driver = value })
        .Group("model", group => group
            .Attribute("type", Word("vga", "cirrus", "vmvga", "xen", "vbox", "qxl", "parallels", "virtio", "gop", "none", "bochs", "ramfb"), video => video.Model, (video, value) => video with { Model = value })
            .Attribute("ram", Large(0, uint.MaxValue), video => video.Ram, (video, value) => video with { Ram = value })
            .Attribute("vram", Large(0, uint.MaxValue), video => video.Vram, (video, value) => video with { Vram = value })
            .Attribute("vram64", Large(0, uint.MaxValue), video => video.Vram64, (video, value) => video with { Vram64 = value })
            .Attribute("vgamem", Large(0, uint.MaxValue), video => video.VgaMemory, (video, value) => video with { VgaMemory = value })
            .Attribute("heads", Number(1, 64), video => video.Heads, (video, value) => video with { Heads = value })
            .Attribute("primary", YesNo, video => video.Primary, (video, value) => video with { Primary = value })
            .Attribute("blob", OnOff, video => video.Blob, (video, value) => video with { Blob = value })
            .Group("acceleration", acceleration => acceleration
                .Attribute("accel3d", YesNo, video => video.Accel3D, (video, value) => video with { Accel3D = value })
                .Attribute("accel2d", YesNo, video => video.Accel2D, (video, value) => video with { Accel2D = value })
                .Attribute("rendernode", FilePath, video => video.RenderNode, (video, value) => video with { RenderNode = value }))
            .Group("resolution", resolution => resolution
                .Attribute("x", Number(1, 65535), video => video.ResolutionX, (video, value) => video with { ResolutionX = value })
                .Attribute("y", Number(1, 65535), video => video.ResolutionY, (video, value) => video with { ResolutionY = value })))
        .Device(acpi: true);

    internal static XmlShape<InputConfiguration> Input { get; } = new XmlShape<InputConfiguration>()
        .Attribute("type", Word("mouse", "tablet", "keyboard", "passthrough", "evdev"), input => input.Type, (input, value) => input with { Type = value }, required: true)
        .Attribute("bus", Word("ps2", "usb", "virtio", "xen", "parallels", "none"), input => input.Bus, (input, value) => input with { Bus = value })
        .Attribute("model", Word(ConfigurationWords.VirtioModels), input => input.Model, (input, value) => input with { Model = value })
        .Child("driver", () => DeviceShapes.VirtioDriverOnly, () => new VirtioDriverConfiguration(), input => input.Driver, (input, value) => input with { Driver = value })
        .Group("source", group => group
            .Attribute("evdev", FilePath, input => input.EventDevice, (input, value) => input with { EventDevice = value })
            .Attribute("dev", FilePath, input => input.Device, (input, value) => input with { Device = value })
            .Attribute("grab", Word("all"), input => input.Grab, (input, value) => input with { Grab = value })
            .Attribute("grabToggle", Text, input => input.GrabToggle, (input, value) => input with { GrabToggle = value })
            .Attribute("repeat", OnOff, input => input.Repeat, (input, value) => input with { Repeat = value }))
        .Device(acpi: true);

    internal static XmlShape<SoundConfiguration> Sound { get; } = new XmlShape<SoundConfiguration>()
        .Attribute("model", Word("ac97", "ich6", "ich7", "ich9", "es1370", "sb16", "pcspk", "usb", "virtio"), sound => sound.Model, (sound, value) => sound with { Model = value }, required: true)
        .Many("codec", () => Codec!, () => new CodecConfiguration(), sound => sound.Codecs, (sound, value) => sound with { Codecs = value })
        .Group("audio", group => group
            .Attribute("id", Number(1), sound => sound.Audio, (sound, value) => sound with { Audio = value }))
        .Child("driver", () => DeviceShapes.VirtioDriverOnly, () => new VirtioDriverConfiguration(), sound => sound.Driver, (sound, value) => sound with { Driver = value })
        .Device(acpi: true);

    internal static XmlShape<AudioConfiguration> Audio { get; } = new XmlShape<AudioConfiguration>()
        .Attribute("id", Number(1), audio => audio.Id, (audio, value) => audio with { Id = value }, required: true)
        .Attribute("type", Word("none", "alsa", "coreaudio", "dbus", "jack", "oss", "pulseaudio", "sdl", "spice", "file"), audio => audio.Type, (audio, value) => audio with { Type = value }, required: true)
        .Attribute("timerPeriod", Number(1), audio => audio.TimerPeriod, (audio, value) => audio with { TimerPeriod = value })
        .Attribute("serverName", Text, audio => audio.ServerName, (audio, value) => audio with { ServerName = value })
        .Attribute("path", FilePath, audio => audio.Path, (audio, value) => audio with { Path = value })
        .Attribute("driver", Text, audio => audio.Driver, (audio, value) => audio with { Driver = value })
        .Attribute("tryMMap", YesNo, audio => audio.TryMap, (audio, value) => audio with { TryMap = value })
        .Attribute("exclusive", YesNo, audio => audio.Exclusive, (audio, value) => audio with { Exclusive = value })
        .Attribute("dspPolicy", Number(-1, 10), audio => audio.DspPolicy, (audio, value) => audio with { DspPolicy = value })
        .Child("input", () => AudioStream!, () => new AudioStreamConfiguration(), audio => audio.Input, (audio, value) => audio with { Input = value })
        .Child("output", () => AudioStream!, () => new AudioStreamConfiguration(), audio => audio.Output, (audio, value) => audio with { Output = value });

    private static XmlShape<AudioStreamConfiguration> AudioStream { get; } = new XmlShape<AudioStreamConfiguration>()
        .Attribute("mixingEngine", YesNo, stream => stream.MixingEngine, (stream, value) => stream with { MixingEngine = value })
        .Attribute("fixedSettings", YesNo, stream => stream.FixedSettings, (stream, value) => stream with { FixedSettings = value })
        .Attribute("voices", Number(1), stream => stream.Voices, (stream, value) => stream with { Voices = value })
        .Attribute("bufferLength", Number(1), stream => stream.BufferLength, (stream, value) => stream with { BufferLength = value })
        .Attribute("bufferCount", Number(1), stream => stream.BufferCount, (stream, value) => stream with { BufferCount = value })
        .Attribute("dev", FilePath, stream => stream.Device, (stream, value) => stream with { Device = value })
        .Attribute("name", Text, stream => stream.Name, (stream, value) => stream with { Name = value })
        .Attribute("streamName", Text, stream => stream.StreamName, (stream, value) => stream with { StreamName = value })
        .Attribute("latency", Number(1), stream => stream.Latency, (stream, value) => stream with { Latency = value })
        .Attribute("serverName", Text, stream => stream.ServerName, (stream, value) => stream with { ServerName = value })
        .Attribute("clientName", Text, stream => stream.ClientName, (stream, value) => stream with { ClientName = value })
        .Attribute("connectPorts", Text, stream => stream.ConnectPorts, (stream, value) => stream with { ConnectPorts = value })
        .Attribute("exactName", YesNo, stream => stream.ExactName, (stream, value) => stream with { ExactName = value })
        .Attribute("tryPoll", YesNo, stream => stream.TryPoll, (stream, value) => stream with { TryPoll = value })
        .Group("settings", group => group
            .Attribute("frequency", Number(1), stream => stream.Frequency, (stream, value) => stream with { Frequency = value })
            .Attribute("channels", Number(1), stream => stream.Channels, (stream, value) => stream with { Channels = value })
            .Attribute("format", Word("s8", "u8", "s16", "u16", "s32", "u32", "f32"), stream => stream.Format, (stream, value) => stream with { Format = value }));

    private static XmlShape<CodecConfiguration> Codec { get; } = new XmlShape<CodecConfiguration>()
        .Attribute("type", Word("duplex", "micro", "output"), codec => codec.Type, (codec, value) => codec with { Type = value }, required: true);

    private static XmlShape<ListenConfiguration> Listen { get; } = new XmlShape<ListenConfiguration>()
        .Attribute("type", Word("address", "network", "socket", "none"), listen => listen.Type, (listen, value) => listen with { Type = value }, required: true)
        .Attribute("address", Text, listen => listen.Address, (listen, value) => listen with { Address = value })
        .Attribute("network", Text, listen => listen.Network, (listen, value) => listen with { Network = value })
        .Attribute("socket", FilePath, listen => listen.Socket, (listen, value) => listen with { Socket = value });

    private static XmlShape<SpiceChannelConfiguration> SpiceChannel { get; } = new XmlShape<SpiceChannelConfiguration>()
        .Attribute("name", Word("main", "display", "inputs", "cursor", "playback", "record", "smartcard", "usbredir"), channel => channel.Name, (channel, value) => channel with { Name = value }, required: true)
        .Attribute("mode", Word("secure", "insecure", "any"), channel => channel.Mode, (channel, value) => channel with { Mode = value }, required: true);

    private static XmlShape<VideoDriverConfiguration> VideoDriver { get; } = new XmlShape<VideoDriverConfiguration>()
        .Attribute("name", Word("qemu", "vhostuser"), driver => driver.Name, (driver, value) => driver with { Name = value })
        .Attribute("vgaconf", Word("io", "on", "off"), driver => driver.VgaConf, (driver, value) => driver with { VgaConf = value })
        .VirtioDriver();
}
