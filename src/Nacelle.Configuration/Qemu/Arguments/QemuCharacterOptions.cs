using System.Collections.Frozen;

namespace Nacelle.Configuration;

/// <summary>-chardev, -serial, -parallel and -monitor. Stateless.</summary>
internal static class QemuCharacterOptions
{
    private static readonly FrozenDictionary<string, string> s_types = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["null"] = "null",
        ["pty"] = "pty",
        ["file"] = "file",
        ["stdio"] = "stdio",
        ["pipe"] = "pipe",
        ["serial"] = "dev",
        ["tty"] = "dev",
        ["parallel"] = "dev",
        ["parport"] = "dev",
        ["udp"] = "udp",
        ["vc"] = "vc",
        ["spicevmc"] = "spicevmc",
        ["spiceport"] = "spiceport",
        ["qemu-vdagent"] = "qemu-vdagent",
        ["dbus"] = "dbus",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>-serial.</summary>
    internal static void Serial(QemuReading reading, QemuSettings settings) => Port(reading, settings, "serial");

    /// <summary>-parallel.</summary>
    internal static void Parallel(QemuReading reading, QemuSettings settings) => Port(reading, settings, "parallel");

    /// <summary>-monitor and -qmp: how the process is controlled.</summary>
    internal static void Monitor(QemuReading reading, QemuSettings settings)
    {
        QemuSetting where = settings.Take("")!;
        if (where.Value.StartsWith("chardev:", StringComparison.Ordinal))
        {
            UseWhole(reading, settings, new QemuSetting("chardev", where.Value["chardev:".Length..], where.Position));
        }

        reading.WithoutDefault.Add("monitor");
    }

    /// <summary>-mon.</summary>
    internal static void MonitorOn(QemuReading reading, QemuSettings settings)
    {
        foreach (QemuSetting setting in settings.All)
        {
            setting.IsTaken = true;
        }

        reading.WithoutDefault.Add("monitor");
        if (settings.Find("chardev") is QemuSetting reference)
        {
            UseWhole(reading, settings, reference);
        }
    }

    /// <summary>-debugcon: a port of ISA that writes come out of.</summary>
    internal static void DebugConsole(QemuReading reading, QemuSettings settings)
    {
        XmlTreeElement element = reading.Tree.AddDevice("serial", settings);
        reading.Tree.Put(element, "target/@type", "isa-debug", settings);
        reading.Tree.Put(element, "target/model/@name", "isa-debugcon", settings);
        Redirect(reading, settings, settings.Take("")!, element);
    }

    /// <summary>A port of the board that nobody asked for.</summary>
    internal static void DefaultPort(QemuReading reading, QemuSettings origin, string name, string where) =>
        Port(reading, QemuSettings.Of(origin.Option, origin.Position, ("", where)), name);

    /// <summary>Takes what a device is connected to.</summary>
    internal static void Device(QemuReading reading, QemuSettings settings, XmlTreeElement element)
    {
        if (reading.UseNamed("chardev", settings, "chardev", "-chardev") is QemuSettings backEnd)
        {
            BackEnd(reading, backEnd, element);
            if (element.Name == "smartcard")
            {
                // One source, and no attributes beside.
                element.Children.RemoveAll(child => child.Name is "protocol" or "log");
            }
        }
        else
        {
            reading.Tree.Put(element, "@type", "null", settings);
        }
    }

    /// <summary>Says what a -chardev is.</summary>
    internal static void BackEnd(QemuReading reading, QemuSettings settings, XmlTreeElement element)
    {
        QemuMachineTree tree = reading.Tree;
        QemuSetting? kind = settings.Take("backend");
        tree.Move(settings, "logfile", element, "log/@file");
        tree.Move(settings, "logappend", element, "log/@append", QemuValueKind.OnOff);
        settings.TakeIf("mux", "off", "on");
        settings.TakeIf("signal", "on", "off");
        if (kind?.Value == "socket")
        {
            Socket(reading, settings, element);
            return;
        }

        if (kind is null || !s_types.TryGetValue(kind.Value, out string? type))
        {
            tree.Put(element, "@type", "null", settings);
            if (kind is not null)
            {
                kind.IsTaken = false;
            }

            return;
        }

        tree.Put(element, "@type", type, settings, kind);
        switch (type)
        {
            case "file" or "pipe" or "dev":
                tree.Move(settings, "path", element, "source/@path");
                tree.Move(settings, "append", element, "source/@append", QemuValueKind.OnOff);
                break;
            case "spicevmc":
                settings.Take("name");
                break;
            case "spiceport" or "dbus":
                tree.Move(settings, "name", element, "source/@channel");
                break;
            case "udp":
                XmlTreeElement remote = tree.Add(element, "source", settings.Position, settings.Label);
                tree.Put(remote, "@mode", "connect", settings);
                tree.Move(settings, "host", remote, "@host");
                tree.Move(settings, "port", remote, "@service");
                if (settings.Find("localport") is not null || settings.Find("localaddr") is not null)
                {
                    XmlTreeElement local = tree.Add(element, "source", settings.Position, settings.Label);
                    tree.Put(local, "@mode", "bind", settings);
                    tree.Move(settings, "localaddr", local, "@host");
                    tree.Move(settings, "localport", local, "@service");
                }

                break;
            case "qemu-vdagent":
                tree.Move(settings, "clipboard", element, "source/clipboard/@copypaste", QemuValueKind.YesNo);
                if (tree.TakeSwitch(settings, "mouse") is bool mouse)
                {
                    tree.Put(element, "source/mouse/@mode", mouse ? "client" : "server", settings);
                }

                settings.TakeIf("name", "vdagent");
                break;
            default:
                break;
        }
    }

