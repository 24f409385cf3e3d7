using System.Globalization;
using System.Text.RegularExpressions;

namespace Nacelle.Configuration;

/// <summary>Tells names of whole disks from those of partitions and volumes. Stateless.</summary>
internal static partial class WholeDisks
{
    /// <summary>Minor numbers of one disk of a driver that counts its partitions in them.</summary>
    private const int MinorsOfDisk = 16;

    /// <summary>A path without what does not change its meaning: "//dev/./sda" and "/dev/x/../sda" are "/dev/sda".</summary>
    /// <returns>Null where it is not absolute.</returns>
    internal static string? Normalise(string path)
    {
        if (!path.StartsWith('/'))
        {
            return null;
        }

        List<string> steps = [];
        foreach (string step in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (step == "..")
            {
                steps.RemoveRange(Math.Max(0, steps.Count - 1), Math.Min(1, steps.Count));
            }
            else if (step != ".")
            {
                steps.Add(step);
            }
        }

        return "/" + string.Join('/', steps);
    }

    /// <summary>Whether a path that <see cref="Normalise"/> gave names a whole disk, as far as a name tells.</summary>
    internal static bool IsName(string path) =>
        Kernel().IsMatch(path) || Link().IsMatch(path) || Multipath().IsMatch(path) || Mapped().IsMatch(path)
        || (Number().Match(path) is { Success: true } number && IsNumber(number.Groups[1].ValueSpan, number.Groups[2].ValueSpan));

    /// <summary>By Linux's list of devices: SCSI and virtio disks have 16 minor numbers each, the first of which is the whole.</summary>
    private static bool IsNumber(ReadOnlySpan<char> major, ReadOnlySpan<char> minor)
    {
        const int logicalVolumes = 253;
        return int.TryParse(major, NumberStyles.None, CultureInfo.InvariantCulture, out int driver)
            && int.TryParse(minor, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            && driver != logicalVolumes
            && (driver is 7 or 9 or 43 or 147 or 259 || number % (driver is 3 or 22 ? 64 : MinorsOfDisk) == 0);
    }

    [GeneratedRegex(
        @"^/dev/((sd|hd|vd|xvd|dasd)[a-z]+|nvme\d+(c\d+)?n\d+|mmcblk\d+(boot\d+|rpmb)?|md\d+|md/[^/]+(?<!p\d+)|md_[^/]+|bcache\d+|nbd\d+|rbd\d+|loop\d+|pmem\d+(\.\d+)?s?|zd\d+|sr\d+|fd\d+|cciss/c\d+d\d+|ida/c\d+d\d+)$",
        RegexOptions.CultureInvariant)]
    private static partial Regex Kernel();

    [GeneratedRegex(@"^/dev/disk/by-(id|path|diskseq)/(?!dm-|lvm-)(?!.*-part\d+$).+$", RegexOptions.CultureInvariant)]
    private static partial Regex Link();

    [GeneratedRegex(@"^/dev/disk/by-id/dm-(uuid-mpath-.+|name-(mpath[a-z]+|[0-9a-f]{17,33}))$", RegexOptions.CultureInvariant)]
    private static partial Regex Mapped();

    [GeneratedRegex(@"^/dev/mapper/(mpath[a-z]+|[0-9a-f]{17,33})$", RegexOptions.CultureInvariant)]
    private static partial Regex Multipath();

    [GeneratedRegex(@"^/dev/block/(\d+):(\d+)$", RegexOptions.CultureInvariant)]
    private static partial Regex Number();
}
