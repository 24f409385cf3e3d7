using System.Collections.Immutable;
using System.Globalization;
using Nacelle.Cpu;
using Nacelle.Machine;

namespace Nacelle.Configuration;

/// <summary>
/// Two hosts compared for the migration of a guest that sees all that the source can show. Immutable; made by <see cref="Compare"/>, which
/// is pure. A guest of a named model may move where this says no: see <see cref="CpuBaseline"/>.
/// </summary>
public sealed record MigrationComparison
{
    private const double ToleratedDeviation = 250e-6;

    /// <summary>Name of the host that the guest leaves.</summary>
    public required string Source { get; init; }

    /// <summary>Name of the host that it goes to.</summary>
    public required string Destination { get; init; }

    /// <summary>The accelerator on both.</summary>
    public required AcceleratorChoice Accelerator { get; init; }

    /// <summary>Whether the vendors are the same by CPUID function 0: Hygon is not AMD, and Zhaoxin is not Intel.</summary>
    public required bool IsSameVendor { get; init; }

    /// <summary>
    /// Whether no-execute pages are in force on both or on neither. The translator has its own, so that under it the hosts' settings do not
    /// matter.
    /// </summary>
    public required bool IsSameNoExecute { get; init; }

    /// <summary>Features that the source can show and the destination cannot, in the order of <see cref="CpuFeatures"/>.</summary>
    public required ImmutableArray<string> FeaturesLost { get; init; }

    /// <summary>Features that the destination can show and the source cannot: what would be lost on the way back.</summary>
    public required ImmutableArray<string> FeaturesGained { get; init; }

    /// <summary>State components, as bits of XCR0, that the source's guests can use and the destination's cannot.</summary>
    public required ulong ExtendedStateLost { get; init; }

    /// <summary>State components, as bits of XCR0, that both have, at different places of what XSAVE writes.</summary>
    public required ulong ExtendedStateMisplaced { get; init; }

    /// <summary>Bits of physical address that the destination lacks, 0 for none.</summary>
    public required int PhysicalAddressBitsLost { get; init; }

    /// <summary>How the rates of the time-stamp counters stand to each other.</summary>
    public required TscRelation Tsc { get; init; }

    /// <summary>All in which the destination falls short, by aspect.</summary>
    public required ImmutableArray<MigrationDifference> Differences { get; init; }

    /// <summary>Whether a guest that sees all that the source can show could go on at the destination.</summary>
    public bool IsPossible => Differences.IsEmpty;

