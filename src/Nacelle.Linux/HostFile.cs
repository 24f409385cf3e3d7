using System.Runtime.InteropServices;

namespace Nacelle.Linux;

/// <summary>What a path of the host names.</summary>
public enum HostFileKind
{
    /// <summary>A FIFO or character device.</summary>
    Other,

    /// <summary>A regular file.</summary>
    Regular,

    /// <summary>A directory.</summary>
    Directory,

    /// <summary>A block device.</summary>
    BlockDevice,

    /// <summary>A UNIX socket.</summary>
    Socket,
}

/// <summary>What statx(2) tells about an open file.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Inode">Its number on its file system.</param>
/// <param name="Size">Bytes; of a block device too.</param>
/// <param name="DirectMemoryAlignment">Alignment of buffers for O_DIRECT in bytes, 0 where the kernel does not say.</param>
/// <param name="DirectOffsetAlignment">Alignment of offsets and lengths for O_DIRECT in bytes, 0 where it does not say.</param>
public readonly record struct HostFileStatus(
    HostFileKind Kind, ulong Inode, long Size, int DirectMemoryAlignment, int DirectOffsetAlignment);

/// <summary>An open file or block device of the host, for vectored and positioned I/O.</summary>
/// <remarks>Thread safe but for <see cref="Dispose"/>. Methods that return a number return -errno for a failure.</remarks>
public sealed unsafe partial class HostFile : IDisposable
{
    private int _descriptor;

    private HostFile(int descriptor) => _descriptor = descriptor;

    /// <summary>The descriptor; owned by this object.</summary>
    public int FileDescriptor => _descriptor;

    /// <summary>Opens an existing file without blocking on FIFOs.</summary>
    /// <param name="path">The file.</param>
    /// <param name="writable">Whether it is written to as well.</param>
    /// <param name="direct">Whether the page cache is gone past (O_DIRECT).</param>
    /// <param name="claimDevice">
    /// Whether a block device is taken for this process alone, through whatever node others open it (open(2), O_EXCL): EBUSY where it is
    /// mounted or claimed.
    /// </param>
    /// <exception cref="LinuxException">It cannot be opened.</exception>
    public static HostFile Open(string path, bool writable, bool direct, bool claimDevice = false)
    {
        const int closeOnExecNonBlocking = 0x80800;
        const int exclusive = 0x80;
        int flags = closeOnExecNonBlocking | (writable ? 2 : 0) | (direct ? 0x4000 : 0)
            | (claimDevice && KindOf(path) == HostFileKind.BlockDevice ? exclusive : 0);
        int descriptor = OpenFile(path, flags, 0);
        if (descriptor < 0)
        {
            throw LinuxException.FromLastError($"open {path}");
        }

        // O_NONBLOCK served the open alone: left on, io_uring would answer EAGAIN in place of waiting for the disk.
        const int setFlags = 4;
        _ = FileControl(descriptor, setFlags, (void*)(direct ? 0x4000 : 0));
        return new HostFile(descriptor);
    }

    /// <summary>Opens the same file once more, with its own status flags.</summary>
    /// <exception cref="LinuxException">It cannot be opened.</exception>
    public HostFile Reopen(bool writable, bool direct) => Open($"/proc/self/fd/{_descriptor}", writable, direct);

    /// <summary>Asks what a path names, following symbolic links, without opening it.</summary>
    /// <returns>Null when there is nothing of that name, or nothing that this user may see.</returns>
    public static HostFileKind? KindOf(string path)
    {
        const int currentDirectory = -100;
        const uint type = 1;
        byte* buffer = stackalloc byte[HostStatus.Length];
        return HostStatus.Query(currentDirectory, path, 0, type, buffer) == 0 ? KindOf(buffer) : null;
    }

    /// <summary>Asks what the file is.</summary>
    /// <exception cref="LinuxException">The host does not tell.</exception>
    public HostFileStatus Query()
    {
        const int emptyPath = 0x1000;
        const uint basicAndDirectAlignment = 0x27ff;
        byte* buffer = stackalloc byte[HostStatus.Length];
        if (HostStatus.Query(_descriptor, "", emptyPath, basicAndDirectAlignment, buffer) != 0)
        {
            throw LinuxException.FromLastError("ask for a file's status");
        }

        HostFileKind kind = KindOf(buffer);
        long size = *(long*)(buffer + 40);
        if (kind == HostFileKind.BlockDevice)
        {
            const ulong sizeInBytes = 0x8008_1272; // BLKGETSIZE64
            if (Control(_descriptor, sizeInBytes, &size) != 0)
            {
                throw LinuxException.FromLastError("ask for a block device's size");
            }
        }

        return new HostFileStatus(kind, *(ulong*)(buffer + 32), size, *(int*)(buffer + 152), *(int*)(buffer + 156));
    }

    /// <summary>Locks the whole file for this open file description (fcntl(2), F_OFD_SETLK), without waiting.</summary>
    /// <param name="exclusive">Exclusive needs a writable file; shared lets other readers in.</param>
    /// <returns>False when another open file description holds a lock that conflicts.</returns>
    /// <exception cref="LinuxException">The file system has no locks.</exception>
    public bool TryLock(bool exclusive) => TryLock(_descriptor, exclusive);

