using System.Runtime.InteropServices;

namespace Nacelle.Linux;

/// <summary>Two connected descriptors, closed on exec: one stays here, the other is meant for a child process.</summary>
/// <remarks>Thread safe but for <see cref="Dispose"/>.</remarks>
public sealed unsafe partial class DescriptorPair : IDisposable
{
    private int _near;
    private int _far;

    private DescriptorPair(int near, int far)
    {
        _near = near;
        _far = far;
    }

    /// <summary>The end that stays: non-blocking; of a pipe the end to read from.</summary>
    public int Near => _near;

    /// <summary>The end for the child: a socket that blocks, or the non-blocking end of a pipe to write to.</summary>
    public int Far => _far;

    /// <summary>Makes a connected pair of UNIX stream sockets (socketpair(2)).</summary>
    /// <param name="bufferBytes">Wanted size of the near end's send buffer and of the far end's; the host may grant less.</param>
    /// <exception cref="LinuxException">The host has no descriptor left.</exception>
    public static DescriptorPair StreamSockets(int bufferBytes)
    {
        const int unix = 1;
        const int streamCloseOnExec = 0x80001;
        const int socketLevel = 1;
        const int sendBuffer = 7;
        const int setFlags = 4;
        const int nonBlocking = 0x800;
        int* ends = stackalloc int[2];
        if (SocketPair(unix, streamCloseOnExec, 0, ends) != 0)
        {
            throw LinuxException.FromLastError("create a socket pair");
        }

        _ = SetSocketOption(ends[0], socketLevel, sendBuffer, &bufferBytes, sizeof(int));
        _ = SetSocketOption(ends[1], socketLevel, sendBuffer, &bufferBytes, sizeof(int));
        _ = FileControl(ends[0], setFlags, nonBlocking);
        return new DescriptorPair(ends[0], ends[1]);
    }

    /// <summary>
    /// Makes a pipe that a child of any user may open again through /dev/stdout. What does not fit into it is lost: a
    /// child whose messages nobody reads does not stand still.
    /// </summary>
    /// <exception cref="LinuxException">The host has no descriptor left.</exception>
    public static DescriptorPair Pipe()
    {
        const int closeOnExecNonBlocking = 0x80800;
        const uint everybody = 0x1B6; // rw-rw-rw-
        int* ends = stackalloc int[2];
        if (CreatePipe(ends, closeOnExecNonBlocking) != 0)
        {
            throw LinuxException.FromLastError("create a pipe");
        }

        _ = ChangeMode(ends[1], everybody);
        return new DescriptorPair(ends[0], ends[1]);
    }

    /// <summary>Reads what has arrived at the near end.</summary>
    /// <returns>Bytes read, 0 when the far end is closed, or -errno.</returns>
    public int Read(Span<byte> destination)
    {
        fixed (byte* buffer = destination)
        {
            nint count = ReadBytes(_near, buffer, (nuint)destination.Length);
            return count < 0 ? -Marshal.GetLastPInvokeError() : (int)count;
        }
    }

    /// <summary>Waits until there is something to read at the near end, or the far end is closed.</summary>
    /// <param name="timeoutMilliseconds">At most this long.</param>
    /// <returns>Whether there is.</returns>
    public bool WaitReadable(int timeoutMilliseconds) => PollDescriptor.WaitReadable(_near, timeoutMilliseconds);

    /// <summary>Closes the far end here, once the child has it.</summary>
    public void CloseFar() => CloseOnce(ref _far);

    /// <inheritdoc/>
    public void Dispose()
    {
        CloseOnce(ref _near);
        CloseOnce(ref _far);
    }

    private static void CloseOnce(ref int descriptor)
    {
        int old = Interlocked.Exchange(ref descriptor, -1);
        if (old >= 0)
        {
            _ = Close(old);
        }
    }

    [LibraryImport("libc", EntryPoint = "socketpair", SetLastError = true)]
    private static partial int SocketPair(int domain, int type, int protocol, int* descriptors);

    [LibraryImport("libc", EntryPoint = "pipe2", SetLastError = true)]
    private static partial int CreatePipe(int* descriptors, int flags);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    private static partial int SetSocketOption(int descriptor, int level, int name, void* value, uint size);

    [LibraryImport("libc", EntryPoint = "fchmod", SetLastError = true)]
    private static partial int ChangeMode(int descriptor, uint mode);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int FileControl(int descriptor, int command, int argument);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint ReadBytes(int descriptor, byte* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}
