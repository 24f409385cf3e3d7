using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>What a device refers to: drives, networks, character devices, memory. Stateless.</summary>
internal static class QemuDeviceRoles
{
    private static readonly (string Key, string Group)[] s_references =
        [("drive", "drive"), ("drive", "node"), ("netdev", "netdev"), ("chardev", "chardev"), ("memdev", "object"), ("fsdev", "fsdev"), ("tpmdev", "tpmdev"), ("iothread", "object")];

    /// <summary>Notes that all that an unknown device refers to is used.</summary>
    internal static void UseAll(QemuReading reading, QemuSettings settings)
    {
        foreach ((string key, string group) in s_references)
        {
            if (settings.Find(key) is QemuSetting reference && reading.IsDefined(group, reference.Value))
            {
                reading.Use(group, settings, reference, "");
            }
        }
    }

    /// <summary>Takes what a device refers to.</summary>
    internal static void Apply(QemuReading reading, QemuSettings settings, QemuDevice device, XmlTreeElement element)
    {
        QemuMachineTree tree = reading.Tree;
        if (settings.Find("iothread") is QemuSetting thread && element.Name is "disk" or "controller")
        {
            settings.Take("iothread");
            if (QemuMemoryOptions.IoThreadNumber(reading, settings, thread) is string number)
            {
                tree.Put(element, "driver/@iothread", number, settings, thread);
            }
        }

        switch (element.Name)
        {
            case "disk":
                Disk(reading, settings, device, element);
                break;
            case "controller":
                Controller(reading, settings, element);
                break;
            case "interface":
                QemuNetworkOptions.Card(reading, settings, element);
                break;
            case "filesystem":
                QemuFilesystemOptions.Device(reading, settings, device, element);
                break;
            case "serial" or "parallel" or "console" or "channel" or "redirdev" or "smartcard":
                QemuCharacterOptions.Device(reading, settings, element);
                break;
            case "hostdev":
                QemuHostDevices.Read(reading, settings, element);
                break;
            case "memory" or "shmem":
                QemuMemoryDevices.Read(reading, settings, element);
                break;
            case "rng":
                Random(reading, settings, element);
                break;
            case "tpm":
                Tpm(reading, settings, element);
                break;
            case "sound":
                QemuDisplayOptions.UseAudio(reading, settings, element);
                break;
            case "video" when reading.UseNamed("chardev", settings, "chardev", "-chardev") is QemuSettings character:
                QemuCharacterOptions.TakeSocket(character);
                break;
            case "vsock":
                // A file of the process; the number is what the guest sees.
                settings.Take("vhostfd");
                break;
            default:
                break;
        }
    }

    private static void Disk(QemuReading reading, QemuSettings settings, QemuDevice device, XmlTreeElement element)
    {
        QemuMachineTree tree = reading.Tree;
        bool writeBack = tree.TakeSwitch(settings, "write-cache") ?? true;
        tree.Move(settings, "share-rw", element, "shareable", QemuValueKind.Flag);
        settings.TakeIf("scsi", "off");

        // What the guest would read without it is the name of the drive.
        settings.Take("device_id");
        if (settings.Take("drive") is QemuSetting reference)
        {
            if (reading.IsDefined("drive", reference.Value))
            {
                QemuSettings drive = reading.Use("drive", settings, reference, "-drive")!;
                drive.Take("media");
                new QemuStorage(reading).Drive(drive, element);
            }
            else if (reading.Use("node", settings, reference, "-drive or -blockdev") is QemuSettings node)
            {
                new QemuStorage(reading).Root(node, element, writeBack);
            }
        }

        if (reading.UseNamed("chardev", settings, "chardev", "-chardev") is QemuSettings character)
        {
            tree.Put(element, "source/@type", "unix", character);
            tree.Put(element, "source/@path", character.Find("path")?.Value ?? "", character, character.Find("path"));
            tree.Move(character, "reconnect", element, "source/reconnect/@timeout", QemuValueKind.Number);
            if (element.Children.Exists(child => child.Name == "source" && child.Children.Exists(item => item.Name == "reconnect")))
            {
                tree.Put(element, "source/reconnect/@enabled", "yes", character);
            }

            QemuCharacterOptions.TakeSocket(character);
        }

        string bus = element.Children.Find(child => child.Name == "target")?.Attributes.Find(pair => pair.Name == "bus")?.Value ?? "virtio";
        string prefix = bus switch { "virtio" => "vd", "ide" => "hd", "fdc" => "fd", _ => "sd" };
        tree.Put(element, "target/@dev", reading.NameDisk(prefix, Place(element, bus)), settings);
        if (device.FixedValues.Contains(("@device", "cdrom")))
        {
            tree.Get(element, "readonly", settings.Position, settings.Label);
        }
    }

