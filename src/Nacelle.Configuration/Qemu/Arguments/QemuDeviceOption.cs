namespace Nacelle.Configuration;

/// <summary>-device. Stateless.</summary>
internal static class QemuDeviceOption
{
    /// <summary>Ids with this prefix were made for arguments that refer to each other, and name nothing else.</summary>
    internal const string MadePrefix = "made-";

    /// <summary>Devices that stand for a default one, and its kind.</summary>
    private static readonly (string Driver, string Kind)[] s_replaces =
    [
        ("isa-serial", "serial"), ("isa-parallel", "parallel"), ("isa-fdc", "floppy"), ("floppy", "floppy"), ("ide-cd", "cdrom"), ("ide-hd", "cdrom"),
        ("scsi-cd", "cdrom"), ("scsi-hd", "cdrom"), ("VGA", "vga"), ("isa-vga", "vga"), ("cirrus-vga", "vga"), ("isa-cirrus-vga", "vga"),
        ("vmware-svga", "vga"), ("qxl-vga", "vga"), ("virtio-vga", "vga"), ("virtio-vga-gl", "vga"), ("ati-vga", "vga"), ("vhost-user-vga", "vga"),
    ];

    /// <summary>Notes controllers, to which other devices refer.</summary>
    internal static void Define(QemuReading reading, QemuSettings settings)
    {
        settings.IsUsed = true;
        string driver = QemuDeviceTable.Canonical(settings.Find("driver")?.Value ?? "");
        if (QemuDeviceTable.Find(driver) is { Element: "controller" } controller)
        {
            reading.Controllers.Note(settings, controller);
        }

        foreach ((string name, string kind) in s_replaces)
        {
            if (name == driver)
            {
                reading.WithoutDefault.Add(kind);
            }
        }
    }

    /// <summary>Puts a device into the machine.</summary>
    internal static void Apply(QemuReading reading, QemuSettings settings)
    {
        QemuMachineTree tree = reading.Tree;
        QemuSetting? driver = settings.Find("driver");
        if (driver is not null && QemuSmallDevices.Apply(reading, settings, QemuDeviceTable.Canonical(driver.Value)))
        {
            driver.IsTaken = true;
            settings.Take("id");
            return;
        }

        if (driver is null || Variant(settings, driver.Value) is not QemuDevice device)
        {
            // Its settings mean nothing without it.
            reading.Unknown(settings, driver, settings.Label);
            foreach (QemuSetting setting in settings.All)
            {
                setting.IsTaken = true;
            }

            QemuDeviceRoles.UseAll(reading, settings);
            return;
        }

        driver.IsTaken = true;
        XmlTreeElement element = tree.AddDevice(device.Element, settings);
        foreach ((string path, string value) in device.FixedValues)
        {
            tree.Put(element, path, value, settings, driver);
        }

        if (settings.Take("id") is QemuSetting id && !id.Value.StartsWith(MadePrefix, StringComparison.Ordinal))
        {
            tree.Put(element, "alias/@name", id.Value, settings, id);
        }

        foreach (QemuProperty property in device.Properties)
        {
            tree.Move(settings, property.Key, element, property.Path, property.Kind);
        }

        QemuDeviceAddresses.Put(reading, settings, device, element);
        QemuDeviceRoles.Apply(reading, settings, device, element);
    }

    /// <summary>-usbdevice.</summary>
    internal static void UsbDevice(QemuReading reading, QemuSettings settings)
    {
        QemuSetting name = settings.Take("")!;
        string? driver = name.Value switch { "tablet" => "usb-tablet", "mouse" => "usb-mouse", "keyboard" => "usb-kbd", _ => null };
        reading.Controllers.AddBoardUsb(settings);
        if (driver is null)
        {
            reading.Unknown(settings, name, $"-usbdevice {name.Value}");
            return;
        }

        Apply(reading, QemuSettings.Of(settings.Option, settings.Position, ("driver", driver)));
    }

    /// <summary>The device, or the one of its names that says what disable-legacy and disable-modern do.</summary>
    private static QemuDevice? Variant(QemuSettings settings, string driver)
    {
        QemuDevice? device = QemuDeviceTable.Find(driver);
        bool? withoutLegacy = QemuNumbers.Switch(settings.Find("disable-legacy")?.Value ?? "");
        bool withoutModern = QemuNumbers.Switch(settings.Find("disable-modern")?.Value ?? "") == true;
        string? suffix = withoutModern ? null : withoutLegacy switch { true => "-non-transitional", false => "-transitional", null => null };
        if (device is null || suffix is null || QemuDeviceTable.Find(device.Driver + suffix) is not QemuDevice variant)
        {
            return device;
        }

        settings.Take("disable-legacy");
        settings.Take("disable-modern");
        return variant;
    }
}
