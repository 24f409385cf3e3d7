using static Nacelle.Configuration.QemuWriting;

namespace Nacelle.Configuration;

/// <summary>Writes the processor and the vCPUs. Stateless.</summary>
internal static class QemuCpuWriter
{
    /// <summary>Writes them.</summary>
    internal static void Write(QemuWriting writing)
    {
        Processor(writing);
        XmlTreeElement root = writing.Root;
        string maximum = Take(root, "vcpu") ?? "1";
        List<string> settings = [Setting("cpus", Peek(root, "vcpu/@current") ?? maximum)];
        if (Take(root, "vcpu/@current") is not null)
        {
            settings.Add(Setting("maxcpus", maximum));
        }

        foreach (string level in (string[])["sockets", "dies", "clusters", "cores", "threads"])
        {
            Move(root, $"cpu/topology/@{level}", settings, level);
        }

        writing.Add("-smp", [.. settings]);
        if (Child(root, "vcpu") is { IsEmpty: true } empty)
        {
            root.Children.Remove(empty);
        }

        Threads(writing);
    }

    private static void Processor(QemuWriting writing)
    {
        XmlTreeElement root = writing.Root;
        List<string> settings = [];
        string? mode = Peek(root, "cpu/@mode");
        string? model = mode switch { "host-passthrough" => "host", "maximum" => "max", "custom" or null => Take(root, "cpu/model"), _ => null };
        if (mode == "host-model")
        {
            writing.Refusals.Add("<cpu> mode='host-model': QEMU has no such model: name one, or give host-passthrough");
            model = "host";
        }

        Take(root, "cpu/@mode");
        Move(root, "cpu/@migratable", settings, "migratable");
        Move(root, "cpu/model/@vendor_id", settings, "vendor");
        if (TakeIf(root, "cpu/@check", "full"))
        {
            settings.Add("enforce=on");
        }

        if (TakeIf(root, "cpu/maxphysaddr/@mode", "passthrough"))
        {
            if (Peek(root, "cpu/maxphysaddr/@limit") is null)
            {
                settings.Add("host-phys-bits=on");
            }

            Move(root, "cpu/maxphysaddr/@limit", settings, "host-phys-bits-limit");
        }
        else if (TakeIf(root, "cpu/maxphysaddr/@mode", "emulate"))
        {
            Move(root, "cpu/maxphysaddr/@bits", settings, "phys-bits");
        }

        switch (Take(root, "cpu/cache/@mode"))
        {
            case "passthrough":
                settings.Add("host-cache-info=on");
                break;
            case "emulate" when TakeIf(root, "cpu/cache/@level", "3"):
                settings.Add("l3-cache=on");
                break;
            case "disable":
                settings.Add("host-cache-info=off");
                settings.Add("l3-cache=off");
                break;
            default:
                break;
        }

        if (Child(root, "cpu") is XmlTreeElement cpu)
        {
            foreach (XmlTreeElement feature in cpu.Children.Where(child => child.Name == "feature").ToArray())
            {
                if (Peek(feature, "@policy") is null or "require" or "disable" && Peek(feature, "@name") is string name)
                {
                    settings.Add(Setting(QemuCpuOption.QemuName(name), Peek(feature, "@policy") == "disable" ? "off" : "on"));
                    cpu.Children.Remove(feature);
                }
            }

            if (cpu.IsEmpty)
            {
                root.Children.Remove(cpu);
            }
        }

        Hypervisor(writing, settings);
        foreach ((string name, string attribute, string option) in ((string, string, string)[])[("tsc", "frequency", "tsc-frequency"), ("kvmclock", "present", "kvmclock"), ("hypervclock", "present", "hv-time")])
        {
            if (QemuBoardWriter.TimerOf(root, name) is XmlTreeElement timer)
            {
                Move(timer, "@" + attribute, settings, option, attribute == "present" ? QemuValueKind.YesNo : QemuValueKind.Text);
            }
        }

        if (model is not null)
        {
            writing.Add("-cpu", [model, .. settings]);
        }
        else if (settings.Count != 0)
        {
            writing.Add("-cpu", ["qemu64", .. settings]);
        }

        QemuBoardWriter.EndTimers(writing);
    }

    private static void Hypervisor(QemuWriting writing, List<string> settings)
    {
        XmlTreeElement root = writing.Root;
        if (Take(root, "features/kvm/hidden/@state") is string hidden)
        {
            settings.Add(hidden == "on" ? "kvm=off" : "kvm=on");
        }

        if (TakeIf(root, "features/hyperv/@mode", "passthrough"))
        {
            settings.Add("hv-passthrough=on");
        }

        TakeIf(root, "features/hyperv/@mode", "custom");
        if (TakeIf(root, "features/hyperv/spinlocks/@state", "on"))
        {
            settings.Add(Setting("hv-spinlocks", Take(root, "features/hyperv/spinlocks/@retries") ?? "4095"));
        }

        if (TakeIf(root, "features/hyperv/vendor_id/@state", "on"))
        {
            settings.Add(Setting("hv-vendor-id", Take(root, "features/hyperv/vendor_id/@value") ?? ""));
        }

        foreach ((string name, string path) in QemuCpuOption.Switches.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            Move(root, "features/" + path, settings, name);
        }
    }

    private static void Threads(QemuWriting writing)
    {
        XmlTreeElement root = writing.Root;
        string? count = Take(root, "iothreads");
        XmlTreeElement? list = Child(root, "iothreadids");
        List<string> numbers = [];
        foreach (XmlTreeElement thread in list?.Children.ToArray() ?? [])
        {
            string number = Take(thread, "@id") ?? "1";
            numbers.Add(number);
            List<string> settings = ["iothread", Setting("id", $"made-iothread{number}")];
            Move(thread, "@thread_pool_min", settings, "thread-pool-min");
            Move(thread, "@thread_pool_max", settings, "thread-pool-max");
            Move(thread, "poll/@max", settings, "poll-max-ns");
            Move(thread, "poll/@grow", settings, "poll-grow");
            Move(thread, "poll/@shrink", settings, "poll-shrink");
            writing.Add("-object", [.. settings]);
            if (thread.IsEmpty)
            {
                list!.Children.Remove(thread);
            }
        }

        if (list is { IsEmpty: true })
        {
            root.Children.Remove(list);
        }

        // Threads that only a number speaks of have the numbers that are free.
        int wanted = int.TryParse(count, System.Globalization.CultureInfo.InvariantCulture, out int parsed) ? parsed : 0;
        for (int number = 1; numbers.Count < wanted; number++)
        {
            string name = QemuNumbers.Format(number);
            if (!numbers.Contains(name))
            {
                numbers.Add(name);
                writing.Add("-object", "iothread", Setting("id", $"made-iothread{name}"));
            }
        }
    }
}
