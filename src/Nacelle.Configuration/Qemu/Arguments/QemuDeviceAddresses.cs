using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>Where devices sit. Stateless.</summary>
internal static class QemuDeviceAddresses
{
    private const ulong Most = int.MaxValue;

    /// <summary>Puts a device's address into the machine where one was given.</summary>
    internal static void Put(QemuReading reading, QemuSettings settings, QemuDevice device, XmlTreeElement element)
    {
        QemuMachineTree tree = reading.Tree;
        switch (device.Bus)
        {
            case QemuBus.Pci:
                Pci(reading, settings, element);
                break;
            case QemuBus.Scsi:
                Scsi(reading, settings, element);
                break;
            case QemuBus.Ide:
                Ide(reading, settings, element);
                break;
            case QemuBus.Usb:
                if (Controller(reading, settings, "usb") is (int usb, _) && settings.Take("port") is QemuSetting port)
                {
                    Numbers(tree, settings, element, "usb", ("bus", usb));
                    tree.Put(element, "address/@port", port.Value, settings, port);
                }

                break;
            case QemuBus.VirtioSerial:
                if (settings.Find("bus") is not null && Controller(reading, settings, "virtio-serial") is (int serial, int bus))
                {
                    Numbers(tree, settings, element, "virtio-serial", ("controller", serial), ("bus", bus));
                }

                if (tree.TakeNumber(settings, "nr", Most) is ulong number)
                {
                    tree.Put(element, "address/@type", "virtio-serial", settings);
                    tree.Put(element, "address/@port", QemuNumbers.Format(number), settings);
                }

                break;
            case QemuBus.Isa:
                settings.TakeIf("bus", "isa.0");
                foreach ((string key, string name) in ((string, string)[])[("iobase", "iobase"), ("ioport", "iobase"), ("irq", "irq")])
                {
                    if (settings.Find(key) is not null)
                    {
                        tree.Put(element, "address/@type", "isa", settings);
                        tree.Move(settings, key, element, $"address/@{name}", QemuValueKind.Hexadecimal);
                    }
                }

                break;
            case QemuBus.SmartCard:
                if (settings.Find("bus") is not null && Controller(reading, settings, "ccid") is (int reader, _))
                {
                    Numbers(tree, settings, element, "ccid", ("controller", reader), ("slot", 0));
                }

                break;
            case QemuBus.Floppy:
                settings.Take("bus");
                Numbers(tree, settings, element, "drive", ("controller", 0), ("bus", 0), ("target", 0), ("unit", (int)(tree.TakeNumber(settings, "unit", 1) ?? 0)));
                break;
            default:
                if (element.Name == "memory" && (settings.Find("slot") ?? settings.Find("addr")) is not null)
                {
                    tree.Put(element, "address/@type", "dimm", settings);
                    tree.Move(settings, "slot", element, "address/@slot", QemuValueKind.Number);
                    tree.Move(settings, "addr", element, "address/@base", QemuValueKind.Hexadecimal);
                }

                break;
        }
    }

    private static void Pci(QemuReading reading, QemuSettings settings, XmlTreeElement element)
    {
        QemuMachineTree tree = reading.Tree;
        QemuSetting? busName = settings.Take("bus");
        QemuSetting? address = settings.Take("addr");
        int bus = 0;
        if (busName is not null)
        {
            if (reading.Controllers.FindPci(busName.Value) is not int found)
            {
                reading.Shapes.Refuse(busName.Position, $"{settings.Option} {busName} refers to a bus that is not there: name a controller's id, or pci.0 or pcie.0");
                return;
            }

            bus = found;
        }

        (uint Slot, uint Function)? place = address is null ? null : QemuPciAddress.Parse(address.Value);
        if (address is not null && place is null)
        {
            tree.Refuse(settings, address, "a slot in hexadecimal, with a function after a dot where it has one, such as 5.1");
            return;
        }

        if (place is null && bus != 0 && reading.Controllers.ChooseSlot(bus) is uint chosen)
        {
            place = (chosen, 0);
        }
        else if (place is (uint taken, _))
        {
            reading.Controllers.TakeSlot(bus, taken);
        }

        QemuSetting? where = address ?? busName;
        if (place is (uint slot, uint function))
        {
            string[] values = [.. ((uint[])[0, (uint)bus, slot, function]).Select(number => number.ToString("x", CultureInfo.InvariantCulture))];
            tree.Put(element, "address/@type", "pci", settings, where);
            tree.Put(element, "address/@domain", "0x" + values[0].PadLeft(4, '0'), settings, where);
            tree.Put(element, "address/@bus", "0x" + values[1].PadLeft(2, '0'), settings, where);
            tree.Put(element, "address/@slot", "0x" + values[2].PadLeft(2, '0'), settings, where);
            tree.Put(element, "address/@function", "0x" + values[3], settings, where);
        }

        if (settings.Find("multifunction") is QemuSetting multifunction && (place is not null || multifunction.Value == "off"))
        {
            settings.Take("multifunction");
            if (place is not null)
            {
                tree.PutAs(QemuValueKind.OnOff, element, "address/@multifunction", multifunction, settings);
            }
        }
    }

