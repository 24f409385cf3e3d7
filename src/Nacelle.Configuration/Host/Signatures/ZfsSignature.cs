using System.Buffers.Binary;
using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>ZFS labels: two of 256 KiB at the start, two at the end, each with name-value pairs and a ring of uberblocks. Stateless.</summary>
internal static class ZfsSignature
{
    private const ulong LabelSize = 256 << 10;
    private const ulong PairsOffset = 16 << 10;
    private const int PairsSize = 112 << 10;
    private const ulong UberblocksOffset = 128 << 10;
    private const int SmallestUberblock = 1024;
    private const int MostPairs = 256;
    private const uint Unsigned64 = 8;
    private const uint Text = 9;

    /// <summary>The first label with an uberblock; null where none has.</summary>
    internal static HostBlockSignature? Read(IBlockBytes device)
    {
        if (device.Length < 4 * LabelSize)
        {
            return null;
        }

        ulong end = device.Length & ~(LabelSize - 1);
        byte[] ring = new byte[LabelSize - UberblocksOffset];
        foreach (ulong label in (ReadOnlySpan<ulong>)[0, LabelSize, end - (2 * LabelSize), end - LabelSize])
        {
            if (device.TryRead(label + UberblocksOffset, ring) && FindUberblock(ring) is int at)
            {
                (string? name, string? guid) = ReadPairs(device, label + PairsOffset);
                return new HostBlockSignature(
                    HostBlockSignatureKind.PoolMember, "zfs", null, name, guid, label + UberblocksOffset + (ulong)at);
            }
        }

        return null;
    }

    private static int? FindUberblock(ReadOnlySpan<byte> ring)
    {
        const ulong magic = 0x00BA_B10C;
        for (int at = 0; at < ring.Length; at += SmallestUberblock)
        {
            ulong word = BinaryPrimitives.ReadUInt64LittleEndian(ring[at..]);
            if (word == magic || BinaryPrimitives.ReverseEndianness(word) == magic)
            {
                return at;
            }
        }

        return null;
    }

    /// <summary>Pool's name and number from pairs in XDR (RFC 4506): a header of 4 bytes, two words, then pairs with their sizes.</summary>
    private static (string? Name, string? Guid) ReadPairs(IBlockBytes device, ulong offset)
    {
        const int listHeader = 12;
        byte[] bytes = new byte[PairsSize];
        string? name = null;
        string? guid = null;
        if (!device.TryRead(offset, bytes) || bytes[0] != 1)
        {
            return (null, null);
        }

        ReadOnlySpan<byte> rest = bytes.AsSpan(listHeader);
        for (int i = 0; i < MostPairs && rest.Length >= 16; i++)
        {
            // Size of the pair encoded, its size in memory, the name's length, the name, the type, the count, the value.
            uint size = BinaryPrimitives.ReadUInt32BigEndian(rest);
            uint length = BinaryPrimitives.ReadUInt32BigEndian(rest[8..]);
            long value = 12 + (((long)length + 3) & ~3L);
            if (size < value + 12 || size > rest.Length)
            {
                break;
            }

            ReadOnlySpan<byte> key = rest.Slice(12, (int)length);
            uint type = BinaryPrimitives.ReadUInt32BigEndian(rest[(int)value..]);
            ReadOnlySpan<byte> data = rest[((int)value + 8)..(int)size];
            if (type == Text && key.SequenceEqual("name"u8) && data.Length >= 4
                && BinaryPrimitives.ReadUInt32BigEndian(data) is uint textLength && textLength <= data.Length - 4)
            {
                name = SignatureText.Read(data.Slice(4, (int)textLength));
            }
            else if (type == Unsigned64 && key.SequenceEqual("pool_guid"u8) && data.Length >= 8)
            {
                guid = BinaryPrimitives.ReadUInt64BigEndian(data).ToString(CultureInfo.InvariantCulture);
            }

            rest = rest[(int)size..];
        }

        return (name, guid);
    }
}
