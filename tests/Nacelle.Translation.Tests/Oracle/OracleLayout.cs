namespace Nacelle.Translation.Tests.Oracle;

/// <summary>
/// Addresses that the native process and the guest have in common. Linear and guest-physical addresses are the same. Data:
/// four writable pages, one read-only page, a hole, one writable page alone, a hole, and three pages for state images.
/// </summary>
internal static class OracleLayout
{
    /// <summary>Where sequences are placed, one after the other; readable and executable.</summary>
    public const ulong CodeBase = 0x1000_0000;

    /// <summary>Bytes for sequences.</summary>
    public const int CodeSize = 16 << 20;

    /// <summary>More of it, of which every other page is not there.</summary>
    public const ulong EdgeBase = 0x1200_0000;

    /// <summary>Bytes of it.</summary>
    public const int EdgeSize = 2 << 20;

    /// <summary>The page that every sequence jumps to at its end; nothing is near it.</summary>
    public const ulong Gateway = 0x1FF0_0000;

    /// <summary>First data page.</summary>
    public const ulong DataBase = 0x2000_0000;

    /// <summary>Bytes from the first data page to the end of the last.</summary>
    public const int DataSize = 0x13000;

    /// <summary>Offset of the page that may only be read.</summary>
    public const int ReadOnlyPage = 0x4000;

    /// <summary>Offset of the first page that is not there.</summary>
    public const int Hole = 0x5000;

    /// <summary>Offset of the writable page between two holes.</summary>
    public const int Island = 0x6000;

    /// <summary>Offset of the pages that only FXSAVE, XSAVE and their like are pointed at.</summary>
    public const int StateArea = 0x10000;

    /// <summary>Bytes of memory that a sequence may change.</summary>
    public const int SnapshotSize = 0x8000;

    /// <summary>The writable stretches of data: offset from <see cref="DataBase"/>, offset in a snapshot, bytes.</summary>
    public static readonly (int Offset, int InSnapshot, int Length)[] Writable =
    [
        (0, 0, 0x4000),
        (Island, 0x4000, 0x1000),
        (StateArea, 0x5000, 0x3000),
    ];

    /// <summary>Address in <see cref="DataBase"/> of a byte of a snapshot.</summary>
    public static ulong AddressOf(int inSnapshot)
    {
        foreach ((int offset, int start, int length) in Writable)
        {
            if (inSnapshot - start < length)
            {
                return DataBase + (ulong)(offset + inSnapshot - start);
            }
        }

        throw new ArgumentOutOfRangeException(nameof(inSnapshot));
    }
}
