namespace Nacelle.Configuration;

/// <summary>Devices of the host that the guest has. Stateless.</summary>
internal static class QemuHostDevices
{
    private const string MediatedPrefix = "/sys/bus/mdev/devices/";

    /// <summary>Takes which device of the host is meant.</summary>
    internal static void Read(QemuReading reading, QemuSettings settings, XmlTreeElement element)
    {
        QemuMachineTree tree = reading.Tree;
        if (settings.Take("host") is QemuSetting host)
        {
            QemuPciAddress.PutHost(tree, settings, host, element, "source/address");
        }

        if (settings.Find("sysfsdev") is QemuSetting path)
        {
            SystemPath(reading, settings, element, path);
        }

        if (settings.Take("failover_pair_id") is QemuSetting pair)
        {
            tree.Put(element, "teaming/@type", "transient", settings, pair);
            tree.Put(element, "teaming/@persistent", pair.Value, settings, pair);
        }

        tree.Move(settings, "vendorid", element, "source/vendor/@id", QemuValueKind.Hexadecimal);
        tree.Move(settings, "productid", element, "source/product/@id", QemuValueKind.Hexadecimal);
        tree.Move(settings, "hostbus", element, "source/address/@bus", QemuValueKind.Number);
        tree.Move(settings, "hostaddr", element, "source/address/@device", QemuValueKind.Number);
        tree.Move(settings, "hostport", element, "source/address/@port");
        if (settings.Find("hostdevice") is QemuSetting file
            && file.Value.Split('/') is ["", "dev", "bus", "usb", string bus, string device]
            && QemuNumbers.TryWhole(bus, out ulong busNumber) && QemuNumbers.TryWhole(device, out ulong deviceNumber))
        {
            settings.Take("hostdevice");
            tree.Put(element, "source/address/@bus", QemuNumbers.Format(busNumber), settings, file);
            tree.Put(element, "source/address/@device", QemuNumbers.Format(deviceNumber), settings, file);
        }

        bool? reset = tree.TakeSwitch(settings, "guest-reset");
        bool? all = tree.TakeSwitch(settings, "guest-resets-all");
        if (reset is not null || all is not null)
        {
            tree.Put(element, "source/@guestReset", reset == false ? "off" : all == false ? "uninitialized" : "on", settings);
        }

        // The file of a SCSI unit has no place; what names it there is an adapter and an address.
        if (settings.Take("drive") is QemuSetting drive)
        {
            _ = reading.Use(reading.IsDefined("node", drive.Value) ? "node" : "drive", settings, drive, "-drive");
        }

        // An open file of the process.
        settings.Take("vhostfd");
        settings.Take("fd");
    }

    private static void SystemPath(QemuReading reading, QemuSettings settings, XmlTreeElement element, QemuSetting path)
    {
        QemuMachineTree tree = reading.Tree;
        string last = path.Value[(path.Value.TrimEnd('/').LastIndexOf('/') + 1)..].TrimEnd('/');
        if (path.Value.StartsWith(MediatedPrefix, StringComparison.Ordinal) || Guid.TryParse(last, out _))
        {
            settings.Take("sysfsdev");
            tree.Put(element, "@type", "mdev", settings, path);
            tree.Put(element, "@model", "vfio-pci", settings, path);
            tree.Put(element, "source/address/@uuid", last, settings, path);
        }
        else if (path.Value.StartsWith("/sys/bus/pci/devices/", StringComparison.Ordinal))
        {
            settings.Take("sysfsdev");
            QemuPciAddress.PutHost(tree, settings, new QemuSetting("host", last, path.Position), element, "source/address");
        }
    }
}
