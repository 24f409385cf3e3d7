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
        Evaluate = context => context.Machine.Accelerator == AcceleratorChoice.Translator
            ? [new RuleMatch("", "domain type qemu, which is dynamic translation", "the profile does not support it",
                "use type='kvm' on a host with hardware virtualisation, or override C2.TCG to run it unsupported")
                {
                    Correct = machine => machine with { Accelerator = AcceleratorChoice.Kvm },
                    Shown = "",
                }]
            : [],
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
                found.Pointer, $"migrating a guest with feature {found.Feature.Name}", "a guest that can run guests of its own is not migrated",
                "start it at the other host instead, or hide the feature")
            { Correct = Hide(found.Index) })
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
        $"feature {found.Feature.Name}, with which the guest can run guests of its own",
        context.Setting.Severity == FindingSeverity.Refusal ? "the profile has no nested virtualization" : "nested virtualization is a Technology Preview",
        "hide the feature where the guest runs no guests")
    {
        Correct = Hide(found.Index),
    });

    private static IEnumerable<(int Index, string Pointer, CpuFeatureConfiguration Feature)> NestedFeatures(RuleContext context) =>
        context.Machine.Cpu is { } cpu
            ? cpu.Features.Indexed()
                .Where(pair => s_nesting.Contains(pair.Item.Name)
                    && pair.Item.Policy is null or CpuFeaturePolicy.Force or CpuFeaturePolicy.Require or CpuFeaturePolicy.Optional)
                .Select(pair => (pair.Index, $"/cpu/features/{pair.Index}", pair.Item))
            : [];

    private static Func<MachineConfiguration, MachineConfiguration> Hide(int index) => machine => machine with
    {
        Cpu = machine.Cpu! with
        {
            Features = machine.Cpu.Features.SetItem(index, machine.Cpu.Features[index] with { Policy = CpuFeaturePolicy.Disable }),
        },
    };

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
