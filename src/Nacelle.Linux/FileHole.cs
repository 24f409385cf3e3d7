using System.Runtime.InteropServices;

namespace Nacelle.Linux;

/// <summary>Gives a range of a file's storage back to the host (fallocate(2)).</summary>
public static partial class FileHole
{
    /// <summary>Frees a range; it reads as zeros afterwards, also through mappings. The file keeps its size.</summary>
    /// <param name="descriptor">A file or shared memory.</param>
    /// <param name="offset">First byte.</param>
    /// <param name="length">Bytes, above zero.</param>
    /// <returns>Whether the host did.</returns>
    public static bool TryPunch(int descriptor, ulong offset, ulong length)
    {
        const int keepSize = 1;
        const int punchHole = 2;
        return Allocate(descriptor, keepSize | punchHole, (long)offset, (long)length) == 0;
    }

    [LibraryImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    private static partial int Allocate(int descriptor, int mode, long offset, long length);
}
