using System.Globalization;
using System.Numerics;

namespace Nacelle.Configuration;

/// <summary>What other monitors take without a word, and what does not do what was meant.</summary>
internal static class TrapRules
{
    internal static Rule Burst { get; } = new()
    {
        Id = "TRAP.BURST-WITHOUT-LIMIT",
        Title = "burst of a limit",
        Row = "A burst is above a limit.",
        Kind = RuleKind.Trap,
        Subject = RuleSubject.Configuration,
        Explanation = "libvirt takes a …_max without its limit, and QEMU refuses it when the guest starts.",
        Remedy = "Give the limit, or leave the burst out.",
        Evaluate = CheckBurst,
    };

    internal static Rule SharedMemory { get; } = new()
    {
        Id = "TRAP.VHOST-USER-WITHOUT-SHARED-MEMORY",
        Title = "memory of vhost-user devices",
        Row = "A vhost-user back end maps the guest's memory.",
        Kind = RuleKind.Trap,
        Subject = RuleSubject.Configuration,
        Explanation = "Memory that is private to the monitor cannot be mapped by another process. libvirt takes a network interface without shared memory, "
            + "and no packet ever passes.",
        Remedy = "Give <memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>.",
        Evaluate = CheckSharedMemory,
    };

    internal static Rule ImplicitAdapter { get; } = new()
    {
        Id = "TRAP.IMPLICIT-SCSI-HBA",
        Title = "implicit SCSI host bus adapter",
        Row = "A SCSI controller without a model is an LSI 53C895A.",
        Kind = RuleKind.Trap,
        Subject = RuleSubject.Configuration,
        Explanation = "libvirt takes lsilogic where no model is given, and adds such a controller for a SCSI disk without one. Cloud kernels have no driver for it.",
        Remedy = "Give the controller a model, such as virtio-scsi.",
        Evaluate = context => ScsiAdapters.Find(context).Where(found => found.Implicit is not null).Select(found => new RuleMatch(
            found.Pointer, $"{found.Label} without a model", $"it becomes {found.Implicit}, for which many kernels have no driver", "give model='virtio-scsi'")
        {
            Correct = found.Correct,
            Shown = found.Shown,
        }),
    };

    internal static Rule ApicId { get; } = new()
    {
        Id = "TRAP.APIC-ID-WITHOUT-X2APIC",
        Title = "APIC ids above 254",
        Row = "An 8-bit APIC id ends at 254.",
        Kind = RuleKind.Trap,
        Subject = RuleSubject.Configuration,
        Explanation = "Each level of the topology takes a power of two of APIC ids, so that fewer than 255 vCPUs can already pass 254. Interrupts reach "
            + "those ids by x2APIC and interrupt remapping with extended interrupt mode (Intel VT-d 5.1.2.2).",
        Remedy = "Give <iommu model='intel'><driver intremap='on' eim='on'/></iommu>, or numbers of cores and threads that are powers of two.",
        Evaluate = CheckApicId,
    };

    internal static Rule InvariantTsc { get; } = new()
    {
        Id = "TRAP.INVARIANT-TSC-WITHOUT-FREQUENCY",
        Title = "invariant TSC and migration",
        Row = "An invariant TSC keeps its frequency.",
        Kind = RuleKind.Trap,
        Subject = RuleSubject.Migration,
        Explanation = "A guest that is promised an invariant TSC sees another frequency at a host with another one, unless it is fixed in the configuration.",
        Remedy = "Give <timer name='tsc' frequency='…'/> with the source host's frequency.",
        Evaluate = CheckInvariantTsc,
    };

    private static IEnumerable<RuleMatch> CheckBurst(RuleContext context)
    {
        foreach ((int index, DiskConfiguration disk) in context.Devices.Disks.Indexed())
        {
            if (disk.Throttle is not { } throttle)
            {
                continue;
            }

            string pointer = ConfigurationChange.Pointer("disks", index);
            foreach (ThrottleLimit limit in ThrottleLimits.All(throttle).Where(limit => limit.Maximum > 0 && limit.Limit is null or 0))
            {
                yield return new RuleMatch(
                    $"{pointer}/throttle/{limit.Name}Maximum", $"a burst of disk {disk.TargetName} up to {limit.Maximum} without a limit",
                    "a burst is above a limit, and there is none", "give the limit, or leave the burst out")
                {
                    Shown = pointer,
                };
            }
        }
    }

