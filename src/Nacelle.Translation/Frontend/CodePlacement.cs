namespace Nacelle.Translation.Frontend;

/// <summary>Where the addresses of instructions, which segments may displace, lie in pages.</summary>
/// <param name="Distance">What added to an instruction's address gives its offset in the page, but for multiples of the page size.</param>
internal readonly record struct CodePlacement(ulong Distance)
{
    /// <summary>The placement of code whose address is at an offset of its page.</summary>
    public static CodePlacement Of(ulong rip, int offset) => new(((ulong)offset - rip) & 0xFFF);

    /// <summary>Offset in its page.</summary>
    public int OffsetOf(ulong rip) => (int)((rip + Distance) & 0xFFF);

    /// <summary>Whether a branch to an address of the same page is direct: linked to the code there, or at least looked at.</summary>
    public bool IsNear(ulong target, ulong source) => ((target + Distance) ^ (source + Distance)) >> 12 == 0;
}
