using Nacelle.Translation.State;

namespace Nacelle.Translation.Memory;

/// <summary>
/// Keeps the soft TLBs that emitted code probes. An entry's negated tag plus an address gives the offset in the page on a
/// hit and something above 4095 otherwise. Owned by the vCPU's thread.
/// </summary>
internal sealed unsafe class SoftTlb
{
    private const int Entries = TranslatorContext.TlbEntries;
    private const int FilterSize = 4096;
    private readonly ulong* _tables;
    private readonly ulong[] _physicalPages = new ulong[TranslatorContext.TlbCount * Entries];

    // Which entries a flush has to visit; an entry may stand in both lists.
    private readonly EntryList _global = new(TranslatorContext.TlbCount * Entries);
    private readonly EntryList _local = new(TranslatorContext.TlbCount * Entries);

    // Pages that some entry may let be written, by the low bits of their number; forgotten with a flush of everything.
    private readonly bool[] _written = new bool[FilterSize];

    public SoftTlb(TranslatorContext* context)
    {
        _tables = context->Tlb;
        for (int index = 0; index < TranslatorContext.TlbCount * Entries; index++)
        {
            ClearEntry(index);
        }
    }

    /// <summary>Finds the host pointer of an access that lies in one page.</summary>
    public bool TryGet(int tlb, ulong address, int size, bool write, out byte* host)
    {
        int index = (int)(address >> 12) & (Entries - 1);
        ulong offset = address + Tags(tlb, write)[index];
        host = (byte*)(Hosts(tlb)[index] + offset);
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
        int index = (int)(address >> 12) & (Entries - 1);
        ulong tag = 0UL - (address & ~0xFFFUL);
        (global ? _global : _local).Add((tlb * Entries) + index);
        Tags(tlb, write: false)[index] = tag;
        Tags(tlb, write: true)[index] = writable ? tag : EmptyTag(index);
        Hosts(tlb)[index] = (ulong)hostPage;
        _physicalPages[(tlb * Entries) + index] = physicalPage;
        _written[Filter(physicalPage)] |= writable;
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
        Array.Clear(_written);
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
        int index = (int)(address >> 12) & (Entries - 1);
        for (int tlb = 0; tlb < TranslatorContext.TlbCount; tlb++)
        {
            Tags(tlb, write: false)[index] = EmptyTag(index);
            Tags(tlb, write: true)[index] = EmptyTag(index);
        }
    }

    /// <summary>Sends writes to a guest-physical page the slow way.</summary>
    /// <returns>Whether any could have gone straight so far.</returns>
    public bool Protect(ulong physicalPage)
    {
        if (!_written[Filter(physicalPage)])
        {
            return false;
        }

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

            int index = entry & (Entries - 1);
            ulong* tags = Tags(entry / Entries, write: true);
            found |= tags[index] != EmptyTag(index);
            tags[index] = EmptyTag(index);
        }

        return found;
    }

    private static int Filter(ulong physicalPage) => (int)(physicalPage >> 12) & (FilterSize - 1);

    /// <summary>A negated tag whose page belongs at another index, so that no address at this one can match.</summary>
    private static ulong EmptyTag(int index) => 0UL - ((ulong)(index ^ 1) << 12);

    private ulong* Tags(int tlb, bool write) => _tables + (((tlb * 3) + (write ? 1 : 0)) * Entries);

    private ulong* Hosts(int tlb) => _tables + (((tlb * 3) + 2) * Entries);

    private void ClearEntry(int entry)
    {
        int index = entry & (Entries - 1);
        int tlb = entry / Entries;
        Tags(tlb, write: false)[index] = EmptyTag(index);
        Tags(tlb, write: true)[index] = EmptyTag(index);
        _physicalPages[entry] = ulong.MaxValue;
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
