using System.Buffers.Binary;
using System.Numerics;
using Nacelle.Block;

namespace Nacelle.Devices.Virtio.Block;

/// <summary>The block device's configuration space (struct virtio_blk_config; virtio 1.2, 5.2.4).</summary>
/// <remarks>Fixed at construction but for the write-cache byte, which vCPU threads write and read.</remarks>
internal sealed class BlockConfigurationSpace
{
    public const uint Size = 60;
    private const int WriteCacheOffset = 32;
    private readonly byte[] _bytes = new byte[Size];

    public BlockConfigurationSpace(IBlockNode node, int queues, int maximumSegments)
    {
        Span<byte> bytes = _bytes;
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, (ulong)node.Length / BlockRequestParser.SectorSize);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[12..], (uint)maximumSegments);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[20..], BlockRequestParser.SectorSize);
        uint sectorsPerBlock = (uint)node.PreferredAlignment / BlockRequestParser.SectorSize;
        bytes[24] = (byte)BitOperations.Log2(sectorsPerBlock);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[26..], (ushort)sectorsPerBlock);
        bytes[WriteCacheOffset] = (byte)(node.WriteCache ? 1 : 0);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[34..], (ushort)queues);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[36..], BlockRequestParser.MaximumRangeSectors);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[40..], BlockRequestParser.MaximumRanges);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[44..], sectorsPerBlock);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[48..], BlockRequestParser.MaximumRangeSectors);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[52..], BlockRequestParser.MaximumRanges);
        bytes[56] = (byte)(node.CanDiscard ? 1 : 0);
    }

    /// <summary>The driver's view of the cache: true is write-back, false write-through.</summary>
    public bool WriteCache
    {
        get => Volatile.Read(ref _bytes[WriteCacheOffset]) != 0;
        set => Volatile.Write(ref _bytes[WriteCacheOffset], (byte)(value ? 1 : 0));
    }

    public void Read(uint offset, Span<byte> destination) => _bytes.AsSpan((int)offset, destination.Length).CopyTo(destination);

    /// <summary>Takes the driver's wish for the write cache.</summary>
    /// <returns>The wish, or null when the write touches no writable field.</returns>
    public static bool? CacheWish(uint offset, ReadOnlySpan<byte> source) =>
        offset <= WriteCacheOffset && WriteCacheOffset - offset < source.Length
            ? source[(int)(WriteCacheOffset - offset)] != 0
            : null;
}
