namespace Nacelle.Configuration;

/// <summary>CFG.MEMORY and CFG.MEMORY-MODULE.</summary>
internal static class MemoryConsistency
{
    internal static Rule Memory { get; } = new()
    {
        Id = "CFG.MEMORY",
        Title = "amounts of memory",
        Row = "A guest has memory, and not more of it at one moment than in all.",
        Kind = RuleKind.Machine,
        Subject = RuleSubject.Configuration,
        Explanation = "The balloon only takes memory away, and memory that can be plugged comes on top of what is there at start.",
        Remedy = "Make the amounts agree.",
        Evaluate = CheckMemory,
    };

    internal static Rule Module { get; } = new()
    {
        Id = "CFG.MEMORY-MODULE",
        Title = "memory modules",
        Row = "A memory module has a size, a slot, and a block size that divides what is requested.",
        Kind = RuleKind.Machine,
        Subject = RuleSubject.Configuration,
        Explanation = "Modules are plugged into slots of <maxMemory>, and virtio-mem gives and takes whole blocks (virtio 1.2, section 5.15).",
        Remedy = "Give <maxMemory slots='…'>, and sizes that are multiples of the block.",
        Evaluate = CheckModules,
    };

    private static IEnumerable<RuleMatch> CheckMemory(RuleContext context)
    {
        MachineConfiguration machine = context.Machine;
        ulong cells = machine.Cpu?.NumaCells.Aggregate(0UL, (sum, cell) => unchecked(sum + cell.Memory)) ?? 0;
        ulong memory = machine.Memory ?? cells;
        if (memory == 0)
        {
            yield return new RuleMatch(machine.Memory is null ? "" : "/memory", "a guest without memory", "none is given", "give <memory>");
            yield break;
        }

        if (machine.CurrentMemory > memory)
        {
            yield return new RuleMatch(
                "/currentMemory", $"{SizeText.Describe(machine.CurrentMemory.Value)} for the balloon to leave the guest", $"it has {SizeText.Describe(memory)}",
                "give at most that")
            {
                Correct = Correction.Of(old => old with { CurrentMemory = memory }),
                Shown = "",
            };
        }

        if (machine.MaximumMemory is not null && machine.Cpu is not { NumaCells.Length: > 0 } && context.Document.Form == MachineDocumentForm.DomainXml)
        {
            yield return new RuleMatch(
                "/maximumMemory", "memory that can grow without a NUMA node", "libvirt plugs memory into nodes of <cpu><numa>, and there is none",
                "give <numa><cell id='0' cpus='…' memory='…'/></numa> in <cpu>");
        }

        if (machine.MaximumMemory < memory)
        {
            yield return new RuleMatch(
                "/maximumMemory", $"{SizeText.Describe(machine.MaximumMemory.Value)} with all that can be plugged",
                $"there are {SizeText.Describe(memory)} at start", "give more than that");
        }
    }

    private static IEnumerable<RuleMatch> CheckModules(RuleContext context)
    {
        MachineConfiguration machine = context.Machine;
        int used = 0;
        foreach ((int index, MemoryModuleConfiguration module) in context.Devices.MemoryModules.Indexed())
        {
            string pointer = ConfigurationChange.Pointer("memoryModules", index);
            string label = $"a memory module of model {ConfigurationWords.MemoryModuleModel.Format(module.Model)}";
            if (module.Size is null or 0)
            {
                yield return new RuleMatch(pointer, label, "it has no size", "give <target><size>");
            }

            if (module.Model is MemoryModuleModel.Dimm or MemoryModuleModel.Nvdimm && machine.MaximumMemory is not null && ++used > (machine.MemorySlots ?? 0))
            {
                yield return new RuleMatch(pointer, $"{label} in slot {used}", $"<maxMemory> has {machine.MemorySlots ?? 0} slots", "give more slots");
            }

            if (module.Model is not MemoryModuleModel.SgxEpc && machine.MaximumMemory is null)
            {
                yield return new RuleMatch(pointer, label, "there is no <maxMemory> that would leave addresses for it", "give <maxMemory slots='…'>");
            }

            if (module is { BlockSize: ulong block and > 0, RequestedSize: ulong requested } && requested % block != 0)
            {
                yield return new RuleMatch(
                    $"{pointer}/requestedSize", $"{SizeText.Describe(requested)} of {label}", $"it gives and takes blocks of {SizeText.Describe(block)}",
                    "request a multiple of that");
            }

            if (module.RequestedSize > module.Size)
            {
                yield return new RuleMatch(
                    $"{pointer}/requestedSize", $"{SizeText.Describe(module.RequestedSize.Value)} of {label}", $"it has {SizeText.Describe(module.Size ?? 0)}",
                    "request at most that");
            }
        }
    }
}
