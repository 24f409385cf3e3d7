using Nacelle.Translation.State;

namespace Nacelle.Translation.Memory;

/// <summary>
/// Keeps the soft TLBs that emitted code probes. An entry's negated tag plus an address gives the offset in the page on a
/// hit and something above 4095 otherwise. Owned by the vCPU's thread.
/// </summary>
/// <remarks>
/// <para>A page may be in either of two places, or in both: most accesses look into the one that the low bits of its number select;
/// accesses that keep displacing each other there look into the one that higher bits have a part in. Emitted code fills places
/// too, one half of an entry at a time, from <see cref="SecondLevelTlb"/>, and notes them for the flushes.</para>
/// <para>Emitted code may ask any entry about any address, not only the one that the address selects. What an empty entry holds
/// therefore matches addresses of one non-canonical page only, whose host page is address 0, which faults.</para>
/// </remarks>
internal sealed unsafe class SoftTlb : IDisposable
{
    private const int Entries = TranslatorContext.TlbEntries;
    private const ulong NonCanonical = 1UL << 63;

    /// <summary>Bits by which an address is shifted to give an entry's offset, when masked.</summary>
    public const int IndexShift = 7;

    /// <summary>What is left of the shifted address.</summary>
    public const int IndexMask = (Entries - 1) * TranslatorContext.TlbEntrySize;

    /// <summary>Marks of <see cref="TranslatorContext.TlbListed"/>: an entry may stand in both lists.</summary>
    public const byte ListedLocal = 1;

    /// <inheritdoc cref="ListedLocal"/>
    public const byte ListedGlobal = 2;

    private readonly TranslatorContext* _context;
    private readonly Entry* _tables;
    private readonly SecondLevelTlb _second;

    /// <param name="context">The context that emitted code finds them in.</param>
    /// <param name="pages">Pages of guest RAM.</param>
    public SoftTlb(TranslatorContext* context, ulong pages)
    {
        _context = context;
        _tables = (Entry*)context->Tlb;
        _second = new SecondLevelTlb(context, pages);
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
    /// <param name="walk">Where it lies.</param>
    /// <param name="hostPage">Host address of the page.</param>
    /// <param name="straight">Whether writes may go straight to it.</param>
    public void Fill(int tlb, ulong address, in PageWalk walk, byte* hostPage, bool straight)
    {
        int index = IndexOf(address);
        Half half = new() { Tag = 0UL - (address & ~0xFFFUL), Host = (ulong)hostPage };
        List((tlb * Entries) + index, walk.IsGlobal);
        *Find(tlb, index, write: false) = half;
        *Find(tlb, index, write: true) = straight ? half : Empty(index);
        _second.Insert(tlb, address, hostPage, walk.IsWritable, walk.IsGlobal);
    }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        ClearListed(_context->TlbLocalList, ref _context->TlbLocalCount, ListedLocal);
        ClearListed(_context->TlbGlobalList, ref _context->TlbGlobalCount, ListedGlobal);
        _second.Clear();
    }

    /// <summary>Forgets what belongs to one address space only.</summary>
    public void ClearNonGlobal()
    {
        ClearListed(_context->TlbLocalList, ref _context->TlbLocalCount, ListedLocal);
        _second.ClearNonGlobal();
    }

    /// <summary>Forgets one page of linear addresses.</summary>
    public void ClearPage(ulong address)
    {
        for (int tlb = 0; tlb < TranslatorContext.TlbCount; tlb++)
        {
            ClearEntry((tlb * Entries) + IndexOf(address));
            ClearEntry((tlb * Entries) + HashedIndexOf(address));
        }

        _second.ClearPage(address);
    }

    /// <summary>Sends writes to a page the slow way. Those of <see cref="SecondLevelTlb"/> ask for themselves.</summary>
    /// <param name="hostPage">Host address of the page.</param>
    /// <returns>Whether any could have gone straight so far.</returns>
    public bool Protect(byte* hostPage)
    {
        bool found = Protect(_context->TlbGlobalList, _context->TlbGlobalCount, hostPage);
        return Protect(_context->TlbLocalList, _context->TlbLocalCount, hostPage) || found;
    }

    /// <inheritdoc/>
    public void Dispose() => _second.Dispose();

    private bool Protect(ushort* list, uint count, byte* hostPage)
    {
        bool found = false;
        foreach (ushort entry in new ReadOnlySpan<ushort>(list, (int)count))
        {
            ref Half half = ref _tables[entry].Write;
            if (half.Host == (ulong)hostPage)
            {
                half = Empty(entry & (Entries - 1));
                found = true;
            }
        }

        return found;
    }

    private void List(int entry, bool global)
    {
        byte mark = global ? ListedGlobal : ListedLocal;
        if ((_context->TlbListed[entry] & mark) != 0)
        {
            return;
        }

        _context->TlbListed[entry] |= mark;
        if (global)
        {
            _context->TlbGlobalList[_context->TlbGlobalCount++] = (ushort)entry;
        }
        else
        {
            _context->TlbLocalList[_context->TlbLocalCount++] = (ushort)entry;
        }
    }

    private void ClearListed(ushort* list, ref uint count, byte mark)
    {
        foreach (ushort entry in new ReadOnlySpan<ushort>(list, (int)count))
        {
            ClearEntry(entry);
            _context->TlbListed[entry] &= (byte)~mark;
        }

        count = 0;
    }

    private static int IndexOf(ulong address) => (int)(address >> 12) & (Entries - 1);

    /// <summary>The other place of a page.</summary>
    private static int HashedIndexOf(ulong address) => (int)((address >> 12) ^ (address >> 24)) & (Entries - 1);

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
}
