using System.Runtime.InteropServices;
using Nacelle.Translation.Emit;

namespace Nacelle.Translation.Cache;

/// <summary>
/// A vCPU's translated blocks by guest-physical address and mode, by page, by number and by host address, and the links between
/// them. Nothing in it grows beyond what lies in the code memory. Owned by the vCPU's thread.
/// </summary>
/// <param name="emit">The code memory, for patching links.</param>
/// <param name="links">Direct branches out of blocks.</param>
/// <param name="regions">Where blocks lie.</param>
/// <param name="watch">Is told of pages that no block touches any more.</param>
internal sealed class BlockCache(CodeEmitter emit, LinkTable links, CodeRegions regions, CodeWatch watch)
{
    /// <summary>Most pages that are remembered to be run at several addresses: 256 MiB of code.</summary>
    private const int MostShared = 65_536;

    private readonly Dictionary<BlockKey, Block> _byAddress = [];
    private readonly Dictionary<ulong, PageBlocks> _byPage = [];
    private readonly List<Block?> _byNumber = [];
    private readonly Stack<int> _freeNumbers = [];
    private readonly List<PageBlocks> _stale = [];

    // Pages of user code that has been run at several linear addresses.
    private readonly HashSet<ulong> _shared = [];

    // Pages that are watched for a block under translation and had none before.
    private readonly List<PageBlocks> _reserved = [];

    /// <summary>Blocks that are there.</summary>
    public int Count => _byNumber.Count - _freeNumbers.Count;

    /// <summary>Numbers that have ever been in use.</summary>
    public int Capacity => _byNumber.Count;

    /// <summary>Pages that are watched for its sake.</summary>
    public int Pages => _byPage.Count;

    /// <summary>Number of the next block.</summary>
    public int NextNumber => _freeNumbers.TryPeek(out int number) ? number : _byNumber.Count;

    /// <summary>Looks a block up by number, right after it has run.</summary>
    public Block this[int number] => _byNumber[number]!;

    /// <summary>All blocks that can be found.</summary>
    public IEnumerable<Block> All => _byAddress.Values;

    /// <summary>Finds a block.</summary>
    public Block? Find(ulong physicalAddress, ExecutionMode mode) => _byAddress.GetValueOrDefault(new BlockKey(physicalAddress, mode));

    /// <summary>Watches chunks of a page for the block to be added next. Before the bytes are read for the last time.</summary>
    /// <param name="page">Guest-physical address of the page.</param>
    /// <param name="chunks">The chunks.</param>
    /// <param name="self">The vCPU.</param>
    public void Watch(ulong page, ulong chunks, ICodeWatcher self)
    {
        ref PageBlocks? blocks = ref CollectionsMarshal.GetValueRefOrAddDefault(_byPage, page, out bool known);
        if (!known)
        {
            blocks = new PageBlocks(page);
            _reserved.Add(blocks);
        }

        watch.Watch(page, chunks, self, isNew: !known);
    }

    /// <summary>Nothing has come of the block for which pages are watched.</summary>
    public void Unwatch()
    {
        foreach (PageBlocks page in _reserved)
        {
            page.IsStale = true;
            _stale.Add(page);
        }

        _reserved.Clear();
        Sweep();
    }

    /// <summary>Adds the block just emitted, whose pages are watched; an earlier one at the same place is not found any more.</summary>
    /// <exception cref="InvalidOperationException">It has more code than was made room for.</exception>
    public void Add(Block block)
    {
        if (emit.Address - block.LookupCode > CodeMemory.LargestBlock)
        {
            throw new InvalidOperationException($"a block has {emit.Address - block.LookupCode} bytes of code");
        }

        if (_freeNumbers.TryPop(out int number))
        {
            _byNumber[number] = block;
        }
        else
        {
            _byNumber.Add(block);
        }

        links.GiveTo(block);
        regions.Add(block);
        _byAddress[new BlockKey(block.PhysicalAddress, block.Mode)] = block;
        block.First = _byPage[block.PhysicalAddress & ~0xFFFUL];
        block.First.Blocks.Add(block);
        block.First.Place = block.IsPlaced ? block.Rip & ~0xFFFUL : block.First.Place;
        if (block.SecondPage != ulong.MaxValue)
        {
            block.Second = _byPage[block.SecondPage];
            block.Second.Blocks.Add(block);
        }

        if (_reserved.Count != 0)
        {
            // A page may have been watched for a longer copy than the block was made of in the end.
            _reserved.RemoveAll(static page => page.Blocks.Count != 0);
            Unwatch();
        }
    }

    /// <summary>Whether code of a page has been run at several linear addresses.</summary>
    /// <param name="physicalAddress">Guest-physical address in the page.</param>
    public bool IsShared(ulong physicalAddress) => _shared.Contains(physicalAddress & ~0xFFFUL);

    /// <summary>Whether code that lies in a page may be translated for a linear address, as all that is there has been for the same page of them.</summary>
    /// <param name="physicalAddress">Guest-physical address of the code.</param>
    /// <param name="rip">Linear address.</param>
    public bool TryPlace(ulong physicalAddress, ulong rip) =>
        !_byPage.TryGetValue(physicalAddress & ~0xFFFUL, out PageBlocks? page) || page.Place is not ulong place || place == (rip & ~0xFFFUL);

