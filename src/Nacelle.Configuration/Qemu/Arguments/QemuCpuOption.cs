using System.Collections.Frozen;

namespace Nacelle.Configuration;

/// <summary>-cpu: a model, features and what else the guest is told by CPUID. Stateless.</summary>
internal static class QemuCpuOption
{
    /// <summary>Names of features that domain XML writes otherwise.</summary>
    private static readonly FrozenDictionary<string, string> s_names = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["sse4-1"] = "sse4.1",
        ["sse4_1"] = "sse4.1",
        ["sse4-2"] = "sse4.2",
        ["sse4_2"] = "sse4.2",
        ["lahf-lm"] = "lahf_lm",
        ["cmp-legacy"] = "cmp_legacy",
        ["nodeid-msr"] = "nodeid_msr",
        ["fxsr-opt"] = "fxsr_opt",
        ["ffxsr"] = "fxsr_opt",
        ["pclmulqdq"] = "pclmuldq",
        ["perfctr-core"] = "perfctr_core",
        ["perfctr-nb"] = "perfctr_nb",
        ["tsc-adjust"] = "tsc_adjust",
        ["tsc_deadline"] = "tsc-deadline",
        ["pse-36"] = "pse36",
        ["i64"] = "lm",
        ["xd"] = "nx",
        ["ds-cpl"] = "ds_cpl",
        ["tsc-scale"] = "tsc-scale",
        ["svm-lock"] = "svm_lock",
        ["nrip-save"] = "nrip-save",
        ["3dnow"] = "3dnow",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, string> s_switches = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["hv-relaxed"] = "hyperv/relaxed/@state",
        ["hv-vapic"] = "hyperv/vapic/@state",
        ["hv-vpindex"] = "hyperv/vpindex/@state",
        ["hv-runtime"] = "hyperv/runtime/@state",
        ["hv-synic"] = "hyperv/synic/@state",
        ["hv-stimer"] = "hyperv/stimer/@state",
        ["hv-stimer-direct"] = "hyperv/stimer/direct/@state",
        ["hv-reset"] = "hyperv/reset/@state",
        ["hv-frequencies"] = "hyperv/frequencies/@state",
        ["hv-reenlightenment"] = "hyperv/reenlightenment/@state",
        ["hv-tlbflush"] = "hyperv/tlbflush/@state",
        ["hv-ipi"] = "hyperv/ipi/@state",
        ["hv-evmcs"] = "hyperv/evmcs/@state",
        ["hv-avic"] = "hyperv/avic/@state",
        ["hv-emsr-bitmap"] = "hyperv/emsr_bitmap/@state",
        ["hv-xmm-input"] = "hyperv/xmm_input/@state",
        ["kvm-hint-dedicated"] = "kvm/hint-dedicated/@state",
        ["kvm-poll-control"] = "kvm/poll-control/@state",
        ["kvm-pv-ipi"] = "kvm/pv-ipi/@state",
        ["kvm-pv-eoi"] = "apic/@eoi",
        ["kvm-pv-unhalt"] = "pvspinlock/@state",
        ["pmu"] = "pmu/@state",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Switches below the features element, by QEMU's name and path.</summary>
    internal static IReadOnlyDictionary<string, string> Switches => s_switches;

    /// <summary>A feature's name in QEMU.</summary>
    internal static string QemuName(string name) => name switch
    {
        "pclmuldq" => "pclmulqdq",
        "fxsr_opt" => "fxsr-opt",
        "lahf_lm" => "lahf-lm",
        _ => name.Replace('_', '-'),
    };

    /// <summary>Puts it into the machine.</summary>
    internal static void Apply(QemuReading reading, QemuSettings settings)
    {
        QemuMachineTree tree = reading.Tree;
        XmlTreeElement cpu = tree.Get(tree.Root, "cpu", settings.Position, settings.Label);
        if (settings.Take("model") is QemuSetting model)
        {
            string? mode = model.Value switch { "host" => "host-passthrough", "max" => "maximum", _ => null };
            tree.Put(cpu, "@mode", mode ?? "custom", settings, model);
            if (mode is null)
            {
                tree.Put(cpu, "model", model.Value, settings, model);
            }
        }

        foreach (QemuSetting setting in settings.All.Where(setting => !setting.IsTaken).ToArray())
        {
            setting.IsTaken = One(reading, settings, cpu, setting);
        }
    }

    private static bool One(QemuReading reading, QemuSettings settings, XmlTreeElement cpu, QemuSetting setting)
    {
        QemuMachineTree tree = reading.Tree;
        string name = setting.Name;
        bool? value = QemuNumbers.Switch(setting.Value);
        if (setting.IsBare && name.Length > 1 && name[0] is '+' or '-')
        {
            value = name[0] == '+';
            name = name[1..];
        }

        string dashed = name.Replace('_', '-');
        if (Special(reading, settings, cpu, setting, dashed, value) is bool done)
        {
            return done;
        }

        if (value is not bool on || name.Length == 0)
        {
            return false;
        }

        string word = on ? "on" : "off";
        if (s_switches.TryGetValue(dashed, out string? path))
        {
            tree.Put(tree.Root, "features/" + path, word, settings, setting);
            return true;
        }

        if (dashed.StartsWith("hv-", StringComparison.Ordinal) || dashed.StartsWith("kvm-", StringComparison.Ordinal) || dashed.StartsWith("x-", StringComparison.Ordinal))
        {
            return false;
        }

        string feature = s_names.GetValueOrDefault(name, name);
        cpu.Children.RemoveAll(child => child.Name == "feature" && child.Attributes.Exists(pair => pair.Name == "name" && pair.Value == feature));
        XmlTreeElement element = tree.Add(cpu, "feature", setting.Position, $"{setting} of {settings.Option}");
        tree.Put(element, "@policy", on ? "require" : "disable", settings, setting);
        tree.Put(element, "@name", feature, settings, setting);
        return true;
    }

