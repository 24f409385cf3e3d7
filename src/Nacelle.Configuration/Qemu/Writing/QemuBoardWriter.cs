using static Nacelle.Configuration.QemuWriting;

namespace Nacelle.Configuration;

/// <summary>Writes the board, what runs it, its clock and what happens at its end. Stateless.</summary>
internal static class QemuBoardWriter
{
    // What domain XML says beside the machine, or what QEMU does anyway.
    private static readonly (string Path, string[]? Values)[] s_withoutArgument =
    [
        ("@id", null), ("title", null), ("description", null), ("on_poweroff", ["destroy"]), ("on_reboot", ["restart"]), ("on_crash", ["destroy", "restart", "coredump-destroy", "coredump-restart"]),
        ("resource/partition", null), ("vcpu/@placement", ["static"]), ("os/type/@arch", ["x86_64"]), ("os/type", ["hvm"]), ("features/pae", null),
        ("features/apic", [""]), ("memoryBacking/source/@type", ["anonymous"]), ("cpu/@match", ["exact"]), ("cpu/@check", ["none", "partial"]),
        ("cpu/model/@fallback", ["allow", "forbid"]), ("pm/suspend-to-mem/@enabled", []), ("features/ioapic/@driver", ["kvm"]), ("devices/emulator", null),
    ];

    /// <summary>Writes it.</summary>
    internal static void Write(QemuWriting writing, bool isAutomatic)
    {
        XmlTreeElement root = writing.Root;
        root.Children.RemoveAll(child => child.Name is "metadata" or "seclabel");
        writing.Add("-name", Setting("guest", Take(root, "name") ?? "nacelle"));
        List<string> machine = [Take(root, "os/type/@machine") ?? "pc"];
        machine.Add(Setting("accel", isAutomatic ? "kvm:tcg" : Peek(root, "@type") == "qemu" ? "tcg" : "kvm"));
        Take(root, "@type");
        Move(root, "features/smm/@state", machine, "smm");
        Move(root, "features/vmport/@state", machine, "vmport");
        Move(root, "memory/@dumpCore", machine, "dump-guest-core");
        if (Take(root, "memoryBacking/nosharepages") is not null)
        {
            machine.Add("mem-merge=off");
        }

        if (TakeIf(root, "features/ioapic/@driver", "qemu"))
        {
            machine.Add("kernel-irqchip=split");
        }

        if (Take(root, "features/acpi") is null)
        {
            machine.Add("acpi=off");
        }

        foreach (string timer in (string[])["pit", "hpet"])
        {
            if (TimerOf(root, timer) is XmlTreeElement element && TakeIf(element, "@present", "no"))
            {
                machine.Add($"{timer}=off");
            }
        }

        if (writing.Devices.Children.Exists(child => child.Name == "memory" && Peek(child, "@model") == "nvdimm"))
        {
            machine.Add("nvdimm=on");
        }

        string? backEnd = QemuMemoryWriter.Write(writing);
        if (backEnd is not null)
        {
            machine.Add(Setting("memory-backend", backEnd));
        }

        writing.Add("-machine", [.. machine]);
        writing.Add("-nodefaults");
        writing.Add("-no-user-config");
        if (Take(root, "uuid") is string uuid)
        {
            writing.Add("-uuid", uuid);
        }

        QemuFirmwareWriter.Write(writing);
        Clock(writing);
        Ends(writing);
        Globals(writing);
        if (Take(root, "features/vmcoreinfo/@state") == "on")
        {
            writing.Add("-device", "vmcoreinfo");
        }

        if (Take(root, "genid") is string generation)
        {
            writing.Add("-device", "vmgenid", Setting("guid", generation.Length == 0 ? "auto" : generation));
        }

        foreach ((string path, string[]? values) in s_withoutArgument)
        {
            if (values is null)
            {
                Take(root, path);
            }
            else
            {
                TakeIf(root, path, values);
            }
        }
    }

    /// <summary>A timer's element.</summary>
    internal static XmlTreeElement? TimerOf(XmlTreeElement root, string name) => Child(root, "clock")?.Children
        .Find(child => child.Name == "timer" && Peek(child, "@name") == name);

    /// <summary>Takes out timers of which all was said.</summary>
    internal static void EndTimers(QemuWriting writing)
    {
        if (Child(writing.Root, "clock") is not XmlTreeElement clock)
        {
            return;
        }

        clock.Children.RemoveAll(child => child.Name == "timer" && child.Attributes.Count == 1 && child.Children.Count == 0);
        if (clock.IsEmpty)
        {
            writing.Root.Children.Remove(clock);
        }
    }

