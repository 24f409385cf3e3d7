namespace Nacelle.Translation.Tests.Oracle;

/// <summary>Random numbers that a seed determines for good, whatever the run-time library does (SplitMix64). For one thread.</summary>
internal sealed class SequenceRandom(ulong seed)
{
    private static readonly ulong[] s_edges =
    [
        0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF,
        0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, ulong.MaxValue, ulong.MaxValue - 1,
    ];

    private ulong _state = seed;

    /// <summary>64 random bits.</summary>
    public ulong Next()
    {
        _state += 0x9E37_79B9_7F4A_7C15;
        ulong mixed = (_state ^ (_state >> 30)) * 0xBF58_476D_1CE4_E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D0_49BB_1331_11EB;
        return mixed ^ (mixed >> 31);
    }

    /// <summary>A number from 0 to one below the limit.</summary>
    public int Below(int limit) => (int)((Next() >> 32) * (ulong)limit >> 32);

    /// <summary>True in so many of a hundred cases.</summary>
    public bool Percent(int chance) => Below(100) < chance;

    /// <summary>One of several.</summary>
    public T Of<T>(IReadOnlyList<T> items) => items[Below(items.Count)];

    /// <summary>A number of a kind that programs compute with: small, at an edge, or anything.</summary>
    public ulong Number() => Below(8) switch
    {
        0 or 1 => (ulong)Below(64),
        2 => Of(s_edges),
        3 => (ulong)(long)(sbyte)Next(),
        4 => (uint)Next(),
        _ => Next(),
    };
}
