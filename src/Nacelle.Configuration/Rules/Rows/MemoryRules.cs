namespace Nacelle.Configuration;

/// <summary>C2.MEMHOTPLUG, C2.VHOSTUSER, C2.PCINUMA and C2.DUMP.</summary>
internal static class MemoryRules
{
    internal static Rule HotPlug { get; } = new()
    {
        Id = "C2.MEMHOTPLUG",
        Title = "memory hot plug",
        Row = "Memory cannot be plugged into or out of a running guest.",
        Kind = RuleKind.Absent,
        Subject = RuleSubject.Configuration,
        Explanation = "The release's code has neither slots for memory modules nor virtio-mem.",
        Remedy = "Leave <maxMemory> and memory modules out and give the guest its memory at start.",
        Evaluate = CheckHotPlug,
    };

    internal static Rule VhostUser { get; } = new()
    {
        Id = "C2.VHOSTUSER",
        Title = "vhost-user",
        Row = "There is no user space vhost interface.",
        Kind = RuleKind.Absent,
        Subject = RuleSubject.Configuration,
        Explanation = "Devices whose queues are served by another process of the host, virtiofs among them, need vhost-user.",
        Remedy = "Use a device that the monitor serves itself.",
        Evaluate = context => VhostUserDevices.Find(context.Devices).Select(found => new RuleMatch(
            found.Pointer, found.Label, "the profile has no vhost-user, which it needs", found.Remedy)),
    };

    internal static Rule PciNuma { get; } = new()
    {
        Id = "C2.PCINUMA",
        Title = "NUMA nodes of PCI devices",
        Row = "A virtual PCIe device cannot be bound to a NUMA node.",
        Kind = RuleKind.Absent,
        Subject = RuleSubject.Configuration,
        Explanation = "The node of a device is that of its root bus, and the release's code has no expander buses.",
        Remedy = "Put the devices on the board's own root bus.",
        Evaluate = context => context.Devices.Controllers.Indexed()
            .Where(pair => PciTopology.IsExpander(pair.Item))
            .Select(pair => new RuleMatch(
                ConfigurationChange.Pointer("controllers", pair.Index),
                pair.Item.Node is int node ? $"{pair.Item.Model} on node {node}" : $"{pair.Item.Model}",
                "the profile has no expander buses",
                "take it out and put the devices behind it on the root bus")),
    };

    internal static Rule Dump { get; } = new()
    {
        Id = "C2.DUMP",
        Title = "core dump",
        Row = "A core dump is built on migration, and so is not supported with device assignment.",
        Kind = RuleKind.Support,
        Subject = RuleSubject.Operation,
        Explanation = "The release writes a dump by migrating to a file, which an assigned device prevents.",
        Remedy = "Unplug the device first.",
        Evaluate = context => context.Operations.Contains(MachineOperation.Dump)
            ? AssignedDevices.Find(context.Devices).Select(found => new RuleMatch(
                found.Pointer, $"a core dump with {found.Label} assigned", "the profile builds dumps on migration, which assigned devices prevent",
                "unplug the device first"))
            : [],
    };

    private static IEnumerable<RuleMatch> CheckHotPlug(RuleContext context)
    {
        const string reason = "the profile has no memory hot plug";
        if (context.Machine.MaximumMemory is not null)
        {
            yield return new RuleMatch("/maximumMemory", "memory that can grow while the guest runs", reason, "leave <maxMemory> out")
            {
                // Modules that are there need it: what becomes of their memory is for a person to say.
                Correct = context.Devices.MemoryModules.Length != 0 ? null : Correction.Of(machine => machine with { MaximumMemory = null, MemorySlots = null }),
                Shown = "",
            };
        }

        foreach ((int index, MemoryModuleConfiguration module) in context.Devices.MemoryModules.Indexed())
        {
            if (module.Model is MemoryModuleModel.Dimm or MemoryModuleModel.Nvdimm or MemoryModuleModel.VirtioMem)
            {
                yield return new RuleMatch(
                    ConfigurationChange.Pointer("memoryModules", index), $"a memory module of model {ConfigurationWords.MemoryModuleModel.Format(module.Model)}",
                    reason, "take it out and make <memory> larger");
            }
        }

        if (context.Operations.Contains(MachineOperation.PlugMemory))
        {
            yield return new RuleMatch("", "plugging memory while the guest runs", reason, "shut the guest down and make <memory> larger");
        }
    }
}
