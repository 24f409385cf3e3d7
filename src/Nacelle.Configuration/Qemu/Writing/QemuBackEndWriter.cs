using System.Globalization;
using static Nacelle.Configuration.QemuWriting;

namespace Nacelle.Configuration;

/// <summary>Writes what devices refer to: drives, networks, objects. Stateless.</summary>
internal static class QemuBackEndWriter
{
    /// <summary>Writes it, and adds the reference to the device's settings.</summary>
    internal static void Write(QemuWriting writing, QemuDevice device, XmlTreeElement element, List<string> settings)
    {
        switch (element.Name)
        {
            case "disk":
                QemuDiskWriter.Write(writing, element, settings);
                break;
            case "interface":
                QemuNetworkWriter.Write(writing, element, settings);
                break;
            case "serial" or "parallel" or "console" or "channel" or "redirdev":
                settings.Add(Setting("chardev", QemuCharacterWriter.Write(writing, element)));
                break;
            case "rng":
                Random(writing, element, settings);
                break;
            case "memory":
                Memory(writing, element, settings);
                break;
            case "filesystem":
                Filesystem(writing, device, element, settings);
                break;
            case "hostdev":
                HostDevice(element, settings);
                break;
            case "tpm":
                Tpm(writing, element, settings);
                break;
            case "shmem":
                SharedMemory(writing, element, settings);
                break;
            case "vsock":
                TakeIf(element, "cid/@auto", "no");
                break;
            case "sound" or "graphics":
                Audio(element, settings);
                break;
            default:
                break;
        }
    }

    /// <summary>The audio back end that an element plays to.</summary>
    internal static void Audio(XmlTreeElement element, List<string> settings)
    {
        if (Take(element, "audio/@id") is string audio)
        {
            settings.Add(Setting("audiodev", $"made-audio{audio}"));
        }
    }

    /// <summary>A socket that a protocol is spoken on.</summary>
    internal static string Socket(QemuWriting writing, string path, bool isServer, string? reconnect = null)
    {
        string id = writing.Make("char");
        List<string> settings = ["socket", Setting("id", id), Setting("path", path)];
        if (isServer)
        {
            settings.Add("server=on");
        }

        if (reconnect is not null)
        {
            settings.Add(Setting("reconnect", reconnect));
        }

        writing.Add("-chardev", [.. settings]);
        return id;
    }

    private static void Random(QemuWriting writing, XmlTreeElement element, List<string> settings)
    {
        if (Peek(element, "backend/@model") is not ("random" or "builtin"))
        {
            return;
        }

        string id = writing.Make("rng");
        List<string> source = Take(element, "backend/@model") == "random" ? ["rng-random", Setting("id", id)] : ["rng-builtin", Setting("id", id)];
        if (source[0] == "rng-random")
        {
            source.Add(Setting("filename", Take(element, "backend") is { Length: > 0 } path ? path : "/dev/random"));
        }

        writing.Add("-object", [.. source]);
        settings.Add(Setting("rng", id));
    }

