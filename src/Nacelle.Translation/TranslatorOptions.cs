namespace Nacelle.Translation;

/// <summary>How the translator runs a machine. Immutable.</summary>
public sealed record TranslatorOptions
{
    /// <summary>Smallest <see cref="CodeCacheBytes"/>.</summary>
    public const int SmallestCodeCache = 1 << 20;

    /// <summary>Largest <see cref="CodeCacheBytes"/>.</summary>
    public const int LargestCodeCache = 1 << 30;

    /// <summary>Largest <see cref="EvictEvery"/>.</summary>
    public const int RarestEviction = 1_000_000_000;

    /// <summary>
    /// Bytes of translated code that each vCPU may hold, <see cref="SmallestCodeCache"/> to <see cref="LargestCodeCache"/>; a
    /// multiple of 4096. Pages of it are taken from the host on first use.
    /// </summary>
    public int CodeCacheBytes { get; init; } = 256 << 20;

    /// <summary>
    /// Gives up translated code at random, once in so many returns from it on average, up to <see cref="RarestEviction"/>; 0
    /// for never. Finds what relies on code that may be gone.
    /// </summary>
    public int EvictEvery { get; init; }

    /// <summary>Whether the time that slow paths take is measured, which adds some ten nanoseconds to each; without, it reads as zero.</summary>
    public bool IsTimed { get; init; }

    /// <summary>What is wrong with them in one line; null when nothing is.</summary>
    public string? Refusal =>
        CodeCacheBytes is < SmallestCodeCache or > LargestCodeCache || CodeCacheBytes % 4096 != 0
            ? $"a code cache of {CodeCacheBytes} bytes was asked for: it takes a multiple of 4096 from {SmallestCodeCache} to {LargestCodeCache}"
            : EvictEvery is < 0 or > RarestEviction
                ? $"an eviction every {EvictEvery} returns was asked for: the number is 0 for never, or 1 to {RarestEviction}"
                : null;
}
