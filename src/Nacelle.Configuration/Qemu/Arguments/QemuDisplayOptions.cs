using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>Displays, display adapters and sound. Stateless.</summary>
internal static class QemuDisplayOptions
{
    private const int FirstPort = 5900;
    private const int FirstWebPort = 5700;

    private static readonly (string Qemu, string Model)[] s_adapters =
        [("std", "vga"), ("cirrus", "cirrus"), ("vmware", "vmvga"), ("qxl", "qxl"), ("virtio", "virtio")];

    private static readonly (string Qemu, string Xml)[] s_audio =
    [
        ("none", "none"), ("alsa", "alsa"), ("jack", "jack"), ("oss", "oss"), ("pa", "pulseaudio"), ("sdl", "sdl"), ("spice", "spice"),
        ("wav", "file"), ("dbus", "dbus"), ("coreaudio", "coreaudio"),
    ];

    // Names of -spice that have a place: path, and whether the switch means the opposite.
    private static readonly (string Qemu, string Path, QemuValueKind Kind)[] s_spice =
    [
        ("port", "@port", QemuValueKind.Number), ("tls-port", "@tlsPort", QemuValueKind.Number), ("image-compression", "image/@compression", QemuValueKind.Text),
        ("jpeg-wan-compression", "jpeg/@compression", QemuValueKind.Text), ("zlib-glz-wan-compression", "zlib/@compression", QemuValueKind.Text),
        ("playback-compression", "playback/@compression", QemuValueKind.OnOff), ("streaming-video", "streaming/@mode", QemuValueKind.Text),
        ("gl", "gl/@enable", QemuValueKind.YesNo), ("rendernode", "gl/@rendernode", QemuValueKind.Text), ("password", "@passwd", QemuValueKind.Text),
    ];

    /// <summary>-vnc.</summary>
    internal static void Vnc(QemuReading reading, QemuSettings settings)
    {
        QemuMachineTree tree = reading.Tree;
        if (settings.Take("vnc") is not QemuSetting where)
        {
            reading.Shapes.Refuse(settings.Position, $"{settings.Label}: give HOST:DISPLAY, unix:PATH or none first");
            return;
        }

        if (where.Value == "none")
        {
            return;
        }

        XmlTreeElement graphics = tree.AddDevice("graphics", settings);
        tree.Put(graphics, "@type", "vnc", settings);
        int display = 0;
        if (where.Value.StartsWith("unix:", StringComparison.Ordinal))
        {
            Listen(tree, settings, graphics, "socket", where.Value["unix:".Length..], where);
        }
        else
        {
            (string host, string? number) = QemuProtocols.Split(where.Value);
            if (!int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out display) || display > ushort.MaxValue - FirstPort)
            {
                tree.Refuse(settings, where, "HOST:DISPLAY, unix:PATH or none");
                return;
            }

            tree.Put(graphics, "@port", QemuNumbers.Format(FirstPort + display), settings, where);
            if (host.Length != 0)
            {
                Listen(tree, settings, graphics, "address", host, where);
            }
        }

        if (settings.Take("websocket") is QemuSetting web)
        {
            string port = web.Value == "on" ? QemuNumbers.Format(FirstWebPort + display) : web.Value;
            tree.Put(graphics, "@websocket", port, settings, web);
        }

        tree.Move(settings, "share", graphics, "@sharePolicy");
        tree.Move(settings, "power-control", graphics, "@powerControl", QemuValueKind.YesNo);
        UseAudio(reading, settings, graphics);

