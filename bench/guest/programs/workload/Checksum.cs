namespace Nacelle.Bench.Workload;

/// <summary>FNV-1a over what a part computes.</summary>
internal static class Checksum
{
    /// <summary>What to begin with.</summary>
    internal const ulong Start = 0xCBF2_9CE4_8422_2325;

    /// <summary>Takes a number in.</summary>
    internal static ulong Add(ulong sum, ulong value) => (sum ^ value) * 0x100_0000_01B3;

    /// <summary>Takes a text in.</summary>
    internal static ulong Add(ulong sum, string text)
    {
        foreach (char character in text)
        {
            sum = Add(sum, character);
        }

        return sum;
    }
}

/// <summary>Numbers that are the same in every run (xorshift64).</summary>
internal sealed class Numbers(ulong seed = 88_172_645_463_325_252)
{
    private ulong _state = seed;

    /// <summary>The next one.</summary>
    internal ulong Next()
    {
        _state ^= _state << 13;
        _state ^= _state >> 7;
        _state ^= _state << 17;
        return _state;
    }

    /// <summary>The next one below a limit.</summary>
    internal int Next(int limit) => (int)(Next() % (ulong)limit);
}
