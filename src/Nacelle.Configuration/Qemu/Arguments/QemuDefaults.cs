namespace Nacelle.Configuration;

/// <summary>What a machine of QEMU has though nobody asked for it. Stateless.</summary>
internal static class QemuDefaults
{
    /// <summary>Adds it.</summary>
    internal static void Add(QemuReading reading)
    {
        QemuMachineTree tree = reading.Tree;
        QemuSettings board = QemuSettings.Of("QEMU's default", reading.Start);
        tree.Put(tree.Root, "os/type", "hvm", board);
        if (!tree.Root.Children.Exists(child => child.Name == "name"))
        {
            tree.Put(tree.Root, "name", new MachineConfiguration().Name, board);
        }

        XmlTreeElement type = tree.Get(tree.Get(tree.Root, "os", reading.Start, board.Label), "type", reading.Start, board.Label);
        if (!type.Attributes.Exists(pair => pair.Name == "machine"))
        {
            tree.Put(type, "@machine", reading.Machine, board);
        }

        tree.Get(tree.Get(tree.Root, "features", reading.Start, board.Label), "apic", reading.Start, board.Label);
        if (!reading.WithoutDefault.Contains("acpi"))
        {
            tree.Put(tree.Root, "features/acpi", "", board);
        }

        QemuMemoryOptions.Default(reading);
        if (reading.HasDefaults)
        {
            Devices(reading, QemuSettings.Of("a default device of QEMU, which -nodefaults leaves out", reading.Start));
        }
    }

    private static void Devices(QemuReading reading, QemuSettings origin)
    {
        bool Has(string kind) => !reading.WithoutDefault.Contains(kind);
        if (Has("cdrom"))
        {
            QemuDriveOptions.DefaultCdrom(reading, origin);
        }

        if (Has("floppy") && !reading.IsQ35 && !reading.Controllers.TakenDrives.Contains("floppy:0.0"))
        {
            QemuDriveOptions.DefaultFloppy(reading, origin);
        }

        if (Has("net"))
        {
            QemuNetworkOptions.DefaultCard(reading, origin);
        }

        if (Has("serial"))
        {
            QemuCharacterOptions.DefaultPort(reading, origin, "serial", reading.NoGraphic is null ? "vc" : "stdio");
        }

        if (Has("parallel"))
        {
            QemuCharacterOptions.DefaultPort(reading, origin, "parallel", reading.NoGraphic is null ? "vc" : "null");
        }

        if (Has("vga"))
        {
            QemuDisplayOptions.DefaultAdapter(reading, origin);
        }
    }
}
