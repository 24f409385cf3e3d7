using System.Runtime.InteropServices;

namespace Nacelle.Linux;

/// <summary>A counter in the host kernel that one thread raises and another waits for (eventfd(2)), non-blocking.</summary>
/// <remarks>Thread safe.</remarks>
public sealed unsafe partial class EventFileDescriptor : IDisposable
{
    private int _descriptor;

    /// <summary>Creates the counter at zero.</summary>
    /// <exception cref="LinuxException">The host has no descriptor left.</exception>
    public EventFileDescriptor()
    {
        const int nonBlocking = 0x800;
        const int closeOnExec = 0x80000;
        _descriptor = Create(0, nonBlocking | closeOnExec);
        if (_descriptor < 0)
        {
            throw LinuxException.FromLastError("create an eventfd");
        }
    }

    /// <summary>The descriptor; owned by this object.</summary>
    public int FileDescriptor => _descriptor;

    /// <summary>Adds one to the counter; a reader becomes ready.</summary>
    public void Signal()
    {
        ulong one = 1;
        _ = Write(_descriptor, &one, sizeof(ulong));
    }

    /// <summary>Takes the counter back to zero.</summary>
    /// <returns>Whether it was above zero.</returns>
    public bool Consume()
    {
        ulong value;
        return Read(_descriptor, &value, sizeof(ulong)) == sizeof(ulong);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        int descriptor = Interlocked.Exchange(ref _descriptor, -1);
        if (descriptor >= 0)
        {
            _ = Close(descriptor);
        }
    }

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    private static partial int Create(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(int descriptor, void* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(int descriptor, void* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}