    private static void Clock(QemuWriting writing)
    {
        XmlTreeElement root = writing.Root;
        List<string> settings = [];
        if (Peek(root, "clock/@offset") is "utc" or "localtime")
        {
            Move(root, "clock/@offset", settings, "base");
        }
        else if (Peek(root, "clock/@offset") == "absolute" && Take(root, "clock/@start") is string start
            && long.TryParse(start, System.Globalization.CultureInfo.InvariantCulture, out long seconds)
            && seconds is >= 0 and < 253402300800)
        {
            Take(root, "clock/@offset");
            string time = DateTimeOffset.FromUnixTimeSeconds(seconds).ToString("yyyy-MM-ddTHH:mm:ss", System.Globalization.CultureInfo.InvariantCulture);
            settings.Add(Setting("base", time));
        }

        if (TimerOf(root, "rtc") is XmlTreeElement timer)
        {
            Word("@track", "clock", ("wall", "host"), ("guest", "vm"), ("realtime", "rt"));
            Word("@tickpolicy", "driftfix", ("catchup", "slew"), ("delay", "none"));

            void Word(string path, string name, params ReadOnlySpan<(string Xml, string Qemu)> words)
            {
                foreach ((string xml, string qemu) in words)
                {
                    if (TakeIf(timer, path, xml))
                    {
                        settings.Add(Setting(name, qemu));
                    }
                }
            }
        }

        if (settings.Count != 0)
        {
            writing.Add("-rtc", [.. settings]);
        }

        if (TimerOf(root, "pit") is XmlTreeElement interval && Peek(interval, "@tickpolicy") is "delay" or "discard")
        {
            writing.Add("-global", Setting("kvm-pit.lost_tick_policy", Take(interval, "@tickpolicy")!));
        }

        foreach (string name in (string[])["hpet", "pit", "rtc", "tsc"])
        {
            if (TimerOf(root, name) is XmlTreeElement present)
            {
                TakeIf(present, "@present", "yes");
            }
        }
    }

    private static void Ends(QemuWriting writing)
    {
        XmlTreeElement root = writing.Root;
        List<string> actions = [];
        Word("on_reboot", "reboot", ("restart", "reset"), ("destroy", "shutdown"));
        Word("on_poweroff", "shutdown", ("destroy", "poweroff"), ("preserve", "pause"));
        Word("on_crash", "panic", ("destroy", "shutdown"), ("preserve", "pause"));
        string? watchdog = writing.Devices.Children.Where(child => child.Name == "watchdog").Select(child => Peek(child, "@action")).FirstOrDefault(action => action is not null);
        if (watchdog is not null)
        {
            foreach (XmlTreeElement element in writing.Devices.Children.Where(child => child.Name == "watchdog"))
            {
                TakeIf(element, "@action", watchdog);
            }

            // QEMU writes no dump by itself: the guest waits for who does.
            actions.Add(Setting("watchdog", watchdog == "dump" ? "pause" : watchdog));
        }

        if (actions.Count != 0)
        {
            writing.Add("-action", [.. actions]);
        }

        void Word(string path, string name, params ReadOnlySpan<(string Xml, string Qemu)> words)
        {
            foreach ((string xml, string qemu) in words)
            {
                if (TakeIf(root, path, xml))
                {
                    actions.Add(Setting(name, qemu));
                }
            }
        }
    }

    private static void Globals(QemuWriting writing)
    {
        foreach (string path in (string[])["pm/suspend-to-mem/@enabled", "pm/suspend-to-disk/@enabled"])
        {
            if (Peek(writing.Root, path) is string value && QemuGlobals.Find(path, value, writing.IsQ35) is (string name, string number))
            {
                Take(writing.Root, path);
                writing.Add("-global", Setting(name, number));
            }
        }

        foreach (XmlTreeElement root in writing.Devices.Children.Where(child => child.Name == "controller" && Peek(child, "@model") == "pci-root" && !writing.IsQ35))
        {
            if (TakeIf(root, "target/@hotplug", "off"))
            {
                writing.Add("-global", "PIIX4_PM.acpi-root-pci-hotplug=off");
            }
        }

        if (TakeSize(writing.Root, "features/smm/tseg") is ulong bytes)
        {
            writing.Add("-global", Setting("mch.extended-tseg-mbytes", QemuNumbers.Format(bytes >> 20)));
        }

        List<string> accelerator = [];
        if (TakeSize(writing.Root, "features/tcg/tb-cache") is ulong cache)
        {
            accelerator.Add(Setting("tb-size", QemuNumbers.Format(cache >> 20)));
        }

        if (TakeIf(writing.Root, "features/kvm/dirty-ring/@state", "on"))
        {
            Move(writing.Root, "features/kvm/dirty-ring/@size", accelerator, "dirty-ring-size");
        }

        if (accelerator.Count != 0)
        {
            // The properties of an accelerator are said with it, which then cannot be named by the machine.
            int machine = writing.Arguments.FindIndex(argument => argument.Contains(",accel=", StringComparison.Ordinal));
            string name = writing.Arguments[machine].Contains("accel=tcg", StringComparison.Ordinal) ? "tcg" : "kvm";
            writing.Arguments[machine] = writing.Arguments[machine].Replace($",accel={name}", "", StringComparison.Ordinal);
            writing.Add("-accel", [name, .. accelerator]);
        }
    }
}
