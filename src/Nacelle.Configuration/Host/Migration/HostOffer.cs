using System.Collections.Immutable;
using Nacelle.Cpu;
using Nacelle.Machine;

namespace Nacelle.Configuration;

/// <summary>What guests of a host can be shown. Pure.</summary>
public static class HostOffer
{
    /// <summary>
    /// Features that depend on the machine or the accelerator and not on the processor: they are the same wherever the machine is, or both
    /// sides were asked what they offer.
    /// </summary>
    private static readonly ImmutableHashSet<string> s_ofTheMachine = ImmutableHashSet.Create(
        StringComparer.Ordinal, "hypervisor", "ht", "cmp_legacy", "topoext", "x2apic", "tsc-deadline", "tsc_adjust", "arat");

    /// <summary>Features that no accelerator shows, and which a processor's own list has.</summary>
    private static readonly ImmutableHashSet<string> s_ofTheHost = ImmutableHashSet.Create(StringComparer.Ordinal, "monitor", "pdcm", "perfctr_core");

    /// <summary>The features that an accelerator can show to guests of a host, by the names of <see cref="CpuFeatures"/>.</summary>
    /// <param name="facts">The host.</param>
    /// <param name="accelerator">KVM or the translator.</param>
    /// <returns>What the accelerator said; null where it was not asked, for it is not available.</returns>
    /// <exception cref="ArgumentException">The accelerator is not named.</exception>
    public static ImmutableArray<string>? Features(HostFacts facts, AcceleratorChoice accelerator)
    {
        ArgumentNullException.ThrowIfNull(facts);
        return accelerator switch
        {
            AcceleratorChoice.Kvm => facts.Kvm.Features,
            AcceleratorChoice.Translator => facts.Translator.Features,
            _ => throw new ArgumentException("a migration is between two machines on the same accelerator: name it", nameof(accelerator)),
        };
    }

    /// <summary>
    /// The features of two hosts in the same terms: what the accelerators said where both did, else what the processors have, without
    /// what belongs to the machine.
    /// </summary>
    internal static (ImmutableHashSet<string> Source, ImmutableHashSet<string> Destination) Comparable(
        HostFacts source, HostFacts destination, AcceleratorChoice accelerator)
    {
        return Features(source, accelerator) is { } here && Features(destination, accelerator) is { } there
            ? ([.. here.Except(s_ofTheHost)], [.. there.Except(s_ofTheHost)])
            : (OfProcessor(source), OfProcessor(destination));
    }

    /// <summary>A vendor as people say it.</summary>
    /// <param name="vendor">12 characters of CPUID function 0.</param>
    public static string VendorName(string vendor)
    {
        ArgumentNullException.ThrowIfNull(vendor);
        return vendor switch
        {
            "GenuineIntel" => "Intel",
            "AuthenticAMD" => "AMD",
            "HygonGenuine" => "Hygon",
            "  Shanghai  " => "Zhaoxin",
            "CentaurHauls" => "VIA or Zhaoxin",
            _ => vendor.Trim(),
        };
    }

    private static ImmutableHashSet<string> OfProcessor(HostFacts facts) =>
    [
        .. facts.Cpu.Features.Except(s_ofTheHost).Except(s_ofTheMachine).Where(feature => facts.Kvm.Nested == true || feature is not ("vmx" or "svm")),
    ];
}
