using Nacelle.Translation.Cache;

namespace Nacelle.Translation.Runtime;

/// <summary>
/// Says when translated code is given up for no reason but to find what relies on code that may be gone. The same vCPU makes
/// the same choices in each run. Owned by the vCPU's thread.
/// </summary>
/// <param name="every">Mean number of returns from translated code between two of them, at least 1.</param>
/// <param name="seed">The vCPU's number.</param>
internal sealed class ForcedEvictions(int every, int seed)
{
    // One in so many gives up everything.
    private const uint FlushOf = 256;
    private ulong _state = ((ulong)(uint)seed + 1) * 0x9E37_79B9_7F4A_7C15;
    private uint _left = 1;

    /// <summary>Counts a return from translated code.</summary>
    /// <returns>Whether code is to be given up now.</returns>
    public bool IsDue()
    {
        if (--_left != 0)
        {
            return false;
        }

        _left = 1 + Below((2 * (uint)every) - 1);
        return true;
    }

    /// <summary>Chooses what to give up.</summary>
    /// <returns>A region that holds blocks, or null for everything.</returns>
    public CodeRegion? Choose(ReadOnlySpan<CodeRegion> regions)
    {
        if (Below(FlushOf) == 0)
        {
            return null;
        }

        int first = (int)Below((uint)regions.Length);
        for (int i = 0; i < regions.Length; i++)
        {
            CodeRegion region = regions[(first + i) % regions.Length];
            if (region.Blocks.Count != 0)
            {
                return region;
            }
        }

        return null;
    }

    /// <summary>A number below another, by xorshift.</summary>
    private uint Below(uint limit)
    {
        _state ^= _state << 13;
        _state ^= _state >> 7;
        _state ^= _state << 17;
        return (uint)((_state >> 32) % limit);
    }
}
