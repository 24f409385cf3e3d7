namespace Nacelle.Translation.Cache;

/// <summary>A vCPU's blocks that touch one page of guest memory. Owned by the vCPU's thread.</summary>
/// <param name="address">Guest-physical address of the page.</param>
internal sealed class PageBlocks(ulong address)
{
    /// <summary>Guest-physical address of the page.</summary>
    public ulong Address { get; } = address;

    /// <summary>The blocks.</summary>
    public List<Block> Blocks { get; } = [];

    /// <summary>Linear address of the page for which <see cref="Block.IsPlaced"/> blocks in it are translated, if there are any.</summary>
    public ulong? Place { get; set; }

    /// <summary>Whether some of the blocks have been dropped and are still in the list.</summary>
    public bool IsStale { get; set; }

    /// <summary>Chunks of the page that a block depends on.</summary>
    public ulong ChunksOf(Block block)
    {
        int inFirst = (int)Math.Min((ulong)block.Length, 4096 - (block.PhysicalAddress & 0xFFF));
        return block.First == this
            ? CodeWatch.Mask(block.PhysicalAddress, inFirst) | block.LookedAt
            : CodeWatch.Mask(Address, block.Length - inFirst);
    }

    /// <summary>Takes dropped blocks out.</summary>
    /// <returns>Chunks of the page that those which remain depend on.</returns>
    public ulong Sweep()
    {
        IsStale = false;
        Blocks.RemoveAll(static block => !block.IsValid);
        ulong chunks = 0;
        foreach (Block block in Blocks)
        {
            chunks |= ChunksOf(block);
        }

        return chunks;
    }
}
