using System.Numerics;
using System.Runtime.CompilerServices;
using Nacelle.Linux;
using Nacelle.Translation.State;

namespace Nacelle.Translation.Memory;

/// <summary>
/// The pages that have been walked to, many times what <see cref="SoftTlb"/> has places for; emitted code looks here before it asks
/// the monitor. Sets of four in a cache line, selected by a hash, so that no distance between pages makes them fall into one set;
/// as many as the guest uses. Owned by the vCPU's thread.
/// </summary>
/// <remarks>
/// An entry is the page's linear address with a key in the low bits, then its host address with bit 0 set where the page tables
/// let it be written. Whether it may be written straight is asked of <see cref="Cache.UnseenWrites"/> each time, so that nothing
/// has to be looked for here when a page becomes code. A key is the TLB and one of two numbers, for what belongs to one address
/// space and for what is global; a flush takes a new number, and what has an old one never matches again.
/// </remarks>
internal sealed unsafe class SecondLevelTlb : IDisposable
{
    /// <summary>Entries of a set.</summary>
    public const int Ways = 4;

    /// <summary>Bytes of an entry.</summary>
    public const int EntrySize = 16;

    /// <summary>
    /// What the number of a group of pages is multiplied by; the upper bits of the product select the sets. The golden ratio's
    /// fraction, by which groups in a row fall farthest apart.
    /// </summary>
    public const ulong Multiplier = 0x9E37_79B9_7F4A_7C15;

    /// <summary>By how much addresses are shifted to give the number of a group.</summary>
    public const int GroupShift = 18;

    /// <summary>By how much addresses are shifted to give, masked, what tells the sets of a group's pages apart: they are in one page of the host.</summary>
    public const int WithinShift = 6;

    /// <summary>What is left of the shifted address.</summary>
    public const int WithinMask = 0xFC0;

    /// <summary>Bytes of a set.</summary>
    public const int SetSize = Ways * EntrySize;

    private const int FewestSets = 1024;
    private const int MostSets = 1 << 18;

    // Numbers are what is left of the low 12 bits beside the two of the TLB's; 0 is in no key.
    private const int Numbers = 1 << 10;
    private readonly TranslatorContext* _context;
    private readonly int _mostSets;
    private HostArray<Entry> _entries;
    private int _sets;
    private int _lastNumber = 2;
    private int _inserted;
    private int _displaced;
    private int _nextWay;

    /// <param name="context">Where emitted code finds what it needs of it.</param>
    /// <param name="pages">Pages of guest RAM: more than so many need no room.</param>
    public SecondLevelTlb(TranslatorContext* context, ulong pages)
    {
        _context = context;
        _mostSets = FewestSets;
        while (_mostSets < MostSets && (ulong)(_mostSets * Ways) < 2 * pages)
        {
            _mostSets *= 2;
        }

        _entries = Allocate(FewestSets);
        Publish();
        SetKeys(1, 2);
    }

    /// <summary>Entries that there is room for now.</summary>
    public int Capacity => _sets * Ways;

    /// <summary>Enters a page.</summary>
    /// <param name="tlb">Which TLB.</param>
    /// <param name="address">A linear address in it.</param>
    /// <param name="hostPage">Its host address.</param>
    /// <param name="writable">Whether the page tables let it be written without a further walk.</param>
    /// <param name="global">Whether it outlives a change of address space; only supervisor code's lookups ask.</param>
    public void Insert(int tlb, ulong address, byte* hostPage, bool writable, bool global)
    {
        Entry entry = new()
        {
            Tag = (address & ~0xFFFUL) | (global && tlb != 1 ? _context->GlobalTlbKeys[tlb] : _context->TlbKeys[tlb]),
            Host = (ulong)hostPage | (writable ? 1UL : 0),
        };
        _inserted++;
        if (!TryPlace(entry))
        {
            _displaced++;
            if (_displaced > Capacity / 8 && _sets < _mostSets)
            {
                Resize(_sets * 4);
            }
        }
    }

