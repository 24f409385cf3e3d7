using System.Runtime.InteropServices;

namespace Nacelle.Linux;

/// <summary>Anonymous memory with a file descriptor (memfd_create(2)), mapped as often as wanted.</summary>
/// <remarks>Thread safe; the views stay valid until each is disposed, also after the memory itself is.</remarks>
public sealed partial class SharedMemory : IDisposable
{
    private int _descriptor;

    private SharedMemory(int descriptor, ulong size)
    {
        _descriptor = descriptor;
        Size = size;
    }

    /// <summary>Size in bytes.</summary>
    public ulong Size { get; }

    /// <summary>The file descriptor; owned by this object.</summary>
    public int FileDescriptor => _descriptor;

    /// <summary>Creates zero-filled memory that is populated on first touch.</summary>
    /// <param name="name">Shown in /proc/PID/maps.</param>
    /// <param name="size">Bytes, a multiple of the page size.</param>
    /// <exception cref="LinuxException">The host has no memory or no descriptor left.</exception>
    public static SharedMemory Create(string name, ulong size)
    {
        const uint closeOnExec = 1;
        int descriptor = MemfdCreate(name, closeOnExec);
        if (descriptor < 0)
        {
            throw LinuxException.FromLastError($"create {size} bytes of shared memory '{name}'");
        }

        if (Ftruncate(descriptor, (long)size) != 0)
        {
            LinuxException error = LinuxException.FromLastError($"size shared memory '{name}' to {size} bytes");
            _ = Close(descriptor);
            throw error;
        }

        return new SharedMemory(descriptor, size);
    }

    /// <summary>Maps the whole of the memory.</summary>
    /// <param name="protection">What the mapping may be used for.</param>
    /// <exception cref="LinuxException">The host refused the mapping.</exception>
    public MemoryMapping Map(MemoryProtection protection) => MemoryMapping.OfFile(_descriptor, 0, Size, protection);

    /// <inheritdoc/>
    public void Dispose()
    {
        int descriptor = Interlocked.Exchange(ref _descriptor, -1);
        if (descriptor >= 0)
        {
            _ = Close(descriptor);
        }
    }

    [LibraryImport("libc", EntryPoint = "memfd_create", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MemfdCreate(string name, uint flags);

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    private static partial int Ftruncate(int descriptor, long size);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}