    /// <summary>Disks of the board's own controller are named by their place.</summary>
    private static int? Place(XmlTreeElement element, string bus)
    {
        XmlTreeElement? address = element.Children.Find(child => child.Name == "address");
        return address is null || Number("controller") != 0 ? null : bus switch
        {
            "ide" => (2 * Number("bus")) + Number("unit"),
            "sata" => Number("unit"),
            _ => null,
        };

        int? Number(string name) => int.TryParse(
            address.Attributes.Find(pair => pair.Name == name)?.Value, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number <= 255 ? number : null;
    }

    private static void Controller(QemuReading reading, QemuSettings settings, XmlTreeElement element)
    {
        reading.Tree.Put(element, "@index", QemuNumbers.Format(reading.Controllers.IndexOf(settings)), settings);
        settings.Take("masterbus");
    }

    private static void Random(QemuReading reading, QemuSettings settings, XmlTreeElement element)
    {
        QemuMachineTree tree = reading.Tree;
        if (reading.UseNamed("object", settings, "rng", "-object rng-random") is not QemuSettings source)
        {
            tree.Put(element, "backend/@model", "builtin", settings);
            return;
        }

        QemuSetting? kind = source.Take("qom-type");
        switch (kind?.Value)
        {
            case "rng-random":
                tree.Put(element, "backend/@model", "random", source, kind);
                tree.Put(element, "backend", source.Take("filename")?.Value ?? "/dev/urandom", source);
                break;
            case "rng-egd":
                tree.Put(element, "backend/@model", "egd", source, kind);
                if (reading.UseNamed("chardev", source, "chardev", "-chardev") is QemuSettings character)
                {
                    XmlTreeElement backEnd = tree.Get(element, "backend", source.Position, source.Label);
                    QemuCharacterOptions.BackEnd(reading, character, backEnd);
                }

                break;
            default:
                tree.Put(element, "backend/@model", "builtin", source, kind);
                break;
        }
    }

    private static void Tpm(QemuReading reading, QemuSettings settings, XmlTreeElement element)
    {
        QemuMachineTree tree = reading.Tree;
        settings.TakeIf("ppi", "on");
        if (reading.UseNamed("tpmdev", settings, "tpmdev", "-tpmdev") is not QemuSettings backEnd)
        {
            reading.Shapes.Refuse(settings.Position, $"{settings.Label} needs tpmdev=: name a -tpmdev");
            return;
        }

        if (backEnd.Take("type")?.Value == "passthrough")
        {
            tree.Put(element, "backend/@type", "passthrough", backEnd);
            tree.Move(backEnd, "path", element, "backend/device/@path");
            backEnd.Take("cancel-path");
            return;
        }

        tree.Put(element, "backend/@type", "external", backEnd);
        tree.Put(element, "backend/source/@type", "unix", backEnd);
        tree.Put(element, "backend/source/@mode", "connect", backEnd);
        if (reading.UseNamed("chardev", backEnd, "chardev", "-chardev") is QemuSettings character)
        {
            tree.Put(element, "backend/source/@path", character.Find("path")?.Value ?? "", character);
            QemuCharacterOptions.TakeSocket(character);
        }
    }
}
