using Nacelle.Cpu;
using Nacelle.Machine;

namespace Nacelle.Configuration;

/// <summary>C2.MIG-CPU and C2.MIG-NX, and what else two hosts must agree in.</summary>
internal static class HostPairRules
{
    internal static Rule Cpu { get; } = new()
    {
        Id = "C2.MIG-CPU",
        Title = "processors of two hosts",
        Row = "Live migration is only possible between hosts of the same CPU type: Intel to Intel, AMD to AMD.",
        Kind = RuleKind.Machine,
        Subject = RuleSubject.Migration,
        Explanation = "The guest has seen the vendor, its ways of system calls and its features, and goes on using them.",
        Remedy = "Migrate within one vendor, with a CPU model that both hosts have.",
        Evaluate = CheckCpu,
    };

    internal static Rule NoExecute { get; } = new()
    {
        Id = "C2.MIG-NX",
        Title = "NX of two hosts",
        Row = "Both hosts must have the same NX setting.",
        Kind = RuleKind.Machine,
        Subject = RuleSubject.Migration,
        Explanation = "A guest whose page tables use NX faults on a host without it: the bit is reserved there.",
        Remedy = "Turn NX on in the firmware of both hosts (Execute Disable, bit 34 of MSR 1A0h), and leave noexec=off out.",
        Evaluate = CheckNoExecute,
    };

    private static IEnumerable<RuleMatch> CheckCpu(RuleContext context)
    {
        if (context is not { Host: { } source, Destination: { } destination })
        {
            yield break;
        }

        AcceleratorChoice accelerator = context.Machine.Accelerator == AcceleratorChoice.Translator ? AcceleratorChoice.Translator : AcceleratorChoice.Kvm;
        MigrationComparison comparison = MigrationComparison.Compare(source, destination, accelerator);
        CpuBaseline baseline = CpuBaseline.Find([source, destination], accelerator);
        string asked = $"migrating from {source.HostName} to {destination.HostName}";
        string remedy = baseline is { Option: string option }
            ? $"give the guest a processor that both have, {option}: it is shown after its next start"
            : "shut the guest down and start it there";
        if (!comparison.IsSameVendor)
        {
            yield return new RuleMatch(
                "/cpu", asked, $"the processors are of {HostOffer.VendorName(source.Cpu.Vendor)} and {HostOffer.VendorName(destination.Cpu.Vendor)}",
                "migrate to a host of the same vendor, or shut the guest down and start it there");
            yield break;
        }

        string[] lost = [.. Lost(context.Machine.Cpu, comparison, destination, accelerator)];
        if (lost.Length != 0)
        {
            yield return new RuleMatch("/cpu", asked, $"the guest is shown {string.Join(", ", lost)}, which {destination.HostName} does not have", remedy)
            {
                Correct = baseline.Specification is { } specification
                    ? Correction.Of(machine => machine with { Cpu = CpuConfigurationText.Write(specification) with { Topology = machine.Cpu?.Topology, NumaCells = machine.Cpu?.NumaCells ?? [] } })
                    : null,
                Shown = "/cpu",
            };
        }
    }

    /// <summary>Features that the guest is shown and the destination cannot show.</summary>
    private static IEnumerable<string> Lost(
        CpuConfiguration? cpu, MigrationComparison comparison, HostFacts destination, AcceleratorChoice accelerator)
    {
        CpuModelSpecification shown;
        try
        {
            shown = CpuConfigurationText.Read(cpu);
        }
        catch (ConfigurationException)
        {
            // A model or feature that nothing is known of: what the host has counts.
            shown = CpuModelSpecification.Host;
        }

        if (shown.Model is not { } model)
        {
            return comparison.FeaturesLost.Except(shown.Removed.Select(feature => feature.Name));
        }

        HashSet<string> offered = [.. HostOffer.Features(destination, accelerator) ?? destination.Cpu.Features];
        return model.Features.Concat(shown.Added).Except(shown.Removed).Select(feature => feature.Name).Where(name => !offered.Contains(name)).Distinct();
    }

    private static IEnumerable<RuleMatch> CheckNoExecute(RuleContext context)
    {
        // The translator has no-execute pages of its own: the hosts' settings do not reach its guests.
        if (context is not { Host: { } source, Destination: { } destination }
            || context.Machine.Accelerator == AcceleratorChoice.Translator
            || source.Cpu.IsNoExecuteInForce == destination.Cpu.IsNoExecuteInForce)
        {
            yield break;
        }

        HostFacts without = source.Cpu.IsNoExecuteInForce ? destination : source;
        string why = without.Cpu.NoExecute switch
        {
            NoExecuteState.DisabledByKernel => "its kernel was booted with noexec=off",
            NoExecuteState.DisabledByFirmware => "its firmware hides it (Execute Disable; on Intel bit 34 of MSR 1A0h)",
            _ => "its processor has none",
        };
        yield return new RuleMatch(
            "/cpu", $"migrating from {source.HostName} to {destination.HostName}", $"{without.HostName} is without NX, the other is not: {why}",
            "give both hosts the same NX setting");
    }
}
