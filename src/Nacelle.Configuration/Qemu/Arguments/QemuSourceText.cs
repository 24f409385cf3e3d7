namespace Nacelle.Configuration;

/// <summary>What file= of a drive can be: a path, a URL, an older form with colons, or JSON. Stateless.</summary>
internal static class QemuSourceText
{
    private static readonly string[] s_protocols = ["nbd", "rbd", "iscsi", "http", "https", "ftp", "ftps", "tftp", "ssh", "gluster", "nfs", "sheepdog", "vxhs"];

    /// <summary>Reads it.</summary>
    internal static void Read(QemuReading reading, QemuStorage storage, QemuSettings drive, QemuSetting file, XmlTreeElement disk, int depth)
    {
        string text = file.Value;
        QemuMachineTree tree = reading.Tree;
        if (text.StartsWith("json:", StringComparison.Ordinal))
        {
            try
            {
                QemuSettings node = QemuSettings.Split($"{drive.Option} file", text["json:".Length..], file.Position.Line, null);
                storage.Node(node, disk, depth + 1);
                Leave(reading, node);
            }
            catch (ConfigurationSyntaxException error)
            {
                reading.Shapes.Refuse(file.Position, $"{file}: {error.Message}");
            }
        }
        else if (text.Contains("://", StringComparison.Ordinal))
        {
            Url(reading, drive, file, disk, text);
        }
        else if (text.StartsWith("rbd:", StringComparison.Ordinal))
        {
            Rbd(reading, drive, file, disk, text["rbd:".Length..]);
        }
        else if (text.StartsWith("nbd:", StringComparison.Ordinal))
        {
            Nbd(tree, drive, file, disk, text["nbd:".Length..]);
        }
        else if (text.StartsWith("fat:", StringComparison.Ordinal))
        {
            tree.Put(disk, "@type", "dir", drive, file);
            tree.Put(disk, "source/@dir", text[(text.LastIndexOf(':') + 1)..], drive, file);
            if (text.Split(':').SkipLast(1).Contains("rw"))
            {
                reading.Unknown(drive, file, $"{file} of {drive.Option}: a directory that the guest writes to");
            }
        }
        else
        {
            string path = text.StartsWith("file:", StringComparison.Ordinal) ? text["file:".Length..] : text;
            bool isDevice = path.StartsWith("host_device:", StringComparison.Ordinal) || path.StartsWith("host_cdrom:", StringComparison.Ordinal);
            QemuProtocols.Local(tree, drive, file, disk, isDevice ? path[(path.IndexOf(':', StringComparison.Ordinal) + 1)..] : path, isDevice);
        }
    }

    /// <summary>Reads a URL.</summary>
    internal static void Url(QemuReading reading, QemuSettings settings, QemuSetting setting, XmlTreeElement disk, string text)
    {
        QemuMachineTree tree = reading.Tree;
        int schemeEnd = text.IndexOf("://", StringComparison.Ordinal);
        if (schemeEnd < 0)
        {
            tree.Refuse(settings, setting, "a URL such as https://host/path");
            return;
        }

        string scheme = text[..schemeEnd];
        string[] parts = scheme.Split('+');
        int pathAt = text.IndexOf('/', scheme.Length + 3);
        string authority = pathAt < 0 ? text[(scheme.Length + 3)..] : text[(scheme.Length + 3)..pathAt];
        string path = pathAt < 0 ? "" : text[(pathAt + 1)..];
        int question = path.IndexOf('?', StringComparison.Ordinal);
        string? query = question < 0 ? null : path[(question + 1)..];
        path = question < 0 ? path : path[..question];
        if (!s_protocols.Contains(parts[0]) || parts.Length > 2)
        {
            reading.Unknown(settings, setting, $"{setting} of {settings.Option}");
            return;
        }

        tree.Put(disk, "@type", "network", settings, setting);
        tree.Put(disk, "source/@protocol", parts[0], settings, setting);
        if (path.Length != 0)
        {
            tree.Put(disk, "source/@name", path, settings, setting);
        }

        int user = authority.LastIndexOf('@');
        if (user >= 0)
        {
            tree.Put(disk, "source/auth/@username", authority[..user].Split(':')[0].Split('%')[0], settings, setting);
            authority = authority[(user + 1)..];
        }

        XmlTreeElement host;
        if (parts is [_, "unix"])
        {
            string? socket = query?.Split('&').FirstOrDefault(pair => pair.StartsWith("socket=", StringComparison.Ordinal))?["socket=".Length..];
            query = query is null ? null : string.Join('&', query.Split('&').Where(pair => !pair.StartsWith("socket=", StringComparison.Ordinal)));
            host = QemuProtocols.Host(tree, settings, setting, disk, null, null);
            tree.Put(host, "@transport", "unix", settings, setting);
            tree.Put(host, "@socket", Uri.UnescapeDataString(socket ?? ""), settings, setting);
        }
        else
        {
            (string name, string? port) = QemuProtocols.Split(authority);
            host = QemuProtocols.Host(tree, settings, setting, disk, name, port);
            if (parts is [_, string transport])
            {
                tree.Put(host, "@transport", transport, settings, setting);
            }
        }

        if (!string.IsNullOrEmpty(query))
        {
            tree.Put(disk, "source/@query", query, settings, setting);
        }
    }

