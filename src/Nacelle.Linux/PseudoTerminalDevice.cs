using System.Runtime.InteropServices;

namespace Nacelle.Linux;

/// <summary>A pseudo-terminal (pty(7)), raw, whose far end other programs open by its path.</summary>
/// <remarks>One thread reads and one writes; <see cref="EndRead"/> may come from any. Disposed once neither is at work.</remarks>
public sealed unsafe partial class PseudoTerminalDevice : IDisposable
{
    private const int ReadWriteNoControllingTerminalCloseOnExecNonBlocking = 0x80902;
    private const int NameSize = 64;
    private int _near = -1;
    private int _far = -1;

    /// <summary>Makes a terminal.</summary>
    /// <exception cref="LinuxException">The host has none left.</exception>
    public PseudoTerminalDevice()
    {
        try
        {
            _near = OpenMaster(ReadWriteNoControllingTerminalCloseOnExecNonBlocking);
            byte* name = stackalloc byte[NameSize];
            if (_near < 0 || Grant(_near) != 0 || Unlock(_near) != 0 || Name(_near, name, NameSize) != 0)
            {
                throw LinuxException.FromLastError("make a pseudo-terminal");
            }

            Path = Marshal.PtrToStringUTF8((nint)name)!;

            // Held open, so that reading goes on while no program has it open.
            _far = OpenFile(Path, ReadWriteNoControllingTerminalCloseOnExecNonBlocking);
            if (_far < 0)
            {
                throw LinuxException.FromLastError($"open '{Path}'");
            }

            _ = Terminal.Read(_far)?.ToRaw().Apply(_far);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Where other programs find it, such as /dev/pts/5.</summary>
    public string Path { get; } = "";

    /// <summary>Waits until a program has written something, then reads it.</summary>
    /// <returns>Bytes read, or -errno for a failure.</returns>
    public int Read(Span<byte> buffer) => HostDescriptor.Read(_near, buffer);

    /// <summary>Makes a <see cref="Read"/> return, now or later, with a byte that no program wrote.</summary>
    public void EndRead()
    {
        byte zero = 0;
        _ = WriteBytes(_far, &zero, 1);
    }

    /// <summary>Writes what programs read.</summary>
    /// <param name="bytes">What to write.</param>
    /// <param name="patienceMilliseconds">How long to wait for room where nobody reads.</param>
    /// <returns>How many bytes found room in time.</returns>
    public int Write(ReadOnlySpan<byte> bytes, int patienceMilliseconds)
    {
        int written = 0;
        while (written < bytes.Length)
        {
            nint count;
            fixed (byte* pointer = bytes[written..])
            {
                count = WriteBytes(_near, pointer, (nuint)(bytes.Length - written));
            }

            if (count > 0)
            {
                written += (int)count;
            }
            else if (!PollDescriptor.WaitWritable(_near, patienceMilliseconds))
            {
                break;
            }
        }

        return written;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        CloseOnce(ref _far);
        CloseOnce(ref _near);
    }

    private static void CloseOnce(ref int descriptor)
    {
        int closed = Interlocked.Exchange(ref descriptor, -1);
        if (closed >= 0)
        {
            _ = Close(closed);
        }
    }

    [LibraryImport("libc", EntryPoint = "posix_openpt", SetLastError = true)]
    private static partial int OpenMaster(int flags);

    [LibraryImport("libc", EntryPoint = "grantpt", SetLastError = true)]
    private static partial int Grant(int descriptor);

    [LibraryImport("libc", EntryPoint = "unlockpt", SetLastError = true)]
    private static partial int Unlock(int descriptor);

    [LibraryImport("libc", EntryPoint = "ptsname_r", SetLastError = true)]
    private static partial int Name(int descriptor, byte* buffer, nuint size);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint WriteBytes(int descriptor, byte* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
