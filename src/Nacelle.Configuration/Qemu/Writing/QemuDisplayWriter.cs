using System.Globalization;
using static Nacelle.Configuration.QemuWriting;

namespace Nacelle.Configuration;

/// <summary>Writes displays and audio back ends. Stateless.</summary>
internal static class QemuDisplayWriter
{
    private const int FirstPort = 5900;

    /// <summary>Where libvirt listens when nobody says where; QEMU would listen on every address, without a password.</summary>
    private const string Loopback = "127.0.0.1";

    /// <summary>Writes an element.</summary>
    internal static void Write(QemuWriting writing, XmlTreeElement element)
    {
        switch (Peek(element, "@type"))
        {
            case var type when element.Name == "audio":
                List<string> settings = [type switch { "pulseaudio" => "pa", "file" => "wav", _ => type ?? "none" }];
                Take(element, "@type");
                settings.Add(Setting("id", $"made-audio{Take(element, "@id")}"));
                Move(element, "@timerPeriod", settings, "timer-period");
                Move(element, "@serverName", settings, "server");
                Move(element, "@path", settings, "path");
                writing.Add("-audiodev", [.. settings]);
                break;
            case "vnc":
                Vnc(writing, element);
                break;
            case "spice":
                Spice(writing, element);
                break;
            case "sdl" or "egl-headless" or "dbus":
                List<string> display = [Take(element, "@type")!];
                Move(element, "gl/@enable", display, "gl", QemuValueKind.YesNo);
                Move(element, "gl/@rendernode", display, "rendernode");
                Move(element, "@fullscreen", display, "full-screen", QemuValueKind.YesNo);
                Move(element, "@address", display, "addr");
                Move(element, "@p2p", display, "p2p", QemuValueKind.YesNo);
                writing.Add("-display", [.. display]);
                break;
            default:
                break;
        }
    }

    private static void Vnc(QemuWriting writing, XmlTreeElement element)
    {
        Take(element, "@type");
        string? listen = Take(element, "@listen");
        string? type = Take(element, "listen/@type");
        string? address = Take(element, "listen/@address") ?? listen;
        bool isAutomatic = Take(element, "@autoport") == "yes" || Peek(element, "@port") is null or "-1";
        string? port = Take(element, "@port");
        List<string> settings = [];
        if (type == "socket" && Take(element, "listen/@socket") is string socket)
        {
            settings.Add($"unix:{socket.Replace(",", ",,", StringComparison.Ordinal)}");
        }
        else
        {
            // A free port is looked for from the first one on.
            int number = isAutomatic || !int.TryParse(port, CultureInfo.InvariantCulture, out int given) ? 0 : given - FirstPort;
            settings.Add(string.Create(CultureInfo.InvariantCulture, $"{Literal(address ?? Loopback)}:{number}"));
            if (isAutomatic)
            {
                settings.Add("to=99");
            }

            if (number < 0)
            {
                writing.Refusals.Add($"<graphics> port='{port}': QEMU has VNC at {FirstPort} and above");
            }
        }

        Move(element, "@websocket", settings, "websocket");
        Move(element, "@sharePolicy", settings, "share");
        Move(element, "@powerControl", settings, "power-control", QemuValueKind.YesNo);
        QemuBackEndWriter.Audio(element, settings);
        writing.Add("-vnc", [.. settings]);
        Keymap(writing, element);
    }

    /// <summary>An address before a port: IPv6 in brackets (RFC 3986, 3.2.2).</summary>
    private static string Literal(string address) => address.Contains(':', StringComparison.Ordinal) ? $"[{address}]" : address;

    private static void Spice(QemuWriting writing, XmlTreeElement element)
    {
        Take(element, "@type");
        List<string> settings = [];
        string? listen = Take(element, "@listen");
        string? type = Take(element, "listen/@type");
        if (type == "socket" && Take(element, "listen/@socket") is string socket)
        {
            settings.Add("unix=on");
            settings.Add(Setting("addr", socket));
        }
        else
        {
            settings.Add(Setting("addr", Take(element, "listen/@address") ?? listen ?? Loopback));
        }

        if (TakeIf(element, "@autoport", "yes") && Peek(element, "@port") is null or "-1")
        {
            Take(element, "@port");
            settings.Add(Setting("port", QemuNumbers.Format(FirstPort)));
        }

        TakeIf(element, "@autoport", "no");
        TakeIf(element, "@tlsPort", "-1");
        Move(element, "@port", settings, "port");
        Move(element, "@tlsPort", settings, "tls-port");
        settings.Add("disable-ticketing=on");
        Move(element, "image/@compression", settings, "image-compression");
        Move(element, "jpeg/@compression", settings, "jpeg-wan-compression");
        Move(element, "zlib/@compression", settings, "zlib-glz-wan-compression");
        Move(element, "playback/@compression", settings, "playback-compression");
        Move(element, "streaming/@mode", settings, "streaming-video");
        Move(element, "gl/@enable", settings, "gl", QemuValueKind.YesNo);
        Move(element, "gl/@rendernode", settings, "rendernode");
        Inverted("clipboard/@copypaste", "disable-copy-paste", "no");
        Inverted("filetransfer/@enable", "disable-agent-file-xfer", "no");
        Inverted("mouse/@mode", "agent-mouse", "client");
        foreach (XmlTreeElement channel in element.Children.Where(child => child.Name == "channel" && Peek(child, "@mode") is "secure" or "insecure").ToArray())
        {
            settings.Add(Setting(Peek(channel, "@mode") == "secure" ? "tls-channel" : "plaintext-channel", Peek(channel, "@name") ?? ""));
            element.Children.Remove(channel);
        }

        if (Peek(element, "@defaultMode") is "secure" or "insecure" && Take(element, "@defaultMode") is string mode)
        {
            settings.Add(Setting(mode == "secure" ? "tls-channel" : "plaintext-channel", "default"));
        }

        writing.Add("-spice", [.. settings]);
        Keymap(writing, element);

        void Inverted(string path, string name, string on)
        {
            if (Take(element, path) is string value)
            {
                settings.Add(Setting(name, value == on ? "on" : "off"));
            }
        }
    }

    private static void Keymap(QemuWriting writing, XmlTreeElement element)
    {
        if (Take(element, "@keymap") is string keymap)
        {
            writing.Add("-k", keymap);
        }
    }
}
