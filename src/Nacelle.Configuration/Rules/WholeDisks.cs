using System.Text.RegularExpressions;

namespace Nacelle.Configuration;

/// <summary>Tells names of whole disks from those of partitions and volumes. Stateless.</summary>
internal static partial class WholeDisks
{
    /// <summary>Whether a path names a whole disk, as far as a name tells.</summary>
    internal static bool IsName(string path) => Kernel().IsMatch(path) || Link().IsMatch(path) || Multipath().IsMatch(path);

    [GeneratedRegex(@"^/dev/((sd|hd|vd|xvd)[a-z]+|nvme\d+n\d+|mmcblk\d+)$", RegexOptions.CultureInvariant)]
    private static partial Regex Kernel();

    [GeneratedRegex(@"^/dev/disk/by-(id|path)/(?!dm-|lvm-)(?!.*-part\d+$).+$", RegexOptions.CultureInvariant)]
    private static partial Regex Link();

    [GeneratedRegex(@"^/dev/mapper/(mpath[a-z]+|[0-9a-f]{17,33})$", RegexOptions.CultureInvariant)]
    private static partial Regex Multipath();
}
