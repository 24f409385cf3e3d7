using Nacelle.Machine;

namespace Nacelle.Configuration;

/// <summary>C2.TCG, C2.BACKENDS, C2.NESTED and C2.TSC.</summary>
internal static class BackendRules
{
    private static readonly string[] s_nesting = ["vmx", "svm"];

    internal static Rule Translation { get; } = new()
    {
        Id = "C2.TCG",
        Title = "dynamic translation",
        Row = "Dynamic translation needs no hardware virtualisation and is not supported; such a guest is recognised by its domain type qemu.",
        Kind = RuleKind.Support,
        Subject = RuleSubject.Configuration,
        Explanation = "The domain type qemu runs the guest on the translator. The page ships it and does not support it.",
        Remedy = "Use the domain type kvm on a host with hardware virtualisation, or override the rule, which marks the guest unsupported.",
        CanBeOverridden = true,
        Evaluate = CheckTranslation,
    };

    internal static Rule Backends { get; } = new()
    {
        Id = "C2.BACKENDS",
        Title = "the accelerator that was asked for",
        Row = "Guests on KVM and on dynamic translation are told apart by the domain type.",
        Kind = RuleKind.Machine,
        Subject = RuleSubject.Host,
        Explanation = "A guest of type kvm runs on KVM or not at all: it never becomes a translated one, which would be slower and has other features.",
        Remedy = "Make /dev/kvm usable, or say type='qemu' where translation is meant.",
        Evaluate = CheckBackend,
    };

    internal static Rule Nested { get; } = new()
    {
        Id = "C2.NESTED",
        Title = "nested virtualization",
        Row = "Nested virtualization is a Technology Preview from 7.2: guests can act as hypervisors.",
        Kind = RuleKind.Support,
        Subject = RuleSubject.Configuration,
        Explanation = "The guest is shown VMX or SVM and can run guests of its own. A Technology Preview is not for production.",
        Remedy = "Hide vmx and svm from guests that do not run guests of their own.",
        Evaluate = CheckNested,
    };

    internal static Rule NestedMigration { get; } = new()
    {
        Id = "C2.NESTED-MIG",
        Title = "migration with nested guests",
        Row = "The guide's chapter on nested virtualization: a guest that runs guests, and its guests, are not migrated.",
        Kind = RuleKind.Support,
        Subject = RuleSubject.Migration,
        Explanation = "What the processor keeps for a guest's own guests is not part of what the release migrates.",
        Remedy = "Shut the guest down and start it at the other host, or hide vmx and svm from it.",
        Evaluate = context => context.IsMigration
            ? NestedFeatures(context).Select(found => new RuleMatch(
                found.Pointer, $"migrating a guest with {found.Label}", "a guest that can run guests of its own is not migrated",
                "start it at the other host instead, or hide the feature")
            {
                Correct = found.Hide,
                Shown = found.Shown,
            })
            : [],
    };

    internal static Rule ConstantTsc { get; } = new()
    {
        Id = "C2.TSC",
        Title = "constant TSC",
        Row = "Hosts without a constant TSC need extra configuration.",
        Kind = RuleKind.Support,
        Subject = RuleSubject.Host,
        Explanation = "Where the rate of the time-stamp counter follows the processor's frequency, guests' clocks run wrong unless the frequency is kept.",
        Remedy = "Boot the host with processor.max_cstate=1, set its frequency governor's least and greatest frequency equal, and let guests use kvm-clock.",
        Evaluate = CheckTsc,
    };

