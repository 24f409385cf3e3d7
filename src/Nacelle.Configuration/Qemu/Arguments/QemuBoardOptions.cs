using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>The board, what runs it, its clock and what happens at its end. Stateless.</summary>
internal static class QemuBoardOptions
{
    private static readonly string[] s_accelerators = ["kvm", "tcg"];

    // Machine properties that state the default, or what follows from other parts.
    private static readonly (string Name, string[] Values)[] s_stated =
    [
        ("mem-merge", ["on"]), ("smm", ["auto"]), ("vmport", ["auto"]), ("graphics", ["on"]), ("nvdimm", ["on", "off"]), ("hmat", ["off"]),
        ("pit", ["on"]), ("pic", ["on", "auto"]), ("sata", ["on"]), ("smbus", ["on"]), ("i8042", ["on"]), ("acpi", ["on", "auto"]), ("hpet", ["on"]),
        ("usb", ["off"]), ("suppress-vmdesc", ["off"]), ("igd-passthru", ["off"]), ("enforce-config-section", ["off"]), ("kernel-irqchip", ["on"]),
    ];

    /// <summary>Notes the board's name, on which much else depends.</summary>
    internal static void Board(QemuReading reading, QemuSettings settings)
    {
        if (settings.Find("type") is QemuSetting type)
        {
            reading.Machine = type.Value;
        }
    }

    /// <summary>-machine.</summary>
    internal static void Machine(QemuReading reading, QemuSettings settings)
    {
        QemuMachineTree tree = reading.Tree;
        if (settings.Take("type") is QemuSetting type)
        {
            tree.Put(tree.Root, "os/type/@machine", type.Value, settings, type);
        }

        if (settings.Take("accel") is QemuSetting accelerators)
        {
            foreach (string name in accelerators.Value.Split(':'))
            {
                Choose(reading, name, settings, accelerators);
            }
        }

        if (tree.TakeSwitch(settings, "usb") == true)
        {
            reading.Controllers.AddBoardUsb(settings);
        }

        foreach ((string name, string[] values) in s_stated)
        {
            settings.TakeIf(name, values);
        }

        tree.Move(settings, "smm", tree.Root, "features/smm/@state", QemuValueKind.OnOff);
        tree.Move(settings, "vmport", tree.Root, "features/vmport/@state", QemuValueKind.OnOff);
        tree.Move(settings, "dump-guest-core", tree.Root, "memory/@dumpCore", QemuValueKind.OnOff);
        if (settings.Find("mem-merge")?.Value == "off")
        {
            tree.Put(tree.Root, "memoryBacking/nosharepages", "", settings, settings.Take("mem-merge"));
        }

        InterruptChip(reading, settings);
        Switchable(reading, settings, "pit");
        Switchable(reading, settings, "hpet");
        if (settings.Find("acpi")?.Value == "off")
        {
            settings.Take("acpi");
            WithoutAcpi(reading, settings);
        }

        if (reading.UseNamed("object", settings, "memory-backend", "-object") is QemuSettings backEnd)
        {
            QemuMemoryOptions.MainBackEnd(reading, backEnd);
        }

        QemuBootOptions.MachineFlash(reading, settings);
    }

    /// <summary>-accel.</summary>
    internal static void Accelerator(QemuReading reading, QemuSettings settings)
    {
        QemuMachineTree tree = reading.Tree;
        if (settings.Take("accel") is QemuSetting name)
        {
            Choose(reading, name.Value, settings, name);
        }

        settings.TakeIf("thread", "multi");
        settings.TakeIf("split-wx", "off");
        settings.TakeIf("kernel-irqchip", "on");
        InterruptChip(reading, settings);
        if (settings.Find("tb-size") is QemuSetting size && QemuNumbers.TryWhole(size.Value, out ulong mebibytes) && mebibytes < 1 << 20)
        {
            tree.PutSize(tree.Root, "features/tcg/tb-cache", mebibytes << 20, settings, settings.Take("tb-size"));
        }

        if (settings.Find("dirty-ring-size") is QemuSetting ring)
        {
            tree.Put(tree.Root, "features/kvm/dirty-ring/@state", "on", settings, ring);
            tree.Move(settings, "dirty-ring-size", tree.Root, "features/kvm/dirty-ring/@size", QemuValueKind.Number);
        }
    }

    /// <summary>-name.</summary>
    internal static void Name(QemuReading reading, QemuSettings settings)
    {
        reading.Tree.Move(settings, "guest", reading.Tree.Root, "name");
        settings.Take("process");
        settings.Take("debug-threads");
    }

    /// <summary>An option whose whole value is one value of the configuration.</summary>
    internal static void Put(QemuReading reading, QemuSettings settings, string path)
    {
        QemuSetting value = settings.Take("")!;
        reading.Tree.Put(reading.Tree.Root, path, value.Value, settings.Position, $"{settings.Option} {value.Value}");
    }

