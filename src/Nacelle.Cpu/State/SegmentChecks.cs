namespace Nacelle.Cpu;

/// <summary>What a segment register allows outside 64-bit mode (SDM volume 3, 5.3 to 5.5; AMD APM volume 2, 4.12).</summary>
public static class SegmentChecks
{
    private const int SegmentType = 0x10;
    private const int CodeType = 8;
    private const int ExpandDownType = 4;
    private const int ReadableOrWritableType = 2;

    /// <summary>Whether a data segment's offsets are those above its limit.</summary>
    public static bool ExpandsDown(in SegmentRegister segment) =>
        (segment.Attributes & (SegmentType | CodeType | ExpandDownType)) == (SegmentType | ExpandDownType);

    /// <summary>Whether its type allows an access. A null selector allows none.</summary>
    /// <param name="segment">The segment.</param>
    /// <param name="write">Whether to write or to read.</param>
    /// <param name="isProtected">Protected mode; real and virtual-8086 mode look at no type.</param>
    public static bool Allows(in SegmentRegister segment, bool write, bool isProtected)
    {
        if (!segment.IsPresent || !isProtected)
        {
            return segment.IsPresent;
        }

        bool extended = (segment.Attributes & ReadableOrWritableType) != 0;
        return (segment.Attributes & CodeType) == 0 ? !write || extended : !write && extended;
    }

    /// <summary>Whether all bytes of an access lie inside the limit.</summary>
    /// <param name="segment">The segment.</param>
    /// <param name="offset">Of the first byte, below 4 GiB.</param>
    /// <param name="size">Bytes, at least one.</param>
    /// <remarks>What happens at the end of a segment of 4 GiB is the processor's choice (SDM volume 3, 5.3): here offsets wrap.</remarks>
    public static bool Contains(in SegmentRegister segment, ulong offset, int size)
    {
        ulong last = offset + (ulong)size - 1;
        return ExpandsDown(segment)
            ? offset > segment.Limit && (segment.IsDefault32 || last <= ushort.MaxValue)
            : last <= segment.Limit || segment.Limit == uint.MaxValue;
    }

    /// <summary>The last offset that a plain comparison may let through; -1 where none may, or where it takes more than that.</summary>
    /// <param name="segment">The segment.</param>
    /// <param name="write">Whether to write or to read.</param>
    /// <param name="isProtected">As in <see cref="Allows"/>.</param>
    public static long LastOffset(in SegmentRegister segment, bool write, bool isProtected) =>
        !Allows(segment, write, isProtected) || ExpandsDown(segment) ? -1
            : segment.Limit == uint.MaxValue ? long.MaxValue : segment.Limit;

    /// <summary>Whether nothing that code may do with the segment needs a check.</summary>
    /// <param name="segment">The segment.</param>
    /// <param name="isCode">Whether it is CS, which protected mode never writes to.</param>
    /// <param name="isProtected">As in <see cref="Allows"/>.</param>
    public static bool IsOpen(in SegmentRegister segment, bool isCode, bool isProtected) =>
        LastOffset(segment, write: !isCode || !isProtected, isProtected) == long.MaxValue;
}
