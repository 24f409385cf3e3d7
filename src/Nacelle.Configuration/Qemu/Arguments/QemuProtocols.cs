namespace Nacelle.Configuration;

/// <summary>Where a disk's bytes are, as block nodes say it. Stateless.</summary>
internal static class QemuProtocols
{
    private static readonly string[] s_network = ["nbd", "rbd", "iscsi", "http", "https", "ftp", "ftps", "ssh", "gluster", "nfs"];

    /// <summary>Reads a node.</summary>
    internal static void Read(QemuReading reading, QemuSettings node, QemuSetting? driver, XmlTreeElement disk)
    {
        QemuMachineTree tree = reading.Tree;
        string name = driver?.Value ?? "file";
        switch (name)
        {
            case "file" or "host_device" or "host_cdrom":
                if (node.Take("filename") is QemuSetting file)
                {
                    Local(tree, node, file, disk, file.Value, isDevice: name != "file");
                }

                if (reading.UseNamed("object", node, "pr-manager", "-object pr-manager-helper") is QemuSettings manager)
                {
                    manager.Take("qom-type");
                    tree.Put(disk, "source/reservations/@managed", "no", manager);
                    tree.Put(disk, "source/reservations/source/@type", "unix", manager);
                    tree.Move(manager, "path", disk, "source/reservations/source/@path");
                    tree.Put(disk, "source/reservations/source/@mode", "client", manager);
                }

                break;
            case "nvme":
                tree.Put(disk, "@type", "nvme", node, driver);
                tree.Put(disk, "source/@type", "pci", node, driver);
                tree.Move(node, "namespace", disk, "source/@namespace", QemuValueKind.Number);
                if (node.Take("device") is QemuSetting device)
                {
                    QemuPciAddress.PutHost(tree, node, device, disk, "source/address");
                }

                break;
            case "vvfat" when node.Find("dir") is not null:
                tree.Put(disk, "@type", "dir", node, driver);
                tree.Move(node, "dir", disk, "source/@dir");
                node.TakeIf("rw", "off");
                break;
            case "virtio-blk-vhost-vdpa":
                tree.Put(disk, "@type", "vhostvdpa", node, driver);
                tree.Move(node, "path", disk, "source/@dev");
                break;
            default:
                if (s_network.Contains(name))
                {
                    Network(reading, node, driver!, disk);
                }
                else if (driver is not null)
                {
                    driver.IsTaken = false;
                }

                break;
        }
    }

    /// <summary>A file or device of the host.</summary>
    internal static void Local(QemuMachineTree tree, QemuSettings settings, QemuSetting setting, XmlTreeElement disk, string path, bool isDevice)
    {
        isDevice |= IsDevice(path);
        tree.Put(disk, "@type", isDevice ? "block" : "file", settings, setting);
        tree.Put(disk, isDevice ? "source/@dev" : "source/@file", path, settings, setting);
    }

    /// <summary>A server.</summary>
    internal static XmlTreeElement Host(QemuMachineTree tree, QemuSettings settings, QemuSetting? setting, XmlTreeElement disk, string? name, string? port)
    {
        XmlTreeElement source = tree.Get(disk, "source", settings.Position, settings.Label);
        XmlTreeElement host = tree.Add(source, "host", setting?.Position ?? settings.Position, settings.Label);
        if (name is not null)
        {
            tree.Put(host, "@name", name, settings, setting);
        }

        if (port is not null)
        {
            tree.Put(host, "@port", port, settings, setting);
        }

        return host;
    }

    /// <summary>Files below /dev are devices, but for those that are memory and those that RAM is made of.</summary>
    private static bool IsDevice(string path) => path.StartsWith("/dev/", StringComparison.Ordinal)
        && !path.StartsWith("/dev/shm/", StringComparison.Ordinal) && !path.StartsWith("/dev/fdset/", StringComparison.Ordinal)
        && !path.StartsWith("/dev/hugepages", StringComparison.Ordinal);

    private static void Network(QemuReading reading, QemuSettings node, QemuSetting driver, XmlTreeElement disk)
    {
        QemuMachineTree tree = reading.Tree;
        tree.Put(disk, "@type", "network", node, driver);
        tree.Put(disk, "source/@protocol", driver.Value, node, driver);
        switch (driver.Value)
        {
            case "rbd":
                QemuSetting? pool = node.Take("pool");
                QemuSetting? image = node.Take("image");
                tree.Put(disk, "source/@name", $"{pool?.Value}/{image?.Value}", node, image ?? pool);
                tree.Move(node, "snapshot", disk, "source/snapshot/@name");
                tree.Move(node, "conf", disk, "source/config/@file");
                if (node.Find("user") is not null)
                {
                    tree.Move(node, "user", disk, "source/auth/@username");
                }

                for (int i = 0; node.Find($"server.{i}.host") is QemuSetting host; i++)
                {
                    Host(tree, node, host, disk, node.TakeText($"server.{i}.host"), node.TakeText($"server.{i}.port"));
                }

                break;
            case "iscsi":
                string target = node.TakeText("target") ?? "";
                string lun = node.TakeText("lun") ?? "0";
                tree.Put(disk, "source/@name", $"{target}/{lun}", node);
                tree.Move(node, "initiator-name", disk, "source/initiator/iqn/@name");
                node.TakeIf("transport", "tcp");
                if (node.Take("portal") is QemuSetting portal)
                {
                    (string name, string? port) = Split(portal.Value);
                    Host(tree, node, portal, disk, name, port);
                }

                break;
            case "nbd":
                tree.Move(node, "export", disk, "source/@name");
                tree.Move(node, "reconnect-delay", disk, "source/reconnect/@delay", QemuValueKind.Number);
                if (node.Take("server.type")?.Value == "unix" || node.Find("server.path") is not null)
                {
                    XmlTreeElement socket = Host(tree, node, null, disk, null, null);
                    tree.Put(socket, "@transport", "unix", node);
                    tree.Move(node, "server.path", socket, "@socket");
                }
                else
                {
                    Host(tree, node, null, disk, node.TakeText("server.host") ?? node.TakeText("host"), node.TakeText("server.port") ?? node.TakeText("port"));
                }

                break;
            default:
                if (node.Take("url") is QemuSetting url)
                {
                    QemuSourceText.Url(reading, node, url, disk, url.Value);
                }
                else
                {
                    tree.Move(node, "path", disk, "source/@name");
                    Host(tree, node, null, disk, node.TakeText("server.host") ?? node.TakeText("host"), node.TakeText("server.port") ?? node.TakeText("port"));
                }

                break;
        }
    }

    /// <summary>A name and a port after the last colon.</summary>
    internal static (string Name, string? Port) Split(string text)
    {
        int colon = text.LastIndexOf(':');
        return colon < 0 || text.EndsWith(']') ? (text, null) : (text[..colon], text[(colon + 1)..]);
    }
}
