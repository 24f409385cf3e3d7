namespace Nacelle.Configuration;

/// <summary>Firmware, what it boots and what it tells the guest. Stateless.</summary>
internal static class QemuBootOptions
{
    /// <summary>Fields of SMBIOS structures: QEMU's type, the list of domain XML, QEMU's names and those of domain XML.</summary>
    internal static (string Type, string List, (string Qemu, string Xml)[] Fields)[] SmbiosFields { get; } =
    [
        ("0", "bios", [("vendor", "vendor"), ("version", "version"), ("date", "date"), ("release", "release")]),
        ("1", "system",
            [("manufacturer", "manufacturer"), ("product", "product"), ("version", "version"), ("serial", "serial"), ("uuid", "uuid"), ("sku", "sku"), ("family", "family")]),
        ("2", "baseBoard",
            [("manufacturer", "manufacturer"), ("product", "product"), ("version", "version"), ("serial", "serial"), ("asset", "asset"), ("location", "location")]),
        ("3", "chassis", [("manufacturer", "manufacturer"), ("version", "version"), ("serial", "serial"), ("asset", "asset"), ("sku", "sku")]),
        ("11", "oemStrings", [("value", "")]),
    ];

    /// <summary>Letters of -boot and the words of domain XML.</summary>
    internal static (char Letter, string Word)[] Letters { get; } = [('a', "fd"), ('c', "hd"), ('d', "cdrom"), ('n', "network")];

    /// <summary>-bios.</summary>
    internal static void Firmware(QemuReading reading, QemuSettings settings)
    {
        QemuBoardOptions.Put(reading, settings, "os/loader");
        reading.Tree.Put(reading.Tree.Root, "os/loader/@type", "rom", settings);
    }

    /// <summary>-pflash.</summary>
    internal static void Flash(QemuReading reading, QemuSettings settings)
    {
        QemuSetting file = settings.Take("")!;
        QemuSettings drive = QemuSettings.Of(settings.Option, settings.Position, ("file", file.Value));
        FlashDrive(reading, drive, null);
    }

    /// <summary>A drive that is flash: the first is firmware, the second keeps its variables.</summary>
    internal static void FlashDrive(QemuReading reading, QemuSettings drive, ulong? unit)
    {
        QemuMachineTree tree = reading.Tree;
        XmlTreeElement os = tree.Get(tree.Root, "os", drive.Position, drive.Label);
        bool isFirst = unit is null ? !os.Children.Exists(child => child.Name == "loader" && child.Text.Length != 0) : unit == 0;
        XmlTreeElement element = tree.Get(os, isFirst ? "loader" : "nvram", drive.Position, drive.Label);
        bool? readOnly = tree.TakeSwitch(drive, "readonly") ?? tree.TakeSwitch(drive, "read-only");
        string? format = drive.TakeText("format");
        if (drive.Take("file") is QemuSetting file)
        {
            tree.Put(element, "", file.Value, drive, file);
        }

        if (isFirst)
        {
            tree.Put(element, "@type", "pflash", drive);
            tree.Put(element, "@readonly", readOnly == true ? "yes" : "no", drive);
        }

        if (format is not null)
        {
            tree.Put(element, "@format", format, drive);
        }
    }

    /// <summary>Flash that the board's properties name.</summary>
    internal static void MachineFlash(QemuReading reading, QemuSettings settings)
    {
        for (ulong i = 0; i < 2; i++)
        {
            if (reading.UseNamed("node", settings, $"pflash{i}", "-blockdev") is QemuSettings node)
            {
                QemuStorage storage = new(reading);
                XmlTreeElement scratch = new("", "disk", node.Position);
                storage.Node(node, scratch, 0);
                string? path = scratch.Children.Find(child => child.Name == "source")?.Attributes.Find(pair => pair.Name is "file" or "dev")?.Value;
                string? format = scratch.Children.Find(child => child.Name == "driver")?.Attributes.Find(pair => pair.Name == "type")?.Value;
                bool readOnly = scratch.Children.Exists(child => child.Name == "readonly");
                QemuSettings drive = QemuSettings.Of(
                    node.Option, node.Position, ("file", path ?? ""), ("format", format ?? "raw"), ("readonly", readOnly ? "on" : "off"));
                FlashDrive(reading, drive, i);
            }
        }
    }

