using System.Runtime.InteropServices;

namespace Nacelle.Linux;

/// <summary>Paths as the kernel follows them. Stateless.</summary>
public static unsafe partial class HostPath
{
    private const int LongestPath = 4096;

    /// <summary>A path without symbolic links, "." and ".." (realpath(3)).</summary>
    /// <returns>Null where it does not exist, or may not be followed.</returns>
    public static string? Resolve(string path)
    {
        byte* buffer = stackalloc byte[LongestPath];
        return RealPath(path, buffer) == null ? null : Marshal.PtrToStringUTF8((nint)buffer);
    }

    /// <summary>As <see cref="Resolve"/>, as far as the path exists; the rest is added as it is.</summary>
    /// <param name="path">Absolute, or relative to the current directory.</param>
    public static string ResolveExisting(string path)
    {
        string whole = Path.GetFullPath(path);
        string rest = "";
        for (string? existing = whole; existing is not null; existing = Path.GetDirectoryName(existing))
        {
            if (Resolve(existing) is string resolved)
            {
                return rest.Length == 0 ? resolved : Path.Combine(resolved, rest);
            }

            string name = Path.GetFileName(existing);
            rest = rest.Length == 0 ? name : Path.Combine(name, rest);
        }

        return whole;
    }

    [LibraryImport("libc", EntryPoint = "realpath", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial byte* RealPath(string path, byte* resolved);
}
