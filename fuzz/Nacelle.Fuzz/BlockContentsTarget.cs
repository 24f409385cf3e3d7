using Nacelle.Configuration;

namespace Nacelle.Fuzz;

/// <summary>
/// Lets the input be pieces of a block device, each: two bytes for the sector where it goes, two for its place there, a byte for its length,
/// and the bytes. The device has 2 MiB, so that labels at the start and at the end have room.
/// </summary>
internal static class BlockContentsTarget
{
    private const int Size = 2 << 20;
    private const int Header = 5;

    /// <summary>Runs one input.</summary>
    /// <exception cref="InvalidOperationException">Something was recognised outside of the device, or has text that a terminal obeys.</exception>
    public static void Run(ReadOnlySpan<byte> input)
    {
        byte[] device = new byte[Size];
        int sector = !input.IsEmpty && (input[0] & 1) != 0 ? 4096 : 512;
        while (input.Length > Header)
        {
            int offset = ((((input[0] << 8) | input[1]) * 512) + (((input[2] << 8) | input[3]) % 512)) % Size;
            int length = Math.Min(Math.Min((int)input[4], input.Length - Header), Size - offset);
            input.Slice(Header, length).CopyTo(device.AsSpan(offset));
            input = input[(Header + length)..];
        }

        HostBlockContents contents = BlockContentsReader.Read(new Bytes(device, sector));
        foreach (HostBlockSignature signature in contents.Signatures)
        {
            if (signature.Offset >= Size || $"{signature.Label}{signature.Uuid}{signature.Version}".Any(char.IsControl))
            {
                throw new InvalidOperationException($"{signature} is not possible");
            }
        }

        if (contents.PartitionTable is { Partitions.Length: > 8192 })
        {
            throw new InvalidOperationException("a table of so many partitions is not possible");
        }
    }

    private sealed class Bytes(byte[] bytes, int sector) : IBlockBytes
    {
        public ulong Length => (ulong)bytes.Length;

        public int LogicalSectorBytes => sector;

        public bool TryRead(ulong offset, Span<byte> buffer)
        {
            if (offset > Length || (ulong)buffer.Length > Length - offset)
            {
                return false;
            }

            bytes.AsSpan((int)offset, buffer.Length).CopyTo(buffer);
            return true;
        }
    }
}
