namespace Nacelle.Configuration;

/// <summary>Memory modules and memory shared with other machines. Stateless.</summary>
internal static class QemuMemoryDevices
{
    /// <summary>Takes the back end that a device's memory comes from.</summary>
    internal static void Read(QemuReading reading, QemuSettings settings, XmlTreeElement element)
    {
        QemuMachineTree tree = reading.Tree;
        if (element.Name == "shmem")
        {
            Shared(reading, settings, element);
            return;
        }

        if (reading.UseNamed("object", settings, "memdev", "-object memory-backend-ram") is not QemuSettings backEnd)
        {
            reading.Shapes.Refuse(settings.Position, $"{settings.Label} needs memdev=: name an -object memory-backend-ram");
            return;
        }

        backEnd.Take("qom-type");
        tree.Move(backEnd, "size", element, "target/size", QemuValueKind.Size);
        QemuMemoryOptions.Access(tree, backEnd, element, "@access");
        tree.Move(backEnd, "discard-data", element, "@discard", QemuValueKind.YesNo);
        tree.Move(backEnd, "mem-path", element, "source/path");
        tree.Move(backEnd, "align", element, "source/alignsize", QemuValueKind.Size);
        tree.Move(backEnd, "pmem", element, "source/pmem", QemuValueKind.Flag);
        tree.Move(backEnd, "hugetlbsize", element, "source/pagesize", QemuValueKind.Size);
        backEnd.TakeIf("hugetlb", element.Children.Exists(child => child.Name == "source") ? ["on", "off"] : ["off"]);
        backEnd.TakeIf("reserve", "off", "on");
        backEnd.TakeIf("prealloc", "off");
        if (QemuNumaOption.HostNodes(reading, backEnd) is (_, string nodes))
        {
            tree.Put(element, "source/nodemask", nodes, backEnd);
        }
    }

    private static void Shared(QemuReading reading, QemuSettings settings, XmlTreeElement element)
    {
        QemuMachineTree tree = reading.Tree;
        string name = settings.Find("id")?.Value ?? "shmem";
        settings.TakeIf("master", "off");
        if (settings.Find("master")?.Value == "on")
        {
            tree.Put(element, "@role", "master", settings, settings.Take("master"));
        }

        if (reading.UseNamed("object", settings, "memdev", "-object memory-backend-file") is QemuSettings backEnd)
        {
            backEnd.Take("qom-type");
            backEnd.TakeIf("share", "on");
            string? path = backEnd.Find("mem-path")?.Value;
            if (path is not null && path.StartsWith("/dev/shm/", StringComparison.Ordinal))
            {
                backEnd.Take("mem-path");
                name = path["/dev/shm/".Length..];
            }

            tree.Move(backEnd, "size", element, "size", QemuValueKind.Size);
        }

        if (reading.UseNamed("chardev", settings, "chardev", "-chardev") is QemuSettings character)
        {
            tree.Put(element, "server/@path", character.Find("path")?.Value ?? "", character);
            tree.Put(element, "msi/@enabled", "on", settings);
            QemuCharacterOptions.TakeSocket(character);
        }

        tree.Put(element, "@name", name.Length == 0 ? "shmem" : name, settings);
    }
}
