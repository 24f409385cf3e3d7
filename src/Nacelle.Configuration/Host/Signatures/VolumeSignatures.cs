using System.Buffers.Binary;
using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>Labels of swap space, LUKS and bcache. Stateless; null is "not there".</summary>
internal static class VolumeSignatures
{
    /// <summary>bcache's magic number: c68573f6-4e1a-45ca-8265-f57f48ba6d81.</summary>
    private static ReadOnlySpan<byte> BcacheMagic => [0xC6, 0x85, 0x73, 0xF6, 0x4E, 0x1A, 0x45, 0xCA, 0x82, 0x65, 0xF5, 0x7F, 0x48, 0xBA, 0x6D, 0x81];

    private static ReadOnlySpan<byte> LuksMagic => [(byte)'L', (byte)'U', (byte)'K', (byte)'S', 0xBA, 0xBE];

    /// <summary>Swap space: the magic at the end of the first page, whose size is that of the host that made it.</summary>
    internal static HostBlockSignature? Swap(IBlockBytes device)
    {
        Span<byte> magic = stackalloc byte[10];
        Span<byte> header = stackalloc byte[68];
        for (ulong page = 4096; page <= 65536; page <<= 1)
        {
            if (!device.TryRead(page - 10, magic))
            {
                return null;
            }

            if (magic.SequenceEqual("SWAP-SPACE"u8))
            {
                return new HostBlockSignature(HostBlockSignatureKind.Swap, "swap", "0", null, null, page - 10);
            }

            if (magic.SequenceEqual("SWAPSPACE2"u8) && device.TryRead(1024, header))
            {
                return new HostBlockSignature(
                    HostBlockSignatureKind.Swap, "swap", "1", SignatureText.Read(header.Slice(28, 16)), SignatureText.Uuid(header[12..]), page - 10);
            }
        }

        return null;
    }

    /// <summary>LUKS 1 and 2: the header at the start, big-endian.</summary>
    internal static HostBlockSignature? Luks(IBlockBytes device)
    {
        Span<byte> header = stackalloc byte[208];
        if (!device.TryRead(0, header) || !header.StartsWith(LuksMagic))
        {
            return null;
        }

        int version = BinaryPrimitives.ReadUInt16BigEndian(header[6..]);
        return version is not (1 or 2)
            ? null
            : new HostBlockSignature(
                HostBlockSignatureKind.Encrypted,
                "luks",
                version.ToString(CultureInfo.InvariantCulture),
                version == 2 ? SignatureText.Read(header.Slice(24, 48)) : null,
                SignatureText.Read(header.Slice(168, 40)),
                0);
    }

    /// <summary>bcache: superblock in sector 8.</summary>
    internal static HostBlockSignature? Bcache(IBlockBytes device)
    {
        const ulong superblock = 4096;
        Span<byte> block = stackalloc byte[128];
        if (!device.TryRead(superblock, block) || !block[24..].StartsWith(BcacheMagic))
        {
            return null;
        }

        // Version 0 and 3 are of a caching device, the others of one that is cached.
        string role = BinaryPrimitives.ReadUInt64LittleEndian(block[16..]) is 0 or 3 or 5 ? "caching device" : "backing device";
        return new HostBlockSignature(
            HostBlockSignatureKind.Cache, "bcache", role, SignatureText.Read(block.Slice(72, 32)), SignatureText.Uuid(block[40..]), superblock + 24);
    }
}
