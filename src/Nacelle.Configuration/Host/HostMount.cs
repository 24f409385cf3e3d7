using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>A mounted file system. Immutable.</summary>
public sealed record HostMount
{
    private static readonly ImmutableHashSet<string> s_shared = ImmutableHashSet.Create(
        StringComparer.Ordinal,
        "nfs", "nfs4", "ceph", "fuse.ceph", "gfs2", "ocfs2", "glusterfs", "fuse.glusterfs", "gpfs", "lustre", "fuse.moosefs", "fuse.mfs",
        "fuse.quobyte", "fuse.lizardfs", "cifs", "smb3", "afs", "orangefs", "pvfs2", "vxfs");

    /// <summary>Where it is mounted.</summary>
    public required string MountPoint { get; init; }

    /// <summary>Its type, as /proc/self/mountinfo has it: "ext4", "nfs4", "fuse.glusterfs".</summary>
    public required string FileSystem { get; init; }

    /// <summary>What is mounted: a block device, or "server:/export".</summary>
    public required string Source { get; init; }

    /// <summary>Whether nothing can be written to it.</summary>
    public required bool IsReadOnly { get; init; }

    /// <summary>
    /// Whether another host may have the same files at the same time: a network or cluster file system. What one of those with a local
    /// disk underneath looks like, such as an NFS server's own disk, cannot be told.
    /// </summary>
    public bool IsShared => IsSharedType(FileSystem);

    /// <summary>
    /// Whether files can be opened with O_DIRECT, which cache=none and cache=directsync need; null where it depends on the server or is
    /// not known.
    /// </summary>
    /// <param name="kernel">The kernel's number; tmpfs takes O_DIRECT from 6.6 on.</param>
    public bool? TakesDirect(Version kernel)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        return FileSystem switch
        {
            "ext2" or "ext3" or "ext4" or "xfs" or "btrfs" or "f2fs" or "nfs" or "nfs4" or "gfs2" or "ocfs2" or "ceph" or "vfat" or "exfat" => true,
            "tmpfs" => kernel >= new Version(6, 6),
            "ramfs" or "squashfs" or "erofs" or "hugetlbfs" => false,
            _ => null,
        };
    }

    /// <summary>Whether a type of file system is one that several hosts mount at once.</summary>
    /// <param name="fileSystem">As in <see cref="FileSystem"/>.</param>
    public static bool IsSharedType(string fileSystem) => s_shared.Contains(fileSystem);

    /// <summary>The mount that a path lies on: the deepest above it, and of those the last.</summary>
    /// <param name="mounts">In the order in which they were mounted.</param>
    /// <param name="path">Absolute, without "." and "..", symbolic links resolved.</param>
    /// <returns>Null where none is above it.</returns>
    public static HostMount? Find(IEnumerable<HostMount> mounts, string path)
    {
        ArgumentNullException.ThrowIfNull(mounts);
        ArgumentNullException.ThrowIfNull(path);
        HostMount? found = null;
        foreach (HostMount mount in mounts)
        {
            bool above = mount.MountPoint == "/"
                ? path.StartsWith('/')
                : path.StartsWith(mount.MountPoint, StringComparison.Ordinal)
                    && (path.Length == mount.MountPoint.Length || path[mount.MountPoint.Length] == '/');
            if (above && (found is null || mount.MountPoint.Length >= found.MountPoint.Length))
            {
                found = mount;
            }
        }

        return found;
    }
}

/// <summary>The file system that a path of a host lies on. Immutable.</summary>
/// <param name="Path">What was asked for.</param>
/// <param name="ResolvedPath">The same with symbolic links resolved, as far as it exists.</param>
/// <param name="Mount">What it lies on; null where the host does not tell.</param>
/// <param name="TakesDirect">Whether O_DIRECT was tried and works; null where it could not be tried.</param>
public sealed record HostFileSystem(string Path, string ResolvedPath, HostMount? Mount, bool? TakesDirect)
{
    /// <summary>Whether another host may have the same file at the same time: null where the file system is not known.</summary>
    public bool? IsShared => Mount?.IsShared;
}
