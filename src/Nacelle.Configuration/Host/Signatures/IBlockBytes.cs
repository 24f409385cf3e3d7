namespace Nacelle.Configuration;

/// <summary>Bytes of a block device or a disk image, to be read by offset.</summary>
public interface IBlockBytes
{
    /// <summary>Size in bytes.</summary>
    ulong Length { get; }

    /// <summary>Bytes of a sector, in which partition tables count: 512 or 4096.</summary>
    int LogicalSectorBytes { get; }

    /// <summary>Fills a buffer.</summary>
    /// <param name="offset">Where to begin.</param>
    /// <param name="buffer">Where the bytes go.</param>
    /// <returns>Whether all of it lies within <see cref="Length"/> and could be read; if not, the buffer holds nothing of use.</returns>
    bool TryRead(ulong offset, Span<byte> buffer);
}