    private static void Memory(QemuWriting writing, XmlTreeElement element, List<string> settings)
    {
        string id = writing.Make("memory");
        List<string> backEnd = [Setting("id", id)];
        bool isFile = Peek(element, "source/path") is not null;
        bool isHuge = Peek(element, "source/pagesize") is not null;
        Move(element, "target/size", backEnd, "size", QemuValueKind.Size);
        Move(element, "source/path", backEnd, "mem-path");
        Move(element, "source/alignsize", backEnd, "align", QemuValueKind.Size);
        Move(element, "source/pmem", backEnd, "pmem", QemuValueKind.Flag);
        if (isHuge)
        {
            backEnd.Add("hugetlb=on");
        }

        Move(element, "source/pagesize", backEnd, "hugetlbsize", QemuValueKind.Size);
        if (Take(element, "@access") is string access)
        {
            backEnd.Add(Setting("share", access == "shared" ? "on" : "off"));
        }

        Move(element, "@discard", backEnd, "discard-data", QemuValueKind.YesNo);
        foreach (string range in (Take(element, "source/nodemask") ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            backEnd.Add(Setting("host-nodes", range));
        }

        if (backEnd.Exists(setting => setting.StartsWith("host-nodes=", StringComparison.Ordinal)))
        {
            backEnd.Add("policy=bind");
        }

        writing.Add("-object", [isFile ? "memory-backend-file" : isHuge ? "memory-backend-memfd" : "memory-backend-ram", .. backEnd]);
        settings.Add(Setting("memdev", id));
    }

    private static void Filesystem(QemuWriting writing, QemuDevice device, XmlTreeElement element, List<string> settings)
    {
        if (device.Driver.StartsWith("vhost-user-fs", StringComparison.Ordinal))
        {
            if (Take(element, "source/@socket") is string socket)
            {
                settings.Add(Setting("chardev", Socket(writing, socket, isServer: false)));
            }

            return;
        }

        string id = writing.Make("fs");
        List<string> source = ["local", Setting("id", id)];
        TakeIf(element, "driver/@type", "path");
        Move(element, "source/@dir", source, "path");
        source.Add(Setting("security_model", Take(element, "@accessmode") switch { "mapped" => "mapped-xattr", "squash" => "none", _ => "passthrough" }));
        if (TakeIf(element, "driver/@wrpolicy", "immediate"))
        {
            source.Add("writeout=immediate");
        }

        Move(element, "readonly", source, "readonly", QemuValueKind.Flag);
        Move(element, "@fmode", source, "fmode");
        Move(element, "@dmode", source, "dmode");
        if (Peek(element, "@multidevs") is not "default")
        {
            Move(element, "@multidevs", source, "multidevs");
        }

        writing.Add("-fsdev", [.. source]);
        settings.Add(Setting("fsdev", id));
    }

    private static void HostDevice(XmlTreeElement element, List<string> settings)
    {
        // Whether the device is taken from its driver by somebody is done before the machine starts.
        TakeIf(element, "@managed", "no");
        TakeIf(element, "driver/@name", "vfio");
        if (Peek(element, "@type") == "pci" && Child(element, "source") is XmlTreeElement source && Child(source, "address") is XmlTreeElement address)
        {
            string[] parts = [.. ((string[])["domain", "bus", "slot", "function"]).Select(name => (Take(address, "@" + name) ?? "0x0")[2..])];
            settings.Add(Setting("host", $"{parts[0].PadLeft(4, '0')}:{parts[1]}:{parts[2]}.{parts[3]}"));
            source.Children.Remove(address);
            if (source.IsEmpty)
            {
                element.Children.Remove(source);
            }
        }
        else if (Peek(element, "@type") == "usb")
        {
            Move(element, "source/vendor/@id", settings, "vendorid");
            Move(element, "source/product/@id", settings, "productid");
            if (Take(element, "source/address/@bus") is string bus)
            {
                settings.Add(Setting("hostbus", QemuNumbers.TryWhole(bus, out ulong number) ? QemuNumbers.Format(number) : bus));
            }

            Move(element, "source/address/@device", settings, "hostaddr");
            Move(element, "source/address/@port", settings, "hostport");
        }

        if (TakeIf(element, "teaming/@type", "transient"))
        {
            Move(element, "teaming/@persistent", settings, "failover_pair_id");
        }
    }

    private static void Tpm(QemuWriting writing, XmlTreeElement element, List<string> settings)
    {
        string id = writing.Make("tpm");
        if (TakeIf(element, "backend/@type", "passthrough"))
        {
            List<string> backEnd = ["passthrough", Setting("id", id)];
            Move(element, "backend/device/@path", backEnd, "path");
            writing.Add("-tpmdev", [.. backEnd]);
        }
        else if (Peek(element, "backend/source/@path") is string path && TakeIf(element, "backend/@type", "external"))
        {
            foreach (string name in (string[])["@path", "@type", "@mode"])
            {
                Take(element, "backend/source/" + name);
            }

            writing.Add("-tpmdev", "emulator", Setting("id", id), Setting("chardev", Socket(writing, path, isServer: false)));
        }

        settings.Add(Setting("tpmdev", id));
    }

    private static void SharedMemory(QemuWriting writing, XmlTreeElement element, List<string> settings)
    {
        if (TakeIf(element, "@role", "master"))
        {
            settings.Add("master=on");
        }

        if (Take(element, "server/@path") is string server)
        {
            TakeIf(element, "msi/@enabled", "on");
            settings.Add(Setting("chardev", Socket(writing, server, isServer: false)));
            Take(element, "@name");
        }
        else if (Take(element, "@name") is string name)
        {
            string id = writing.Make("shmem");
            ulong size = TakeSize(element, "size") ?? 4UL << 20;
            writing.Add(
                "-object", "memory-backend-file", Setting("id", id), Setting("mem-path", $"/dev/shm/{name}"),
                string.Create(CultureInfo.InvariantCulture, $"size={size}B"), "share=on");
            settings.Add(Setting("memdev", id));
        }
    }
}
