using static Nacelle.Configuration.QemuWriting;

namespace Nacelle.Configuration;

/// <summary>Writes devices by the table that they are read by. Stateless.</summary>
internal static class QemuDeviceWriter
{
    /// <summary>Writes all devices, controllers first: others refer to them.</summary>
    internal static void Write(QemuWriting writing)
    {
        QemuImpliedParts.Add(writing);
        XmlTreeElement[] devices = [.. writing.Devices.Children.OrderBy(device => device.Name == "controller" ? 0 : 1)];
        QemuBusNames buses = new(writing, devices);
        Implied(writing, devices);
        foreach (XmlTreeElement element in devices)
        {
            if (IsThereAnyway(writing, element))
            {
                writing.Devices.Children.Remove(element);
            }
            else if (element.Name is "graphics" or "audio")
            {
                QemuDisplayWriter.Write(writing, element);
            }
            else if (Find(element) is QemuDevice device)
            {
                One(writing, buses, device, element);
            }

            if (element.IsEmpty)
            {
                writing.Devices.Children.Remove(element);
            }
        }

        if (writing.Devices.IsEmpty)
        {
            writing.Root.Children.Remove(writing.Devices);
        }
    }

    /// <summary>Controllers that libvirt adds where a device needs one and none is described.</summary>
    private static void Implied(QemuWriting writing, XmlTreeElement[] devices)
    {
        if (Needs(QemuBus.VirtioSerial, "virtio-serial"))
        {
            writing.Add("-device", "virtio-serial-pci", $"id={QemuDeviceOption.MadePrefix}virtio-serial0");
        }

        if (Needs(QemuBus.Usb, "usb"))
        {
            writing.Add("-usb");
        }

        bool Needs(QemuBus bus, string type) =>
            !Array.Exists(devices, device => device.Name == "controller" && Peek(device, "@type") == type)
            && Array.Exists(devices, device => Child(device, "address") is null && !IsThereAnyway(writing, device) && Find(device)?.Bus == bus);
    }

    /// <summary>The device of the table that an element is: of several the one whose name says most.</summary>
    internal static QemuDevice? Find(XmlTreeElement element) => QemuDeviceTable.All
        .Where(device => device.Element == element.Name && Fits(element, device))
        .MaxBy(device => device.Fixed.Length);

    private static bool Fits(XmlTreeElement element, QemuDevice device)
    {
        if (element.Name == "disk" && (device.Bus == QemuBus.Ide) != (Peek(element, "target/@bus") is "ide" or "sata"))
        {
            return false;
        }

        // What is not said is what most of a kind are.
        return device.FixedValues.All(pair => (Peek(element, pair.Path) ?? Otherwise(pair.Path)) == pair.Value);

        string? Otherwise(string path) => (element.Name, path) switch
        {
            ("disk", "@device") => "disk",
            ("filesystem", "@type") => "mount",
            ("hostdev", "@mode") => "subsystem",
            ("memballoon" or "rng", "@model") => "virtio",
            ("serial", "target/@type") => "isa-serial",
            ("serial", "target/model/@name") => Peek(element, "target/@type") ?? "isa-serial",
            ("console" or "channel", "target/@type") => "virtio",
            ("panic", "@model") => "isa",
            ("redirdev", "@bus") => "usb",
            ("input", "@bus") => "usb",
            ("tpm", "@model") => "tpm-tis",
            _ => null,
        };
    }

    /// <summary>Parts that the board has, or that are another's.</summary>
    private static bool IsThereAnyway(QemuWriting writing, XmlTreeElement element) => element.Name switch
    {
        "controller" => (Peek(element, "@type"), Peek(element, "@index") ?? "0") is var (type, index) && index == "0" && (type switch
        {
            "pci" => Peek(element, "@model") is "pci-root" or "pcie-root",
            "ide" => !writing.IsQ35,
            "sata" => writing.IsQ35,
            "fdc" => true,
            _ => false,
        }) || (Peek(element, "@type") == "usb" && Peek(element, "@model") == "none"),
        "input" => Peek(element, "@bus") == "ps2",
        "memballoon" => Peek(element, "@model") == "none",
        "console" => Peek(element, "target/@type") is null or "serial",
        "video" => Peek(element, "model/@type") == "none",
        "audio" => Peek(element, "@type") == "none" && !writing.Devices.Children.Exists(child => Peek(child, "audio/@id") is not null),
        "emulator" => true,
        _ => false,
    };

    private static void One(QemuWriting writing, QemuBusNames buses, QemuDevice device, XmlTreeElement element)
    {
        // A back end is written before the device that refers to it.
        List<string> settings = [device.Driver];
        string id = buses.IdOf(element) ?? Take(element, "alias/@name") ?? "";
        Take(element, "alias/@name");
        if (id.Length != 0)
        {
            settings.Add(Setting("id", id));
        }

        int? place = device.Bus == QemuBus.Ide ? DiskNames.IndexOf(Peek(element, "target/@dev") ?? "") : null;
        QemuBackEndWriter.Write(writing, device, element, settings);
        foreach ((string path, string value) in device.FixedValues)
        {
            TakeIf(element, path, value);
        }

        TakeIf(element, "model/@primary", "yes");
        foreach (QemuProperty property in device.Properties)
        {
            Move(element, property.Path, settings, property.Key, property.Kind);
        }

        if (element.Name == "controller")
        {
            // Ports of one chassis number cannot be told apart, and QEMU takes the second for none.
            if (device.Properties.Contains(QemuProperties.Port[0]) && id.Length != 0 && !settings.Exists(setting => setting.StartsWith("chassis=", StringComparison.Ordinal)) && buses.PortCount > 1)
            {
                settings.Add(Setting("chassis", buses.Chassis(element)));
            }

            if (device.Driver == "pci-bridge" && !settings.Exists(setting => setting.StartsWith("chassis_nr=", StringComparison.Ordinal)))
            {
                settings.Add(Setting("chassis_nr", buses.NumberOf(element)));
            }

            TakeIf(element, "model/@name", device.Driver, device.Driver == "pcie-pci-bridge" ? "pcie-pci-bridge" : device.Driver);
            Take(element, "@index");
        }

        if (Take(element, "driver/@iothread") is string thread)
        {
            settings.Add(Setting("iothread", $"made-iothread{thread}"));
        }

        bool isPlaced = Child(element, "address") is not null;
        buses.Address(device, element, settings);

        // Without an address a disk is on the board's own controller, which is of one kind, at the place that its name says.
        if (device.Bus == QemuBus.Ide && (isPlaced || Peek(element, "target/@bus") == (writing.IsQ35 ? "sata" : "ide")))
        {
            Take(element, "target/@bus");
            if (!isPlaced && place is int index)
            {
                settings.Add(Setting("bus", $"ide.{QemuNumbers.Format(writing.IsQ35 ? index : index / 2)}"));
                if (!writing.IsQ35)
                {
                    settings.Add(Setting("unit", QemuNumbers.Format(index % 2)));
                }
            }
        }

        writing.Add("-device", [.. settings]);
        if (device.Driver is "intel-hda" or "ich9-intel-hda" && Child(element, "codec") is null)
        {
            writing.Add("-device", "hda-duplex");
        }

        foreach (XmlTreeElement codec in element.Children.Where(child => child.Name == "codec").ToArray())
        {
            writing.Add("-device", $"hda-{Take(codec, "@type")}");
            element.Children.Remove(codec);
        }
    }
}
