using Nacelle.Translation.State;

namespace Nacelle.Translation.Memory;

/// <summary>
/// Keeps the soft TLBs that emitted code probes. An entry's negated tag plus an address gives the offset in the page on a
/// hit and something above 4095 otherwise. Owned by the vCPU's thread.
/// </summary>
/// <remarks>
/// Emitted code may ask any entry about any address, not only the one that the address selects. What an empty entry holds
/// therefore matches addresses of one non-canonical page only, whose host page is address 0, which faults.
/// </remarks>
internal sealed unsafe class SoftTlb
{
    private const int Entries = TranslatorContext.TlbEntries;
    private const ulong NonCanonical = 1UL << 63;

    /// <summary>Bits by which an address is shifted to give an entry's offset, when masked.</summary>
    public const int IndexShift = 7;

    /// <summary>What is left of the shifted address.</summary>
    public const int IndexMask = (Entries - 1) * TranslatorContext.TlbEntrySize;

    private readonly Entry* _tables;
    private readonly ulong[] _physicalPages = new ulong[TranslatorContext.TlbCount * Entries];

    // Which entries a flush has to visit; an entry may stand in both lists.
    private readonly EntryList _global = new(TranslatorContext.TlbCount * Entries);
    private readonly EntryList _local = new(TranslatorContext.TlbCount * Entries);

    public SoftTlb(TranslatorContext* context)
    {
        _tables = (Entry*)context->Tlb;
        for (int index = 0; index < TranslatorContext.TlbCount * Entries; index++)
        {
            ClearEntry(index);
        }
    }

    /// <summary>Finds the host pointer of an access that lies in one page.</summary>
    public bool TryGet(int tlb, ulong address, int size, bool write, out byte* host)
    {
        Half* half = Find(tlb, IndexOf(address), write);
        ulong offset = address + half->Tag;
        host = (byte*)(half->Host + offset);
        return offset <= (ulong)(4096 - size);
    }

    /// <summary>Enters a page.</summary>
    /// <param name="tlb">Which TLB.</param>
    /// <param name="address">A linear address in the page.</param>
    /// <param name="physicalPage">Guest-physical address of the page.</param>
    /// <param name="hostPage">Host address of the page.</param>
    /// <param name="writable">Whether writes may go straight to it.</param>
    /// <param name="global">Whether the entry outlives a change of address space.</param>
    public void Fill(int tlb, ulong address, ulong physicalPage, byte* hostPage, bool writable, bool global)
    {
        int index = IndexOf(address);
        Half half = new() { Tag = 0UL - (address & ~0xFFFUL), Host = (ulong)hostPage };
        (global ? _global : _local).Add((tlb * Entries) + index);
        *Find(tlb, index, write: false) = half;
        *Find(tlb, index, write: true) = writable ? half : Empty(index);
        _physicalPages[(tlb * Entries) + index] = physicalPage;
    }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        ClearNonGlobal();
        foreach (int entry in _global.Entries)
        {
            ClearEntry(entry);
        }

        _global.Clear();
    }

    /// <summary>Forgets what belongs to one address space only.</summary>
    public void ClearNonGlobal()
    {
        foreach (int entry in _local.Entries)
        {
            ClearEntry(entry);
        }

        _local.Clear();
    }

    /// <summary>Forgets one page of linear addresses.</summary>
    public void ClearPage(ulong address)
    {
        int index = IndexOf(address);
        for (int tlb = 0; tlb < TranslatorContext.TlbCount; tlb++)
        {
            *Find(tlb, index, write: false) = Empty(index);
            *Find(tlb, index, write: true) = Empty(index);
        }
    }

    /// <summary>Sends writes to a guest-physical page the slow way.</summary>
    /// <returns>Whether any could have gone straight so far.</returns>
    public bool Protect(ulong physicalPage)
    {
        bool found = Protect(_global, physicalPage);
        return Protect(_local, physicalPage) || found;
    }

    private bool Protect(EntryList list, ulong physicalPage)
    {
        bool found = false;
        foreach (int entry in list.Entries)
        {
            if (_physicalPages[entry] != physicalPage)
            {
                continue;
            }

            Half empty = Empty(entry & (Entries - 1));
            ref Half half = ref _tables[entry].Write;
            found |= half.Tag != empty.Tag;
            half = empty;
        }

        return found;
    }

    private static int IndexOf(ulong address) => (int)(address >> 12) & (Entries - 1);

    /// <summary>What no canonical address matches, and no address at all at this index.</summary>
    private static Half Empty(int index) => new() { Tag = 0UL - (NonCanonical | ((ulong)(index ^ 1) << 12)) };

    private Half* Find(int tlb, int index, bool write)
    {
        Entry* entry = _tables + (tlb * Entries) + index;
        return write ? &entry->Write : &entry->Read;
    }

    private void ClearEntry(int entry)
    {
        Half empty = Empty(entry & (Entries - 1));
        _tables[entry].Read = empty;
        _tables[entry].Write = empty;
        _physicalPages[entry] = ulong.MaxValue;
    }

    private struct Half
    {
        public ulong Tag;
        public ulong Host;
    }

    private struct Entry
    {
        public Half Read;
        public Half Write;
    }

    /// <summary>A set of entry numbers that is emptied in the time of its size.</summary>
    private sealed class EntryList(int capacity)
    {
        private readonly ushort[] _numbers = new ushort[capacity];
        private readonly bool[] _contained = new bool[capacity];
        private int _count;

        public ReadOnlySpan<ushort> Entries => _numbers.AsSpan(0, _count);

        public void Add(int entry)
        {
            if (!_contained[entry])
            {
                _contained[entry] = true;
                _numbers[_count++] = (ushort)entry;
            }
        }

        public void Clear()
        {
            foreach (ushort entry in Entries)
            {
                _contained[entry] = false;
            }

            _count = 0;
        }
    }
}
