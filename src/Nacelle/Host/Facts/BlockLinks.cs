using System.Text;

namespace Nacelle;

/// <summary>Finds the names that udev gives to block devices. Stateless.</summary>
internal static class BlockLinks
{
    private const string Disks = "/dev/disk";
    private const string Mapper = "/dev/mapper";
    private const int MostLinks = 65536;

    /// <summary>Links under /dev/disk and /dev/mapper, by the device that they lead to.</summary>
    internal static ILookup<string, string> Read(HostTree tree) =>
        tree.Names(Disks)
            .SelectMany(kind => tree.Names($"{Disks}/{kind}").Select(name => $"{Disks}/{kind}/{name}"))
            .Concat(tree.Names(Mapper).Select(name => $"{Mapper}/{name}"))
            .Take(MostLinks)
            .Select(link => (Link: link, Device: tree.Resolve(link)))
            .Where(pair => pair.Link != pair.Device)
            .ToLookup(pair => pair.Device, pair => HostTree.Clean(pair.Link), StringComparer.Ordinal);

    /// <summary>
    /// The path that LVM gives a volume, by device mapper's name of it: group and volume with a dash between, and two for each dash of theirs.
    /// </summary>
    /// <returns>Null where it is no such name.</returns>
    internal static string? LogicalVolume(string mapperName)
    {
        StringBuilder part = new();
        string? group = null;
        for (int i = 0; i < mapperName.Length; i++)
        {
            bool dash = mapperName[i] == '-';
            if (dash && i + 1 < mapperName.Length && mapperName[i + 1] == '-')
            {
                part.Append('-');
                i++;
            }
            else if (dash && group is null)
            {
                group = part.ToString();
                part.Clear();
            }
            else if (dash)
            {
                return null;
            }
            else
            {
                part.Append(mapperName[i]);
            }
        }

        return group is { Length: > 0 } && part.Length > 0 ? $"/dev/{group}/{part}" : null;
    }
}
