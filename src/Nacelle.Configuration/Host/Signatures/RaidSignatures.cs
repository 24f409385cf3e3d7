using System.Buffers.Binary;

namespace Nacelle.Configuration;

/// <summary>Superblocks of MD arrays, which lie at the start or the end by their version. Stateless; null is "not there".</summary>
internal static class RaidSignatures
{
    private const uint Magic = 0xA92B4EFC;

    /// <summary>0.90: in the last 64 KiB that is aligned to 64 KiB; in the order of the machine that made it.</summary>
    internal static HostBlockSignature? Version0(IBlockBytes device)
    {
        const ulong reserved = 64 << 10;
        if (device.Length < 2 * reserved)
        {
            return null;
        }

        ulong offset = (device.Length & ~(reserved - 1)) - reserved;
        Span<byte> block = stackalloc byte[64];
        if (!device.TryRead(offset, block))
        {
            return null;
        }

        bool little = BinaryPrimitives.ReadUInt32LittleEndian(block) == Magic;
        if (!little && BinaryPrimitives.ReadUInt32BigEndian(block) != Magic)
        {
            return null;
        }

        // The four words of the identity, of which the first stands apart from the others.
        Span<byte> uuid = stackalloc byte[16];
        block.Slice(20, 4).CopyTo(uuid);
        block.Slice(52, 12).CopyTo(uuid[4..]);
        if (little)
        {
            for (int i = 0; i < 16; i += 4)
            {
                uuid.Slice(i, 4).Reverse();
            }
        }

        return new HostBlockSignature(HostBlockSignatureKind.RaidMember, "md", "0.90", null, SignatureText.Uuid(uuid), offset);
    }

    /// <summary>1.0: 8 KiB before the end, aligned to 4 KiB.</summary>
    internal static HostBlockSignature? Version10(IBlockBytes device) =>
        device.Length >= 16384 ? Version1(device, (((device.Length >> 9) - 16) & ~7UL) << 9, "1.0") : null;

    /// <summary>1.1: at the start.</summary>
    internal static HostBlockSignature? Version11(IBlockBytes device) => Version1(device, 0, "1.1");

    /// <summary>1.2: at 4 KiB.</summary>
    internal static HostBlockSignature? Version12(IBlockBytes device) => Version1(device, 4096, "1.2");

    private static HostBlockSignature? Version1(IBlockBytes device, ulong offset, string version)
    {
        Span<byte> block = stackalloc byte[160];
        return device.TryRead(offset, block)
            && BinaryPrimitives.ReadUInt32LittleEndian(block) == Magic
            && BinaryPrimitives.ReadUInt32LittleEndian(block[4..]) == 1
            && BinaryPrimitives.ReadUInt64LittleEndian(block[144..]) == offset >> 9
            ? new HostBlockSignature(
                HostBlockSignatureKind.RaidMember, "md", version, SignatureText.Read(block.Slice(32, 32)), SignatureText.Uuid(block[16..]), offset)
            : null;
    }
}