    private static IEnumerable<RuleMatch> CheckSharedMemory(RuleContext context)
    {
        MachineConfiguration machine = context.Machine;
        string? access = machine.MemoryBacking?.Access;

        // What a node says of its own memory holds for that memory.
        bool shared = machine.Cpu is { NumaCells.Length: > 0 } cpu
            ? cpu.NumaCells.All(cell => (cell.MemoryAccess ?? access) == "shared")
            : access == "shared";
        return shared ? [] : VhostUserDevices.Find(context.Devices).Select(found => new RuleMatch(
            found.Pointer, found.Label, "its back end cannot map the guest's memory, which is private",
            "give <memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>")
        {
            Correct = machine.Cpu?.NumaCells.Any(cell => cell.MemoryAccess is not (null or "shared")) == true ? null : Correction.Of(Share),
            Shown = "/memoryBacking",
        });
    }

    private static MachineConfiguration Share(MachineConfiguration machine) => machine with
    {
        MemoryBacking = (machine.MemoryBacking ?? new()) with { Source = machine.MemoryBacking?.Source ?? "memfd", Access = "shared" },
    };

    private static IEnumerable<RuleMatch> CheckApicId(RuleContext context)
    {
        const int greatestOf8Bits = 254;
        MachineConfiguration machine = context.Machine;
        int count = machine.Vcpu.Maximum;
        CpuTopologyConfiguration topology = machine.Cpu?.Topology ?? new() { Sockets = count };
        int highest = HighestApicId(count, topology);
        bool remapped = machine.Devices.Iommu is { InterruptRemapping: true, ExtendedInterruptMode: true };
        bool hidden = machine.Cpu?.Features.Any(feature =>
            feature.Name == "x2apic" && feature.Policy is CpuFeaturePolicy.Disable or CpuFeaturePolicy.Forbid) == true;
        if (highest > greatestOf8Bits && (!remapped || hidden))
        {
            yield return new RuleMatch(
                machine.Cpu?.Topology is null ? "/vcpu" : "/cpu/topology",
                string.Create(CultureInfo.InvariantCulture, $"{count} vCPUs, the last of which has APIC id {highest}"),
                hidden ? "the guest is not shown x2APIC, without which ids end at 254" : "ids above 254 need interrupt remapping with extended interrupt mode",
                hidden ? "show the feature x2apic" : "give <iommu model='intel'><driver intremap='on' eim='on'/></iommu>, or cores and threads that are powers of two");
        }
    }

    /// <summary>The APIC id of the last vCPU: each level takes a power of two (SDM volume 3, 9.9.3.2).</summary>
    private static int HighestApicId(int count, CpuTopologyConfiguration topology)
    {
        int threads = topology.Threads;
        int cores = topology.Cores;
        int dies = (topology.Dies ?? 1) * (topology.Clusters ?? 1);
        int last = count - 1;
        long id = last % threads;
        int shift = Width(threads);
        id |= (long)(last / threads % cores) << shift;
        shift += Width(cores);
        id |= (long)(last / threads / cores % dies) << shift;
        shift += Width(dies);
        id |= (long)(last / threads / cores / dies) << shift;
        return (int)Math.Min(id, int.MaxValue);
    }

    private static int Width(int places) => places <= 1 ? 0 : BitOperations.Log2((uint)places - 1) + 1;

    private static IEnumerable<RuleMatch> CheckInvariantTsc(RuleContext context)
    {
        bool fixedFrequency = context.Machine.Clock?.Timers.Any(timer => timer is { Name: "tsc", Frequency: not null }) == true;
        if (!context.IsMigration || fixedFrequency || context.Machine.Cpu is not { } cpu)
        {
            yield break;
        }

        foreach ((int index, CpuFeatureConfiguration feature) in cpu.Features.Indexed())
        {
            if (feature is { Name: "invtsc", Policy: CpuFeaturePolicy.Force or CpuFeaturePolicy.Require or null })
            {
                yield return new RuleMatch(
                    $"/cpu/features/{index}", "migrating a guest with an invariant TSC", "its frequency is not given, and the other host's is another",
                    "give <timer name='tsc' frequency='…'/> in <clock>, or leave invtsc out");
            }
        }
    }
}
