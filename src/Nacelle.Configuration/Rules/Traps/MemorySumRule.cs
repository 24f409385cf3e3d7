namespace Nacelle.Configuration;

/// <summary>TRAP.NUMA-MEMORY.</summary>
internal static class MemorySumRule
{
    internal static Rule Rule { get; } = new()
    {
        Id = "TRAP.NUMA-MEMORY",
        Title = "memory of NUMA nodes",
        Row = "A guest with NUMA nodes has the memory of its nodes.",
        Kind = RuleKind.Trap,
        Subject = RuleSubject.Configuration,
        Explanation = "libvirt takes the sum of the nodes for the guest's memory, whatever <memory> says, and QEMU refuses another sum.",
        Remedy = "Make <memory> the sum of the nodes.",
        Evaluate = Check,
    };

    private static IEnumerable<RuleMatch> Check(RuleContext context)
    {
        // Modules count as memory too, those that are plugged.
        if (context.Devices.MemoryModules.Length != 0 || context.Machine is not { Memory: ulong memory, Cpu.NumaCells: { Length: > 0 } cells } || cells.Any(cell => cell.Memory == 0))
        {
            yield break;
        }

        ulong sum = cells.Aggregate(0UL, (total, cell) => unchecked(total + cell.Memory));
        if (sum != memory)
        {
            yield return new RuleMatch(
                "/memory", $"{SizeText.Describe(memory)} of memory", $"its NUMA nodes have {SizeText.Describe(sum)}, and that is what the guest gets",
                "give <memory> the sum of the nodes");
        }
    }
}
