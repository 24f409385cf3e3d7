using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Nacelle.Configuration;

/// <summary>Superblocks of file systems. Stateless; null is "not there".</summary>
internal static class FileSystemSignatures
{
    private static HostBlockSignature Found(string type, string? version, string? label, string? uuid, ulong offset) =>
        new(HostBlockSignatureKind.FileSystem, type, version, label, uuid, offset);

    /// <summary>ext2, ext3 and ext4: superblock at 1024, told apart by the features that need a newer driver.</summary>
    internal static HostBlockSignature? Ext(IBlockBytes device)
    {
        const ulong superblock = 1024;
        const uint hasJournal = 4;
        const uint journalDevice = 8;

        // FILETYPE, RECOVER, JOURNAL_DEV, META_BG; SPARSE_SUPER, LARGE_FILE, BTREE_DIR: what ext2 and ext3 know.
        const uint olderIncompatible = 0x2 | 0x4 | 0x8 | 0x10;
        const uint olderReadOnly = 0x1 | 0x2 | 0x4;
        Span<byte> block = stackalloc byte[256];
        if (!device.TryRead(superblock, block)
            || BinaryPrimitives.ReadUInt16LittleEndian(block[56..]) != 0xEF53
            || BinaryPrimitives.ReadUInt32LittleEndian(block[24..]) > 6)
        {
            return null;
        }

        uint compatible = BinaryPrimitives.ReadUInt32LittleEndian(block[92..]);
        uint incompatible = BinaryPrimitives.ReadUInt32LittleEndian(block[96..]);
        uint readOnly = BinaryPrimitives.ReadUInt32LittleEndian(block[100..]);
        bool newer = (incompatible & ~olderIncompatible) != 0 || (readOnly & ~olderReadOnly) != 0;
        string type = newer ? "ext4" : (compatible & hasJournal) != 0 ? "ext3" : "ext2";
        string? version = (incompatible & journalDevice) != 0 ? "external journal" : null;
        return Found(type, version, SignatureText.Read(block.Slice(120, 16)), SignatureText.Uuid(block[104..]), superblock + 56);
    }

    /// <summary>XFS: "XFSB" at the start, big-endian.</summary>
    internal static HostBlockSignature? Xfs(IBlockBytes device)
    {
        Span<byte> block = stackalloc byte[256];
        if (!device.TryRead(0, block) || !block.StartsWith("XFSB"u8))
        {
            return null;
        }

        uint blockSize = BinaryPrimitives.ReadUInt32BigEndian(block[4..]);
        int version = BinaryPrimitives.ReadUInt16BigEndian(block[100..]) & 0xF;
        return !uint.IsPow2(blockSize) || blockSize is < 512 or > 65536
            ? null
            : Found(
                "xfs", version.ToString(CultureInfo.InvariantCulture), SignatureText.Read(block.Slice(108, 12)), SignatureText.Uuid(block[32..]), 0);
    }

    /// <summary>btrfs: first superblock at 64 KiB.</summary>
    internal static HostBlockSignature? Btrfs(IBlockBytes device)
    {
        const ulong superblock = 64 << 10;
        Span<byte> block = stackalloc byte[1024];
        return device.TryRead(superblock, block) && block[0x40..].StartsWith("_BHRfS_M"u8)
            ? Found("btrfs", null, SignatureText.Read(block.Slice(0x12B, 256)), SignatureText.Uuid(block[0x20..]), superblock + 0x40)
            : null;
    }

    /// <summary>What PC firmware and Windows know: FAT, exFAT and NTFS, in the first sector.</summary>
    internal static HostBlockSignature? BootSector(IBlockBytes device)
    {
        Span<byte> sector = stackalloc byte[512];
        if (!device.TryRead(0, sector) || sector[510] != 0x55 || sector[511] != 0xAA)
        {
            return null;
        }

        if (sector[3..].StartsWith("EXFAT   "u8))
        {
            return Found("exfat", null, null, SignatureText.FatNumber(BinaryPrimitives.ReadUInt32LittleEndian(sector[100..])), 3);
        }

        if (sector[3..].StartsWith("NTFS    "u8))
        {
            ulong serial = BinaryPrimitives.ReadUInt64LittleEndian(sector[72..]);
            return Found("ntfs", null, null, serial.ToString("X16", CultureInfo.InvariantCulture), 3);
        }

        return IsFat(sector) ? Fat(sector) : null;
    }

