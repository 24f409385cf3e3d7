using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>C2.VCPU, C2.CPUUNPLUG and C2.RT.</summary>
internal static class VcpuRules
{
    internal static Rule Maximum { get; } = new()
    {
        Id = "C2.VCPU",
        Title = "vCPUs of a guest",
        Row = "A guest has at most 240 vCPUs from release 7.2, and 160 in 7.0.",
        Kind = RuleKind.Support,
        Subject = RuleSubject.Configuration,
        Explanation = "The limit counts all vCPUs that the guest could ever have, those plugged later included, and holds for each machine type. "
            + "qemu-kvm-rhev allows 384.",
        Remedy = "Give the guest fewer vCPUs, or use profile none: this program boots guests far past the limit.",
        NeedsLimit = true,
        Evaluate = Check,
    };

    internal static Rule Unplug { get; } = new()
    {
        Id = "C2.CPUUNPLUG",
        Title = "vCPU hot unplug",
        Row = "vCPUs cannot be taken away from a running guest; adding them is possible.",
        Kind = RuleKind.Absent,
        Subject = RuleSubject.Operation,
        Explanation = "The release's code had no way to take a vCPU back from a guest.",
        Remedy = "Let the guest take the vCPU offline, or shut it down and give it fewer.",
        Evaluate = context => context.Operations.Contains(MachineOperation.UnplugVcpu)
            ? [new RuleMatch("/vcpu", "taking vCPUs away while the guest runs", "the release has no vCPU hot unplug",
                "set a lower count with the guest shut down, or take vCPUs offline inside the guest")]
            : [],
    };

    internal static Rule RealTime { get; } = new()
    {
        Id = "C2.RT",
        Title = "real-time scheduling",
        Row = "The real-time kernel is not supported for KVM.",
        Kind = RuleKind.Support,
        Subject = RuleSubject.Host,
        Explanation = "Threads under SCHED_FIFO or SCHED_RR keep their guarantees only on a real-time kernel, which the page excludes.",
        Remedy = "Leave the schedulers fifo and rr out, and run on the standard kernel.",
        Evaluate = CheckRealTime,
    };

    private static IEnumerable<RuleMatch> Check(RuleContext context)
    {
        int count = context.Machine.Vcpu.Maximum;
        if (context.Setting.Limit is not int limit || count <= limit)
        {
            yield break;
        }

        yield return new RuleMatch(
            "/vcpu",
            string.Create(CultureInfo.InvariantCulture, $"{count} vCPUs"),
            string.Create(CultureInfo.InvariantCulture, $"the profile allows {limit} for a guest, those that can be plugged included"),
            string.Create(CultureInfo.InvariantCulture, $"give {limit} or fewer"))
        {
            // A topology multiplies up to the old count: what it should be is for a person to say.
            Correct = context.Machine.Cpu?.Topology is not null || context.Machine.Vcpus.Length != 0 || context.Machine.Cpu?.NumaCells.Length > 0
                ? null
                : Correction.Of(machine => machine with
                {
                    Vcpu = machine.Vcpu with { Maximum = limit, Current = machine.Vcpu.Current > limit ? limit : machine.Vcpu.Current },
                }),
        };
    }

    private static IEnumerable<RuleMatch> CheckRealTime(RuleContext context)
    {
        const string reason = "the profile does not support real-time scheduling";
        const string remedy = "leave the scheduler out, or use batch or idle";
        if (context.Machine.CpuTuning is { } tuning)
        {
            foreach ((int index, VcpuScheduleConfiguration schedule) in tuning.VcpuSchedules.Indexed().Where(pair => IsRealTime(pair.Item.Scheduler)))
            {
                yield return new RuleMatch($"/cpuTuning/vcpuSchedules/{index}", $"scheduler {schedule.Scheduler} for vCPUs {schedule.Vcpus}", reason, remedy)
                {
                    Correct = Correction.OfItem(MachineLists.VcpuSchedules, index, null),
                };
            }

            foreach ((int index, IoThreadScheduleConfiguration schedule) in tuning.IoThreadSchedules.Indexed().Where(pair => IsRealTime(pair.Item.Scheduler)))
            {
                yield return new RuleMatch(
                    $"/cpuTuning/ioThreadSchedules/{index}", $"scheduler {schedule.Scheduler} for I/O threads {schedule.IoThreads}", reason, remedy)
                {
                    Correct = Correction.OfItem(MachineLists.IoThreadSchedules, index, null),
                };
            }

            if (tuning.EmulatorSchedule is { } emulator && IsRealTime(emulator.Scheduler))
            {
                yield return new RuleMatch("/cpuTuning/emulatorSchedule", $"scheduler {emulator.Scheduler} for the monitor's threads", reason, remedy)
                {
                    Correct = Correction.Of(machine => machine.WithTuning(old => old with { EmulatorSchedule = null })),
                    Shown = "/cpuTuning",
                };
            }
        }

        if (context.Host?.Kernel.IsRealTime == true)
        {
            yield return new RuleMatch(
                "", $"a guest on the real-time kernel {context.Host.Kernel.Release}", "the profile does not support KVM on a real-time kernel",
                "boot the host with its standard kernel");
        }
    }

    private static bool IsRealTime(string scheduler) => scheduler is "fifo" or "rr";
}
