using System.Runtime.InteropServices;

namespace Nacelle.Linux;

/// <summary>What a mapping may be used for; the values are those of mmap(2).</summary>
[Flags]
public enum MemoryProtection
{
    /// <summary>No access: address space is reserved only.</summary>
    None = 0,

    /// <summary>PROT_READ.</summary>
    Read = 1,

    /// <summary>PROT_WRITE.</summary>
    Write = 2,

    /// <summary>PROT_EXEC.</summary>
    Execute = 4,
}

/// <summary>A range of this process's address space made by mmap(2).</summary>
/// <remarks>Thread safe; whoever disposes it must know that nobody uses the address any more.</remarks>
public sealed unsafe partial class MemoryMapping : IDisposable
{
    private nint _address;

    private MemoryMapping(nint address, ulong size)
    {
        _address = address;
        Size = size;
    }

    /// <summary>First byte of the range.</summary>
    public byte* Address => (byte*)_address;

    /// <summary>Size in bytes.</summary>
    public ulong Size { get; }

    /// <summary>Maps part of a file, shared.</summary>
    /// <exception cref="LinuxException">The host refused the mapping.</exception>
    public static MemoryMapping OfFile(int descriptor, ulong offset, ulong size, MemoryProtection protection)
    {
        const int shared = 1;
        const int noReserve = 0x4000;
        nint address = Mmap(0, (nuint)size, (int)protection, shared | noReserve, descriptor, (long)offset);
        return address == -1
            ? throw LinuxException.FromLastError($"map {size} bytes")
            : new MemoryMapping(address, size);
    }

    /// <summary>Maps zero-filled private memory.</summary>
    /// <exception cref="LinuxException">The host refused the mapping.</exception>
    public static MemoryMapping Anonymous(ulong size, MemoryProtection protection)
    {
        nint address = MapAnonymous(0, size, protection, 0);
        return address == -1
            ? throw LinuxException.FromLastError($"map {size} bytes of anonymous memory")
            : new MemoryMapping(address, size);
    }

    /// <summary>The same at an address below 2 GiB, which instructions can name in 32 bits.</summary>
    /// <exception cref="LinuxException">The system call failed: there is no room down there, for one.</exception>
    public static MemoryMapping AnonymousLow(ulong size, MemoryProtection protection)
    {
        const int below2GiB = 0x40;
        const int outOfMemory = 12;
        nint address = MapAnonymous(0, size, protection, below2GiB);
        if (address == -1 && Marshal.GetLastPInvokeError() == outOfMemory)
        {
            // The host looks for room in the second gigabyte only.
            address = MapInFirstGigabyte(size, protection);
        }

        return address == -1
            ? throw LinuxException.FromLastError($"map {size} bytes of anonymous memory below 2 GiB")
            : new MemoryMapping(address, size);
    }

    private static nint MapInFirstGigabyte(ulong size, MemoryProtection protection)
    {
        const int fixedWhereFree = 0x10_0000;
        const ulong lowest = 1 << 20;
        const ulong end = 1 << 30;
        nint address = -1;
        for (ulong place = end - size; place >= lowest && place < end && address == -1; place -= size)
        {
            address = MapAnonymous((nint)place, size, protection, fixedWhereFree);
            if (address != -1 && (ulong)address != place)
            {
                // Kernels before 4.17 take the address for a wish.
                _ = Munmap(address, (nuint)size);
                address = -1;
                Marshal.SetLastPInvokeError(12);
                break;
            }
        }

        return address;
    }

    private static nint MapAnonymous(nint place, ulong size, MemoryProtection protection, int flags)
    {
        const int privateMapping = 2;
        const int anonymous = 0x20;
        const int noReserve = 0x4000;
        return Mmap(place, (nuint)size, (int)protection, privateMapping | anonymous | noReserve | flags, -1, 0);
    }

    /// <summary>Takes pages out of the page tables (madvise(2): MADV_DONTNEED); those of a file keep their contents.</summary>
    /// <param name="offset">First byte, page aligned.</param>
    /// <param name="length">Bytes, a multiple of the page size.</param>
    /// <exception cref="LinuxException">The range is not in the mapping, or its pages are locked.</exception>
    public void Drop(ulong offset, ulong length)
    {
        const int doNotNeed = 4;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Size);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Size - offset);
        if (Madvise(_address + (nint)offset, (nuint)length, doNotNeed) != 0)
        {
            throw LinuxException.FromLastError($"drop {length} bytes of a mapping");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        nint address = Interlocked.Exchange(ref _address, 0);
        if (address != 0)
        {
            _ = Munmap(address, (nuint)Size);
        }
    }

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Mmap(nint address, nuint length, int protection, int flags, int descriptor, long offset);

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    private static partial int Madvise(nint address, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int Munmap(nint address, nuint length);
}
