using Nacelle.Translation.State;

namespace Nacelle.Translation.Memory;

/// <summary>
/// Keeps the soft TLBs that emitted code probes. An entry's negated tag plus an address gives the offset in the page on a
/// hit and something above 4095 otherwise. Owned by the vCPU's thread.
/// </summary>
internal sealed unsafe class SoftTlb
{
    private const int Entries = TranslatorContext.TlbEntries;
    private readonly ulong* _tables;
    private readonly ulong[] _physicalPages = new ulong[TranslatorContext.TlbCount * Entries];
    private readonly ushort[] _used = new ushort[TranslatorContext.TlbCount * Entries];
    private int _usedCount;

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
    public void Fill(int tlb, ulong address, ulong physicalPage, byte* hostPage, bool writable)
    {
        int index = (int)(address >> 12) & (Entries - 1);
        ulong tag = 0UL - (address & ~0xFFFUL);
        if (_physicalPages[(tlb * Entries) + index] == ulong.MaxValue)
        {
            _used[_usedCount++] = (ushort)((tlb * Entries) + index);
        }

        Tags(tlb, write: false)[index] = tag;
        Tags(tlb, write: true)[index] = writable ? tag : EmptyTag(index);
        Hosts(tlb)[index] = (ulong)hostPage;
        _physicalPages[(tlb * Entries) + index] = physicalPage;
    }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        for (int i = 0; i < _usedCount; i++)
        {
            ClearEntry(_used[i]);
        }

        _usedCount = 0;
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
        bool found = false;
        for (int i = 0; i < _usedCount; i++)
        {
            int entry = _used[i];
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
}