    /// <summary>-rtc.</summary>
    internal static void Clock(QemuReading reading, QemuSettings settings)
    {
        QemuMachineTree tree = reading.Tree;
        if (settings.Take("base") is QemuSetting start)
        {
            if (start.Value is "utc" or "localtime")
            {
                tree.Put(tree.Root, "clock/@offset", start.Value, settings, start);
            }
            else if (DateTime.TryParse(
                start.Value, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out DateTime time))
            {
                tree.Put(tree.Root, "clock/@offset", "absolute", settings, start);
                string seconds = new DateTimeOffset(time).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
                tree.Put(tree.Root, "clock/@start", seconds, settings, start);
            }
            else
            {
                tree.Refuse(settings, start, "utc, localtime or a time such as 2006-06-17T16:01:21");
            }
        }

        string? track = settings.Find("clock")?.Value switch { "host" => "wall", "vm" => "guest", "rt" => "realtime", _ => null };
        if (track is not null)
        {
            Timer(reading, settings, settings.Take("clock"), "rtc", "track", track);
        }

        string? policy = settings.Find("driftfix")?.Value switch { "slew" => "catchup", "none" => "delay", _ => null };
        if (policy is not null)
        {
            Timer(reading, settings, settings.Take("driftfix"), "rtc", "tickpolicy", policy);
        }
    }

    /// <summary>Says something of a timer.</summary>
    internal static void Timer(QemuReading reading, QemuSettings settings, QemuSetting? setting, string name, string attribute, string value)
    {
        QemuMachineTree tree = reading.Tree;
        SourcePosition position = setting?.Position ?? settings.Position;
        XmlTreeElement clock = tree.Get(tree.Root, "clock", position, settings.Label);
        XmlTreeElement? timer = clock.Children.Find(child => child.Attributes.Exists(pair => pair.Name == "name" && pair.Value == name));
        if (timer is null)
        {
            timer = tree.Add(clock, "timer", position, settings.Label);
            tree.Put(timer, "@name", name, settings, setting);
        }

        tree.Put(timer, "@" + attribute, value, settings, setting);
    }

    /// <summary>-no-acpi.</summary>
    internal static void WithoutAcpi(QemuReading reading, QemuSettings settings) => reading.WithoutDefault.Add("acpi");

    /// <summary>-action.</summary>
    internal static void Action(QemuReading reading, QemuSettings settings)
    {
        Choice("reboot", "on_reboot", ("reset", "restart"), ("shutdown", "destroy"));
        Choice("shutdown", "on_poweroff", ("poweroff", "destroy"), ("pause", "preserve"));
        Choice("panic", "on_crash", ("shutdown", "destroy"), ("pause", "preserve"));
        if (settings.Find("watchdog") is QemuSetting watchdog)
        {
            settings.Take("watchdog");
            reading.AtEnd.Add(() => Watchdogs(reading, settings, watchdog));
        }

        void Choice(string name, string path, params (string Qemu, string Xml)[] words)
        {
            if (settings.Find(name) is QemuSetting setting && Array.Find(words, word => word.Qemu == setting.Value).Xml is string value)
            {
                reading.Tree.Put(reading.Tree.Root, path, value, settings, settings.Take(name));
            }
        }
    }

    /// <summary>-watchdog-action.</summary>
    internal static void WatchdogAction(QemuReading reading, QemuSettings settings)
    {
        QemuSetting action = settings.Take("")!;
        reading.AtEnd.Add(() => Watchdogs(reading, settings, action));
    }

    /// <summary>-global.</summary>
    internal static void Global(QemuReading reading, QemuSettings settings)
    {
        (string name, QemuSetting? setting) = settings.Find("driver") is not null
            ? ($"{settings.TakeText("driver")}.{settings.TakeText("property")}", settings.Take("value"))
            : settings.All is [QemuSetting only] ? (only.Name, only) : ("", null);
        if (setting is null || !QemuGlobals.Apply(reading, settings, name, setting))
        {
            reading.Unknown(settings, setting, $"-global {name}={setting?.Value}");
        }

        settings.Take(setting?.Name ?? "");
    }

    private static void Choose(QemuReading reading, string name, QemuSettings settings, QemuSetting setting)
    {
        if (s_accelerators.Contains(name))
        {
            reading.Accelerators.Add((name, settings));
            return;
        }

        reading.Shapes.Refuse(setting.Position, $"{settings.Option} {setting}: {NearestName.Refusal("accelerator", name, s_accelerators)}");
    }

    private static void InterruptChip(QemuReading reading, QemuSettings settings)
    {
        if (settings.Find("kernel-irqchip")?.Value == "split")
        {
            reading.Tree.Put(reading.Tree.Root, "features/ioapic/@driver", "qemu", settings, settings.Take("kernel-irqchip"));
        }
    }

    private static void Switchable(QemuReading reading, QemuSettings settings, string timer)
    {
        if (settings.Find(timer)?.Value == "off")
        {
            Timer(reading, settings, settings.Take(timer), timer, "present", "no");
        }
    }

    private static void Watchdogs(QemuReading reading, QemuSettings settings, QemuSetting setting)
    {
        List<XmlTreeElement> watchdogs = reading.Tree.Devices.Children.FindAll(child => child.Name == "watchdog");
        if (watchdogs.Count == 0 || setting.Value == "debug")
        {
            reading.Unknown(settings, setting, settings.Label);
        }

        foreach (XmlTreeElement watchdog in watchdogs.Where(_ => setting.Value != "debug"))
        {
            reading.Tree.Put(watchdog, "@action", setting.Value, settings, setting);
        }
    }
}
