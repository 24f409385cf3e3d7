using System.Runtime.InteropServices;

namespace Nacelle.Devices.Virtio.Block;

/// <summary>Request types (virtio 1.2, 5.2.6).</summary>
internal enum BlockRequestType : uint
{
    Read = 0,
    Write = 1,
    Flush = 4,
    GetIdentity = 8,
    Discard = 11,
    WriteZeroes = 13,
}

/// <summary>Status byte of a request (virtio 1.2, 5.2.6).</summary>
internal enum BlockStatus : byte
{
    Ok = 0,
    IoError = 1,
    Unsupported = 2,
}

/// <summary>The readable start of every request (struct virtio_blk_req).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct BlockHeader
{
    public const uint Size = 16;
    public BlockRequestType Type;
    public uint Reserved;
    public ulong Sector;
}

/// <summary>One range to discard or zero (struct virtio_blk_discard_write_zeroes).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct BlockRange
{
    public const uint Size = 16;
    public const uint UnmapFlag = 1;
    public ulong Sector;
    public uint SectorCount;
    public uint Flags;
}

/// <summary>What the disk allows.</summary>
/// <param name="Sectors">Size in sectors of 512 bytes.</param>
/// <param name="ReadOnly">Whether changes are refused.</param>
/// <param name="Discard">Whether the discard feature was negotiated.</param>
/// <param name="WriteZeroes">Whether the write-zeroes feature was negotiated.</param>
internal readonly record struct BlockLimits(ulong Sectors, bool ReadOnly, bool Discard, bool WriteZeroes);

/// <summary>A request judged by its header and lengths.</summary>
/// <param name="Status">Other than <see cref="BlockStatus.Ok"/>: the answer, with nothing to do.</param>
/// <param name="Offset">Byte on the disk, for reads and writes.</param>
/// <param name="DataLength">Bytes of data between header and status.</param>
internal readonly record struct BlockPlan(BlockStatus Status, long Offset, ulong DataLength);

/// <summary>Judges requests. Pure: the header was copied out once, and every value in it may be hostile.</summary>
internal static class BlockRequestParser
{
    public const int SectorSize = 512;
    public const int MaximumRanges = 16;

    /// <summary>Largest range of one discard or zeroing, in sectors: 1 GiB keeps a request short enough to wait for.</summary>
    public const uint MaximumRangeSectors = 1 << 21;

    /// <summary>Bytes that GET_ID answers with (5.2.6: VIRTIO_BLK_ID_BYTES).</summary>
    public const int IdentityLength = 20;

    /// <summary>Says why a chain is no request at all and its queue has to stop, or null.</summary>
    public static string? Framing(ulong readableLength, ulong writableLength) =>
        readableLength < BlockHeader.Size ? "a block request has no whole header"
        : writableLength == 0 ? "a block request has no room for its status"
        : null;

    /// <summary>Judges a request whose framing is right.</summary>
    public static BlockPlan Parse(in BlockHeader header, ulong readableLength, ulong writableLength, in BlockLimits limits)
    {
        ulong dataOut = readableLength - BlockHeader.Size;
        ulong dataIn = writableLength - 1;
        return header.Type switch
        {
            BlockRequestType.Read => Transfer(header.Sector, dataIn, limits.Sectors),
            BlockRequestType.Write when limits.ReadOnly => Refuse(BlockStatus.IoError),
            BlockRequestType.Write => Transfer(header.Sector, dataOut, limits.Sectors),
            BlockRequestType.Flush => new BlockPlan(BlockStatus.Ok, 0, 0),
            BlockRequestType.GetIdentity => dataIn < IdentityLength
                ? Refuse(BlockStatus.IoError)
                : new BlockPlan(BlockStatus.Ok, 0, IdentityLength),
            BlockRequestType.Discard when limits.Discard => Ranges(dataOut, limits),
            BlockRequestType.WriteZeroes when limits.WriteZeroes => Ranges(dataOut, limits),
            _ => Refuse(BlockStatus.Unsupported),
        };
    }

    /// <summary>Judges one range of a discard or zeroing.</summary>
    public static BlockStatus Check(in BlockRange range, BlockRequestType type, in BlockLimits limits)
    {
        // 5.2.6.2: reserved flags, and unmap on a discard, are answered with UNSUPP.
        uint allowed = type == BlockRequestType.WriteZeroes ? BlockRange.UnmapFlag : 0;
        if ((range.Flags & ~allowed) != 0)
        {
            return BlockStatus.Unsupported;
        }

        bool inside = range.SectorCount is > 0 and <= MaximumRangeSectors
            && range.Sector <= limits.Sectors && range.SectorCount <= limits.Sectors - range.Sector;
        return inside ? BlockStatus.Ok : BlockStatus.IoError;
    }

    private static BlockPlan Transfer(ulong sector, ulong length, ulong sectors) =>
        length % SectorSize != 0 || sector > sectors || length / SectorSize > sectors - sector
            ? Refuse(BlockStatus.IoError)
            : new BlockPlan(BlockStatus.Ok, (long)sector * SectorSize, length);

    private static BlockPlan Ranges(ulong length, in BlockLimits limits) =>
        limits.ReadOnly || length == 0 || length % BlockRange.Size != 0 || length / BlockRange.Size > MaximumRanges
            ? Refuse(BlockStatus.IoError)
            : new BlockPlan(BlockStatus.Ok, 0, length);

    private static BlockPlan Refuse(BlockStatus status) => new(status, 0, 0);
}