    /// <summary>No correction: whether there is a KVM for the guest is for a person to know.</summary>
    private static IEnumerable<RuleMatch> CheckTranslation(RuleContext context)
    {
        const string remedy = "use type='kvm' on a host with hardware virtualisation, or override C2.TCG to run it unsupported";
        bool? available = context.Host?.Kvm.IsAvailable;
        if (context.Machine.Accelerator == AcceleratorChoice.Translator)
        {
            yield return new RuleMatch("", "domain type qemu, which is dynamic translation", "the profile does not support it", remedy);
        }
        else if (context.Machine.Accelerator == AcceleratorChoice.Auto
            && (available == false || context.Document.Form != MachineDocumentForm.CommandLine))
        {
            // Options without --accel name no list: there the host alone decides.
            yield return new RuleMatch(
                "", "a choice of accelerators that ends in dynamic translation",
                available == false
                    ? "this host has no KVM to offer, so that translation is what runs, and the profile does not support it"
                    : "where KVM is not to be had the guest is translated, which the profile does not support",
                "name KVM alone, or override C2.TCG to run it unsupported");
        }
    }

    private static IEnumerable<RuleMatch> CheckBackend(RuleContext context)
    {
        if (context.Machine.Accelerator == AcceleratorChoice.Kvm && context.Host is { } host && !host.Kvm.IsAvailable)
        {
            yield return new RuleMatch(
                "", "domain type kvm", $"this host has no KVM to offer: {host.Kvm.Reason}",
                "make /dev/kvm usable, or say type='qemu' to run on the translator");
        }
    }

    private static IEnumerable<RuleMatch> CheckNested(RuleContext context) => NestedFeatures(context).Select(found => new RuleMatch(
        found.Pointer,
        $"{found.Label}, with which the guest can run guests of its own",
        context.Setting.Severity == FindingSeverity.Refusal ? "the profile has no nested virtualization" : "nested virtualization is a Technology Preview",
        "hide the feature where the guest runs no guests")
    {
        Correct = found.Hide,
        Shown = found.Shown,
    });

    private static IEnumerable<NestingFeature> NestedFeatures(RuleContext context)
    {
        if (context.Machine.Cpu is not { } cpu)
        {
            yield break;
        }

        foreach ((int index, CpuFeatureConfiguration feature) in cpu.Features.Indexed())
        {
            if (s_nesting.Contains(feature.Name)
                && feature.Policy is null or CpuFeaturePolicy.Force or CpuFeaturePolicy.Require or CpuFeaturePolicy.Optional)
            {
                yield return new NestingFeature(
                    $"/cpu/features/{index}", $"feature {feature.Name}", Correction.OfItem(MachineLists.Features, index, old => old with { Policy = CpuFeaturePolicy.Disable }), null);
            }
        }

        // What the host offers is shown with its processor, named or not, while the kernel's module allows nesting.
        if (cpu.Mode is CpuMode.HostPassthrough or CpuMode.HostModel or CpuMode.Maximum
            && context.Machine.Accelerator != AcceleratorChoice.Translator
            && context.Host is { Kvm: { IsAvailable: true, Nested: true } } host
            && s_nesting.FirstOrDefault(name => host.Cpu.Has(name) || host.Cpu.HasKernelFlag(name)) is string shown
            && !cpu.Features.Any(feature => feature.Name == shown))
        {
            yield return new NestingFeature(
                "/cpu/mode", $"CPU mode {ConfigurationWords.CpuMode.Format(cpu.Mode.Value)} on {host.HostName}, which shows {shown}",
                Correction.Added(MachineLists.Features, new CpuFeatureConfiguration { Name = shown, Policy = CpuFeaturePolicy.Disable }), "/cpu");
        }
    }

    /// <summary>Something that lets a guest run guests.</summary>
    private sealed record NestingFeature(string Pointer, string Label, Correction Hide, string? Shown);

    private static IEnumerable<RuleMatch> CheckTsc(RuleContext context)
    {
        if (context.Host is { } host && !host.TimestampCounter.IsConstant)
        {
            yield return new RuleMatch(
                "", $"a guest on {host.HostName}", "the host's TSC is not constant: its rate follows the processor's frequency",
                "boot the host with processor.max_cstate=1, run 'cpupower frequency-set --min F --max F' with one frequency, run chrony on host and guest, and give guests <timer name='kvmclock' present='yes'/>");
        }
    }
}
