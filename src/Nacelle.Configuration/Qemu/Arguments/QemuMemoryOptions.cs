namespace Nacelle.Configuration;

/// <summary>RAM, the back ends that it comes from, and other objects. Stateless.</summary>
internal static class QemuMemoryOptions
{
    private const ulong DefaultMemory = 128UL << 20;

    /// <summary>-m.</summary>
    internal static void Memory(QemuReading reading, QemuSettings settings)
    {
        QemuMachineTree tree = reading.Tree;
        QemuSetting? setting = settings.Find("size");
        ulong? size = tree.TakeSize(settings, "size", 1UL << 20);
        tree.PutSize(tree.Root, "memory", size is null or 0 ? DefaultMemory : size.Value, settings, setting);
        setting = settings.Find("maxmem");
        if (tree.TakeSize(settings, "maxmem") is ulong most)
        {
            tree.PutSize(tree.Root, "maxMemory", most, settings, setting);
        }

        if (setting is not null)
        {
            tree.Move(settings, "slots", tree.Root, "maxMemory/@slots", QemuValueKind.Number);
        }
        else
        {
            settings.TakeIf("slots", "0");
        }
    }

    /// <summary>RAM where nobody said how much.</summary>
    internal static void Default(QemuReading reading)
    {
        if (!reading.Tree.Root.Children.Exists(child => child.Name == "memory" && child.Text.Length != 0))
        {
            reading.Tree.PutSize(reading.Tree.Root, "memory", DefaultMemory, QemuSettings.Of("QEMU's default of -m", reading.Start));
        }
    }

    /// <summary>-mem-path.</summary>
    internal static void Path(QemuReading reading, QemuSettings settings)
    {
        QemuSetting path = settings.Take("")!;
        FromFile(reading, settings, path);
    }

    /// <summary>-overcommit.</summary>
    internal static void Overcommit(QemuReading reading, QemuSettings settings)
    {
        settings.TakeIf("cpu-pm", "off");
        reading.Tree.Move(settings, "mem-lock", reading.Tree.Root, "memoryBacking/locked", QemuValueKind.Flag);
    }

    /// <summary>Notes an object.</summary>
    internal static void DefineObject(QemuReading reading, QemuSettings settings) => reading.Define("object", settings);

    /// <summary>Objects that are parts of the machine by themselves.</summary>
    internal static void ApplyObject(QemuReading reading, QemuSettings settings)
    {
        QemuMachineTree tree = reading.Tree;
        switch (settings.Find("qom-type")?.Value)
        {
            case "iothread":
                settings.Take("qom-type");
                settings.IsUsed = true;
                IoThread(reading, settings);
                break;
            case "input-linux":
                settings.Take("qom-type");
                settings.IsUsed = true;
                XmlTreeElement input = tree.AddDevice("input", settings);
                tree.Put(input, "@type", "evdev", settings);
                tree.Move(settings, "evdev", input, "source/@dev");
                if (settings.Find("grab_all")?.Value == "on")
                {
                    tree.Put(input, "source/@grab", "all", settings, settings.Take("grab_all"));
                }

                tree.Move(settings, "repeat", input, "source/@repeat", QemuValueKind.OnOff);
                tree.Move(settings, "grab-toggle", input, "source/@grabToggle");
                break;
            case "secret" or "tls-creds-x509" or "tls-creds-psk" or "tls-cipher-suites" or "authz-simple" or "authz-list" or "authz-list-file" or "authz-pam":
                // Keys and rights of the process; what uses them names them.
                settings.IsUsed = true;
                foreach (QemuSetting setting in settings.All)
                {
                    setting.IsTaken = true;
                }

                break;
            default:
                break;
        }
    }

    /// <summary>The number of an I/O thread that a device refers to.</summary>
    internal static string? IoThreadNumber(QemuReading reading, QemuSettings user, QemuSetting reference) =>
        reading.Use("object", user, reference, "-object iothread") is null ? null
            : reading.Controllers.IoThreads.TryGetValue(reference.Value, out int number) ? QemuNumbers.Format(number) : null;

