using System.Diagnostics;
using Nacelle.Translation.Cache;

namespace Nacelle.Translation.Runtime;

/// <content>Translated code that has to go: the oldest to make room, or all of it.</content>
internal sealed unsafe partial class TranslatorVirtualCpu
{
    private readonly ForcedEvictions? _forced;

    /// <summary>Blocks and links that are there, numbers that have been given to them, and pages that are watched. Outside <see cref="Run"/>.</summary>
    internal (int Blocks, int BlockNumbers, int Links, int LinkNumbers, int Pages) CacheSize =>
        (_blocks.Count, _blocks.Capacity, _links.Count, _links.Capacity, _blocks.Pages);

    /// <summary>Makes sure that a block can be emitted.</summary>
    private void MakeRoom()
    {
        while (_regions.MakeRoom() is CodeRegion region)
        {
            Evict(region);
        }
    }

    /// <summary>
    /// Drops the blocks of a region. Nothing leads there afterwards: links go to their stubs again, the jump tables have no
    /// entry, and the return stack was forgotten when translated code was left.
    /// </summary>
    private void Evict(CodeRegion region)
    {
        long start = Stopwatch.GetTimestamp();
        _jumps.Remove(region);
        _counters.EvictedBlocks += (ulong)_blocks.Evict(region);
        _pendingLink = -1;
        ulong took = (ulong)Stopwatch.GetElapsedTime(start).TotalNanoseconds;
        _counters.EvictedRegions++;
        _counters.EvictionNanoseconds += took;
        _counters.LongestEvictionNanoseconds = Math.Max(_counters.LongestEvictionNanoseconds, took);
    }

    /// <summary>Gives up all translated code.</summary>
    private void FlushCode()
    {
        _counters.CodeFlushes++;
        _blocks.Clear();
        _jumps.ClearAll();
        _pendingLink = -1;
    }

    /// <summary>Drops what the eviction that is due takes: the blocks of a region that has some, or everything.</summary>
    private void EvictAtRandom()
    {
        _counters.ForcedEvictions++;
        if (_forced!.Choose(_regions.All) is CodeRegion region)
        {
            Evict(region);
        }
        else
        {
            FlushCode();
        }
    }
}
