using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>-netdev, -nic and -net: what network cards are connected to. Stateless.</summary>
internal static class QemuNetworkOptions
{
    /// <summary>Scripts that QEMU runs for a tap device where nothing else is said.</summary>
    internal const string DefaultScript = "/etc/qemu-ifup";

    /// <summary>The script at the end.</summary>
    internal const string DefaultDownScript = "/etc/qemu-ifdown";

    /// <summary>-nic: a card and what it is connected to.</summary>
    internal static void Nic(QemuReading reading, QemuSettings settings)
    {
        reading.WithoutDefault.Add("net");
        if (settings.Find("type")?.Value == "none")
        {
            settings.Take("type");
            return;
        }

        XmlTreeElement element = reading.Tree.AddDevice("interface", settings);
        Model(reading, settings, element);
        settings.Take("id");
        BackEnd(reading, settings, element);
    }

    /// <summary>Notes a -net that is no card.</summary>
    internal static void DefineNet(QemuReading reading, QemuSettings settings)
    {
        reading.WithoutDefault.Add("net");
        settings.IsUsed = settings.Find("type")?.Value is "none" or "nic";
    }

    /// <summary>-net: cards and what they are connected to come in pairs, in order.</summary>
    internal static void Net(QemuReading reading, QemuSettings settings)
    {
        switch (settings.Find("type")?.Value)
        {
            case "none":
                settings.Take("type");
                break;
            case "nic":
                settings.Take("type");
                XmlTreeElement element = reading.Tree.AddDevice("interface", settings);
                if (settings.Take("macaddr") is QemuSetting mac)
                {
                    reading.Tree.Put(element, "mac/@address", mac.Value, settings, mac);
                }

                Model(reading, settings, element);
                reading.Tree.Put(element, "@type", "null", settings);
                reading.AtEnd.Add(() =>
                {
                    // All on one hub, in the first form that QEMU had; one card and one back end are what is left of it.
                    if (reading.Options.Find(option => option.Option == "-net" && !option.IsUsed) is QemuSettings backEnd)
                    {
                        backEnd.IsUsed = true;
                        BackEnd(reading, backEnd, element);
                    }
                });
                break;
            default:
                break;
        }
    }

    /// <summary>The card that the board has where nobody asked for another.</summary>
    internal static void DefaultCard(QemuReading reading, QemuSettings origin) => Nic(
        reading, QemuSettings.Of(origin.Option, origin.Position, ("type", "user")));

    /// <summary>Takes what a card's device refers to.</summary>
    internal static void Card(QemuReading reading, QemuSettings settings, XmlTreeElement element)
    {
        QemuMachineTree tree = reading.Tree;
        if (settings.Find("failover")?.Value == "on")
        {
            tree.Put(element, "teaming/@type", "persistent", settings, settings.Take("failover"));
        }

        if (settings.Take("netdev") is QemuSetting reference && reading.Use("netdev", settings, reference, "-netdev") is QemuSettings backEnd)
        {
            BackEnd(reading, backEnd, element);
        }
        else
        {
            tree.Put(element, "@type", "null", settings);
        }

        // Both follow from the number of queues.
        bool hasQueues = element.Children.Exists(child => child.Name == "driver" && child.Attributes.Exists(pair => pair.Name == "queues"));
        settings.TakeIf("mq", hasQueues ? "on" : "off");
        if (hasQueues)
        {
            settings.Take("vectors");
        }
    }

    private static void Model(QemuReading reading, QemuSettings settings, XmlTreeElement element)
    {
        QemuMachineTree tree = reading.Tree;
        QemuSetting? model = settings.Take("model");
        string name = model?.Value switch
        {
            null => reading.IsQ35 ? "e1000e" : "e1000",
            "virtio" or "virtio-net-pci" => "virtio",
            string other => QemuDeviceTable.Canonical(other),
        };
        tree.Put(element, "model/@type", name, settings, model);
        tree.Move(settings, "mac", element, "mac/@address");
    }

    private static void BackEnd(QemuReading reading, QemuSettings settings, XmlTreeElement element)
    {
        QemuMachineTree tree = reading.Tree;
        QemuSetting? kind = settings.Take("type");
        string? type = kind?.Value switch
        {
            "user" => "user",
            "tap" when settings.Find("br") is null || settings.Find("helper") is null => "ethernet",
            "tap" or "bridge" => "bridge",
            "vhost-user" => "vhostuser",
            "vhost-vdpa" => "vdpa",
            "socket" when settings.Find("listen") is not null => "server",
            "socket" when settings.Find("connect") is not null => "client",
            "socket" when settings.Find("mcast") is not null => "mcast",
            "socket" when settings.Find("udp") is not null => "udp",
            _ => null,
        };
        if (type is null)
        {
            // A card that is connected in a way that has no word: the way is listed as not understood.
            tree.Put(element, "@type", "null", settings);
            if (kind is not null)
            {
                kind.IsTaken = false;
            }

            return;
        }

        tree.Put(element, "@type", type, settings, kind);
        tree.Move(settings, "queues", element, "driver/@queues", QemuValueKind.Number);
        switch (type)
        {
            case "ethernet":
                Tap(reading, settings, element);
                break;
            case "bridge":
                tree.Put(element, "source/@bridge", settings.Take("br")?.Value ?? "br0", settings);
                settings.Take("helper");
                break;
            case "user":
                User(reading, settings, element);
                break;
            case "vhostuser":
                VhostUser(reading, settings, element);
                break;
            case "vdpa":
                tree.Move(settings, "vhostdev", element, "source/@dev");
                settings.Take("vhostfd");
                break;
            default:
                Socket(tree, settings, element, settings.Take(type switch { "server" => "listen", "client" => "connect", _ => type })!);
                break;
        }
    }