    /// <summary>Flash that only system management mode writes to.</summary>
    internal static bool Secure(QemuReading reading, QemuSettings settings, QemuSetting setting)
    {
        if (QemuNumbers.Switch(setting.Value) is not bool secure)
        {
            return false;
        }

        reading.Tree.Put(reading.Tree.Root, "os/loader/@secure", secure ? "yes" : "no", settings, setting);
        return true;
    }

    /// <summary>-boot.</summary>
    internal static void Boot(QemuReading reading, QemuSettings settings)
    {
        QemuMachineTree tree = reading.Tree;
        if (settings.Find("order") is QemuSetting order && order.Value.All(letter => Array.Exists(Letters, pair => pair.Letter == letter)))
        {
            settings.Take("order");
            foreach (char letter in order.Value.Distinct())
            {
                XmlTreeElement os = tree.Get(tree.Root, "os", settings.Position, settings.Label);
                XmlTreeElement boot = tree.Add(os, "boot", settings.Position, settings.Label);
                tree.Put(boot, "@dev", Array.Find(Letters, pair => pair.Letter == letter).Word, settings, order);
            }
        }

        tree.Move(settings, "menu", tree.Root, "os/bootmenu/@enable", QemuValueKind.YesNo);
        tree.Move(settings, "splash-time", tree.Root, "os/bootmenu/@timeout", QemuValueKind.Number);
        if (settings.Take("reboot-timeout") is QemuSetting timeout)
        {
            tree.Put(tree.Root, "os/bios/@rebootTimeout", timeout.Value, settings, timeout);
        }

        // Whether other devices are tried after those that are listed; a configuration lists what is tried.
        settings.Take("strict");
    }

    /// <summary>-smbios.</summary>
    internal static void Smbios(QemuReading reading, QemuSettings settings)
    {
        QemuMachineTree tree = reading.Tree;
        QemuSetting? type = settings.Find("type");
        (string Type, string List, (string Qemu, string Xml)[] Fields) known = Array.Find(SmbiosFields, entry => entry.Type == type?.Value);
        if (known.Type is null)
        {
            return;
        }

        settings.Take("type");
        tree.Put(tree.Root, "os/smbios/@mode", "sysinfo", settings);
        XmlTreeElement information = Information(tree, settings, "smbios");
        XmlTreeElement list = known.Type == "2"
            ? tree.Add(information, known.List, settings.Position, settings.Label)
            : tree.Get(information, known.List, settings.Position, settings.Label);
        foreach (QemuSetting setting in settings.All)
        {
            (string Qemu, string Xml) field = Array.Find(known.Fields, field => field.Qemu == setting.Name);
            if (field.Qemu is null)
            {
                continue;
            }

            setting.IsTaken = true;
            XmlTreeElement entry = tree.Add(list, "entry", setting.Position, $"{setting} of {settings.Option}");
            if (field.Xml.Length != 0)
            {
                tree.Put(entry, "@name", field.Xml, settings, setting);
            }

            tree.Put(entry, "", setting.Value, settings, setting);
        }
    }

    /// <summary>-fw_cfg.</summary>
    internal static void FirmwareConfiguration(QemuReading reading, QemuSettings settings)
    {
        QemuMachineTree tree = reading.Tree;
        XmlTreeElement entry = tree.Add(Information(tree, settings, "fwcfg"), "entry", settings.Position, settings.Label);
        tree.Move(settings, "name", entry, "@name");
        tree.Move(settings, "file", entry, "@file");
        tree.Move(settings, "string", entry, "");
    }

    private static XmlTreeElement Information(QemuMachineTree tree, QemuSettings settings, string type)
    {
        XmlTreeElement? found = tree.Root.Children.Find(
            child => child.Name == "sysinfo" && child.Attributes.Exists(pair => pair.Name == "type" && pair.Value == type));
        if (found is null)
        {
            found = tree.Add(tree.Root, "sysinfo", settings.Position, settings.Label);
            tree.Put(found, "@type", type, settings);
        }

        return found;
    }
}