    /// <summary>The back end of all RAM.</summary>
    internal static void MainBackEnd(QemuReading reading, QemuSettings backEnd)
    {
        QemuMachineTree tree = reading.Tree;
        switch (backEnd.Take("qom-type")?.Value)
        {
            case "memory-backend-memfd":
                tree.Put(tree.Root, "memoryBacking/source/@type", "memfd", backEnd);
                if (tree.TakeSwitch(backEnd, "hugetlb") == true)
                {
                    HugePages(reading, backEnd, tree.TakeSize(backEnd, "hugetlbsize"));
                }

                break;
            case "memory-backend-file" when backEnd.Take("mem-path") is QemuSetting path:
                FromFile(reading, backEnd, path);
                break;
            default:
                break;
        }

        // The size is the machine's own, and is checked by QEMU against it.
        backEnd.Take("size");
        backEnd.TakeIf("x-use-canonical-path-for-ramblock-id", "off");
        Access(tree, backEnd, tree.Root, "memoryBacking/access/@mode");
        if (tree.TakeSwitch(backEnd, "prealloc") == true)
        {
            tree.Put(tree.Root, "memoryBacking/allocation/@mode", "immediate", backEnd);
        }

        tree.Move(backEnd, "prealloc-threads", tree.Root, "memoryBacking/allocation/@threads", QemuValueKind.Number);
        tree.Move(backEnd, "discard-data", tree.Root, "memoryBacking/discard", QemuValueKind.Flag);
        if (QemuNumaOption.HostNodes(reading, backEnd) is (string mode, string nodes))
        {
            tree.Put(tree.Root, "numatune/memory/@mode", mode, backEnd);
            tree.Put(tree.Root, "numatune/memory/@nodeset", nodes, backEnd);
        }
    }

    /// <summary>Whether other processes see the memory.</summary>
    internal static void Access(QemuMachineTree tree, QemuSettings backEnd, XmlTreeElement to, string path)
    {
        QemuSetting? setting = backEnd.Find("share");
        if (tree.TakeSwitch(backEnd, "share") is bool shared)
        {
            tree.Put(to, path, shared ? "shared" : "private", backEnd, setting);
        }
    }

    /// <summary>RAM from files of a directory: huge pages where it is of their file system, which by custom has that in its name.</summary>
    internal static void FromFile(QemuReading reading, QemuSettings settings, QemuSetting path)
    {
        if (path.Value.Contains("huge", StringComparison.OrdinalIgnoreCase))
        {
            HugePages(reading, settings, null);
            return;
        }

        reading.Tree.Put(reading.Tree.Root, "memoryBacking/source/@type", "file", settings, path);
        reading.Unknown(settings, path, $"{path} of {settings.Option}: which directory files of RAM are in");
    }

    private static void HugePages(QemuReading reading, QemuSettings settings, ulong? size)
    {
        QemuMachineTree tree = reading.Tree;
        XmlTreeElement pages = tree.Get(
            tree.Get(tree.Root, "memoryBacking", settings.Position, settings.Label), "hugepages", settings.Position, settings.Label);
        if (size is ulong bytes && !pages.Children.Exists(child => child.Name == "page"))
        {
            XmlTreeElement page = tree.Add(pages, "page", settings.Position, settings.Label);
            tree.Put(page, "@size", QemuNumbers.Format(bytes >> 10), settings);
            tree.Put(page, "@unit", "KiB", settings);
        }
    }

    private static void IoThread(QemuReading reading, QemuSettings settings)
    {
        QemuMachineTree tree = reading.Tree;
        int number = reading.Controllers.IoThreads[settings.Find("id")?.Value ?? ""];
        XmlTreeElement list = tree.Get(tree.Root, "iothreadids", settings.Position, settings.Label);
        XmlTreeElement thread = tree.Add(list, "iothread", settings.Position, settings.Label);
        tree.Put(thread, "@id", QemuNumbers.Format(number), settings);
        tree.Put(tree.Root, "iothreads", QemuNumbers.Format(list.Children.Count), settings);
        tree.Move(settings, "thread-pool-min", thread, "@thread_pool_min", QemuValueKind.Number);
        tree.Move(settings, "thread-pool-max", thread, "@thread_pool_max", QemuValueKind.Number);
        tree.Move(settings, "poll-max-ns", thread, "poll/@max", QemuValueKind.Number);
        tree.Move(settings, "poll-grow", thread, "poll/@grow", QemuValueKind.Number);
        tree.Move(settings, "poll-shrink", thread, "poll/@shrink", QemuValueKind.Number);
    }
}
