using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Nacelle.Linux;

/// <summary>
/// A file that is to be written anew. Opening it changes nothing of what is there; <see cref="Begin"/> empties it. One that was made by
/// opening and never begun is removed again.
/// </summary>
/// <remarks>Safe from any thread. While open, a regular file or block device is locked as disks are.</remarks>
public sealed partial class HostOutputFile : IDisposable
{
    private const int WriteOnly = 1;
    private const int Create = 0x40;
    private const int Exclusive = 0x80;
    private const int CloseOnExec = 0x80000;
    private const uint ReadableByAll = 0x1A4;
    private const int NotPermitted = 1;
    private const int NotFound = 2;
    private const int AccessDenied = 13;
    private const int Busy = 16;
    private const int Exists = 17;
    private const int IsDirectory = 21;
    private readonly string _path;
    private readonly HostFileIdentity? _made;
    private readonly bool _regular;
    private readonly SafeFileHandle _handle;
    private SafeFileHandle? _claim;
    private bool _begun;

    private HostOutputFile(string path, int descriptor, bool made)
    {
        _path = path;
        _handle = new SafeFileHandle(descriptor, ownsHandle: true);
        HostFileIdentity? identity = HostFileIdentity.Of(descriptor);
        _made = made ? identity : null;
        _regular = identity is { IsBlockDevice: false };
        if (_made is not null)
        {
            Leftovers.Add(this, RemoveMade);
        }
    }

    /// <summary>For writing; owned by this object.</summary>
    public SafeFileHandle Handle => _handle;

    /// <summary>Opens or makes a file. A FIFO waits for its reader.</summary>
    /// <param name="path">The file; a device or FIFO is written to as it is.</param>
    /// <exception cref="IOException">It cannot be had; the message says what is in the way and what to change.</exception>
    public static HostOutputFile Open(string path)
    {
        int descriptor = OpenFile(path, WriteOnly | Create | Exclusive | CloseOnExec, ReadableByAll);
        bool made = descriptor >= 0;
        if (!made && Marshal.GetLastPInvokeError() == Exists)
        {
            // The target of a symbolic link that names nothing is made, too; it stays whatever happens.
            descriptor = OpenFile(path, WriteOnly | Create | CloseOnExec, ReadableByAll);
        }

        if (descriptor < 0)
        {
            throw new IOException(Reason(path, Marshal.GetLastPInvokeError()));
        }

        HostOutputFile file = new(path, descriptor, made);
        try
        {
            file.Claim();
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Empties a regular file. From now on it stays.</summary>
    /// <exception cref="LinuxException">The host refuses.</exception>
    public void Begin()
    {
        _begun = true;
        Leftovers.Remove(this);
        if (_regular && Truncate(_handle, 0) != 0)
        {
            throw LinuxException.FromLastError("empty the file");
        }
    }

    /// <summary>Writes all of it.</summary>
    /// <returns>0; -errno for a failure, with some bytes possibly written; 0 and nothing written once disposed.</returns>
    public int Write(ReadOnlySpan<byte> bytes)
    {
        bool held = false;
        try
        {
            _handle.DangerousAddRef(ref held);
            return HostDescriptor.WriteAll((int)_handle.DangerousGetHandle(), bytes);
        }
        catch (ObjectDisposedException)
        {
            return 0;
        }
        finally
        {
            if (held)
            {
                _handle.DangerousRelease();
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_handle.IsClosed)
        {
            return;
        }

        if (!_begun)
        {
            Leftovers.Remove(this);
            RemoveMade();
        }

        _handle.Dispose();
        _claim?.Dispose();
    }

    private void RemoveMade()
    {
        if (_made is { } made && HostFileIdentity.Of(_path) == made)
        {
            File.Delete(_path);
        }
    }

    /// <summary>Takes the lock that keeps a machine from writing onto the disk of another.</summary>
    private void Claim()
    {
        int descriptor = (int)_handle.DangerousGetHandle();
        if (HostFileIdentity.Of(descriptor) is not { } identity)
        {
            return;
        }

        try
        {
            if (!HostFile.TryLock(descriptor, exclusive: true))
            {
                throw new IOException($"{FileLockHolder.Describe(identity)} has it locked; choose another file, or stop that first");
            }
        }
        catch (LinuxException)
        {
            // A file system without locks has no disk of a running machine either, since disks insist on theirs.
            return;
        }

        if (identity.IsBlockDevice)
        {
            ClaimDevice(descriptor);
        }
    }

    /// <summary>Locks belong to a device's node, this claim to the device: it is seen through every other node (open(2), O_EXCL).</summary>
    private void ClaimDevice(int descriptor)
    {
        string self = string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{descriptor}");
        int claimed = OpenFile(self, WriteOnly | Exclusive | CloseOnExec, 0);
        if (claimed < 0)
        {
            throw new IOException(Reason(_path, Marshal.GetLastPInvokeError()));
        }

        // The lock stays with the first description, the claim with the second: both are kept.
        _claim = new SafeFileHandle(claimed, ownsHandle: true);
    }

    private static string Reason(string path, int error) => error switch
    {
        NotFound => "its directory does not exist; create it or correct the path",
        IsDirectory => "it is a directory; name a file",
        AccessDenied or NotPermitted => "permission denied; choose a path that this user may write",
        Busy when HostFileIdentity.Of(path) is { IsBlockDevice: true } =>
            "the device is mounted or used by another program; name a file",
        _ => Marshal.GetPInvokeErrorMessage(error),
    };

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    private static partial int Truncate(SafeFileHandle file, long length);
}
