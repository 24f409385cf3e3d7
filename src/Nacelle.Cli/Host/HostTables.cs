using System.Globalization;
using System.Text;
using Nacelle.Configuration;

namespace Nacelle.Cli;

/// <summary>The tables of <see cref="HostPage"/>: NUMA nodes, IOMMU groups, block devices, mounts.</summary>
internal static class HostTables
{
    private const int LongestCell = 60;

    /// <summary>All tables that have a row, each after an empty line.</summary>
    internal static string Write(HostFacts facts)
    {
        StringBuilder text = new();
        Table(text, ["node", "processors", "memory", "free", "huge pages", "distances"], [false, false, true, true, false, false], facts.NumaNodes.Select(Node));
        Table(text, ["PCI device", "id", "class", "driver", "IOMMU group", "node", "reset"], [false, false, false, false, true, true, false], facts.PciDevices.Select(Device));
        Table(
            text,
            ["block device", "kind", "size", "sectors", "node", "use", "what is on it"],
            [false, false, true, false, true, false, false],
            facts.BlockDevices.SelectMany(Disk));
        Table(
            text,
            ["mounted at", "file system", "source", "shared", "O_DIRECT"],
            [false, false, false, false, false],
            facts.Mounts.Select(mount => Mount(mount, facts.Kernel)));
        return text.ToString();
    }

    private static void Table(StringBuilder text, string[] titles, bool[] right, IEnumerable<string[]> rows)
    {
        string[][] all = [.. rows];
        if (all.Length == 0)
        {
            return;
        }

        all = [titles, .. all];
        int[] widths = [.. titles.Select((_, column) => all.Max(row => row[column].Length))];
        text.Append('\n');
        foreach (string[] row in all)
        {
            IEnumerable<string> cells = row.Select((cell, column) => right[column] ? cell.PadLeft(widths[column]) : cell.PadRight(widths[column]));
            text.Append(string.Join("  ", cells).TrimEnd()).Append('\n');
        }
    }

    private static string[] Node(HostNumaNode node) =>
    [
        Number(node.Number), node.Cpus.ToString(), HostPage.Bytes(node.MemoryBytes), HostPage.Bytes(node.FreeBytes),
        HostPage.HugePages(node.HugePages), string.Join(' ', node.Distances),
    ];

    private static string[] Device(HostPciDevice device) =>
    [
        device.Address, device.Identity, device.ClassCode.ToString("x6", CultureInfo.InvariantCulture), device.Driver ?? "-",
        Number(device.IommuGroup), Number(device.NumaNode), device.HasReset ? "yes" : "no",
    ];

    /// <summary>A row for the device, and one for each further thing that is on it.</summary>
    private static IEnumerable<string[]> Disk(HostBlockDevice device)
    {
        string sectors = string.Create(CultureInfo.InvariantCulture, $"{device.LogicalSectorBytes}/{device.PhysicalSectorBytes}");
        string[] first =
        [
            device.Path, Kind(device.Kind) + (device.IsReadOnly ? ", read-only" : ""), HostPage.Bytes(device.SizeBytes), sectors,
            Number(device.NumaNode), Use(device), "",
        ];
        foreach (string content in Contents(device.Contents))
        {
            yield return [.. first[..6], content];
            first = ["", "", "", "", "", "", ""];
        }

        foreach (string link in device.Links.Where(link => link.Contains("/by-id/", StringComparison.Ordinal)).Take(1))
        {
            yield return ["  " + Cut(link), "", "", "", "", "", ""];
        }
    }

    private static IEnumerable<string> Contents(HostBlockContents contents)
    {
        if (contents.NotReadable is string reason)
        {
            yield return $"not readable: {reason}";
            yield break;
        }

        if (contents.IsBlank)
        {
            yield return "nothing recognised";
        }

        if (contents.PartitionTable is { } table)
        {
            string damage = table.IsDamaged ? ", damaged" : "";
            yield return string.Create(
                CultureInfo.InvariantCulture, $"{(table.Scheme == HostPartitionScheme.Gpt ? "GPT" : "MBR")}{damage}: {table.Partitions.Length} partitions");
        }

        foreach (HostBlockSignature signature in contents.Signatures)
        {
            string label = signature.Label is string name ? $" '{Cut(name)}'" : "";
            yield return $"{signature.Type}{(signature.Version is string version ? $" {version}" : "")}{label}";
        }
    }

    private static string Use(HostBlockDevice device) => device switch
    {
        { MountPoints: [string point, ..] } => $"mounted at {Cut(point)}",
        { IsSwap: true } => "swap",
        { Holders: [string holder, ..] } => $"held by {Cut(holder)}",
        { BackingFile: string file } => $"of {Cut(file)}",
        _ => "-",
    };

    private static string[] Mount(HostMount mount, HostKernelFacts kernel) =>
    [
        Cut(mount.MountPoint), mount.FileSystem + (mount.IsReadOnly ? ", read-only" : ""), Cut(mount.Source), mount.IsShared ? "yes" : "no",
        mount.TakesDirect(kernel.Number) switch { true => "yes", false => "no", null => "not known" },
    ];

    private static string Kind(HostBlockDeviceKind kind) => kind switch
    {
        HostBlockDeviceKind.LogicalVolume => "logical volume",
        HostBlockDeviceKind.DeviceMapper => "device mapper",
        HostBlockDeviceKind.ZfsVolume => "ZFS volume",
        HostBlockDeviceKind.RemovableDrive => "removable drive",
        _ => kind.ToString().ToLowerInvariant(),
    };

    private static string Number(int? number) => number?.ToString(CultureInfo.InvariantCulture) ?? "-";

    private static string Cut(string text) => text.Length <= LongestCell ? text : $"{text[..(LongestCell - 1)]}…";
}
