using System.Runtime.InteropServices;

namespace Nacelle.Linux;

/// <summary>Whether files can be opened past the page cache (open(2), O_DIRECT). Stateless; leaves nothing behind.</summary>
public static partial class DirectAccess
{
    private const int Direct = 0x4000;
    private const int CloseOnExecNonBlocking = 0x80800;

    /// <summary>Tries it.</summary>
    /// <param name="path">A file or block device; or a directory, in which a file without a name is made for the moment (O_TMPFILE).</param>
    /// <returns>Null where it cannot be tried: nothing is there, this user may not, or the file system makes no files without a name.</returns>
    public static bool? IsPossible(string path)
    {
        const int invalid = 22;
        const int readWriteTemporary = 2 | 0x410000;
        bool directory = HostFile.KindOf(path) == HostFileKind.Directory;
        if (TryOpen(path, directory ? readWriteTemporary : 0, out _))
        {
            return TryOpen(path, (directory ? readWriteTemporary : 0) | Direct, out int error) ? true : error == invalid ? false : null;
        }

        return null;
    }

    private static bool TryOpen(string path, int flags, out int error)
    {
        const uint owner = 0x180;
        int descriptor = Open(path, flags | CloseOnExecNonBlocking, owner);
        error = descriptor < 0 ? Marshal.GetLastPInvokeError() : 0;
        if (descriptor >= 0)
        {
            _ = Close(descriptor);
        }

        return descriptor >= 0;
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}