    /// <summary>ISO 9660: primary volume descriptor in sector 16 of 2048 bytes (ECMA-119, 9.4).</summary>
    internal static HostBlockSignature? Iso9660(IBlockBytes device)
    {
        const ulong descriptor = 16 * 2048;
        Span<byte> block = stackalloc byte[128];
        return device.TryRead(descriptor, block) && block[1..].StartsWith("CD001"u8)
            ? Found("iso9660", null, SignatureText.Read(block.Slice(40, 32)), null, descriptor + 1)
            : null;
    }

    /// <summary>F2FS: superblock at 1024.</summary>
    internal static HostBlockSignature? F2fs(IBlockBytes device)
    {
        const ulong superblock = 1024;
        Span<byte> block = stackalloc byte[1152];
        return device.TryRead(superblock, block) && BinaryPrimitives.ReadUInt32LittleEndian(block) == 0xF2F52010
            ? Found("f2fs", null, SignatureText.ReadUtf16(block.Slice(124, 1024)), SignatureText.Uuid(block[108..]), superblock)
            : null;
    }

    /// <summary>GFS2: superblock at 64 KiB, big-endian; the label is the lock table.</summary>
    internal static HostBlockSignature? Gfs2(IBlockBytes device)
    {
        const ulong superblock = 64 << 10;
        const uint superblockType = 1;
        Span<byte> block = stackalloc byte[512];
        return device.TryRead(superblock, block)
            && BinaryPrimitives.ReadUInt32BigEndian(block) == 0x01161970
            && BinaryPrimitives.ReadUInt32BigEndian(block[4..]) == superblockType
            ? Found("gfs2", null, SignatureText.Read(block.Slice(160, 64)), SignatureText.Uuid(block[256..]), superblock)
            : null;
    }

    /// <summary>OCFS2: superblock in the third block, whose size is 512 bytes to 4 KiB.</summary>
    internal static HostBlockSignature? Ocfs2(IBlockBytes device)
    {
        Span<byte> block = stackalloc byte[384];
        for (ulong size = 512; size <= 4096; size <<= 1)
        {
            if (device.TryRead(2 * size, block) && block.StartsWith("OCFSV2"u8))
            {
                return Found("ocfs2", null, SignatureText.Read(block.Slice(0x110, 64)), SignatureText.Uuid(block[0x150..]), 2 * size);
            }
        }

        return null;
    }

    /// <summary>SquashFS, little-endian.</summary>
    internal static HostBlockSignature? Squash(IBlockBytes device)
    {
        Span<byte> block = stackalloc byte[32];
        return device.TryRead(0, block) && block.StartsWith("hsqs"u8) && BinaryPrimitives.ReadUInt16LittleEndian(block[28..]) is > 0 and < 16
            ? Found("squashfs", BinaryPrimitives.ReadUInt16LittleEndian(block[28..]).ToString(CultureInfo.InvariantCulture), null, null, 0)
            : null;
    }

    /// <summary>Whether a first sector is that of a FAT file system: a jump, a possible geometry, and the type in words.</summary>
    private static bool IsFat(ReadOnlySpan<byte> sector) =>
        sector[0] is 0xEB or 0xE9
        && BinaryPrimitives.ReadUInt16LittleEndian(sector[11..]) is 512 or 1024 or 2048 or 4096
        && byte.IsPow2(sector[13])
        && sector[16] is 1 or 2
        && sector[21] is 0xF0 or >= 0xF8
        && (sector[54..].StartsWith("FAT"u8) || sector[82..].StartsWith("FAT32"u8));

    private static HostBlockSignature Fat(ReadOnlySpan<byte> sector)
    {
        bool large = sector[82..].StartsWith("FAT32"u8);
        string? label = SignatureText.Read(sector.Slice(large ? 71 : 43, 11), Encoding.Latin1);
        string? number = SignatureText.FatNumber(BinaryPrimitives.ReadUInt32LittleEndian(sector[(large ? 67 : 39)..]));
        string version = SignatureText.Read(sector.Slice(large ? 82 : 54, 8), Encoding.Latin1)!;
        return Found("vfat", version, label == "NO NAME" ? null : label, number, large ? 82u : 54u);
    }
}
