using System.Collections.Immutable;
using System.Globalization;
using Nacelle.Configuration;
using Nacelle.Linux;

namespace Nacelle;

/// <summary>Reads the facts of block devices from sysfs, and what is on them from the devices. For one thread.</summary>
/// <param name="tree">The host.</param>
/// <param name="mounts">Its mounts.</param>
internal sealed class BlockFactsReader(HostTree tree, ImmutableArray<MountedFileSystem> mounts)
{
    private const string Devices = "/sys/class/block";

    // What the kernel counts in, whatever the device's sectors are.
    private const ulong SizeUnit = 512;

    private readonly ILookup<string, string> _links = BlockLinks.Read(tree);
    private readonly HashSet<string> _swaps = [.. tree.Lines("/proc/swaps").Skip(1).Select(line => tree.Resolve(line.Split(' ', '\t')[0]))];

    /// <summary>All devices but those that stand ready and have no size: loop devices without a file and the like.</summary>
    internal ImmutableArray<HostBlockDevice> Read()
    {
        List<HostBlockDevice> devices = [];
        foreach (string name in tree.Names(Devices))
        {
            string directory = tree.Resolve($"{Devices}/{name}");
            if (!tree.IsOn($"{directory}/hidden") && ReadDevice(name, directory) is { } device)
            {
                devices.Add(device);
            }
        }

        return [.. devices.Select(device => device with { Holders = HoldersOf(device, devices) })];
    }

    /// <summary>Devices of the kernel may have a slash in their name, which sysfs shows as "!".</summary>
    private static string PathOf(string name) => $"/dev/{name.Replace('!', '/')}";

    /// <summary>A disk is held by what its partitions are held by.</summary>
    private static ImmutableArray<string> HoldersOf(HostBlockDevice device, List<HostBlockDevice> all) =>
        [.. all.Where(other => other.WholeDisk == device.Path).SelectMany(other => other.Holders).Concat(device.Holders).Distinct()];

    private HostBlockDevice? ReadDevice(string name, string directory)
    {
        bool partition = tree.Exists($"{directory}/partition");
        string disk = partition ? Path.GetDirectoryName(directory)! : directory;
        string path = PathOf(name);
        string? mapperName = tree.Line($"{directory}/dm/name");
        HostBlockDeviceKind kind = partition ? HostBlockDeviceKind.Partition : BlockKind.Of(tree, name, directory);
        ulong size = (tree.Number($"{directory}/size") ?? 0) * SizeUnit;
        if (size == 0 && kind is (HostBlockDeviceKind.Loop or HostBlockDeviceKind.Memory or HostBlockDeviceKind.Network))
        {
            return null;
        }

        string number = tree.Line($"{directory}/dev") ?? "0:0";
        int logical = Sector(tree.Number($"{disk}/queue/logical_block_size"));
        ImmutableArray<string> links = Links(path, mapperName);
        string? wholeDisk = partition ? PathOf(Path.GetFileName(disk)) : null;
        return new HostBlockDevice
        {
            Path = path,
            Links = links,
            Number = number,
            Kind = kind,
            WholeDisk = wholeDisk,
            BuiltOn = [.. tree.Names($"{directory}/slaves").Select(PathOf)],
            Holders = [.. tree.Names($"{directory}/holders").Select(PathOf)],
            MapperName = mapperName,
            BackingFile = tree.Line($"{directory}/loop/backing_file"),
            Model = Model(disk),
            SizeBytes = size,
            LogicalSectorBytes = logical,
            PhysicalSectorBytes = Math.Max(Sector(tree.Number($"{disk}/queue/physical_block_size")), logical),
            IsRemovable = tree.IsOn($"{disk}/removable"),
            IsReadOnly = tree.IsOn($"{directory}/ro"),
            IsRotational = tree.IsOn($"{disk}/queue/rotational"),
            NumaNode = NumaNode(disk),
            MountPoints = [.. mounts
                .Where(mounted => mounted.Device == number || tree.Resolve(mounted.Mount.Source) == path || links.Contains(mounted.Mount.Source))
                .Select(mounted => mounted.Mount.MountPoint)
                .Distinct()],
            IsSwap = _swaps.Contains(path),
            Contents = BlockContents.Read(tree.At(path), logical),
        };
    }

    private ImmutableArray<string> Links(string path, string? mapperName)
    {
        IEnumerable<string> links = _links[path];

        // Volumes of LVM are linked as /dev/GROUP/VOLUME, too.
        return mapperName is not null && BlockLinks.LogicalVolume(mapperName) is string volume && tree.Exists(volume)
            ? [.. links.Append(volume)]
            : [.. links];
    }

    private static int Sector(ulong? bytes) =>
        bytes is >= 512 and <= 1 << 20 && ulong.IsPow2(bytes.Value) ? (int)bytes.Value : 512;

    private string? Model(string disk)
    {
        string?[] words = [tree.Line($"{disk}/device/vendor"), tree.Line($"{disk}/device/model"), tree.Line($"{disk}/device/serial") ?? tree.Line($"{disk}/serial")];

        // A vendor that is a number is a PCI one, which says nothing to people.
        string model = string.Join(' ', words.Where(word => !string.IsNullOrEmpty(word) && !word.StartsWith("0x", StringComparison.Ordinal)));
        return model.Length == 0 ? null : model;
    }

    /// <summary>The node of the controller: the nearest directory above the disk that tells one.</summary>
    private int? NumaNode(string disk)
    {
        for (string? directory = disk; directory is not null && directory.StartsWith("/sys/devices/", StringComparison.Ordinal);
            directory = Path.GetDirectoryName(directory))
        {
            if (tree.Line($"{directory}/numa_node") is string text)
            {
                return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int node) ? node : null;
            }
        }

        return null;
    }
}

/// <summary>Looks for signatures on a device. Stateless.</summary>
internal static class BlockContents
{
    /// <summary>What is on a device, or why that cannot be known.</summary>
    internal static HostBlockContents Read(string path, int logicalSectorBytes)
    {
        const int noPermission = 1;
        const int noDevice = 6;
        const int accessDenied = 13;
        const int noMedium = 123;
        try
        {
            using BlockDeviceBytes bytes = BlockDeviceBytes.Open(path, logicalSectorBytes);
            return BlockContentsReader.Read(bytes);
        }
        catch (LinuxException error)
        {
            return HostBlockContents.Unknown(error.ErrorNumber switch
            {
                noPermission or accessDenied => "no permission: run it as root, or as a member of the group that owns the device (usually 'disk')",
                noMedium or noDevice => "no medium",
                _ => error.Message,
            });
        }
    }
}
