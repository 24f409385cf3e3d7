using System.Runtime.Intrinsics;
using Nacelle.Translation.Cache;
using Nacelle.Translation.State;

namespace Nacelle.Translation.Memory;

/// <summary>Keeps the tables by which indirect branches find translated code: one for each soft TLB's mode. Owned by the vCPU's thread.</summary>
internal sealed unsafe class JumpTable
{
    // More than this many entries are forgotten faster by filling the table than one by one.
    private const int ListedMost = 4096;
    private readonly TranslatorContext* _context;
    private readonly ulong _miss;
    private readonly Contents[] _contents = [new(), new(), new()];

    /// <param name="context">Where the tables are.</param>
    /// <param name="miss">Host code that an empty entry leads to.</param>
    public JumpTable(TranslatorContext* context, ulong miss)
    {
        _context = context;
        _miss = miss;

        // Elsewhere no address is that of an empty entry, which is 0: the low bits of RIP are its index. Pages of the tables are
        // taken from the host as they come into use.
        for (int table = 0; table < TranslatorContext.TlbCount; table++)
        {
            Targets(table)[0] = miss;
        }
    }

    /// <summary>Enters a block.</summary>
    /// <param name="mode">Mode.</param>
    /// <param name="rip">Guest address.</param>
    /// <param name="hostCode">Host address.</param>
    /// <param name="global">Whether the page it lies in is global.</param>
    /// <param name="crossing">Whether it lies in the next page too.</param>
    public void Set(ExecutionMode mode, ulong rip, ulong hostCode, bool global, bool crossing)
    {
        int table = mode.Tlb;
        int index = (int)rip & (ContextOffsets.JumpEntries(table) - 1);
        Addresses(table)[index] = rip;
        Targets(table)[index] = hostCode;
        Contents contents = _contents[table];
        contents.Pages.Add(rip >> 12);
        contents.IsDisplaced |= mode.HasCodeSegmentKey;
        if (crossing)
        {
            contents.SecondPages.Add((rip >> 12) + 1);
        }

        contents.IsUsed = true;
        if (!global && contents.LocalCount <= ListedMost)
        {
            if (contents.LocalCount < ListedMost)
            {
                contents.Local[contents.LocalCount] = index;
            }

            contents.LocalCount++;
        }
    }

    /// <summary>Forgets a block, at whatever linear address its page has been entered.</summary>
    public void Remove(Block block)
    {
        ulong* targets = Targets(block.Mode.Tlb);
        int entries = ContextOffsets.JumpEntries(block.Mode.Tlb);
        int index = (int)block.Rip & (entries - 1);
        if (!block.Mode.IsRelative)
        {
            // Numbers of code segments are in the upper half of an address and select no entry.
            Forget(targets, index, block);
            return;
        }

        for (index &= 0xFFF; index < entries; index += 4096)
        {
            Forget(targets, index, block);
        }
    }

    /// <summary>Forgets all blocks of a region.</summary>
    public void Remove(CodeRegion region)
    {
        // The tables hold some 300,000 entries, which a few blocks are looked up in faster one by one.
        const int few = 512;
        if (region.Blocks.Count <= few)
        {
            foreach (Block block in region.Blocks)
            {
                Remove(block);
            }

            return;
        }

        Vector256<ulong> first = Vector256.Create(region.Start);
        Vector256<ulong> length = Vector256.Create(region.End - region.Start);
        Vector256<ulong> miss = Vector256.Create(_miss);
        for (int table = 0; table < TranslatorContext.TlbCount; table++)
        {
            if (!_contents[table].IsUsed)
            {
                continue;
            }

            ulong* targets = Targets(table);
            int entryCount = ContextOffsets.JumpEntries(table);
            for (int index = 0; index < entryCount; index += Vector256<ulong>.Count)
            {
                Vector256<ulong> entries = Vector256.Load(targets + index);
                Vector256<ulong> inside = Vector256.LessThan(entries - first, length);
                if (inside != Vector256<ulong>.Zero)
                {
                    Vector256.Store(Vector256.ConditionalSelect(inside, miss, entries), targets + index);
                }
            }
        }
    }

    /// <summary>Forgets a table.</summary>
    public void Clear(int table)
    {
        Contents contents = _contents[table];
        if (contents.IsUsed)
        {
            new Span<ulong>(Targets(table), ContextOffsets.JumpEntries(table)).Fill(_miss);
            contents.Pages.Clear();
            contents.SecondPages.Clear();
            contents.LocalCount = 0;
            contents.IsUsed = false;
            contents.IsDisplaced = false;
        }
    }

    /// <summary>Forgets all tables.</summary>
    public void ClearAll()
    {
        for (int table = 0; table < TranslatorContext.TlbCount; table++)
        {
            Clear(table);
        }
    }

    /// <summary>Forgets what belongs to one address space only.</summary>
    public void ClearNonGlobal()
    {
        for (int table = 0; table < TranslatorContext.TlbCount; table++)
        {
            Contents contents = _contents[table];
            if (contents.LocalCount > ListedMost)
            {
                Clear(table);
                continue;
            }

            ulong* targets = Targets(table);
            foreach (int index in contents.Local.AsSpan(0, contents.LocalCount))
            {
                targets[index] = _miss;
            }

            contents.LocalCount = 0;
        }
    }

    /// <summary>Forgets what lies at a page of linear addresses.</summary>
    public void ClearPage(ulong address)
    {
        ulong page = address >> 12;
        for (int table = 0; table < TranslatorContext.TlbCount; table++)
        {
            if (_contents[table].IsDisplaced || _contents[table].SecondPages.Contains(page))
            {
                Clear(table);
            }

            if (!_contents[table].Pages.Remove(page))
            {
                continue;
            }

            // A page's entries lie together, as the index is made of the low bits of RIP.
            ulong* tags = Addresses(table);
            ulong* targets = Targets(table);
            int first = (int)(address & ~0xFFFUL) & (ContextOffsets.JumpEntries(table) - 1);
            for (int index = first; index < first + 4096; index++)
            {
                if (tags[index] >> 12 == page)
                {
                    targets[index] = _miss;
                }
            }
        }
    }

    private void Forget(ulong* targets, int index, Block block)
    {
        if (targets[index] == block.LookupCode)
        {
            targets[index] = _miss;
        }
    }

    private ulong* Addresses(int table) => (ulong*)((byte*)_context + ContextOffsets.JumpTable(table, 0));

    private ulong* Targets(int table) => (ulong*)((byte*)_context + ContextOffsets.JumpTable(table, 1));

    private sealed class Contents
    {
        /// <summary>Numbers of the pages that some entry may lie in.</summary>
        public HashSet<ulong> Pages { get; } = [];

        /// <summary>Numbers of the pages into which an instruction of the page before may run on.</summary>
        public HashSet<ulong> SecondPages { get; } = [];

        /// <summary>Entries of pages that are not global, while few.</summary>
        public int[] Local { get; } = new int[ListedMost];

        public int LocalCount { get; set; }

        public bool IsUsed { get; set; }

        /// <summary>Whether segments displace what is in it, so that the pages are not those of linear addresses.</summary>
        public bool IsDisplaced { get; set; }
    }
}
