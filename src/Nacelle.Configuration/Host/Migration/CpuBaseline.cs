using System.Collections.Immutable;
using System.Xml.Linq;
using Nacelle.Cpu;
using Nacelle.Machine;

namespace Nacelle.Configuration;

/// <summary>
/// The processor to show to guests so that they can move between any of some hosts. Immutable; made by <see cref="Find"/>, which is pure.
/// </summary>
/// <param name="Specification">The model, with what is added to it and taken from it; null where there is none.</param>
/// <param name="Reason">Why there is none; null where there is one.</param>
public sealed record CpuBaseline(CpuModelSpecification? Specification, string? Reason)
{
    /// <summary>Shown by a named model wherever it can be had, asked for or not; so it is taken away where not all hosts have it.</summary>
    private static readonly ImmutableArray<string> s_alwaysShown =
    [
        "x2apic", "tsc-deadline", "tsc_adjust", "arat", "invtsc", "cmp_legacy", "topoext", "spec-ctrl", "stibp", "ssbd", "arch-capabilities", "md-clear",
        "ibpb", "ibrs", "amd-stibp", "amd-ssbd", "lfence-always-serializing", "null-sel-clr-base", "auto-ibrs",
    ];

    /// <summary>Neither added nor counted: the machine's own, the guests' of guests, and what hosts keep to themselves.</summary>
    private static readonly ImmutableArray<string> s_leftOut = ["hypervisor", "ht", "vmx", "svm", "monitor", "pdcm", "perfctr_core"];

    /// <summary>A model that no processor was built as.</summary>
    private const string NoGeneration = "qemu64";

    // A model without what makes its generation is a strange processor; one with more is not.
    private const int WeightOfRemoval = 2;

    /// <summary>As <c>--cpu</c> takes it; null where there is none.</summary>
    public string? Option => Specification?.Text;

    /// <summary>As libvirt's domain XML has it; null where there is none.</summary>
    public string? DomainXml => Specification is { Model: { } model } specification
        ? new XElement(
            "cpu",
            new XAttribute("mode", "custom"),
            new XAttribute("match", "exact"),
            new XElement("model", new XAttribute("fallback", "forbid"), model.Name),
            LibvirtVendor(specification.Vendor ?? model.Identity?.Vendor) is string vendor ? new XElement("vendor", vendor) : null,
            specification.Added.Select(feature => Policy("require", feature)),
            specification.Removed.Select(feature => Policy("disable", feature))).ToString()
        : null;

    /// <summary>
    /// Finds the model that is nearest to what all hosts can show, with fewest features to add and take away, where one taken away counts
    /// as two; of models that are as near the newest. With what is added and taken away, guests see exactly what all can show.
    /// </summary>
    /// <remarks>The width of physical addresses is no feature: see <see cref="MigrationComparison.PhysicalAddressBitsLost"/>.</remarks>
    /// <param name="hosts">The hosts, one at least.</param>
    /// <param name="accelerator">KVM or the translator, on all.</param>
    /// <exception cref="ArgumentException">There is no host, or the accelerator is not named.</exception>
    public static CpuBaseline Find(IReadOnlyCollection<HostFacts> hosts, AcceleratorChoice accelerator = AcceleratorChoice.Kvm)
    {
        ArgumentNullException.ThrowIfNull(hosts);
        if (hosts.Count == 0)
        {
            throw new ArgumentException("a baseline is of hosts: name one", nameof(hosts));
        }

        HostFacts first = hosts.First();
        if (hosts.FirstOrDefault(host => host.Cpu.Vendor != first.Cpu.Vendor) is { } other)
        {
            return None(
                $"the processor of '{first.HostName}' is of {HostOffer.VendorName(first.Cpu.Vendor)} and that of '{other.HostName}' of "
                + $"{HostOffer.VendorName(other.Cpu.Vendor)}: no guest moves between vendors");
        }

        if (hosts.FirstOrDefault(host => HostOffer.Features(host, accelerator) is null) is { } silent)
        {
            string reason = accelerator == AcceleratorChoice.Kvm ? silent.Kvm.Reason : silent.Translator.Reason;
            string name = accelerator == AcceleratorChoice.Kvm ? "KVM" : "the translator";
            return None($"'{silent.HostName}' does not say what {name} can show to guests: {reason}");
        }

        ImmutableHashSet<string> common = Common(hosts, accelerator);
        ImmutableHashSet<string> uneven = [.. hosts.SelectMany(host => HostOffer.Features(host, accelerator)!.Value).Except(common)];
        string vendor = first.Cpu.Vendor;
        string modelled = ModelledVendor(vendor);
        CpuModelSpecification? best = CpuModels.All
            .Where(model => model.Identity?.Vendor == modelled && model.Name != NoGeneration)
            .Select(model => Fit(model, common, uneven, vendor == modelled ? null : vendor))
            .Reverse()
            .OrderBy(fit => fit.Added.Length + (WeightOfRemoval * fit.Removed.Length))
            .ThenBy(fit => fit.Removed.Length)
            .FirstOrDefault();
        return best is null
            ? None($"no model is known for processors of {HostOffer.VendorName(vendor)}: use --cpu host between hosts that are alike")
            : new CpuBaseline(best, null);
    }

