using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>CFG.VCPU-COUNT, CFG.TOPOLOGY and CFG.NUMA-NODE: numbers that have to agree.</summary>
internal static class VcpuConsistency
{
    internal static Rule Count { get; } = new()
    {
        Id = "CFG.VCPU-COUNT",
        Title = "numbers of vCPUs",
        Row = "vCPUs are counted in several places, which agree.",
        Kind = RuleKind.Machine,
        Subject = RuleSubject.Configuration,
        Explanation = "The count at start is at most that of all vCPUs, and settings of single vCPUs name vCPUs that there are.",
        Remedy = "Make the numbers agree.",
        Evaluate = CheckCount,
    };

    internal static Rule Topology { get; } = new()
    {
        Id = "CFG.TOPOLOGY",
        Title = "topology of vCPUs",
        Row = "Sockets, dies, clusters, cores and threads multiply up to the number of vCPUs.",
        Kind = RuleKind.Machine,
        Subject = RuleSubject.Configuration,
        Explanation = "A topology with places that no vCPU can ever have, or with too few, is no machine.",
        Remedy = "Change the topology or the number of vCPUs.",
        Evaluate = CheckTopology,
    };

    internal static Rule NumaNode { get; } = new()
    {
        Id = "CFG.NUMA-NODE",
        Title = "NUMA nodes",
        Row = "NUMA nodes that are referred to are there, once.",
        Kind = RuleKind.Machine,
        Subject = RuleSubject.Configuration,
        Explanation = "A vCPU, a memory module or a bus belongs to a node of the guest that exists.",
        Remedy = "Add the node to <cpu><numa>, or name another.",
        Evaluate = CheckNodes,
    };

    private static IEnumerable<RuleMatch> CheckCount(RuleContext context)
    {
        MachineConfiguration machine = context.Machine;
        int maximum = machine.Vcpu.Maximum;
        if (machine.Vcpu.Current > maximum)
        {
            yield return new RuleMatch(
                "/vcpu/current", Say($"{machine.Vcpu.Current} vCPUs at start"), Say($"there are {maximum} in all"), Say($"give {maximum} or fewer"));
        }

        HashSet<int> seen = [];
        foreach ((int index, VcpuStateConfiguration vcpu) in machine.Vcpus.Indexed())
        {
            if (vcpu.Id >= maximum)
            {
                yield return new RuleMatch($"/vcpus/{index}", Say($"vCPU {vcpu.Id}"), Say($"there are {maximum}, counted from 0"), "leave it out");
            }
            else if (!seen.Add(vcpu.Id))
            {
                yield return new RuleMatch($"/vcpus/{index}/id", Say($"vCPU {vcpu.Id} once more"), "it stands in the list already", "leave one out");
            }
        }

        if (machine.CpuTuning is not { } tuning)
        {
            yield break;
        }

        HashSet<int> pinned = [];
        foreach ((int index, VcpuPinConfiguration pin) in tuning.VcpuPins.Indexed())
        {
            if (pin.Vcpu >= maximum)
            {
                yield return new RuleMatch($"/cpuTuning/vcpuPins/{index}", Say($"pinning vCPU {pin.Vcpu}"), Say($"there are {maximum}, counted from 0"), "leave it out");
            }
            else if (!pinned.Add(pin.Vcpu))
            {
                yield return new RuleMatch($"/cpuTuning/vcpuPins/{index}", Say($"pinning vCPU {pin.Vcpu} once more"), "it is pinned already", "leave one out");
            }
        }

        foreach ((int index, VcpuScheduleConfiguration schedule) in tuning.VcpuSchedules.Indexed())
        {
            if (schedule.Scheduler is "fifo" or "rr" && schedule.Priority is null)
            {
                yield return new RuleMatch(
                    $"/cpuTuning/vcpuSchedules/{index}", $"scheduler {schedule.Scheduler} without a priority", "it needs one", "give a priority from 1 to 99");
            }
        }
    }

    private static IEnumerable<RuleMatch> CheckTopology(RuleContext context)
    {
        if (context.Machine.Cpu?.Topology is not { } topology)
        {
            yield break;
        }

        long places = (long)topology.Sockets * (topology.Dies ?? 1) * (topology.Clusters ?? 1) * topology.Cores * topology.Threads;
        int count = context.Machine.Vcpu.Maximum;
        if (places != count)
        {
            yield return new RuleMatch(
                "/cpu/topology", Say($"a topology of {places} vCPUs"), Say($"there are {count}"),
                topology.Sockets * places != 0 && count % (places / topology.Sockets) == 0
                    ? Say($"give {count / (places / topology.Sockets)} sockets, or {places} vCPUs")
                    : Say($"give {places} vCPUs, or another topology"));
        }
    }

    private static IEnumerable<RuleMatch> CheckNodes(RuleContext context)
    {
        MachineConfiguration machine = context.Machine;
        HashSet<int> nodes = [];
        HashSet<int> cpus = [];
        foreach ((int index, NumaCellConfiguration cell) in machine.Cpu?.NumaCells.Indexed() ?? [])
        {
            int id = cell.Id ?? index;
            if (!nodes.Add(id))
            {
                yield return new RuleMatch($"/cpu/numaCells/{index}/id", Say($"NUMA node {id} once more"), "it stands in the list already", "give it another number");
            }

            foreach (int cpu in NumberSetText.TryParse(cell.Cpus ?? "") ?? [])
            {
                if (cpu >= machine.Vcpu.Maximum || !cpus.Add(cpu))
                {
                    yield return new RuleMatch(
                        $"/cpu/numaCells/{index}/cpus", Say($"vCPU {cpu} on NUMA node {id}"),
                        cpu >= machine.Vcpu.Maximum ? Say($"there are {machine.Vcpu.Maximum} vCPUs, counted from 0") : "it is on another node already",
                        "take it out of the node");
                    break;
                }
            }
        }

        if (nodes.Count != 0 && nodes.Max() >= nodes.Count && nodes.Count == machine.Cpu!.NumaCells.Length)
        {
            int absent = Enumerable.Range(0, nodes.Count).First(id => !nodes.Contains(id));
            yield return new RuleMatch(
                "/cpu/numaCells", Say($"NUMA node {nodes.Max()}"), Say($"nodes are counted from 0 without a gap, and there is no node {absent}"), "number them from 0");
        }

        foreach ((int index, ControllerConfiguration controller) in context.Devices.Controllers.Indexed())
        {
            if (controller.Node is int node && !nodes.Contains(node))
            {
                yield return new RuleMatch(
                    $"{ConfigurationChange.Pointer("controllers", index)}/node", Say($"{controller.Model} on NUMA node {node}"), "the guest has no such node",
                    "add it to <cpu><numa>, or name another");
            }
        }

        foreach ((int index, MemoryModuleConfiguration module) in context.Devices.MemoryModules.Indexed())
        {
            if (module.Node is int node && !nodes.Contains(node))
            {
                yield return new RuleMatch(
                    $"{ConfigurationChange.Pointer("memoryModules", index)}/node", Say($"a memory module on NUMA node {node}"), "the guest has no such node",
                    "add it to <cpu><numa>, or name another");
            }
        }
    }

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
