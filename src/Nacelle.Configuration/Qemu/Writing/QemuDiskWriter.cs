using static Nacelle.Configuration.QemuWriting;

namespace Nacelle.Configuration;

/// <summary>Writes where a disk's bytes are and how they are reached. Stateless.</summary>
internal static class QemuDiskWriter
{
    private static readonly string[] s_urls = ["nbd", "iscsi", "http", "https", "ftp", "ftps", "ssh", "gluster", "nfs"];

    /// <summary>Writes the drive of a disk, and adds the reference to the device's settings.</summary>
    internal static void Write(QemuWriting writing, XmlTreeElement disk, List<string> settings)
    {
        // Names are for those who configure; the guest has addresses.
        Take(disk, "target/@dev");
        TakeIf(disk, "@snapshot", "external", "internal", "no", "manual");
        TakeIf(disk, "target/@tray", "closed");
        Take(disk, "source/@index");
        if (Peek(disk, "@type") == "vhostuser")
        {
            if (Take(disk, "source/@path") is string socket)
            {
                Take(disk, "source/@type");
                string? reconnect = TakeIf(disk, "source/reconnect/@enabled", "yes") ? Take(disk, "source/reconnect/@timeout") : null;
                settings.Add(Setting("chardev", QemuBackEndWriter.Socket(writing, socket, isServer: false, reconnect)));
            }

            TakeIf(disk, "driver/@name", "qemu");
            return;
        }

        Move(disk, "shareable", settings, "share-rw", QemuValueKind.Flag);
        bool hasDrive = Child(disk, "driver") is not null || Child(disk, "source") is not null;
        bool isCdrom = Peek(disk, "@device") == "cdrom";
        if (isCdrom)
        {
            Take(disk, "readonly");
        }

        if (!hasDrive)
        {
            Take(disk, "@type");
            return;
        }

        string id = writing.Make("drive");
        List<string> drive = ["if=none", Setting("id", id)];
        if (isCdrom)
        {
            drive.Add("media=cdrom");
        }

        TakeIf(disk, "driver/@name", "qemu");
        // Where no format is given libvirt takes raw, and QEMU would look at what the guest wrote.
        bool hasBytes = Peek(disk, "source/@file") is not null || Peek(disk, "source/@dev") is not null || Peek(disk, "source/@protocol") is not null;
        string? format = Take(disk, "driver/@type") ?? (hasBytes ? "raw" : null);
        if (format is not null)
        {
            drive.Add(Setting("format", format));
        }

        Move(disk, "driver/@cache", drive, "cache");
        Move(disk, "driver/@io", drive, "aio");
        Move(disk, "driver/@discard", drive, "discard");
        Move(disk, "driver/@detect_zeroes", drive, "detect-zeroes");
        Move(disk, "driver/@copy_on_read", drive, "copy-on-read");
        Move(disk, "driver/metadata_cache/max_size", drive, "l2-cache-size", QemuValueKind.Size);
        Move(disk, "readonly", drive, "readonly", QemuValueKind.Flag);
        if (Take(disk, "transient") is not null)
        {
            drive.Add("snapshot=on");
        }

        foreach ((string qemu, string xml) in QemuThrottles.DriveKeys)
        {
            Move(disk, "iotune/" + xml, drive, qemu);
        }

        if (Child(disk, "backingStore") is { IsEmpty: true } backing)
        {
            disk.Children.Remove(backing);
        }

        Source(disk, drive);
        writing.Add("-drive", [.. drive]);
        settings.Add(Setting("drive", id));
    }

    private static void Source(XmlTreeElement disk, List<string> drive)
    {
        string? type = Peek(disk, "@type");
        if (type is null or "file" or "block")
        {
            Take(disk, "@type");
            Move(disk, "source/@file", drive, "file");
            Move(disk, "source/@dev", drive, "file");
            return;
        }

        string? protocol = Peek(disk, "source/@protocol");
        XmlTreeElement? source = Child(disk, "source");
        if (type != "network" || source is null || protocol is null)
        {
            return;
        }

        XmlTreeElement[] hosts = [.. source.Children.Where(child => child.Name == "host")];
        if (protocol == "rbd")
        {
            Take(disk, "@type");
            Take(source, "@protocol");
            string file = $"rbd:{Take(source, "@name")}";
            if (Take(source, "snapshot/@name") is string snapshot)
            {
                file += $"@{snapshot}";
            }

            if (Peek(source, "auth/@username") is string user && Peek(source, "auth/secret/@type") is null)
            {
                Take(source, "auth/@username");
                file += $":id={user}";
            }

            if (Take(source, "config/@file") is string configuration)
            {
                file += $":conf={configuration.Replace(":", "\\:", StringComparison.Ordinal)}";
            }

            string[] monitors = [.. hosts.Select(host => Take(host, "@name") + (Take(host, "@port") is string port ? $"\\:{port}" : ""))];
            drive.Add(Setting("file", monitors.Length == 0 ? file : $"{file}:mon_host={string.Join(';', monitors)}"));
        }
        else if (s_urls.Contains(protocol) && hosts is [XmlTreeElement host])
        {
            Take(disk, "@type");
            Take(source, "@protocol");
            string name = Take(source, "@name") ?? "";
            string? query = Take(source, "@query");
            string user = Peek(source, "auth/@username") is string login && Peek(source, "auth/secret/@type") is null ? $"{login}@" : "";
            if (user.Length != 0)
            {
                Take(source, "auth/@username");
            }

            string? transport = Take(host, "@transport");
            string authority;
            if (transport == "unix")
            {
                authority = "";
                string socket = $"socket={Uri.EscapeDataString(Take(host, "@socket") ?? "")}";
                query = query is null ? socket : $"{socket}&{query}";
            }
            else
            {
                authority = Take(host, "@name") + (Take(host, "@port") is string port ? $":{port}" : "");
            }

            drive.Add(Setting("file", $"{protocol}{(transport is null ? "" : $"+{transport}")}://{user}{authority}/{name}{(query is null ? "" : $"?{query}")}"));
        }

        source.Children.RemoveAll(child => child.IsEmpty);
        if (source.IsEmpty)
        {
            disk.Children.Remove(source);
        }
    }
}
