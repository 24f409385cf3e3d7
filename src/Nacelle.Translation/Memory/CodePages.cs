using Nacelle.Translation.State;

namespace Nacelle.Translation.Memory;

/// <summary>
/// Remembers where pages of code lie: linear page to guest-physical page for instruction fetches, one table for each soft TLB's
/// mode. Flushed with the soft TLB. Owned by the vCPU's thread.
/// </summary>
internal sealed class CodePages
{
    private const int Entries = 512;
    private readonly Entry[][] _tables = [new Entry[Entries], new Entry[Entries], new Entry[Entries]];

    /// <summary>Finds a page.</summary>
    /// <param name="table">Mode.</param>
    /// <param name="address">A linear address.</param>
    /// <param name="physical">Its guest-physical address.</param>
    /// <param name="global">Whether the page is global.</param>
    public bool TryGet(int table, ulong address, out ulong physical, out bool global)
    {
        ref Entry entry = ref At(table, address);
        physical = entry.Physical | (address & 0xFFF);
        global = entry.Global;
        return entry.Tag == Tag(address);
    }

    /// <summary>Enters a page.</summary>
    public void Set(int table, ulong address, ulong physical, bool global) =>
        At(table, address) = new Entry(Tag(address), physical & ~0xFFFUL, global);

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        foreach (Entry[] table in _tables)
        {
            Array.Clear(table);
        }
    }

    /// <summary>Forgets what belongs to one address space only.</summary>
    public void ClearNonGlobal()
    {
        Array.Clear(_tables[1]);
        foreach (ref Entry entry in _tables[0].AsSpan())
        {
            if (!entry.Global)
            {
                entry = default;
            }
        }

        foreach (ref Entry entry in _tables[2].AsSpan())
        {
            if (!entry.Global)
            {
                entry = default;
            }
        }
    }

    /// <summary>Forgets one page of linear addresses.</summary>
    public void ClearPage(ulong address)
    {
        for (int table = 0; table < TranslatorContext.TlbCount; table++)
        {
            ref Entry entry = ref At(table, address);
            if (entry.Tag == Tag(address))
            {
                entry = default;
            }
        }
    }

    // The lowest bit tells a used entry from an empty one.
    private static ulong Tag(ulong address) => (address & ~0xFFFUL) | 1;

    private ref Entry At(int table, ulong address) => ref _tables[table][(int)(address >> 12) & (Entries - 1)];

    private readonly record struct Entry(ulong Tag, ulong Physical, bool Global);
}