    /// <summary>Properties that are not switches of one path.</summary>
    /// <returns>Null where the name is none of them, false where the value has no place.</returns>
    private static bool? Special(QemuReading reading, QemuSettings settings, XmlTreeElement cpu, QemuSetting setting, string name, bool? value)
    {
        QemuMachineTree tree = reading.Tree;
        switch (name)
        {
            case "migratable" when value is bool migratable:
                tree.Put(cpu, "@migratable", migratable ? "on" : "off", settings, setting);
                return true;
            case "enforce" when value == true:
                tree.Put(cpu, "@check", "full", settings, setting);
                return true;
            case "check" or "enforce":
                return name == "check" ? value == true : value == false;
            case "vendor":
                tree.Put(cpu, "model/@vendor_id", setting.Value, settings, setting);
                return true;
            case "host-phys-bits" when value == true:
                tree.Put(cpu, "maxphysaddr/@mode", "passthrough", settings, setting);
                return true;
            case "host-phys-bits":
                return value == false;
            case "phys-bits":
                tree.Put(cpu, "maxphysaddr/@mode", "emulate", settings, setting);
                tree.PutAs(QemuValueKind.Number, cpu, "maxphysaddr/@bits", setting, settings);
                return true;
            case "host-phys-bits-limit":
                tree.Put(cpu, "maxphysaddr/@mode", "passthrough", settings, setting);
                tree.PutAs(QemuValueKind.Number, cpu, "maxphysaddr/@limit", setting, settings);
                return true;
            case "tsc-frequency" or "tsc-freq":
                return Frequency(reading, settings, setting);
            case "kvm" when value is bool shown:
                tree.Put(tree.Root, "features/kvm/hidden/@state", shown ? "off" : "on", settings, setting);
                return true;
            case "kvmclock" when value is bool present:
                QemuBoardOptions.Timer(reading, settings, setting, "kvmclock", "present", present ? "yes" : "no");
                return true;
            case "hv-time" when value is bool present:
                QemuBoardOptions.Timer(reading, settings, setting, "hypervclock", "present", present ? "yes" : "no");
                return true;
            case "host-cache-info" or "l3-cache" when value is bool on:
                Cache(tree, settings, cpu, setting, name, on);
                return true;
            case "hv-passthrough" when value == true:
                tree.Put(tree.Root, "features/hyperv/@mode", "passthrough", settings, setting);
                return true;
            case "hv-spinlocks":
                tree.Put(tree.Root, "features/hyperv/spinlocks/@state", "on", settings, setting);
                tree.PutAs(QemuValueKind.Number, tree.Root, "features/hyperv/spinlocks/@retries", setting, settings);
                return true;
            case "hv-vendor-id":
                tree.Put(tree.Root, "features/hyperv/vendor_id/@state", "on", settings, setting);
                tree.Put(tree.Root, "features/hyperv/vendor_id/@value", setting.Value, settings, setting);
                return true;
            default:
                return null;
        }
    }

    private static bool Frequency(QemuReading reading, QemuSettings settings, QemuSetting setting)
    {
        if (!QemuNumbers.TryWhole(setting.Value, out ulong hertz) && !TryMetric(setting.Value, out hertz))
        {
            reading.Tree.Refuse(settings, setting, "hertz, such as 2400000000");
            return true;
        }

        QemuBoardOptions.Timer(reading, settings, setting, "tsc", "frequency", QemuNumbers.Format(hertz));
        return true;
    }

    /// <summary>A frequency with a decimal suffix: K, M and G are thousands here.</summary>
    private static bool TryMetric(string text, out ulong hertz)
    {
        hertz = 0;
        ulong unit = text.Length < 2 ? 0UL : char.ToUpperInvariant(text[^1]) switch { 'K' => 1000UL, 'M' => 1000_000UL, 'G' => 1000_000_000UL, _ => 0UL };
        return unit != 0 && QemuNumbers.TrySize(text[..^1], unit, out hertz);
    }

    private static void Cache(QemuMachineTree tree, QemuSettings settings, XmlTreeElement cpu, QemuSetting setting, string name, bool on)
    {
        // Both off is a guest without cache information, which domain XML calls disable.
        string? other = settings.Find(name == "l3-cache" ? "host-cache-info" : "l3-cache")?.Value;
        if (on)
        {
            tree.Put(cpu, "cache/@mode", name == "l3-cache" ? "emulate" : "passthrough", settings, setting);
            if (name == "l3-cache")
            {
                tree.Put(cpu, "cache/@level", "3", settings, setting);
            }
        }
        else if (name == "l3-cache" && other != "on")
        {
            tree.Put(cpu, "cache/@mode", "disable", settings, setting);
        }
    }
}
