using Nacelle.Machine.Board;
using Nacelle.Memory;

namespace Nacelle.Machine.Boot;

/// <summary>Which guest memory is taken while a guest is loaded, so that nothing is put on top of what was put before.</summary>
/// <remarks>For one thread.</remarks>
internal sealed class MemoryClaims
{
    private const ulong FirstFree = 0x1000;
    private readonly GuestMemory _ram;
    private readonly List<(ulong Start, ulong End, string What)> _claims = [];

    /// <summary>Begins with what firmware has.</summary>
    internal MemoryClaims(GuestMemory ram)
    {
        _ram = ram;
        _claims.Add((PhysicalLayout.ConventionalEnd, 0xA_0000, "the extended BIOS data area"));
        _claims.Add((PhysicalLayout.TablesBase, PhysicalLayout.ExtendedBase, "the firmware's tables"));
    }

    /// <summary>Takes memory at a place that somebody else chose.</summary>
    /// <param name="start">First address.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="what">What lies there, for messages about it.</param>
    /// <returns>Null, or what is there already; it is not taken then.</returns>
    internal string? Take(ulong start, ulong length, string what)
    {
        ulong end = start + length;
        foreach ((ulong first, ulong last, string holder) in _claims)
        {
            if (start < last && first < end && holder != what)
            {
                return holder;
            }
        }

        _claims.Add((start, end, what));
        return null;
    }

    /// <summary>Takes memory where it is usually put, or else at the lowest free place of conventional memory, or else at the highest above it.</summary>
    /// <returns>Its address; null when there is no room.</returns>
    internal ulong? Place(ulong preferred, ulong length, ulong alignment, string what)
    {
        ulong? address = IsFree(preferred, length) ? preferred
            : Lowest(length, alignment) ?? Highest(length, alignment, PhysicalLayout.ExtendedBase, uint.MaxValue);
        if (address is ulong start)
        {
            _claims.Add((start, start + length, what));
        }

        return address;
    }

    /// <summary>Takes the highest free memory in a range.</summary>
    /// <param name="length">Bytes.</param>
    /// <param name="alignment">A power of two.</param>
    /// <param name="lowest">First address that may be taken.</param>
    /// <param name="highest">Last address that may be taken.</param>
    /// <param name="what">What is to lie there.</param>
    /// <returns>Its address; null when there is no room.</returns>
    internal ulong? PlaceHigh(ulong length, ulong alignment, ulong lowest, ulong highest, string what)
    {
        ulong? address = Highest(length, alignment, lowest, highest);
        if (address is ulong start)
        {
            _claims.Add((start, start + length, what));
        }

        return address;
    }

    private bool IsFree(ulong start, ulong length)
    {
        foreach ((ulong first, ulong last, _) in _claims)
        {
            if (start < last && first < start + length)
            {
                return false;
            }
        }

        return _ram.IsRam(start, length);
    }

    private ulong? Lowest(ulong length, ulong alignment)
    {
        ulong start = FirstFree;
        while (start + length <= PhysicalLayout.ConventionalEnd)
        {
            ulong next = 0;
            foreach ((ulong first, ulong last, _) in _claims)
            {
                if (start < last && first < start + length)
                {
                    next = Math.Max(next, last);
                }
            }

            if (next == 0)
            {
                return start;
            }

            start = (next + alignment - 1) & ~(alignment - 1);
        }

        return null;
    }

    private ulong? Highest(ulong length, ulong alignment, ulong lowest, ulong highest)
    {
        ulong end = Math.Min(PhysicalLayout.LowRamEnd(_ram), highest + 1);
        while (end > lowest && length <= end - lowest)
        {
            ulong start = (end - length) & ~(alignment - 1);
            if (start < lowest)
            {
                return null;
            }

            ulong next = ulong.MaxValue;
            foreach ((ulong first, ulong last, _) in _claims)
            {
                if (start < last && first < start + length)
                {
                    next = Math.Min(next, first);
                }
            }

            if (next == ulong.MaxValue)
            {
                return start;
            }

            end = next;
        }

        return null;
    }
}
