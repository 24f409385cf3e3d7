using static Nacelle.Configuration.QemuWriting;

namespace Nacelle.Configuration;

/// <summary>Says what libvirt adds to a machine, or takes for said, before arguments are written. Stateless.</summary>
internal static class QemuImpliedParts
{
    private const int NarrowUnits = 7;

    /// <summary>Adds it to the tree.</summary>
    internal static void Add(QemuWriting writing)
    {
        FirstConsole(writing.Devices);
        Adapters(writing.Devices);
        SecondDisplays(writing.Devices);
        foreach (XmlTreeElement controller in writing.Devices.Children.Where(child => child.Name == "controller" && Peek(child, "@type") == "usb" && Peek(child, "@model") is null))
        {
            controller.Attributes.Add(new XmlTreeAttribute("", "model", "piix3-uhci", default));
        }

        if (writing.IsQ35 && writing.Devices.Children.Exists(child => child.Name == "disk" && Peek(child, "@device") == "floppy"))
        {
            writing.Add("-device", "isa-fdc");
        }
    }

    /// <summary>A console of a machine without serial ports is one.</summary>
    private static void FirstConsole(XmlTreeElement devices)
    {
        int index = devices.Children.FindIndex(child => child.Name == "console" && Peek(child, "target/@type") is null or "serial");
        if (index < 0 || devices.Children.Exists(child => child.Name == "serial"))
        {
            return;
        }

        XmlTreeElement console = devices.Children[index];
        XmlTreeElement serial = new("", "serial", console.Position);
        serial.Attributes.AddRange(console.Attributes);
        serial.Children.AddRange(console.Children);
        if (Child(serial, "target") is XmlTreeElement target)
        {
            target.Attributes.RemoveAll(attribute => attribute.Name == "type");
            if (target.IsEmpty)
            {
                serial.Children.Remove(target);
            }
        }

        devices.Children[index] = serial;
    }

    /// <summary>Disks on SCSI have an adapter: an LSI 53C895A where nobody says which.</summary>
    private static void Adapters(XmlTreeElement devices)
    {
        List<XmlTreeElement> adapters = devices.Children.FindAll(child => child.Name == "controller" && Peek(child, "@type") == "scsi");
        foreach (XmlTreeElement adapter in adapters.Where(adapter => Peek(adapter, "@model") is null or "auto"))
        {
            adapter.Attributes.RemoveAll(attribute => attribute.Name == "model");
            adapter.Attributes.Add(new XmlTreeAttribute("", "model", "lsilogic", default));
        }

        HashSet<string> present = [];
        foreach (XmlTreeElement adapter in adapters)
        {
            present.Add(Peek(adapter, "@index") ?? QemuNumbers.Format(present.Count));
        }

        foreach (XmlTreeElement disk in devices.Children.Where(child => child.Name == "disk" && Peek(child, "target/@bus") == "scsi").ToArray())
        {
            if (Child(disk, "address") is null)
            {
                int place = DiskNames.IndexOf(Peek(disk, "target/@dev") ?? "") ?? 0;
                XmlTreeElement address = new("", "address", default);
                foreach ((string name, string value) in ((string, string)[])
                    [("type", "drive"), ("controller", QemuNumbers.Format(place / NarrowUnits)), ("bus", "0"), ("target", "0"), ("unit", QemuNumbers.Format(place % NarrowUnits))])
                {
                    address.Attributes.Add(new XmlTreeAttribute("", name, value, default));
                }

                disk.Children.Add(address);
            }

            if (Peek(disk, "address/@type") == "drive" && present.Add(Peek(disk, "address/@controller") ?? "0"))
            {
                XmlTreeElement adapter = new("", "controller", default);
                adapter.Attributes.Add(new XmlTreeAttribute("", "type", "scsi", default));
                adapter.Attributes.Add(new XmlTreeAttribute("", "index", Peek(disk, "address/@controller") ?? "0", default));
                adapter.Attributes.Add(new XmlTreeAttribute("", "model", "lsilogic", default));
                devices.Children.Add(adapter);
            }
        }
    }

    /// <summary>One display adapter has the ports of VGA: the one that says so, or the first.</summary>
    private static void SecondDisplays(XmlTreeElement devices)
    {
        List<XmlTreeElement> displays = devices.Children.FindAll(child => child.Name == "video" && Peek(child, "model/@type") is "vga" or "qxl" or "virtio");
        XmlTreeElement? first = displays.Find(display => Peek(display, "model/@primary") == "yes")
            ?? devices.Children.Find(child => child.Name == "video");
        foreach (XmlTreeElement display in displays.Where(display => display != first && Peek(display, "model/@primary") is null))
        {
            Child(display, "model")!.Attributes.Add(new XmlTreeAttribute("", "primary", "no", default));
        }
    }
}