    private static void Tap(QemuReading reading, QemuSettings settings, XmlTreeElement element)
    {
        QemuMachineTree tree = reading.Tree;
        tree.Move(settings, "ifname", element, "target/@dev");
        tree.Move(settings, "sndbuf", element, "tune/sndbuf", QemuValueKind.Bytes);
        bool isOpen = (settings.Take("fd") ?? settings.Take("fds")) is not null;
        Script("script", DefaultScript);
        Script("downscript", DefaultDownScript);
        if (tree.TakeSwitch(settings, "vhost") is bool vhost)
        {
            tree.Put(element, "driver/@name", vhost ? "vhost" : "qemu", settings);
        }

        // Files that the process was given open.
        settings.Take("vhostfd");
        settings.Take("vhostfds");
        settings.TakeIf("vhostforce", "off");
        if (settings.Take("br") is QemuSetting bridge)
        {
            reading.Unknown(settings, bridge, $"{bridge} of {settings.Option} without a helper");
        }

        void Script(string name, string otherwise)
        {
            QemuSetting? script = settings.Take(name);
            if (script is null ? !isOpen : script.Value is not ("no" or ""))
            {
                tree.Put(element, $"{name}/@path", script?.Value ?? otherwise, settings, script);
            }
        }
    }

    private static void User(QemuReading reading, QemuSettings settings, XmlTreeElement element)
    {
        QemuMachineTree tree = reading.Tree;
        foreach (QemuSetting forward in (QemuSetting[])[.. settings.TakeAll("hostfwd"), .. settings.All.Where(item => item.Name.StartsWith("hostfwd.", StringComparison.Ordinal))])
        {
            // [tcp|udp]:[address]:port-[address]:port
            string[] sides = forward.Value.Split('-');
            string[] host = sides[0].Split(':');
            string[] guest = sides.Length == 2 ? sides[1].Split(':') : [];
            forward.IsTaken = host.Length == 3 && guest.Length == 2;
            if (!forward.IsTaken)
            {
                continue;
            }

            XmlTreeElement item = tree.Add(element, "portForward", forward.Position, $"{forward} of {settings.Option}");
            tree.Put(item, "@proto", host[0].Length == 0 ? "tcp" : host[0], settings, forward);
            if (host[1].Length != 0)
            {
                tree.Put(item, "@address", host[1], settings, forward);
            }

            XmlTreeElement range = tree.Add(item, "range", forward.Position, $"{forward} of {settings.Option}");
            tree.Put(range, "@start", host[2], settings, forward);
            if (guest[1] != host[2])
            {
                tree.Put(range, "@to", guest[1], settings, forward);
            }

            if (guest[0].Length != 0)
            {
                reading.Unknown(settings, forward, $"the guest's address in {forward}");
            }
        }
    }

    private static void VhostUser(QemuReading reading, QemuSettings settings, XmlTreeElement element)
    {
        QemuMachineTree tree = reading.Tree;
        settings.TakeIf("vhostforce", "on", "off");
        if (reading.UseNamed("chardev", settings, "chardev", "-chardev socket") is not QemuSettings character)
        {
            return;
        }

        bool isServer = QemuNumbers.Switch(character.Find("server")?.Value ?? "off") == true;
        tree.Put(element, "source/@type", "unix", character);
        tree.Put(element, "source/@path", character.Find("path")?.Value ?? "", character, character.Find("path"));
        tree.Put(element, "source/@mode", isServer ? "server" : "client", character);
        if (character.Find("reconnect") is not null)
        {
            tree.Put(element, "source/reconnect/@enabled", "yes", character);
            tree.Move(character, "reconnect", element, "source/reconnect/@timeout", QemuValueKind.Number);
        }

        QemuCharacterOptions.TakeSocket(character);
    }

    private static void Socket(QemuMachineTree tree, QemuSettings settings, XmlTreeElement element, QemuSetting where)
    {
        int colon = where.Value.LastIndexOf(':');
        Put("source/@address", "source/@port", where);
        if (settings.Take("localaddr") is QemuSetting local)
        {
            Put("source/local/@address", "source/local/@port", local);
        }

        void Put(string address, string port, QemuSetting setting)
        {
            colon = setting.Value.LastIndexOf(':');
            if (colon != 0)
            {
                tree.Put(element, address, colon < 0 ? setting.Value : setting.Value[..colon], settings, setting);
            }

            if (colon >= 0 && int.TryParse(setting.Value.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int number))
            {
                tree.Put(element, port, QemuNumbers.Format(number), settings, setting);
            }
        }
    }
}