    /// <summary>Forgets one page of linear addresses, in all TLBs.</summary>
    public void ClearPage(ulong address)
    {
        foreach (ref Entry entry in SetOf(address))
        {
            if (((entry.Tag ^ address) & ~0xFFFUL) == 0)
            {
                entry = default;
            }
        }
    }

    /// <summary>Forgets what belongs to one address space only.</summary>
    public void ClearNonGlobal()
    {
        if (TakeNumbers(1))
        {
            SetKeys(_lastNumber, (int)(_context->GlobalTlbKeys[0] >> 2));
        }
    }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        if (TakeNumbers(2))
        {
            SetKeys(_lastNumber - 1, _lastNumber);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _entries.Dispose();

    /// <summary>Takes new numbers; where none are left everything is forgotten, and they begin anew.</summary>
    private bool TakeNumbers(int count)
    {
        if (_lastNumber + count < Numbers)
        {
            _lastNumber += count;
            return true;
        }

        // A table that is hardly used would take longer to clear than its entries took to make.
        int sets = _sets;
        while (sets > FewestSets && _inserted < sets)
        {
            sets /= 4;
        }

        if (sets != _sets)
        {
            _entries.Dispose();
            _entries = Allocate(Math.Max(sets, FewestSets));
            Publish();
        }
        else
        {
            _entries.AsSpan().Clear();
        }

        _inserted = 0;
        _displaced = 0;
        _lastNumber = 2;
        SetKeys(1, 2);
        return false;
    }

    private bool TryPlace(in Entry entry)
    {
        Span<Entry> set = SetOf(entry.Tag);
        int free = -1;
        for (int way = 0; way < Ways; way++)
        {
            if (set[way].Tag == entry.Tag)
            {
                free = way;
                break;
            }

            free = IsCurrent(set[way]) ? free : way;
        }

        bool found = free >= 0;
        set[found ? free : _nextWay++ % Ways] = entry;
        return found;
    }

    private bool IsCurrent(in Entry entry)
    {
        ulong key = entry.Tag & 0xFFF;
        int tlb = (int)(key & 3);
        return tlb < TranslatorContext.TlbCount && (key == _context->TlbKeys[tlb] || key == _context->GlobalTlbKeys[tlb]);
    }

    private void Resize(int sets)
    {
        HostArray<Entry> old = _entries;
        _entries = Allocate(Math.Min(sets, _mostSets));
        _displaced = 0;
        foreach (ref Entry entry in old.AsSpan())
        {
            if (IsCurrent(entry))
            {
                TryPlace(entry);
            }
        }

        old.Dispose();
        Publish();
    }

    private HostArray<Entry> Allocate(int sets)
    {
        _sets = sets;
        return new HostArray<Entry>(sets * Ways);
    }

    private void Publish()
    {
        _context->TlbSets = (ulong)Unsafe.AsPointer(ref _entries[0]);
        _context->TlbSetShift = (uint)(BitOperations.LeadingZeroCount((ulong)_sets * SetSize) + 1);
    }

    private void SetKeys(int local, int global)
    {
        for (int tlb = 0; tlb < TranslatorContext.TlbCount; tlb++)
        {
            _context->TlbKeys[tlb] = (ulong)((local << 2) | tlb);
            _context->GlobalTlbKeys[tlb] = (ulong)((global << 2) | tlb);
        }
    }

    private Span<Entry> SetOf(ulong address)
    {
        int group = (int)(((address >> GroupShift) * Multiplier) >> (int)_context->TlbSetShift) & -SetSize;
        int set = (group ^ (int)((address >> WithinShift) & WithinMask)) / SetSize;
        return _entries.AsSpan().Slice(set * Ways, Ways);
    }

    private struct Entry
    {
        public ulong Tag;
        public ulong Host;
    }
}
