using Nacelle.Translation.Emit;

namespace Nacelle.Translation.Cache;

/// <summary>
/// The part of the code memory that holds blocks, as a ring of regions that are filled in turn. What lies ahead is evicted
/// region by region, oldest first. A block belongs to the region in which it begins and may reach into the next, whose own
/// blocks have been evicted by then. Owned by the vCPU's thread.
/// </summary>
internal sealed class CodeRegions
{
    // More regions than these would be evicted no faster, block for block; fewer would stop the vCPU for longer.
    private const int Most = 64;
    private readonly CodeEmitter _emit;
    private readonly CodeRegion[] _regions;
    private readonly int _start;
    private readonly int _end;
    private readonly int _size;

    // From the emitter's position up to here nothing is in use.
    private int _freeUntil;

    /// <param name="emit">The code memory; blocks begin at its position.</param>
    /// <param name="end">Position after the last byte for blocks.</param>
    public CodeRegions(CodeEmitter emit, int end)
    {
        _emit = emit;
        _start = emit.Position;
        _end = end;
        _freeUntil = end;
        _size = Math.Max(CodeMemory.LargestBlock, (end - _start) / Most);
        _regions = new CodeRegion[(end - _start) / _size];
        for (int i = 0; i < _regions.Length; i++)
        {
            int next = i == _regions.Length - 1 ? end : _start + ((i + 1) * _size);
            _regions[i] = new CodeRegion(emit.AddressOf(_start + (i * _size)), emit.AddressOf(next));
        }
    }

    /// <summary>All regions.</summary>
    public ReadOnlySpan<CodeRegion> All => _regions;

    /// <summary>Makes sure that any block fits at the emitter's position.</summary>
    /// <returns>A region that is to be evicted first, after which the caller asks again; null when there is room.</returns>
    public CodeRegion? MakeRoom()
    {
        while (_freeUntil - _emit.Position < CodeMemory.LargestBlock)
        {
            if (_freeUntil == _end)
            {
                _emit.Position = _start;
                _freeUntil = _start;
            }

            CodeRegion next = _regions[IndexOf(_freeUntil)];
            _freeUntil = _emit.PositionOf(next.End);
            if (next.Blocks.Count != 0)
            {
                return next;
            }
        }

        return null;
    }

    /// <summary>Takes in a block that has just been emitted.</summary>
    public void Add(Block block) => RegionOf(block.LookupCode).Blocks.Add(block);

    /// <summary>Begins anew with nothing in use, when all blocks have been dropped.</summary>
    public void Clear()
    {
        foreach (CodeRegion region in _regions)
        {
            region.Blocks.Clear();
        }

        _emit.Position = _start;
        _freeUntil = _end;
    }

    /// <summary>Finds the block that has code at a host address, or null.</summary>
    public Block? Find(ulong hostAddress)
    {
        if (hostAddress < _regions[0].Start || hostAddress >= _regions[^1].End)
        {
            return null;
        }

        int index = IndexOf(_emit.PositionOf(hostAddress));
        Block? block = _regions[index].FindAtOrBefore(hostAddress);
        if (block is null && index != 0)
        {
            block = _regions[index - 1].FindAtOrBefore(hostAddress);
        }

        return block is not null && hostAddress < block.HostCode + (ulong)block.HostLength ? block : null;
    }

    private CodeRegion RegionOf(ulong hostAddress) => _regions[IndexOf(_emit.PositionOf(hostAddress))];

    private int IndexOf(int position) => Math.Min((position - _start) / _size, _regions.Length - 1);
}

/// <summary>A stretch of code memory whose blocks are evicted together. Owned by the vCPU's thread.</summary>
/// <param name="start">Host address of its first byte.</param>
/// <param name="end">Host address after its last.</param>
internal sealed class CodeRegion(ulong start, ulong end)
{
    /// <summary>Host address of its first byte.</summary>
    public ulong Start { get; } = start;

    /// <summary>Host address after its last byte.</summary>
    public ulong End { get; } = end;

    /// <summary>The blocks that begin in it by host address; some may have been dropped, but their code is still there.</summary>
    public List<Block> Blocks { get; } = [];

    /// <summary>The last block that begins at a host address or before it, or null.</summary>
    public Block? FindAtOrBefore(ulong hostAddress)
    {
        int low = 0;
        int high = Blocks.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (Blocks[middle].LookupCode <= hostAddress)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low == 0 ? null : Blocks[low - 1];
    }
}
