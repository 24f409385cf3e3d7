namespace Nacelle.Memory;

/// <summary>Finds the device behind an address: one for memory-mapped registers, one for ports.</summary>
/// <remarks>
/// Look-ups are lock-free over an immutable table that <see cref="Map"/> and <see cref="Unmap"/> replace; a look-up that
/// runs beside a change sees the table from before or after it.
/// </remarks>
/// <param name="name">Shown in errors: "memory" or "port".</param>
public sealed class AddressSpace(string name)
{
    private readonly Lock _changes = new();
    private AddressRange[] _ranges = [];

    /// <summary>The ranges in order of address.</summary>
    public IReadOnlyList<AddressRange> Ranges => Volatile.Read(ref _ranges);

    /// <summary>Raised, on the thread of the change and outside the lock, after a range was taken away.</summary>
    public event Action? Unmapped;

    /// <summary>Puts a device at a range.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is empty or wraps.</exception>
    /// <exception cref="InvalidOperationException">Another device lies there; the message names both.</exception>
    public void Map(ulong start, ulong length, string owner, IAddressRangeHandler handler)
    {
        if (!TryMap(start, length, owner, handler, out AddressRange other))
        {
            throw new InvalidOperationException(
                $"{owner} cannot have {name} addresses 0x{start:x}..0x{start + (length - 1):x}: {other.Owner} has 0x{other.Start:x}..0x{other.Last:x}");
        }
    }

    /// <summary>Puts a device at a range, for those that a guest moves: what lies there already keeps its place.</summary>
    /// <returns>False where any of the addresses is another device's.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The range is empty or wraps.</exception>
    public bool TryMap(ulong start, ulong length, string owner, IAddressRangeHandler handler) =>
        TryMap(start, length, owner, handler, out _);

    private bool TryMap(ulong start, ulong length, string owner, IAddressRangeHandler handler, out AddressRange other)
    {
        ArgumentOutOfRangeException.ThrowIfZero(length);
        ArgumentOutOfRangeException.ThrowIfLessThan(start + (length - 1), start, nameof(length));
        AddressRange range = new(start, length, owner, handler);
        lock (_changes)
        {
            foreach (AddressRange present in _ranges)
            {
                if (start <= present.Last && present.Start <= range.Last)
                {
                    other = present;
                    return false;
                }
            }

            Volatile.Write(ref _ranges, [.. _ranges.Append(range).OrderBy(entry => entry.Start)]);
        }

        other = default;
        return true;
    }

    /// <summary>Takes the device at exactly this start away.</summary>
    /// <returns>Whether one was there.</returns>
    public bool Unmap(ulong start)
    {
        bool found;
        lock (_changes)
        {
            AddressRange[] remaining = [.. _ranges.Where(entry => entry.Start != start)];
            found = remaining.Length != _ranges.Length;
            Volatile.Write(ref _ranges, remaining);
        }

        if (found)
        {
            Unmapped?.Invoke();
        }

        return found;
    }

    /// <summary>Finds the range that contains an address.</summary>
    public bool TryFind(ulong address, out AddressRange range)
    {
        AddressRange[] ranges = Volatile.Read(ref _ranges);
        int low = 0;
        int high = ranges.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            ref readonly AddressRange candidate = ref ranges[middle];
            if (address < candidate.Start)
            {
                high = middle - 1;
            }
            else if (address > candidate.Last)
            {
                low = middle + 1;
            }
            else
            {
                range = candidate;
                return true;
            }
        }

        range = default;
        return false;
    }

    /// <summary>Reads; nothing answers with all ones, as on a bus without a driver.</summary>
    /// <param name="address">Where.</param>
    /// <param name="size">1, 2, 4 or 8.</param>
    public ulong Read(ulong address, int size) =>
        TryFind(address, out AddressRange range) && address - range.Start + (ulong)size <= range.Length
            ? range.Handler.Read(address - range.Start, size)
            : ulong.MaxValue >> (64 - (size * 8));

    /// <summary>Writes; where nothing answers, the write is lost.</summary>
    /// <param name="address">Where.</param>
    /// <param name="size">1, 2, 4 or 8.</param>
    /// <param name="value">The value, in the low <paramref name="size"/> bytes.</param>
    public void Write(ulong address, int size, ulong value)
    {
        if (TryFind(address, out AddressRange range) && address - range.Start + (ulong)size <= range.Length)
        {
            range.Handler.Write(address - range.Start, size, value);
        }
    }
}

/// <summary>A device's place in an address space.</summary>
/// <param name="Start">First address.</param>
/// <param name="Length">Bytes, at least one.</param>
/// <param name="Owner">The device's name, for errors and listings.</param>
/// <param name="Handler">What answers.</param>
public readonly record struct AddressRange(ulong Start, ulong Length, string Owner, IAddressRangeHandler Handler)
{
    /// <summary>Last address.</summary>
    public ulong Last => Start + (Length - 1);
}