    private static void Scsi(QemuReading reading, QemuSettings settings, XmlTreeElement element)
    {
        QemuMachineTree tree = reading.Tree;
        bool isPlaced = (settings.Find("bus") ?? settings.Find("scsi-id") ?? settings.Find("lun")) is not null;
        ulong? channel = tree.TakeNumber(settings, "channel", Most);
        ulong? target = tree.TakeNumber(settings, "scsi-id", Most);
        ulong? unit = tree.TakeNumber(settings, "lun", Most);
        if (isPlaced && Controller(reading, settings, "scsi") is (int controller, _))
        {
            Numbers(tree, settings, element, "drive", ("controller", controller), ("bus", (int)(channel ?? 0)));
            if (target is not null || unit is not null)
            {
                Numbers(tree, settings, element, "drive", ("target", (int)(target ?? 0)), ("unit", (int)(unit ?? 0)));
            }
        }
    }

    private static void Ide(QemuReading reading, QemuSettings settings, XmlTreeElement element)
    {
        QemuMachineTree tree = reading.Tree;
        QemuSetting? bus = settings.Take("bus");
        ulong? unit = tree.TakeNumber(settings, "unit", 1);
        string[] types = reading.IsQ35 ? ["sata", "ide"] : ["ide", "sata"];
        string? type = Array.Find(types, item => reading.Controllers.Find(item, bus?.Value) is not null);
        if (type is null)
        {
            reading.Shapes.Refuse(bus!.Position, $"{settings.Option} {bus} refers to a bus that is not there: name a controller's id with a number, or ide.0");
            return;
        }

        tree.Put(element, "target/@bus", type, settings, bus);
        (int controller, int number) = reading.Controllers.Find(type, bus?.Value)!.Value;
        if (bus is null)
        {
            (number, int free) = reading.Controllers.PlaceDrive("ide", type == "sata" ? 1 : 2, null, null, null, settings);
            unit = (ulong)free;
        }
        else if (controller == 0)
        {
            reading.Controllers.TakenDrives.Add(string.Create(CultureInfo.InvariantCulture, $"{number}.{unit ?? 0}"));
        }

        Numbers(
            tree, settings, element, "drive", ("controller", controller), ("bus", type == "ide" ? number : 0), ("target", 0),
            ("unit", type == "ide" ? (int)(unit ?? 0) : number));
    }

    private static (int Index, int Bus)? Controller(QemuReading reading, QemuSettings settings, string type)
    {
        QemuSetting? bus = settings.Take("bus");
        (int Index, int Bus)? found = reading.Controllers.Find(type, bus?.Value);
        if (found is null)
        {
            reading.Shapes.Refuse(bus!.Position, $"{settings.Option} {bus} refers to a bus that is not there: name the id of a controller of type {type}, with .0");
        }

        return found;
    }

    private static void Numbers(
        QemuMachineTree tree, QemuSettings settings, XmlTreeElement element, string type, params ReadOnlySpan<(string Name, int Value)> values)
    {
        tree.Put(element, "address/@type", type, settings);
        foreach ((string name, int value) in values)
        {
            tree.Put(element, $"address/@{name}", QemuNumbers.Format(value), settings);
        }
    }
}
