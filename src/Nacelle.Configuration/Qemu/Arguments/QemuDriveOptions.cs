using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>-drive and the short options for disks. Stateless.</summary>
internal static class QemuDriveOptions
{
    private const ulong MostBuses = 255;

    /// <summary>Notes a drive that a device refers to; others are devices themselves.</summary>
    internal static void Define(QemuReading reading, QemuSettings settings)
    {
        if (settings.Find("if")?.Value == "none")
        {
            settings.Take("if");
            reading.Define("drive", settings);
        }
        else
        {
            // Other options may name the drive; the guest does not see the name.
            settings.IsUsed = true;
        }
    }

    /// <summary>Puts a drive into the machine that is a device itself.</summary>
    internal static void Apply(QemuReading reading, QemuSettings settings)
    {
        if (settings.Find("if")?.Value == "none")
        {
            return;
        }

        QemuMachineTree tree = reading.Tree;
        QemuSetting? kind = settings.Take("if");
        string bus = kind?.Value ?? "ide";
        ulong? index = tree.TakeNumber(settings, "index", MostBuses);
        ulong? number = tree.TakeNumber(settings, "bus", MostBuses);
        ulong? unit = tree.TakeNumber(settings, "unit", MostBuses);
        settings.Take("id");
        switch (bus)
        {
            case "pflash":
                QemuBootOptions.FlashDrive(reading, settings, index ?? unit);
                break;
            case "ide" or "floppy" or "scsi" or "virtio" or "sd":
                Disk(reading, settings, bus, index, number, unit);
                break;
            default:
                tree.Refuse(settings, kind!, "ide, scsi, sd, mtd, floppy, pflash, virtio or none");
                break;
        }
    }

    /// <summary>-hda and its like.</summary>
    internal static void Short(QemuReading reading, QemuSettings settings, int index, string device)
    {
        QemuSetting file = settings.Take("")!;
        QemuSettings drive = QemuSettings.Of(
            settings.Option, settings.Position, ("file", file.Value), ("media", device == "cdrom" ? "cdrom" : "disk"));
        Disk(reading, drive, device == "floppy" ? "floppy" : "ide", (ulong)index, null, null);
    }

    /// <summary>-snapshot.</summary>
    internal static void Snapshot(QemuReading reading, QemuSettings settings) => reading.AtEnd.Add(() =>
    {
        foreach (XmlTreeElement disk in reading.Tree.Devices.Children.Where(child => child.Name == "disk"))
        {
            reading.Tree.Get(disk, "transient", settings.Position, settings.Option);
        }
    });

    /// <summary>The drive that the board has where nobody asked for another: a CD-ROM drive without a medium.</summary>
    internal static void DefaultCdrom(QemuReading reading, QemuSettings origin)
    {
        string cell = reading.IsQ35 ? "0.2" : "1.0";
        if (!reading.Controllers.TakenDrives.Contains(cell))
        {
            QemuSettings drive = QemuSettings.Of(origin.Option, origin.Position, ("media", "cdrom"));
            Disk(reading, drive, "ide", 2, null, null);
        }
    }

    /// <summary>The floppy drive that older boards have where nobody asked for another.</summary>
    internal static void DefaultFloppy(QemuReading reading, QemuSettings origin) =>
        Disk(reading, QemuSettings.Of(origin.Option, origin.Position, ("media", "disk")), "floppy", 0, null, null);

    private static void Disk(QemuReading reading, QemuSettings settings, string kind, ulong? index, ulong? number, ulong? unit)
    {
        QemuMachineTree tree = reading.Tree;
        XmlTreeElement disk = tree.AddDevice("disk", settings);
        bool isCdrom = settings.Take("media")?.Value == "cdrom";
        string device = kind == "floppy" ? "floppy" : isCdrom ? "cdrom" : "disk";
        tree.Put(disk, "@device", device, settings);
        new QemuStorage(reading).Drive(settings, disk);
        if (isCdrom)
        {
            tree.Get(disk, "readonly", settings.Position, settings.Label);
        }

        string bus = kind switch { "floppy" => "fdc", "ide" when reading.IsQ35 => "sata", _ => kind };
        string prefix = bus switch { "fdc" => "fd", "ide" => "hd", "virtio" => "vd", _ => "sd" };
        int units = kind switch { "ide" => reading.IsQ35 ? 1 : 2, "scsi" => 7, "floppy" => 2, _ => 0 };
        (int Bus, int Unit)? place = units == 0 ? null
            : reading.Controllers.PlaceDrive(kind, units, (int?)index, (int?)number, (int?)unit, settings);
        tree.Put(disk, "target/@dev", reading.NameDisk(prefix, place is (int row, int column) && kind == "ide" ? (row * units) + column : null), settings);
        tree.Put(disk, "target/@bus", bus, settings);
        if (place is (int first, int second))
        {
            Address(tree, settings, disk, kind, bus, first, second);
        }
    }

    private static void Address(QemuMachineTree tree, QemuSettings settings, XmlTreeElement disk, string kind, string bus, int number, int unit)
    {
        tree.Put(disk, "address/@type", "drive", settings);
        bool isScsi = kind == "scsi";
        tree.Put(disk, "address/@controller", QemuNumbers.Format(isScsi ? number : 0), settings);
        tree.Put(disk, "address/@bus", string.Create(CultureInfo.InvariantCulture, $"{(bus == "ide" ? number : 0)}"), settings);
        tree.Put(disk, "address/@target", QemuNumbers.Format(isScsi ? unit : 0), settings);
        tree.Put(disk, "address/@unit", QemuNumbers.Format(isScsi ? 0 : bus == "sata" ? number : unit), settings);
    }
}
