using System.Runtime.CompilerServices;
using Nacelle.Linux;

namespace Nacelle.Memory;

/// <summary>A stretch of guest-physical addresses backed by RAM.</summary>
/// <param name="Start">First guest-physical address, page aligned.</param>
/// <param name="Length">Bytes, a multiple of the page size.</param>
/// <param name="FileOffset">Where the stretch begins in the backing memory.</param>
public readonly record struct RamRange(ulong Start, ulong Length, ulong FileOffset)
{
    /// <summary>First address after the stretch.</summary>
    public ulong End => Start + Length;
}

/// <summary>Told when a device (not a vCPU) has written guest RAM; the translator drops stale code by it.</summary>
public interface IGuestMemoryObserver
{
    /// <summary>Bytes were written. Called on the writer's thread, after the write.</summary>
    void Written(ulong guestPhysicalAddress, ulong length);
}

/// <summary>
/// The guest's RAM. Every access checks its range; bytes here change under the reader's feet, so devices read once, copy
/// out and then judge.
/// </summary>
/// <remarks>Thread safe. The layout is fixed at construction.</remarks>
public sealed unsafe class GuestMemory : IDisposable
{
    /// <summary>Bytes of a page.</summary>
    public const ulong PageSize = 4096;

    private readonly SharedMemory _backing;
    private readonly MemoryMapping _mapping;
    private readonly RamRange[] _ranges;
    private IGuestMemoryObserver[] _observers = [];

    /// <summary>Allocates the RAM; pages are taken from the host on first touch.</summary>
    /// <param name="ranges">In order of address, page aligned, not overlapping.</param>
    /// <exception cref="LinuxException">The host has not got the memory.</exception>
    public GuestMemory(IReadOnlyList<(ulong Start, ulong Length)> ranges)
    {
        ArgumentNullException.ThrowIfNull(ranges);
        _ranges = new RamRange[ranges.Count];
        ulong total = 0;
        for (int i = 0; i < ranges.Count; i++)
        {
            (ulong start, ulong length) = ranges[i];
            if (length == 0 || (start | length) % PageSize != 0 || (i > 0 && start < _ranges[i - 1].End))
            {
                throw new ArgumentException("RAM ranges must be page aligned, in order and apart", nameof(ranges));
            }

            _ranges[i] = new RamRange(start, length, total);
            total += length;
        }

        Size = total;
        _backing = SharedMemory.Create("guest-ram", total);
        try
        {
            _mapping = _backing.Map(MemoryProtection.Read | MemoryProtection.Write);
        }
        catch (LinuxException)
        {
            _backing.Dispose();
            throw;
        }
    }

    /// <summary>Bytes of RAM.</summary>
    public ulong Size { get; }

    /// <summary>The stretches in order of address.</summary>
    public IReadOnlyList<RamRange> Ranges => _ranges;

    /// <summary>The backing memory's descriptor, for sharing with other processes and further mappings.</summary>
    public int FileDescriptor => _backing.FileDescriptor;

    /// <summary>Host address of the backing memory's first byte; a range begins at its <see cref="RamRange.FileOffset"/>.</summary>
    public byte* HostAddress => _mapping.Address;

    /// <summary>Adds an observer of device writes. Before the guest runs.</summary>
    public void AddObserver(IGuestMemoryObserver observer) => _observers = [.. _observers, observer];

    /// <summary>Finds the host address of a guest-physical range that lies wholly inside one stretch of RAM.</summary>
    /// <returns>False where any byte of it is not RAM.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryGetHostAddress(ulong address, ulong length, out byte* host)
    {
        foreach (ref readonly RamRange range in _ranges.AsSpan())
        {
            ulong offset = address - range.Start;
            if (offset < range.Length && length <= range.Length - offset)
            {
                host = _mapping.Address + range.FileOffset + offset;
                return true;
            }
        }

        host = null;
        return false;
    }

    /// <summary>Whether a guest-physical range lies wholly inside one stretch of RAM.</summary>
    public bool IsRam(ulong address, ulong length) => TryGetHostAddress(address, length, out _);

    /// <summary>Tells the observers that a device wrote through an address from <see cref="TryGetHostAddress"/>.</summary>
    public void NotifyWritten(ulong address, ulong length)
    {
        foreach (IGuestMemoryObserver observer in _observers)
        {
            observer.Written(address, length);
        }
    }

    /// <summary>Copies RAM out.</summary>
    /// <returns>False, and nothing copied, where any byte of it is not RAM.</returns>
    public bool TryRead(ulong address, Span<byte> destination)
    {
        if (!TryGetHostAddress(address, (ulong)destination.Length, out byte* host))
        {
            return false;
        }

        new ReadOnlySpan<byte>(host, destination.Length).CopyTo(destination);
        return true;
    }

    /// <summary>Copies into RAM and tells the observers.</summary>
    /// <returns>False, and nothing copied, where any byte of it is not RAM.</returns>
    public bool TryWrite(ulong address, ReadOnlySpan<byte> source)
    {
        if (!TryGetHostAddress(address, (ulong)source.Length, out byte* host))
        {
            return false;
        }

        source.CopyTo(new Span<byte>(host, source.Length));
        NotifyWritten(address, (ulong)source.Length);
        return true;
    }

    /// <summary>
    /// Takes a page out of this process's page tables, and with them out of KVM's: its bytes stay, and the next access
    /// finds them again. For tests of what happens then.
    /// </summary>
    /// <param name="address">Guest-physical address of the page; nothing happens where it is not RAM.</param>
    public void DropHostMapping(ulong address)
    {
        if (TryGetHostAddress(address, PageSize, out byte* host))
        {
            _mapping.Drop((ulong)(host - _mapping.Address), PageSize);
        }
    }

    /// <summary>Reads a little-endian value, once.</summary>
    /// <returns>False where any byte of it is not RAM.</returns>
    public bool TryRead<T>(ulong address, out T value)
        where T : unmanaged
    {
        if (!TryGetHostAddress(address, (ulong)sizeof(T), out byte* host))
        {
            value = default;
            return false;
        }

        value = Unsafe.ReadUnaligned<T>(host);
        return true;
    }

    /// <summary>Writes a little-endian value and tells the observers.</summary>
    /// <returns>False where any byte of it is not RAM.</returns>
    public bool TryWrite<T>(ulong address, T value)
        where T : unmanaged
    {
        if (!TryGetHostAddress(address, (ulong)sizeof(T), out byte* host))
        {
            return false;
        }

        Unsafe.WriteUnaligned(host, value);
        NotifyWritten(address, (ulong)sizeof(T));
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _mapping.Dispose();
        _backing.Dispose();
    }
}
