using System.Globalization;

namespace Nacelle.Linux;

/// <summary>
/// Which regular file or block device a name of the host stands for: hard links, symbolic links and further nodes of a device have the
/// same.
/// </summary>
/// <param name="IsBlockDevice">Whether it is a block device.</param>
/// <param name="Major">Major number of the block device, or of the device that holds the file.</param>
/// <param name="Minor">Minor number of it.</param>
/// <param name="Inode">The file's number on its file system; 0 for a block device.</param>
public readonly record struct HostFileIdentity(bool IsBlockDevice, uint Major, uint Minor, ulong Inode)
{
    private const int MaximumDepth = 8;
    private const int CurrentDirectory = -100;

    /// <summary>Asks what a path names, following symbolic links, without opening it.</summary>
    /// <returns>Null where there is nothing, nothing that this user may see, or neither a regular file nor a block device.</returns>
    public static HostFileIdentity? Of(string path) => Ask(CurrentDirectory, path, 0);

    /// <summary>Asks what a descriptor is open on.</summary>
    /// <returns>Null where it is neither a regular file nor a block device, or not open.</returns>
    public static HostFileIdentity? Of(int descriptor)
    {
        const int emptyPath = 0x1000;
        return Ask(descriptor, "", emptyPath);
    }

    /// <summary>
    /// This and everything that its bytes lie on, as far as the host tells: the file under a loop device, the disk of a partition, the
    /// devices of a mapped one.
    /// </summary>
    public IReadOnlySet<HostFileIdentity> WithUnderlying()
    {
        HashSet<HostFileIdentity> all = [this];
        AddUnderlying(this, all, MaximumDepth);
        return all;
    }

    private static void AddUnderlying(HostFileIdentity upper, HashSet<HostFileIdentity> all, int depth)
    {
        if (!upper.IsBlockDevice || depth == 0)
        {
            return;
        }

        string link = string.Create(CultureInfo.InvariantCulture, $"/sys/dev/block/{upper.Major}:{upper.Minor}");
        if (HostPath.Resolve(link) is not string folder)
        {
            return;
        }

        foreach (HostFileIdentity? found in Below(folder))
        {
            if (found is { } lower && all.Add(lower))
            {
                AddUnderlying(lower, all, depth - 1);
            }
        }
    }

    private static IEnumerable<HostFileIdentity?> Below(string folder)
    {
        if (File.Exists($"{folder}/partition"))
        {
            yield return DeviceOf($"{folder}/../dev");
        }

        if (ReadLine($"{folder}/loop/backing_file") is string file)
        {
            yield return Of(file);
        }

        string slaves = $"{folder}/slaves";
        foreach (string slave in Directory.Exists(slaves) ? Directory.GetDirectories(slaves) : [])
        {
            yield return DeviceOf($"{slave}/dev");
        }
    }

    private static HostFileIdentity? DeviceOf(string file) =>
        ReadLine(file)?.Split(':') is [string major, string minor]
            && uint.TryParse(major, NumberStyles.None, CultureInfo.InvariantCulture, out uint first)
            && uint.TryParse(minor, NumberStyles.None, CultureInfo.InvariantCulture, out uint second)
            ? new HostFileIdentity(true, first, second, 0)
            : null;

    private static string? ReadLine(string file)
    {
        try
        {
            return File.Exists(file) ? File.ReadAllText(file).TrimEnd('\n') : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // A loop device without a file has nothing to read; so has a device that has just gone.
            return null;
        }
    }

    private static unsafe HostFileIdentity? Ask(int directory, string path, int flags)
    {
        const uint typeAndInode = 0x101;
        uint* status = stackalloc uint[HostStatus.Length / sizeof(uint)];
        if (HostStatus.Query(directory, path, flags, typeAndInode, (byte*)status) != 0)
        {
            return null;
        }

        return (((ushort*)status)[14] & 0xf000) switch
        {
            0x8000 => new HostFileIdentity(false, status[34], status[35], ((ulong*)status)[4]),
            0x6000 => new HostFileIdentity(true, status[32], status[33], 0),
            _ => null,
        };
    }
}