    /// <summary>Takes what is left of a socket that something else speaks on.</summary>
    internal static void TakeSocket(QemuSettings settings)
    {
        foreach (string name in (string[])["backend", "path", "server", "wait", "fd"])
        {
            settings.Take(name);
        }
    }

    private static void Socket(QemuReading reading, QemuSettings settings, XmlTreeElement element)
    {
        QemuMachineTree tree = reading.Tree;
        bool isUnix = settings.Find("path") is not null || settings.Find("port") is null;
        tree.Put(element, "@type", isUnix ? "unix" : "tcp", settings);
        bool isServer = tree.TakeSwitch(settings, "server") == true;
        tree.Put(element, "source/@mode", isServer ? "bind" : "connect", settings);

        // Whether the process waits for somebody before the guest starts; and a file that it was given open.
        settings.Take("wait");
        settings.Take("fd");
        tree.Move(settings, "path", element, "source/@path");
        if (!isUnix)
        {
            if (settings.Take("host") is QemuSetting { Value.Length: > 0 } host)
            {
                tree.Put(element, "source/@host", host.Value, settings, host);
            }

            tree.Move(settings, "port", element, "source/@service");
            bool telnet = tree.TakeSwitch(settings, "telnet") == true;
            tree.Put(element, "protocol/@type", telnet ? "telnet" : "raw", settings);
            if (settings.Take("tls-creds") is not null)
            {
                tree.Put(element, "source/@tls", "yes", settings);
            }
        }

        if (settings.Find("reconnect") is QemuSetting reconnect && reconnect.Value != "0")
        {
            tree.Put(element, "source/reconnect/@enabled", "yes", settings);
            tree.Move(settings, "reconnect", element, "source/reconnect/@timeout", QemuValueKind.Number);
        }
    }

    private static void Port(QemuReading reading, QemuSettings settings, string name)
    {
        QemuMachineTree tree = reading.Tree;
        QemuSetting where = settings.Take("")!;
        reading.WithoutDefault.Add(name);
        if (where.Value == "none")
        {
            return;
        }

        XmlTreeElement element = tree.AddDevice(name, settings);
        if (name == "serial")
        {
            tree.Put(element, "target/@type", "isa-serial", settings);
            tree.Put(element, "target/model/@name", "isa-serial", settings);
        }

        int number = tree.Devices.Children.Count(child => child.Name == name) - 1;
        tree.Put(element, "target/@port", QemuNumbers.Format(number), settings);
        Redirect(reading, settings, where, element);
    }

    /// <summary>The short form of a back end, such as unix:PATH,server=on.</summary>
    private static void Redirect(QemuReading reading, QemuSettings settings, QemuSetting where, XmlTreeElement element)
    {
        string text = where.Value.StartsWith("mon:", StringComparison.Ordinal) ? where.Value["mon:".Length..] : where.Value;
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        string head = colon < 0 ? text.Split(',')[0] : text[..colon];
        string rest = colon < 0 ? "" : text[(colon + 1)..];
        if (head == "chardev")
        {
            if (reading.Use("chardev", settings, new QemuSetting("chardev", rest, where.Position), "-chardev") is QemuSettings defined)
            {
                BackEnd(reading, defined, element);
            }

            return;
        }

        QemuSettings backEnd = Short(settings, head, rest);
        BackEnd(reading, backEnd, element);
        foreach (QemuSetting left in backEnd.Left)
        {
            reading.Unknown(settings, where, $"{left.Value} of {settings.Label}");
        }
    }

    private static QemuSettings Short(QemuSettings settings, string head, string rest)
    {
        SourcePosition position = settings.Position;
        string[] parts = rest.Split(',');
        List<(string, string)> more = [];
        foreach (string part in parts.Skip(1))
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            more.Add(equals >= 0 ? (part[..equals], part[(equals + 1)..])
                : part.StartsWith("no", StringComparison.Ordinal) ? (part[2..], "off") : (part, "on"));
        }

        (string Host, string? Port) address = QemuProtocols.Split(parts[0]);
        (string, string)[] first = head switch
        {
            "file" or "pipe" => [("backend", head), ("path", rest)],
            "unix" => [("backend", "socket"), ("path", parts[0])],
            "tcp" or "telnet" => [("backend", "socket"), ("host", address.Host), ("port", address.Port ?? parts[0]), ("telnet", head == "telnet" ? "on" : "off")],
            "udp" => Udp(rest),
            "vc" => [("backend", "vc")],
            _ when head.StartsWith("/dev/", StringComparison.Ordinal) => [("backend", "serial"), ("path", head)],
            _ => [("backend", head)],
        };
        return QemuSettings.Of(settings.Option, position, [.. first, .. more.Where(_ => head is "unix" or "tcp" or "telnet")]);
    }

    /// <summary>udp:[host]:port[@[host]:port].</summary>
    private static (string, string)[] Udp(string text)
    {
        string[] ends = text.Split('@');
        (string host, string? port) = QemuProtocols.Split(ends[0]);
        List<(string, string)> values = [("backend", "udp"), ("port", port ?? "")];
        if (host.Length != 0)
        {
            values.Add(("host", host));
        }

        if (ends.Length == 2)
        {
            (string localHost, string? localPort) = QemuProtocols.Split(ends[1]);
            values.Add(("localport", localPort ?? ""));
            if (localHost.Length != 0)
            {
                values.Add(("localaddr", localHost));
            }
        }

        return [.. values];
    }

    private static void UseWhole(QemuReading reading, QemuSettings settings, QemuSetting reference)
    {
        foreach (QemuSetting setting in reading.Use("chardev", settings, reference, "-chardev")?.All ?? [])
        {
            setting.IsTaken = true;
        }
    }
}
