using System.Runtime.InteropServices;

namespace Nacelle.Linux;

/// <summary>A counter in the host kernel that one thread raises and another waits for (eventfd(2)), non-blocking.</summary>
/// <remarks>
/// Thread safe, <see cref="Dispose"/> too: the descriptor is closed when the last call on another thread has left, as its number
/// may be another file's from then on.
/// </remarks>
public sealed unsafe partial class EventFileDescriptor : IDisposable
{
    private const int Disposed = 1 << 30;
    private readonly int _descriptor;

    // Calls under way, and whether the object is disposed.
    private int _users;

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

    /// <summary>The descriptor; owned by this object. -1 once disposed.</summary>
    public int FileDescriptor => (Volatile.Read(ref _users) & Disposed) == 0 ? _descriptor : -1;

    /// <summary>Adds one to the counter; a reader becomes ready. Does nothing once disposed.</summary>
    public void Signal()
    {
        if (TryEnter())
        {
            ulong one = 1;
            _ = Write(_descriptor, &one, sizeof(ulong));
            Leave();
        }
    }

    /// <summary>Takes the counter back to zero.</summary>
    /// <returns>Whether it was above zero; false once disposed.</returns>
    public bool Consume()
    {
        if (!TryEnter())
        {
            return false;
        }

        ulong value;
        bool taken = Read(_descriptor, &value, sizeof(ulong)) == sizeof(ulong);
        Leave();
        return taken;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Or(ref _users, Disposed) == 0)
        {
            _ = Close(_descriptor);
        }
    }

    private bool TryEnter()
    {
        int before = Volatile.Read(ref _users);
        while ((before & Disposed) == 0)
        {
            int seen = Interlocked.CompareExchange(ref _users, before + 1, before);
            if (seen == before)
            {
                return true;
            }

            before = seen;
        }

        return false;
    }

    private void Leave()
    {
        if (Interlocked.Decrement(ref _users) == Disposed)
        {
            _ = Close(_descriptor);
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
