using Nacelle.Configuration;
using Nacelle.Linux;

namespace Nacelle;

/// <summary>Says on which file system a path of this host lies. Stateless.</summary>
public static class HostFileSystems
{
    /// <summary>Looks at a path, which need not exist yet.</summary>
    /// <param name="path">Absolute, or relative to the current directory.</param>
    /// <returns>Where it lies, whether that is shared, and whether O_DIRECT works there: tried with the file itself, or its nearest directory.</returns>
    public static HostFileSystem Find(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string resolved = HostPath.ResolveExisting(path);
        HostMount? mount = HostMount.Find(MountTableReader.Read(new HostTree("/")).Select(mounted => mounted.Mount), resolved);
        string? existing = resolved;
        while (existing is not null && HostFile.KindOf(existing) is null)
        {
            existing = Path.GetDirectoryName(existing);
        }

        return new HostFileSystem(path, resolved, mount, existing is null ? null : DirectAccess.IsPossible(existing));
    }
}
