using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using Nacelle.Configuration;

namespace Nacelle;

/// <summary>Reads the facts of memory and NUMA nodes. Stateless.</summary>
internal static partial class MemoryFactsReader
{
    private const string Nodes = "/sys/devices/system/node";

    /// <summary>RAM of the whole host.</summary>
    internal static HostMemoryFacts Read(HostTree tree)
    {
        Dictionary<string, ulong> table = Table(tree, "/proc/meminfo");
        return new HostMemoryFacts
        {
            TotalBytes = table.GetValueOrDefault("MemTotal"),
            AvailableBytes = table.GetValueOrDefault("MemAvailable"),
            HugePages = HugePages(tree, "/sys/kernel/mm/hugepages"),
        };
    }

    /// <summary>The nodes; where the kernel knows of none, one that has all.</summary>
    internal static ImmutableArray<HostNumaNode> ReadNodes(HostTree tree, HostMemoryFacts memory, CpuSet online)
    {
        ImmutableArray<HostNumaNode>.Builder nodes = ImmutableArray.CreateBuilder<HostNumaNode>();
        foreach (string name in tree.Names(Nodes))
        {
            if (!NodeName().IsMatch(name) || !int.TryParse(name.AsSpan(4), NumberStyles.None, CultureInfo.InvariantCulture, out int number))
            {
                continue;
            }

            Dictionary<string, ulong> table = Table(tree, $"{Nodes}/{name}/meminfo");
            nodes.Add(new HostNumaNode
            {
                Number = number,
                Cpus = CpuSet.TryParse(tree.Line($"{Nodes}/{name}/cpulist") ?? "") ?? CpuSet.Empty,
                MemoryBytes = table.GetValueOrDefault("MemTotal"),
                FreeBytes = table.GetValueOrDefault("MemFree"),
                HugePages = HugePages(tree, $"{Nodes}/{name}/hugepages"),
                Distances = [.. CpuFactsReader.Words(tree.Line($"{Nodes}/{name}/distance") ?? "")
                    .Select(word => int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out int distance) ? Math.Min(distance, 255) : 255)],
            });
        }

        return nodes.Count != 0
            ? [.. nodes.OrderBy(node => node.Number)]
            :
            [
                new HostNumaNode
                {
                    Number = 0,
                    Cpus = online,
                    MemoryBytes = memory.TotalBytes,
                    FreeBytes = memory.AvailableBytes,
                    HugePages = memory.HugePages,
                    Distances = [10],
                },
            ];
    }

    private static ImmutableArray<HostHugePages> HugePages(HostTree tree, string directory)
    {
        List<HostHugePages> pools = [];
        foreach (string name in tree.Names(directory))
        {
            if (PoolName().Match(name) is { Success: true } match
                && ulong.TryParse(match.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out ulong kibibytes))
            {
                ulong total = tree.Number($"{directory}/{name}/nr_hugepages") ?? 0;
                pools.Add(new HostHugePages(kibibytes << 10, total, Math.Min(tree.Number($"{directory}/{name}/free_hugepages") ?? 0, total)));
            }
        }

        return [.. pools.OrderBy(pool => pool.PageBytes)];
    }

    /// <summary>Lines "MemTotal: 16384 kB", in bytes; those of a node begin with "Node 0".</summary>
    private static Dictionary<string, ulong> Table(HostTree tree, string path)
    {
        Dictionary<string, ulong> table = new(StringComparer.Ordinal);
        foreach (string line in tree.Lines(path))
        {
            if (MemoryLine().Match(line) is { Success: true } match
                && ulong.TryParse(match.Groups[2].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out ulong kibibytes))
            {
                table.TryAdd(match.Groups[1].Value, kibibytes << 10);
            }
        }

        return table;
    }

    [GeneratedRegex("^node[0-9]{1,4}$", RegexOptions.CultureInvariant)]
    private static partial Regex NodeName();

    [GeneratedRegex("^hugepages-([0-9]{1,10})kB$", RegexOptions.CultureInvariant)]
    private static partial Regex PoolName();

    [GeneratedRegex("^(?:Node [0-9]+ )?([A-Za-z]+): +([0-9]{1,15}) kB$", RegexOptions.CultureInvariant)]
    private static partial Regex MemoryLine();
}