    /// <summary>rbd:POOL/IMAGE with settings after colons, each colon in them after a backslash.</summary>
    private static void Rbd(QemuReading reading, QemuSettings drive, QemuSetting file, XmlTreeElement disk, string text)
    {
        QemuMachineTree tree = reading.Tree;
        string[] parts = text.Replace("\\:", "\u0001", StringComparison.Ordinal).Split(':');
        tree.Put(disk, "@type", "network", drive, file);
        tree.Put(disk, "source/@protocol", "rbd", drive, file);
        string[] name = parts[0].Split('@');
        tree.Put(disk, "source/@name", name[0], drive, file);
        if (name.Length > 1)
        {
            tree.Put(disk, "source/snapshot/@name", name[1], drive, file);
        }

        foreach (string part in parts.Skip(1).Select(part => part.Replace('\u0001', ':')))
        {
            string value = part[(part.IndexOf('=', StringComparison.Ordinal) + 1)..];
            switch (part.Split('=')[0])
            {
                case "id":
                    tree.Put(disk, "source/auth/@username", value, drive, file);
                    break;
                case "conf":
                    tree.Put(disk, "source/config/@file", value, drive, file);
                    break;
                case "mon_host":
                    foreach (string monitor in value.Split(';', ','))
                    {
                        (string host, string? port) = QemuProtocols.Split(monitor);
                        QemuProtocols.Host(tree, drive, file, disk, host, port);
                    }

                    break;
                case "auth_supported" when value.StartsWith("cephx", StringComparison.Ordinal) || value == "none":
                    // It follows from whether a user is named.
                    break;
                default:
                    reading.Unknown(drive, file, $"{part.Split('=')[0]} in {drive.Option} file=rbd:…");
                    break;
            }
        }
    }

    /// <summary>nbd:HOST:PORT or nbd:unix:PATH, an export's name after exportname=.</summary>
    private static void Nbd(QemuMachineTree tree, QemuSettings drive, QemuSetting file, XmlTreeElement disk, string text)
    {
        tree.Put(disk, "@type", "network", drive, file);
        tree.Put(disk, "source/@protocol", "nbd", drive, file);
        const string mark = ":exportname=";
        int export = text.IndexOf(mark, StringComparison.Ordinal);
        if (export >= 0)
        {
            tree.Put(disk, "source/@name", text[(export + mark.Length)..], drive, file);
            text = text[..export];
        }

        if (text.StartsWith("unix:", StringComparison.Ordinal))
        {
            XmlTreeElement host = QemuProtocols.Host(tree, drive, file, disk, null, null);
            tree.Put(host, "@transport", "unix", drive, file);
            tree.Put(host, "@socket", text["unix:".Length..], drive, file);
        }
        else
        {
            (string name, string? port) = QemuProtocols.Split(text);
            QemuProtocols.Host(tree, drive, file, disk, name, port);
        }
    }

    private static void Leave(QemuReading reading, QemuSettings node)
    {
        foreach (QemuSetting setting in node.Left)
        {
            reading.Unknown(node, setting, $"{setting} of {node.Option}");
        }
    }
}
