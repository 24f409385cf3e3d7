namespace Nacelle.Configuration;

/// <summary>C2.WHOLEDISK.</summary>
internal static class WholeDiskRule
{
    internal static Rule Rule { get; } = new()
    {
        Id = "C2.WHOLEDISK",
        Title = "whole disks",
        Row = "Giving guests write access to whole disks or block devices is a risk: they share labels and partition tables with the host, which is to be "
            + "configured to ignore them.",
        Kind = RuleKind.Support,
        Subject = RuleSubject.Host,
        Explanation = "What the guest writes in the first sectors is a partition table, volume group or array to the host as well, whose tools may use it.",
        Remedy = "Give a partition or logical volume, or make the host blind to the disk: an LVM filter, a udev rule, a multipath blacklist.",
        Evaluate = Check,
    };

    private static IEnumerable<RuleMatch> Check(RuleContext context)
    {
        foreach ((int index, DiskConfiguration disk) in context.Devices.Disks.Indexed())
        {
            // QEMU opens what a file's path names, a device as well as a file.
            string? given = disk.Type switch
            {
                StorageType.Block => disk.Source?.Device,
                null or StorageType.File => disk.Source?.File,
                _ => null,
            };
            if (given is null || disk.ReadOnly || disk.Device == "cdrom" || WholeDisks.Normalise(given) is not string path)
            {
                continue;
            }

            HostBlockDevice? device = context.Host?.FindBlockDevice(path) ?? context.Host?.BlockDevices.FirstOrDefault(other => path == $"/dev/block/{other.Number}");
            if (device?.IsWhole ?? WholeDisks.IsName(path))
            {
                yield return new RuleMatch(
                    $"{ConfigurationChange.Pointer("disks", index)}/source",
                    $"write access to the whole disk {given}",
                    Reason(device),
                    $"give a partition or logical volume, or make the host blind to it: in /etc/lvm/lvm.conf global_filter = [ \"r|{path}|\" ]; "
                        + $"a udev rule {Match(device?.Path ?? path)}, ENV{{UDISKS_IGNORE}}=\"1\"; for multipath a blacklist; for mdadm AUTO -all");
            }
        }
    }

    /// <summary>How udev(7) is told which device is meant: KERNEL is a name of the kernel's own, and links are in SYMLINK.</summary>
    private static string Match(string path)
    {
        const string devices = "/dev/";
        const string numbers = "/dev/block/";
        string name = path[devices.Length..];
        return path.StartsWith(numbers, StringComparison.Ordinal) && path[numbers.Length..].Split(':') is [string major, string minor]
            ? $"ENV{{MAJOR}}==\"{major}\", ENV{{MINOR}}==\"{minor}\""
            : name.Contains('/', StringComparison.Ordinal) ? $"SYMLINK==\"{name}\"" : $"KERNEL==\"{name}\"";
    }

    private static string Reason(HostBlockDevice? device)
    {
        const string common = "guest and host share its labels and partition table";
        if (device is null)
        {
            return common;
        }

        string[] uses =
        [
            .. device.MountPoints.Select(point => $"it is mounted at {point}"),
            .. device.IsSwap ? ["the host swaps to it"] : Array.Empty<string>(),
            .. device.Holders.Select(holder => $"{holder} is built on it"),
        ];
        string found = device.Contents.NotReadable is string why ? $"what is on it could not be read ({why})"
            : device.Contents.IsBlank ? "it is blank now"
            : $"the host sees on it {string.Join(", ", Contents(device.Contents))}";
        return uses.Length == 0 ? $"{common}; {found}" : $"{common}; {string.Join("; ", uses)}; {found}";
    }

    private static IEnumerable<string> Contents(HostBlockContents contents) =>
    [
        .. contents.PartitionTable is { } table ? [$"a partition table ({(table.Scheme == HostPartitionScheme.Gpt ? "GPT" : "MBR")}) with {table.Partitions.Length} partitions"] : Array.Empty<string>(),
        .. contents.Signatures.Select(signature => signature.Label is string label ? $"{signature.Type} '{label}'" : signature.Type),
    ];
}