    /// <summary>Has code of a page been run at several linear addresses from now on; blocks that run at one only are dropped.</summary>
    /// <param name="physicalAddress">Guest-physical address in the page.</param>
    /// <param name="dropped">Told of each block.</param>
    public void Share(ulong physicalAddress, Action<Block> dropped)
    {
        if (_shared.Count == MostShared)
        {
            // Which pages they are will be found out again.
            _shared.Clear();
        }

        ulong address = physicalAddress & ~0xFFFUL;
        _shared.Add(address);
        if (!_byPage.TryGetValue(address, out PageBlocks? page))
        {
            return;
        }

        foreach (Block block in page.Blocks)
        {
            if (block.First == page && block.IsPlaced)
            {
                Drop(block);
                dropped(block);
            }
        }

        page.Place = null;
        Sweep();
    }

    /// <summary>Lets a direct branch jump straight to a block.</summary>
    public void Connect(int link, Block target)
    {
        emit.Patch(links[link].Displacement, links[link].IsStateLive ? target.LiveCode : target.HostCode);
        links.Connect(link, target);
    }

    /// <summary>Drops one block.</summary>
    public void Remove(Block block)
    {
        Drop(block);
        Sweep();
    }

    /// <summary>Drops the blocks that touch chunks of a page.</summary>
    /// <param name="page">Guest-physical address of the page.</param>
    /// <param name="chunks">The chunks.</param>
    /// <param name="dropped">Told of each block.</param>
    /// <returns>Whether there were any.</returns>
    public bool Invalidate(ulong page, ulong chunks, Action<Block> dropped)
    {
        if (!_byPage.TryGetValue(page, out PageBlocks? blocks))
        {
            return false;
        }

        bool any = false;
        foreach (Block block in blocks.Blocks)
        {
            if ((blocks.ChunksOf(block) & chunks) != 0)
            {
                Drop(block);
                dropped(block);
                any = true;
            }
        }

        Sweep();
        return any;
    }

    /// <summary>Drops the blocks of a region; the caller sees to it that no jump table leads there.</summary>
    /// <returns>How many there were.</returns>
    public int Evict(CodeRegion region)
    {
        int evicted = 0;
        ulong first = region.Blocks.Count == 0 ? region.End : region.Blocks[0].LookupCode;
        foreach (Block block in region.Blocks)
        {
            if (block.IsValid)
            {
                Drop(block, first, region.End);
                evicted++;
            }
        }

        region.Blocks.Clear();
        Sweep();
        return evicted;
    }

    /// <summary>Forgets everything; the code memory is used anew.</summary>
    public void Clear()
    {
        foreach (PageBlocks page in _byPage.Values)
        {
            watch.Release(page.Address, 0);
        }

        foreach (Block? block in _byNumber)
        {
            block?.IsValid = false;
        }

        _byAddress.Clear();
        _byPage.Clear();
        _byNumber.Clear();
        _shared.Clear();
        _freeNumbers.Clear();
        links.Clear();
        regions.Clear();
    }

    /// <summary>Finds the guest address of the instruction behind a host address.</summary>
    /// <param name="hostAddress">In a block's host code.</param>
    /// <param name="codePage">Linear address of the page that the block runs in, where its mode is relative.</param>
    /// <param name="rip">The guest address.</param>
    /// <param name="flagsSaved">Whether the guest's flags are set aside there.</param>
    public bool TryFindInstruction(ulong hostAddress, ulong codePage, out ulong rip, out bool flagsSaved)
    {
        Block? block = regions.Find(hostAddress);
        if (block is null || hostAddress < block.HostCode)
        {
            rip = 0;
            flagsSaved = false;
            return false;
        }

        int offset = (int)(hostAddress - block.HostCode);
        InstructionPlace entry = block.Map.Last(candidate => candidate.HostOffset <= offset);
        rip = (block.Mode.IsRelative ? codePage | (block.Rip & 0xFFF) : block.Rip) + entry.GuestOffset;
        flagsSaved = entry.FlagsSaved;
        return true;
    }

    /// <summary>Makes a block unreachable and forgets it, but for the lists of its pages, which are left to <see cref="Sweep"/>.</summary>
    /// <param name="block">The block.</param>
    /// <param name="discardedFrom">First host address of code that is discarded, links in which need not be patched.</param>
    /// <param name="discardedTo">Host address after it.</param>
    private void Drop(Block block, ulong discardedFrom = 0, ulong discardedTo = 0)
    {
        block.IsValid = false;
        BlockKey key = new(block.PhysicalAddress, block.Mode);
        if (_byAddress.TryGetValue(key, out Block? current) && current == block)
        {
            _byAddress.Remove(key);
        }

        while (block.FirstIncoming != LinkTable.None)
        {
            int number = block.FirstIncoming;
            Link link = links[number];
            if (link.Stub - discardedFrom >= discardedTo - discardedFrom)
            {
                emit.Patch(link.Displacement, link.Stub);
            }

            links.Disconnect(number);
        }

        links.Release(block);
        _byNumber[block.Number] = null;
        _freeNumbers.Push(block.Number);
        MarkStale(block.First!);
        if (block.Second is not null)
        {
            MarkStale(block.Second);
        }
    }

    private void MarkStale(PageBlocks page)
    {
        if (!page.IsStale)
        {
            page.IsStale = true;
            _stale.Add(page);
        }
    }

    /// <summary>Takes dropped blocks out of the lists of their pages, and lets go of pages that have none left.</summary>
    private void Sweep()
    {
        foreach (PageBlocks page in _stale)
        {
            ulong chunks = page.Sweep();
            if (page.Blocks.Count == 0)
            {
                _byPage.Remove(page.Address);
            }

            watch.Release(page.Address, chunks);
        }

        _stale.Clear();
    }

    /// <summary>What a block is found by.</summary>
    private readonly record struct BlockKey(ulong PhysicalAddress, ExecutionMode Mode);
}
