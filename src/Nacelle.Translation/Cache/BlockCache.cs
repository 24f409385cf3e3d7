using Nacelle.Translation.Emit;

namespace Nacelle.Translation.Cache;

/// <summary>A vCPU's translated blocks by guest-physical address and mode, and the links between them. Owned by the vCPU's thread.</summary>
/// <param name="emit">The code memory, for patching links.</param>
/// <param name="links">Direct branches out of blocks.</param>
internal sealed class BlockCache(CodeEmitter emit, LinkTable links)
{
    private readonly Dictionary<ulong, Block> _byAddress = [];
    private readonly Dictionary<ulong, List<Block>> _byPage = [];
    private readonly List<Block> _all = [];

    /// <summary>Number of the next block.</summary>
    public int NextNumber => _all.Count;

    /// <summary>Looks a block up by number.</summary>
    public Block this[int number] => _all[number];

    /// <summary>Finds a block.</summary>
    public Block? Find(ulong physicalAddress, ExecutionMode mode) => _byAddress.GetValueOrDefault(Key(physicalAddress, mode));

    /// <summary>Adds a block; an earlier one at the same place is forgotten.</summary>
    public void Add(Block block)
    {
        _all.Add(block);
        _byAddress[Key(block.PhysicalAddress, block.Mode)] = block;
        AddToPage(block.PhysicalAddress & ~0xFFFUL, block);
        if (block.SecondPage != ulong.MaxValue)
        {
            AddToPage(block.SecondPage, block);
        }
    }

    /// <summary>Lets a direct branch jump straight to a block.</summary>
    public void Connect(int link, Block target)
    {
        emit.Patch(links[link].Displacement, links[link].IsStateLive ? target.LiveCode : target.HostCode);
        target.IncomingLinks.Add(link);
    }

    /// <summary>Drops one block.</summary>
    public void Remove(Block block)
    {
        ulong page = block.PhysicalAddress & ~0xFFFUL;
        Drop(block, page);
        if (_byPage.TryGetValue(page, out List<Block>? blocks))
        {
            blocks.Remove(block);
        }
    }

    /// <summary>Drops the blocks that touch chunks of a page.</summary>
    /// <param name="page">Guest-physical address of the page.</param>
    /// <param name="chunks">The chunks.</param>
    /// <param name="dropped">Told of each block.</param>
    /// <returns>Whether there were any.</returns>
    public bool Invalidate(ulong page, ulong chunks, Action<Block> dropped)
    {
        if (!_byPage.TryGetValue(page, out List<Block>? blocks))
        {
            return false;
        }

        int removed = blocks.RemoveAll(block =>
        {
            if ((ChunksIn(block, page) & chunks) == 0)
            {
                return false;
            }

            Drop(block, page);
            dropped(block);
            return true;
        });
        if (blocks.Count == 0)
        {
            _byPage.Remove(page);
        }

        return removed != 0;
    }

    /// <summary>Forgets everything; the code memory is used anew.</summary>
    public void Clear()
    {
        _byAddress.Clear();
        _byPage.Clear();
        _all.Clear();
        links.Clear();
    }

    /// <summary>Finds the guest address of the instruction behind a host address.</summary>
    /// <param name="hostAddress">In a block's host code.</param>
    /// <param name="codePage">Linear address of the page that the block runs in, where its mode is relative.</param>
    /// <param name="rip">The guest address.</param>
    /// <param name="flagsSaved">Whether the guest's flags are set aside there.</param>
    public bool TryFindInstruction(ulong hostAddress, ulong codePage, out ulong rip, out bool flagsSaved)
    {
        int low = 0;
        int high = _all.Count - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            Block block = _all[middle];
            if (hostAddress < block.HostCode)
            {
                high = middle - 1;
            }
            else if (hostAddress >= block.HostCode + (ulong)block.HostLength)
            {
                low = middle + 1;
            }
            else
            {
                int offset = (int)(hostAddress - block.HostCode);
                InstructionPlace entry = block.Map.Last(candidate => candidate.HostOffset <= offset);
                rip = (block.Mode.IsRelative ? codePage | (block.Rip & 0xFFF) : block.Rip) + entry.GuestOffset;
                flagsSaved = entry.FlagsSaved;
                return true;
            }
        }

        rip = 0;
        flagsSaved = false;
        return false;
    }

    // Physical addresses have 46 bits.
    private static ulong Key(ulong physicalAddress, ExecutionMode mode) => physicalAddress | ((ulong)mode.Bits << 48);

    private static ulong ChunksIn(Block block, ulong page)
    {
        int inFirst = (int)Math.Min((ulong)block.Length, 4096 - (block.PhysicalAddress & 0xFFF));
        return (block.PhysicalAddress & ~0xFFFUL) == page
            ? CodeWatch.Mask(block.PhysicalAddress, inFirst) | block.LookedAt
            : CodeWatch.Mask(page, block.Length - inFirst);
    }

    private void Drop(Block block, ulong page)
    {
        block.IsValid = false;
        ulong key = Key(block.PhysicalAddress, block.Mode);
        if (_byAddress.TryGetValue(key, out Block? current) && current == block)
        {
            _byAddress.Remove(key);
        }

        foreach (int link in block.IncomingLinks)
        {
            emit.Patch(links[link].Displacement, links[link].Stub);
        }

        block.IncomingLinks.Clear();
        ulong first = block.PhysicalAddress & ~0xFFFUL;
        ulong other = page == first ? block.SecondPage : first;
        if (other != ulong.MaxValue && _byPage.TryGetValue(other, out List<Block>? blocks))
        {
            blocks.Remove(block);
        }
    }

    private void AddToPage(ulong page, Block block)
    {
        if (!_byPage.TryGetValue(page, out List<Block>? blocks))
        {
            _byPage[page] = blocks = [];
        }

        blocks.Add(block);
    }
}