    /// <summary>Compares two hosts.</summary>
    /// <param name="source">The host that the guest leaves.</param>
    /// <param name="destination">The host that it goes to.</param>
    /// <param name="accelerator">KVM or the translator, on both.</param>
    /// <exception cref="ArgumentException">The accelerator is not named.</exception>
    public static MigrationComparison Compare(HostFacts source, HostFacts destination, AcceleratorChoice accelerator = AcceleratorChoice.Kvm)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(destination);
        (ImmutableHashSet<string> here, ImmutableHashSet<string> there) = HostOffer.Comparable(source, destination, accelerator);
        ulong misplaced = Mask(ExtendedStateComponent.Misplaced(source.Cpu, destination.Cpu).Where(part => here.Contains(part.Feature) && there.Contains(part.Feature)));
        MigrationComparison comparison = new()
        {
            Source = source.HostName,
            Destination = destination.HostName,
            Accelerator = accelerator,
            IsSameVendor = source.Cpu.Vendor == destination.Cpu.Vendor,
            IsSameNoExecute = accelerator == AcceleratorChoice.Translator || source.Cpu.IsNoExecuteInForce == destination.Cpu.IsNoExecuteInForce,
            FeaturesLost = Ordered(here.Except(there)),
            FeaturesGained = Ordered(there.Except(here)),
            ExtendedStateLost = StateOf(source, here) & ~StateOf(destination, there),
            ExtendedStateMisplaced = misplaced,
            PhysicalAddressBitsLost = Math.Max(source.Cpu.PhysicalAddressBits - destination.Cpu.PhysicalAddressBits, 0),
            Tsc = Relation(source.TimestampCounter, destination.TimestampCounter),
            Differences = [],
        };
        return comparison with { Differences = [.. MigrationFindings.Of(comparison, source, destination)] };
    }

    /// <summary>State that guests can use: of what the processor has, the parts whose features they are shown.</summary>
    private static ulong StateOf(HostFacts facts, ImmutableHashSet<string> offered) =>
        facts.Cpu.ExtendedStateComponents & Mask(ExtendedStateComponent.All.Where(component => offered.Contains(component.Feature)));

    private static ulong Mask(IEnumerable<ExtendedStateComponent> components) =>
        components.Aggregate(0UL, (mask, component) => mask | (1UL << component.Number));

    private static ImmutableArray<string> Ordered(ImmutableHashSet<string> names) =>
        [.. CpuFeatures.Names.Where(names.Contains), .. names.Except(CpuFeatures.Names).Order(StringComparer.Ordinal)];

    /// <summary>How the rates of two counters stand to each other.</summary>
    internal static TscRelation Relation(HostTimestampCounterFacts source, HostTimestampCounterFacts destination)
    {
        if (source.FrequencyHertz is not ulong here || destination.FrequencyHertz is not ulong there)
        {
            return TscRelation.Unknown;
        }

        return Math.Abs((double)here - there) <= here * ToleratedDeviation ? TscRelation.Same
            : destination.HasScaling switch { true => TscRelation.Scaled, false => TscRelation.Different, null => TscRelation.Unknown };
    }
}

/// <summary>Puts a comparison into words. Pure.</summary>
internal static class MigrationFindings
{
    /// <summary>The differences of a comparison, by aspect.</summary>
    internal static IEnumerable<MigrationDifference> Of(MigrationComparison comparison, HostFacts source, HostFacts destination)
    {
        if (!comparison.IsSameVendor)
        {
            (string here, string there) = (HostOffer.VendorName(source.Cpu.Vendor), HostOffer.VendorName(destination.Cpu.Vendor));
            yield return new(
                MigrationAspect.Vendor, null, here, there,
                $"the processor of '{comparison.Source}' is of {here}, that of '{comparison.Destination}' of {there}: instructions and state differ that the guest has chosen by its vendor");
        }

        if (!comparison.IsSameNoExecute)
        {
            yield return NoExecute(comparison, source, destination);
        }

        foreach (string feature in comparison.FeaturesLost.Where(feature => feature is not ("nx" or "invtsc" or "vmx" or "svm")))
        {
            yield return new(
                MigrationAspect.Feature, feature, "yes", "no",
                $"'{comparison.Destination}' cannot show the CPU feature {feature}, which guests of '{comparison.Source}' see and may use");
        }

        foreach (MigrationDifference difference in State(comparison, source, destination))
        {
            yield return difference;
        }

        foreach (MigrationDifference difference in Clock(comparison, source, destination))
        {
            yield return difference;
        }

        if (comparison.FeaturesLost.Any(feature => feature is "vmx" or "svm"))
        {
            yield return new(
                MigrationAspect.Nested, comparison.FeaturesLost.First(feature => feature is "vmx" or "svm"), "on", "off",
                $"guests of '{comparison.Source}' can have guests of their own, those of '{comparison.Destination}' cannot: set nested=1 for "
                + $"{destination.Kvm.VendorModule ?? "kvm_intel or kvm_amd"} there");
        }
    }