        // Who may connect is not what the guest has: passwords and keys are given to the process.
        foreach (string name in (string[])["password", "password-secret", "tls-creds", "sasl", "tls-authz", "sasl-authz", "lossy", "non-adaptive", "to", "id"])
        {
            settings.Take(name);
        }
    }

    /// <summary>-spice.</summary>
    internal static void Spice(QemuReading reading, QemuSettings settings)
    {
        QemuMachineTree tree = reading.Tree;
        XmlTreeElement graphics = tree.AddDevice("graphics", settings);
        tree.Put(graphics, "@type", "spice", settings);
        foreach ((string name, string path, QemuValueKind kind) in s_spice)
        {
            tree.Move(settings, name, graphics, path, kind);
        }

        bool isSocket = tree.TakeSwitch(settings, "unix") == true;
        if (settings.Take("addr") is QemuSetting address)
        {
            Listen(tree, settings, graphics, isSocket ? "socket" : "address", address.Value, address);
        }

        Inverted("disable-copy-paste", "clipboard/@copypaste", "no", "yes");
        Inverted("disable-agent-file-xfer", "filetransfer/@enable", "no", "yes");
        Inverted("agent-mouse", "mouse/@mode", "client", "server");
        foreach ((string name, string mode) in ((string, string)[])[("tls-channel", "secure"), ("plaintext-channel", "insecure")])
        {
            foreach (QemuSetting channel in settings.TakeAll(name))
            {
                if (channel.Value == "default")
                {
                    tree.Put(graphics, "@defaultMode", mode, settings, channel);
                    continue;
                }

                XmlTreeElement element = tree.Add(graphics, "channel", channel.Position, $"{channel} of -spice");
                tree.Put(element, "@name", channel.Value, settings, channel);
                tree.Put(element, "@mode", mode, settings, channel);
            }
        }

        foreach (string name in (string[])["disable-ticketing", "seamless-migration", "x509-dir", "ipv4", "ipv6", "sasl", "tls-ciphers", "password-secret"])
        {
            settings.Take(name);
        }

        void Inverted(string name, string path, string on, string off)
        {
            QemuSetting? setting = settings.Find(name);
            if (tree.TakeSwitch(settings, name) is bool value)
            {
                tree.Put(graphics, path, value ? on : off, settings, setting);
            }
        }
    }

    /// <summary>-display.</summary>
    internal static void Display(QemuReading reading, QemuSettings settings)
    {
        QemuMachineTree tree = reading.Tree;
        switch (settings.Find("type")?.Value)
        {
            case "none":
                settings.Take("type");
                break;
            case "sdl" or "egl-headless" or "dbus":
                QemuSetting type = settings.Take("type")!;
                XmlTreeElement graphics = tree.AddDevice("graphics", settings);
                tree.Put(graphics, "@type", type.Value, settings, type);
                if (settings.Find("gl") is QemuSetting gl && QemuNumbers.Switch(gl.Value) is not null)
                {
                    tree.Move(settings, "gl", graphics, "gl/@enable", QemuValueKind.YesNo);
                }

                tree.Move(settings, "rendernode", graphics, "gl/@rendernode");
                tree.Move(settings, "full-screen", graphics, "@fullscreen", QemuValueKind.YesNo);
                tree.Move(settings, "addr", graphics, "@address");
                tree.Move(settings, "p2p", graphics, "@p2p", QemuValueKind.YesNo);
                break;
            default:
                break;
        }
    }

    /// <summary>-vga.</summary>
    internal static void Vga(QemuReading reading, QemuSettings settings)
    {
        QemuSetting adapter = settings.Take("")!;
        reading.WithoutDefault.Add("vga");
        if (adapter.Value == "none")
        {
            return;
        }

        string? model = Array.Find(s_adapters, pair => pair.Qemu == adapter.Value).Model;
        if (model is null)
        {
            reading.Unknown(settings, adapter, settings.Label);
            return;
        }

        XmlTreeElement video = reading.Tree.AddDevice("video", settings);
        reading.Tree.Put(video, "model/@type", model, settings);
    }

    /// <summary>The adapter that the board has where nobody asked for another.</summary>
    internal static void DefaultAdapter(QemuReading reading, QemuSettings origin) =>
        Vga(reading, QemuSettings.Of(origin.Option, origin.Position, ("", "std")));

    /// <summary>-k.</summary>
    internal static void Keymap(QemuReading reading, QemuSettings settings)
    {
        QemuSetting layout = settings.Take("")!;
        reading.AtEnd.Add(() =>
        {
            XmlTreeElement? graphics = reading.Tree.Devices.Children.Find(child => child.Name == "graphics");
            if (graphics is null)
            {
                reading.Unknown(settings, layout, $"-k {layout.Value}");
            }
            else
            {
                reading.Tree.Put(graphics, "@keymap", layout.Value, settings, layout);
            }
        });
    }

    /// <summary>-audiodev.</summary>
    internal static void Audio(QemuReading reading, QemuSettings settings)
    {
        QemuMachineTree tree = reading.Tree;
        settings.IsUsed = true;
        if (settings.Find("driver") is not QemuSetting driver || Array.Find(s_audio, pair => pair.Qemu == driver.Value).Xml is not string type)
        {
            return;
        }

        settings.Take("driver");
        XmlTreeElement audio = tree.AddDevice("audio", settings);
        tree.Put(audio, "@id", QemuNumbers.Format(AudioNumber(reading, settings)), settings);
        tree.Put(audio, "@type", type, settings, driver);
        tree.Move(settings, "timer-period", audio, "@timerPeriod", QemuValueKind.Number);
        tree.Move(settings, "server", audio, "@serverName");
        tree.Move(settings, "path", audio, "@path");
    }

    /// <summary>Takes the audio back end that a device plays to.</summary>
    internal static void UseAudio(QemuReading reading, QemuSettings settings, XmlTreeElement element)
    {
        QemuSetting? reference = settings.Take("audiodev");
        if (reference is not null && reading.Use("audiodev", settings, reference, "-audiodev") is QemuSettings audio)
        {
            reading.Tree.Put(element, "audio/@id", QemuNumbers.Format(AudioNumber(reading, audio)), settings, reference);
        }
    }

    private static int AudioNumber(QemuReading reading, QemuSettings audio) =>
        reading.Options.Where(option => option.Option == "-audiodev").TakeWhile(option => option != audio).Count() + 1;

    private static void Listen(QemuMachineTree tree, QemuSettings settings, XmlTreeElement graphics, string type, string where, QemuSetting setting)
    {
        XmlTreeElement listen = tree.Add(graphics, "listen", setting.Position, $"{setting} of {settings.Option}");
        tree.Put(listen, "@type", type, settings, setting);
        tree.Put(listen, "@" + type, where, settings, setting);
    }
}
