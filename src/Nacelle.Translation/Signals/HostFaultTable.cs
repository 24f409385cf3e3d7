using System.Runtime.InteropServices;

namespace Nacelle.Translation.Signals;

/// <summary>
/// Rows of three words that a signal handler reads while they change: first address, address after the last, and where to go on. A row whose
/// first word is zero ends the table; one whose first word is all ones is free and holds no address.
/// </summary>
/// <remarks>
/// Changed by one thread at a time. A row never moves, and its first word is written last and taken away first: a reader that finds
/// it the same before and after the others has read a whole row. Never freed.
/// </remarks>
internal sealed unsafe class HostFaultTable
{
    private const ulong Free = ulong.MaxValue;
    private const int WordsPerRow = 3;
    private readonly int _most;
    private int _used;

    /// <param name="most">Rows that there is room for.</param>
    public HostFaultTable(int most)
    {
        _most = most;
        Rows = (ulong*)NativeMemory.AllocZeroed((nuint)(most + 1), WordsPerRow * sizeof(ulong));
    }

    /// <summary>The first row.</summary>
    public ulong* Rows { get; }

    /// <summary>Rows that hold a range.</summary>
    public int Count { get; private set; }

    /// <summary>Enters a range.</summary>
    /// <returns>False where the table is full.</returns>
    public bool TryAdd(ulong start, ulong end, ulong thunk)
    {
        int row = 0;
        while (row < _used && RowAt(row)[0] != Free)
        {
            row++;
        }

        if (row == _most)
        {
            return false;
        }

        ulong* words = RowAt(row);
        Volatile.Write(ref words[1], end);
        Volatile.Write(ref words[2], thunk);
        Volatile.Write(ref words[0], start);
        _used = Math.Max(_used, row + 1);
        Count++;
        return true;
    }

    /// <summary>Takes a range out.</summary>
    public void Remove(ulong start)
    {
        for (int row = 0; row < _used; row++)
        {
            if (RowAt(row)[0] == start)
            {
                Volatile.Write(ref RowAt(row)[0], Free);
                Count--;
            }
        }
    }

    /// <summary>A table with the same ranges and twice the room.</summary>
    public HostFaultTable Grow()
    {
        HostFaultTable larger = new(_most * 2);
        for (int row = 0; row < _used; row++)
        {
            ulong* words = RowAt(row);
            if (words[0] != Free)
            {
                larger.TryAdd(words[0], words[1], words[2]);
            }
        }

        return larger;
    }

    private ulong* RowAt(int row) => Rows + (row * WordsPerRow);
}