    private static MigrationDifference NoExecute(MigrationComparison comparison, HostFacts source, HostFacts destination)
    {
        (string with, string without, NoExecuteState state) = source.Cpu.IsNoExecuteInForce
            ? (comparison.Source, comparison.Destination, destination.Cpu.NoExecute)
            : (comparison.Destination, comparison.Source, source.Cpu.NoExecute);
        string remedy = state switch
        {
            NoExecuteState.DisabledByKernel => $"take noexec=off from the kernel's command line of '{without}'",
            NoExecuteState.DisabledByFirmware =>
                $"switch on \"Execute Disable\" or \"No-Execute Memory Protection\" in the firmware's setup of '{without}' (on Intel, bit 34 of MSR 1A0H)",
            _ => $"the processor of '{without}' has none",
        };
        return new(
            MigrationAspect.NoExecute, "nx", Word(source), Word(destination),
            $"no-execute pages (NX) are in force on '{with}' and not on '{without}': a guest that marks pages so faults where they are not; {remedy}");

        static string Word(HostFacts facts) => facts.Cpu.IsNoExecuteInForce ? "in force" : "off";
    }

    private static IEnumerable<MigrationDifference> State(MigrationComparison comparison, HostFacts source, HostFacts destination)
    {
        foreach (string name in ExtendedStateComponent.Names(comparison.ExtendedStateLost))
        {
            yield return new(
                MigrationAspect.ExtendedState, name, "yes", "no", $"'{comparison.Destination}' cannot carry the guest's {name} state (XSAVE)");
        }

        CpuidTable here = source.Cpu.Table;
        CpuidTable there = destination.Cpu.Table;
        foreach (ExtendedStateComponent part in ExtendedStateComponent.All.Where(part => (comparison.ExtendedStateMisplaced & (1UL << part.Number)) != 0))
        {
            string from = string.Create(CultureInfo.InvariantCulture, $"byte {here.Query(0xD, (uint)part.Number).Ebx}");
            string to = string.Create(CultureInfo.InvariantCulture, $"byte {there.Query(0xD, (uint)part.Number).Ebx}");
            yield return new(
                MigrationAspect.ExtendedState, part.Name, from, to,
                $"XSAVE writes {part.Name} at {from} on '{comparison.Source}' and at {to} on '{comparison.Destination}': what the guest has saved it cannot restore");
        }

        if (comparison.PhysicalAddressBitsLost > 0)
        {
            string from = string.Create(CultureInfo.InvariantCulture, $"{source.Cpu.PhysicalAddressBits} bits");
            string to = string.Create(CultureInfo.InvariantCulture, $"{destination.Cpu.PhysicalAddressBits} bits");
            yield return new(
                MigrationAspect.PhysicalAddressBits, null, from, to,
                $"physical addresses have {from} on '{comparison.Source}' and {to} on '{comparison.Destination}': page tables that use more fault there");
        }
    }

    private static IEnumerable<MigrationDifference> Clock(MigrationComparison comparison, HostFacts source, HostFacts destination)
    {
        HostTimestampCounterFacts here = source.TimestampCounter;
        HostTimestampCounterFacts there = destination.TimestampCounter;
        bool bothUnknown = here.FrequencyHertz is null && there.FrequencyHertz is null;
        if (comparison.Tsc is TscRelation.Different or TscRelation.Unknown && !bothUnknown)
        {
            string why = comparison.Tsc == TscRelation.Different ? "its processor cannot scale it" : "nobody tells whether it can be scaled there";
            yield return new(
                MigrationAspect.TscFrequency, null, Frequency(here), Frequency(there),
                $"the time-stamp counter ticks at {Frequency(here)} on '{comparison.Source}' and {Frequency(there)} on '{comparison.Destination}', and {why}: "
                + "a guest that keeps time by it goes wrong");
        }

        if (here.IsInvariant && !there.IsInvariant)
        {
            yield return new(
                MigrationAspect.InvariantTsc, "invtsc", "yes", "no",
                $"the time-stamp counter of '{comparison.Destination}' is not invariant, that of '{comparison.Source}' is");
        }
    }

    private static string Frequency(HostTimestampCounterFacts clock) => clock.FrequencyHertz is ulong hertz
        ? string.Create(CultureInfo.InvariantCulture, $"{hertz / 1e6:0.###} MHz")
        : "a rate that is not known";
}
