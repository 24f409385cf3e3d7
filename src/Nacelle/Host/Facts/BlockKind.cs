using Nacelle.Configuration;

namespace Nacelle;

/// <summary>Tells what a block device is made of. Stateless.</summary>
internal static class BlockKind
{
    private const string ScsiCdRom = "5";

    /// <summary>Of a device that is no partition by the kernel's own count.</summary>
    /// <param name="tree">The host.</param>
    /// <param name="name">The kernel's name of it.</param>
    /// <param name="directory">Its directory under /sys/devices.</param>
    internal static HostBlockDeviceKind Of(HostTree tree, string name, string directory)
    {
        if (tree.Line($"{directory}/dm/uuid") is string uuid)
        {
            return OfMapper(uuid);
        }

        if (tree.Exists($"{directory}/dm"))
        {
            return HostBlockDeviceKind.DeviceMapper;
        }

        return name switch
        {
            _ when tree.Exists($"{directory}/md") => HostBlockDeviceKind.Raid,
            _ when IsNumbered(name, "loop") => HostBlockDeviceKind.Loop,
            _ when IsNumbered(name, "bcache") => HostBlockDeviceKind.Bcache,
            _ when IsNumbered(name, "nbd") || IsNumbered(name, "rbd") || IsNumbered(name, "drbd") => HostBlockDeviceKind.Network,
            _ when IsNumbered(name, "ram") || IsNumbered(name, "zram") || name.StartsWith("pmem", StringComparison.Ordinal) => HostBlockDeviceKind.Memory,
            _ when IsNumbered(name, "zd") => HostBlockDeviceKind.ZfsVolume,
            _ when IsNumbered(name, "sr") || IsNumbered(name, "fd") || tree.Line($"{directory}/device/type") == ScsiCdRom => HostBlockDeviceKind.RemovableDrive,
            _ => HostBlockDeviceKind.Disk,
        };
    }

    /// <summary>Of a mapped device, by the prefix that whoever made it gave to its identity.</summary>
    private static HostBlockDeviceKind OfMapper(string uuid) => uuid switch
    {
        _ when uuid.StartsWith("LVM-", StringComparison.Ordinal) => HostBlockDeviceKind.LogicalVolume,
        _ when uuid.StartsWith("mpath-", StringComparison.Ordinal) => HostBlockDeviceKind.Multipath,
        _ when uuid.StartsWith("CRYPT-", StringComparison.Ordinal) => HostBlockDeviceKind.Crypt,
        _ when uuid.StartsWith("part", StringComparison.Ordinal) && uuid.Contains("-mpath-", StringComparison.Ordinal) => HostBlockDeviceKind.Partition,
        _ => HostBlockDeviceKind.DeviceMapper,
    };

    private static bool IsNumbered(string name, string prefix) =>
        name.Length > prefix.Length && name.StartsWith(prefix, StringComparison.Ordinal) && char.IsAsciiDigit(name[prefix.Length]);
}
