using System.Collections.Immutable;
using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>TRAP.QEMU-ARGUMENTS, and what other rules say of arguments that are passed to QEMU as they are. Stateless.</summary>
internal static class QemuPassthroughRule
{
    private static readonly string[] s_adapters = ["lsi", "mptsas", "megasas", "pvscsi", "dc390", "am53c974", "esp"];
    private static readonly string[] s_memory = ["pc-dimm", "nvdimm", "virtio-mem", "memory-backend-hotplug"];

    internal static Rule Rule { get; } = new()
    {
        Id = "TRAP.QEMU-ARGUMENTS",
        Title = "arguments passed to QEMU",
        Row = "What <qemu:commandline> and <qemu:override> say goes past libvirt.",
        Kind = RuleKind.Trap,
        Subject = RuleSubject.Configuration,
        Explanation = "libvirt passes them on unread, and marks the guest as tainted. Rules know what some of them do; the rest is not checked.",
        Remedy = "Say it with elements of domain XML where there are such.",
        Evaluate = context => Parts(context.Machine).Select(part => new RuleMatch(
            part.Pointer, part.Label, "they go past libvirt, and rules see little of what they do", "use elements of domain XML where there are such")),
    };

    /// <summary>What a rule says of arguments that are passed on.</summary>
    /// <param name="id">The rule.</param>
    /// <param name="context">The configuration, with what the profile says of the rule.</param>
    internal static IEnumerable<RuleMatch> Find(string id, RuleContext context)
    {
        if (context.Machine.QemuPassthrough is not { Arguments: { Length: > 0 } arguments })
        {
            yield break;
        }

        for (int i = 0; i < arguments.Length; i++)
        {
            string option = "-" + arguments[i].Value.TrimStart('-');
            string value = i + 1 < arguments.Length ? arguments[i + 1].Value : "";
            if (arguments[i].Value.StartsWith('-') && Reason(id, option, value, context) is string reason)
            {
                yield return new RuleMatch(
                    string.Create(CultureInfo.InvariantCulture, $"/qemuPassthrough/arguments/{i + (value.Length == 0 ? 0 : 1)}"), $"{option} {value} passed to QEMU".Trim(), reason,
                    "take the argument out");
            }
        }
    }

    private static string? Reason(string id, string option, string value, RuleContext context)
    {
        string driver = value.StartsWith('{') ? JsonDriver(value) : value.Split(',')[0];
        driver = driver.StartsWith("driver=", StringComparison.Ordinal) ? driver[7..] : driver.StartsWith("qom-type=", StringComparison.Ordinal) ? driver[9..] : driver;
        bool isDevice = option == "-device";
        bool isObject = option == "-object";
        bool found = id switch
        {
            "C2.TCG" => option is "-accel" or "-machine" or "-M" && value.Contains("tcg", StringComparison.Ordinal),
            "C2.VCPU" => option == "-smp" && context.Setting.Limit is int limit && Processors(value) > limit,
            "C2.NESTED" => option == "-cpu" && (value.Contains("+vmx", StringComparison.Ordinal) || value.Contains("+svm", StringComparison.Ordinal)
                || value.Contains("vmx=on", StringComparison.Ordinal) || value.Contains("svm=on", StringComparison.Ordinal)),
            "C2.SCSI" => isDevice && s_adapters.Any(name => driver.StartsWith(name, StringComparison.Ordinal)),
            "C2.IOTHREAD" => isObject && driver == "iothread",
            "C2.THROTTLE" => (isObject && driver == "throttle-group") || (option is "-drive" or "-blockdev" && value.Contains("throttl", StringComparison.Ordinal))
                || (option == "-drive" && (value.Contains("iops", StringComparison.Ordinal) || value.Contains("bps", StringComparison.Ordinal))),
            "C2.VHOSTUSER" => (isDevice && driver.StartsWith("vhost-user", StringComparison.Ordinal)) || (option == "-netdev" && driver is "vhost-user" or "type=vhost-user"),
            "C2.PCINUMA" => isDevice && driver is "pxb" or "pxb-pcie",
            "C2.MEMHOTPLUG" => isDevice && s_memory.Any(name => driver.StartsWith(name, StringComparison.Ordinal)),
            _ => false,
        };
        return found ? $"the profile does not allow it in whatever way it is asked for ({RuleCatalogue.Find(id)!.Title})" : null;
    }

    private static string JsonDriver(string value)
    {
        foreach (string key in (string[])["\"driver\"", "\"qom-type\""])
        {
            int at = value.IndexOf(key, StringComparison.Ordinal);
            if (at >= 0 && value[(at + key.Length)..].Split('"') is [_, string name, ..])
            {
                return name;
            }
        }

        return value;
    }

    private static int Processors(string value) => value.Split(',')
        .Select(part => part.Split('=') switch
        {
            [string count] => count,
            ["cpus" or "maxcpus", string count] => count,
            _ => "",
        })
        .Max(count => int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : 0);

    private static IEnumerable<(string Pointer, string Label)> Parts(MachineConfiguration machine)
    {
        if (machine.QemuPassthrough is { } passthrough)
        {
            ImmutableArray<QemuArgumentConfiguration> arguments = passthrough.Arguments;
            yield return ("/qemuPassthrough", arguments.Length == 0 ? "variables in QEMU's environment"
                : string.Create(CultureInfo.InvariantCulture, $"{arguments.Length} arguments that are passed to QEMU as they are"));
        }

        if (machine.QemuOverride is not null)
        {
            yield return ("/qemuOverride", "properties of QEMU's devices that are overridden");
        }
    }
}
