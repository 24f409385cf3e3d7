using static Nacelle.Configuration.QemuWriting;

namespace Nacelle.Configuration;

/// <summary>Writes what character devices are connected to. Stateless.</summary>
internal static class QemuCharacterWriter
{
    /// <summary>Writes a -chardev.</summary>
    /// <returns>Its name.</returns>
    internal static string Write(QemuWriting writing, XmlTreeElement element)
    {
        string id = writing.Make("char");
        List<string> settings = [Setting("id", id)];
        string type = Take(element, "@type") ?? "null";
        Take(element, "@tty");
        string kind = type switch { "unix" or "tcp" => "socket", "dev" => element.Name == "parallel" ? "parallel" : "serial", _ => type };
        List<XmlTreeElement> sources = element.Children.FindAll(child => child.Name == "source");
        XmlTreeElement source = sources.Count == 0 ? new XmlTreeElement("", "source", default) : sources[0];
        switch (kind)
        {
            case "socket":
                Move(source, "@path", settings, "path");
                Move(source, "@host", settings, "host");
                Move(source, "@service", settings, "port");
                if (Take(source, "@mode") == "bind")
                {
                    settings.Add("server=on");
                    settings.Add("wait=off");
                }

                if (Take(element, "protocol/@type") == "telnet")
                {
                    settings.Add("telnet=on");
                }

                if (TakeIf(source, "reconnect/@enabled", "yes"))
                {
                    Move(source, "reconnect/@timeout", settings, "reconnect");
                }

                TakeIf(source, "@tls", "no");
                break;
            case "file" or "pipe" or "serial" or "parallel":
                Move(source, "@path", settings, "path");
                if (kind == "file")
                {
                    Move(source, "@append", settings, "append");
                }

                break;
            case "udp":
                foreach (XmlTreeElement end in sources)
                {
                    bool isLocal = Take(end, "@mode") == "bind";
                    Move(end, "@host", settings, isLocal ? "localaddr" : "host");
                    Move(end, "@service", settings, isLocal ? "localport" : "port");
                }

                break;
            case "pty":
                // The terminal has a path while the machine runs.
                Take(source, "@path");
                break;
            case "spicevmc":
                settings.Add(Setting("name", element.Name == "redirdev" ? "usbredir" : "vdagent"));
                break;
            case "spiceport" or "dbus":
                Move(source, "@channel", settings, "name");
                break;
            case "qemu-vdagent":
                settings.Add("name=vdagent");
                Move(source, "clipboard/@copypaste", settings, "clipboard", QemuValueKind.YesNo);
                if (Take(source, "mouse/@mode") is string mouse)
                {
                    settings.Add(Setting("mouse", mouse == "client" ? "on" : "off"));
                }

                break;
            default:
                break;
        }

        element.Children.RemoveAll(child => child.Name == "source" && child.IsEmpty);
        Move(element, "log/@file", settings, "logfile");
        Move(element, "log/@append", settings, "logappend");
        Take(element, "target/@state");
        if (element.Name is "console" or "serial" or "parallel" && Peek(element, "target/@type") is "virtio" or "pci-serial" or "usb-serial" or "isa-debug")
        {
            Take(element, "target/@port");
        }

        writing.Add("-chardev", [kind, .. settings]);
        return id;
    }
}