    /// <summary>As <see cref="TryLock(bool)"/>, for a descriptor that somebody else owns.</summary>
    internal static bool TryLock(int descriptor, bool exclusive)
    {
        const int setLock = 37;
        const int again = 11;
        const int accessDenied = 13;
        FileLock request = new() { Type = (short)(exclusive ? 1 : 0) };
        if (FileControl(descriptor, setLock, &request) == 0)
        {
            return true;
        }

        return Marshal.GetLastPInvokeError() is again or accessDenied
            ? false
            : throw LinuxException.FromLastError("lock a file");
    }

    /// <summary>Asks whether anybody holds a lock on a file, such as a machine whose disk it is; takes none.</summary>
    /// <returns>Which file it is when it is locked; null when it is not, or cannot be asked.</returns>
    public static HostFileIdentity? IsLocked(string path)
    {
        const int readOnlyCloseOnExecNonBlocking = 0x80800;
        const int askLock = 36;
        const short unlocked = 2;
        int descriptor = HostFileIdentity.Of(path) is null ? -1 : OpenFile(path, readOnlyCloseOnExecNonBlocking, 0);
        if (descriptor < 0)
        {
            return null;
        }

        FileLock question = new() { Type = 1 };
        bool locked = FileControl(descriptor, askLock, &question) == 0 && question.Type != unlocked;
        HostFileIdentity? identity = locked ? HostFileIdentity.Of(descriptor) : null;
        _ = Close(descriptor);
        return identity;
    }

    /// <summary>Reads a stretch of the file.</summary>
    /// <exception cref="LinuxException">It cannot be read, or ends before.</exception>
    public void ReadExactly(Span<byte> bytes, long offset)
    {
        const int interrupted = 4;
        const int inputOutputError = 5;
        nint* vector = stackalloc nint[2];
        while (!bytes.IsEmpty)
        {
            int count;
            fixed (byte* buffer = bytes)
            {
                vector[0] = (nint)buffer;
                vector[1] = bytes.Length;
                count = ReadVector(_descriptor, vector, 1, offset);
            }

            if (count > 0)
            {
                bytes = bytes[count..];
                offset += count;
            }
            else if (count != -interrupted)
            {
                throw new LinuxException("read a file", count == 0 ? inputOutputError : -count);
            }
        }
    }

    /// <summary>preadv2(2) on a descriptor.</summary>
    public static int ReadVector(int descriptor, void* vectors, int count, long offset) =>
        Result(ReadVectorAt(descriptor, vectors, count, offset, 0, 0));

    /// <summary>pwritev2(2) on a descriptor.</summary>
    /// <param name="flags">RWF_* flags.</param>
    public static int WriteVector(int descriptor, void* vectors, int count, long offset, int flags) =>
        Result(WriteVectorAt(descriptor, vectors, count, offset, 0, flags));

    /// <summary>fdatasync(2) on a descriptor.</summary>
    public static int SynchroniseData(int descriptor) => Result(DataSync(descriptor));

    /// <summary>fallocate(2) on a descriptor.</summary>
    public static int Allocate(int descriptor, int mode, long offset, long length) =>
        Result(FileAllocate(descriptor, mode, offset, length));

    /// <inheritdoc/>
    public void Dispose()
    {
        int descriptor = Interlocked.Exchange(ref _descriptor, -1);
        if (descriptor >= 0)
        {
            _ = Close(descriptor);
        }
    }

    private static HostFileKind KindOf(byte* status) => (*(ushort*)(status + 28) & 0xf000) switch
    {
        0x8000 => HostFileKind.Regular,
        0x4000 => HostFileKind.Directory,
        0x6000 => HostFileKind.BlockDevice,
        0xc000 => HostFileKind.Socket,
        _ => HostFileKind.Other,
    };

    private static int Result(nint value) => value < 0 ? -Marshal.GetLastPInvokeError() : (int)value;

    [StructLayout(LayoutKind.Sequential)]
    private struct FileLock
    {
        public short Type;
        public short Whence;
        public long Start;
        public long Length;
        public int Process;
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(int descriptor, ulong request, void* argument);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int FileControl(int descriptor, int command, void* argument);

    // preadv2 and pwritev2 take the offset in two halves; on a 64-bit host the low one holds all of it, and glibc's
    // wrapper has a single 64-bit offset before the flags, so the system call is made directly.
    private static nint ReadVectorAt(int descriptor, void* vectors, int count, long offset, long high, int flags) =>
        SystemCall(327, descriptor, (nint)vectors, count, (nint)offset, (nint)high, flags);

    private static nint WriteVectorAt(int descriptor, void* vectors, int count, long offset, long high, int flags) =>
        SystemCall(328, descriptor, (nint)vectors, count, (nint)offset, (nint)high, flags);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall(long number, nint a, nint b, nint c, nint d, nint e, nint f);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int DataSync(int descriptor);

    [LibraryImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    private static partial int FileAllocate(int descriptor, int mode, long offset, long length);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}