    private static CpuBaseline None(string reason) => new(null, reason);

    /// <summary>What all can show and a guest finds in the same place everywhere.</summary>
    private static ImmutableHashSet<string> Common(IReadOnlyCollection<HostFacts> hosts, AcceleratorChoice accelerator)
    {
        HostFacts first = hosts.First();
        ImmutableHashSet<string> common = [.. HostOffer.Features(first, accelerator)!.Value];
        foreach (HostFacts host in hosts.Skip(1))
        {
            common = common.Intersect(HostOffer.Features(host, accelerator)!.Value)
                .Except(ExtendedStateComponent.Misplaced(first.Cpu, host.Cpu).Select(component => component.Feature));
        }

        // A counter of another rate is invariant nowhere, as far as a guest that moves can see.
        bool oneRate = hosts.All(from => hosts.All(
            to => MigrationComparison.Relation(from.TimestampCounter, to.TimestampCounter) is TscRelation.Same or TscRelation.Scaled));
        return WithoutOrphans(oneRate ? common : common.Remove("invtsc"));
    }

    /// <summary>Without features whose needs went.</summary>
    private static ImmutableHashSet<string> WithoutOrphans(ImmutableHashSet<string> names)
    {
        bool Stands(string name)
        {
            for (string? need = CpuFeatures.Find(name)?.Needs; need is not null; need = CpuFeatures.Find(need)!.Needs)
            {
                if (!names.Contains(need))
                {
                    return false;
                }
            }

            return true;
        }

        return [.. names.Where(Stands)];
    }

    /// <summary>A model with what has to be added and taken away so that it is what all can show.</summary>
    private static CpuModelSpecification Fit(CpuModel model, ImmutableHashSet<string> common, ImmutableHashSet<string> uneven, string? vendor)
    {
        HashSet<string> has = [.. model.Features.Select(feature => feature.Name)];
        ImmutableArray<CpuFeature> added =
            [.. CpuFeatures.All.Where(feature => common.Contains(feature.Name) && !has.Contains(feature.Name) && !s_alwaysShown.Contains(feature.Name) && !s_leftOut.Contains(feature.Name))];

        ImmutableArray<CpuFeature> removed =
        [
            .. CpuFeatures.All.Where(feature => has.Contains(feature.Name)
                ? !common.Contains(feature.Name)
                : s_alwaysShown.Contains(feature.Name) && uneven.Contains(feature.Name)),
        ];
        return new CpuModelSpecification(model, added, removed, Vendor: vendor);
    }

    /// <summary>Vendors without models of their own build what another vendor's models describe.</summary>
    private static string ModelledVendor(string vendor) => vendor switch
    {
        "HygonGenuine" => "AuthenticAMD",
        "  Shanghai  " or "CentaurHauls" => "GenuineIntel",
        _ => vendor,
    };

    private static string? LibvirtVendor(string? vendor) => vendor switch
    {
        "GenuineIntel" => "Intel",
        "AuthenticAMD" => "AMD",
        "HygonGenuine" => "Hygon",
        _ => null,
    };

    // libvirt has another spelling of this one.
    private static XElement Policy(string policy, CpuFeature feature) => new(
        "feature", new XAttribute("policy", policy), new XAttribute("name", feature.Name == "pclmulqdq" ? "pclmuldq" : feature.Name));
}
