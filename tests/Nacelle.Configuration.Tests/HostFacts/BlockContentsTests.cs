using System.Buffers.Binary;
using System.Text;
using CsCheck;

namespace Nacelle.Configuration.Tests;

/// <summary>Signatures as the host's own tools write them, against blkid and sfdisk; then bytes of strangers.</summary>
public sealed class BlockContentsTests
{
    private const long Size = 320 << 20;
    private const string Uuid = "6f1c9a52-3b0e-4a77-9c1d-2f5b8e0d4a61";

    [Theory]
    [InlineData("mkfs.ext2", "-q -F -t ext2 -U 6f1c9a52-3b0e-4a77-9c1d-2f5b8e0d4a61 -L data IMAGE", "ext2", null, "data", Uuid)]
    [InlineData("mkfs.ext3", "-q -F -t ext3 -U 6f1c9a52-3b0e-4a77-9c1d-2f5b8e0d4a61 -L data IMAGE", "ext3", null, "data", Uuid)]
    [InlineData("mkfs.ext4", "-q -F -U 6f1c9a52-3b0e-4a77-9c1d-2f5b8e0d4a61 -L sixteenletters.. IMAGE", "ext4", null, "sixteenletters..", Uuid)]
    [InlineData("mkfs.xfs", "-q -f -m uuid=6f1c9a52-3b0e-4a77-9c1d-2f5b8e0d4a61 -L data IMAGE", "xfs", "5", "data", Uuid)]
    [InlineData("mkfs.btrfs", "-q -f -U 6f1c9a52-3b0e-4a77-9c1d-2f5b8e0d4a61 -L data IMAGE", "btrfs", null, "data", Uuid)]
    [InlineData("mkfs.vfat", "-F 32 -i 1234abcd -n DATA IMAGE", "vfat", "FAT32", "DATA", "1234-ABCD")]
    [InlineData("mkfs.vfat", "-F 16 -i 1234abcd -n DATA IMAGE", "vfat", "FAT16", "DATA", "1234-ABCD")]
    [InlineData("mkswap", "-q -U 6f1c9a52-3b0e-4a77-9c1d-2f5b8e0d4a61 -L data IMAGE", "swap", "1", "data", Uuid)]
    [InlineData("mkswap", "-q -p 65536 -U 6f1c9a52-3b0e-4a77-9c1d-2f5b8e0d4a61 IMAGE", "swap", "1", null, Uuid)]
    [InlineData("cryptsetup", "luksFormat -q --type luks1 --uuid 6f1c9a52-3b0e-4a77-9c1d-2f5b8e0d4a61 --pbkdf-force-iterations 1000 IMAGE -", "luks", "1", null, Uuid)]
    [InlineData("cryptsetup", "luksFormat -q --type luks2 --uuid 6f1c9a52-3b0e-4a77-9c1d-2f5b8e0d4a61 --label data --pbkdf pbkdf2 --pbkdf-force-iterations 1000 IMAGE -", "luks", "2", "data", Uuid)]
    public void What_tools_of_the_host_write_is_recognised(string tool, string arguments, string type, string? version, string? label, string uuid)
    {
        using DiskImage image = new(Size);
        Assert.SkipUnless(image.TryRun(tool, arguments, tool == "cryptsetup" ? "a passphrase" : null), $"the host has no {tool}");
        HostBlockContents contents = BlockContentsReader.Read(image);
        HostBlockSignature signature = Assert.Single(contents.Signatures);
        Assert.Equal((type, version, label, uuid), (signature.Type, signature.Version, signature.Label, signature.Uuid));
        Assert.Null(contents.PartitionTable);
        Dictionary<string, string> probe = image.Probe();
        Assert.Equal(probe["TYPE"], type == "luks" ? "crypto_LUKS" : type);
        Assert.Equal(probe["UUID"], uuid);
    }

    [Theory]
    [InlineData("sfdisk", "-q IMAGE", "label: gpt\nlabel-id: 6F1C9A52-3B0E-4A77-9C1D-2F5B8E0D4A61\nstart=2048, size=204800, type=linux, name=\"root disk\"\nsize=20480, type=uefi\n")]
    [InlineData("sfdisk", "-q IMAGE", "label: dos\nlabel-id: 0x1234abcd\n1 : start=2048, size=204800, type=83, bootable\n2 : size=204800, type=5\n5 : size=10240, type=82\n6 : size=20480, type=83\n7 : size=30720, type=8e\n")]
    [InlineData("sfdisk", "-q IMAGE", "label: gpt\n")]
    public void Partition_tables_are_what_sfdisk_says(string tool, string arguments, string script)
    {
        using DiskImage image = new(Size);
        Assert.SkipUnless(image.TryRun(tool, arguments, script), $"the host has no {tool}");
        HostPartitionTable table = BlockContentsReader.Read(image).PartitionTable!;
        Assert.False(table.IsDamaged);
        bool gpt = script.Contains("gpt", StringComparison.Ordinal);
        Assert.Equal(gpt ? HostPartitionScheme.Gpt : HostPartitionScheme.Mbr, table.Scheme);
        if (!gpt)
        {
            Assert.Equal("1234abcd", table.Id);
            Assert.Equal([(1, "83", true), (2, "05", false), (5, "82", false), (6, "83", false), (7, "8e", false)], table.Partitions.Select(partition => (partition.Number, partition.Type, partition.IsBootable)));
            Assert.Equal(10240UL * 512, table.Partitions[2].SizeBytes);
            Assert.True(table.Partitions[3].StartBytes > table.Partitions[2].StartBytes);
        }
        else if (table.Partitions.Length > 0)
        {
            Assert.Equal(Uuid, table.Id);
            Assert.Equal(["root disk", null], table.Partitions.Select(partition => partition.Name));
            Assert.Equal((1, 2048UL * 512, 204800UL * 512, "0fc63daf-8483-4772-8e79-3d69d8477de4"), (table.Partitions[0].Number, table.Partitions[0].StartBytes, table.Partitions[0].SizeBytes, table.Partitions[0].Type));
        }
    }

    [Fact]
    public void A_damaged_table_is_read_from_its_copy_and_said_to_be_damaged()
    {
        using DiskImage image = new(Size);
        Assert.SkipUnless(image.TryRun("sfdisk", "-q IMAGE", "label: gpt\nstart=2048, size=204800, name=one\n"), "the host has no sfdisk");
        image.Write(512, new byte[512]);
        HostPartitionTable table = BlockContentsReader.Read(image).PartitionTable!;
        Assert.True(table.IsDamaged);
        Assert.Equal("one", Assert.Single(table.Partitions).Name);
        image.Write(0, new byte[512]);
        Assert.True(BlockContentsReader.Read(image).PartitionTable!.IsDamaged);
        image.Write(Size - 512, new byte[512]);
        Assert.True(BlockContentsReader.Read(image).IsBlank);
    }

    [Fact]
    public void A_disk_of_large_sectors_is_counted_in_them()
    {
        using DiskImage image = new(Size, 4096);
        Span<byte> mbr = new byte[512];
        (mbr[446 + 4], mbr[510], mbr[511]) = (0x83, 0x55, 0xAA);
        BinaryPrimitives.WriteUInt32LittleEndian(mbr[(446 + 8)..], 256);
        BinaryPrimitives.WriteUInt32LittleEndian(mbr[(446 + 12)..], 1024);
        image.Write(0, mbr);
        HostPartition partition = Assert.Single(BlockContentsReader.Read(image).PartitionTable!.Partitions);
        Assert.Equal((256UL * 4096, 1024UL * 4096), (partition.StartBytes, partition.SizeBytes));
    }

    [Fact]
    public void A_chain_of_logical_partitions_that_goes_round_ends()
    {
        using DiskImage image = new(Size);
        Span<byte> mbr = new byte[512];
        (mbr[446 + 4], mbr[510], mbr[511]) = (0x05, 0x55, 0xAA);
        BinaryPrimitives.WriteUInt32LittleEndian(mbr[(446 + 8)..], 2048);
        BinaryPrimitives.WriteUInt32LittleEndian(mbr[(446 + 12)..], 100_000);
        image.Write(0, mbr);
        Span<byte> record = new byte[512];
        (record[446 + 4], record[462 + 4], record[510], record[511]) = (0x83, 0x05, 0x55, 0xAA);
        BinaryPrimitives.WriteUInt32LittleEndian(record[(446 + 8)..], 63);
        BinaryPrimitives.WriteUInt32LittleEndian(record[(446 + 12)..], 1000);
        BinaryPrimitives.WriteUInt32LittleEndian(record[(462 + 8)..], 0);
        BinaryPrimitives.WriteUInt32LittleEndian(record[(462 + 12)..], 1000);
        image.Write(2048 * 512, record);
        HostPartitionTable table = BlockContentsReader.Read(image).PartitionTable!;
        Assert.True(table.IsDamaged);
        Assert.Equal([1, 5], table.Partitions.Select(partition => partition.Number));
    }

    /// <summary>pvcreate and mdadm want block devices: these are written by hand as their formats say.</summary>
    [Fact]
    public void A_physical_volume_names_its_group()
    {
        using DiskImage image = new(8 << 20);
        Span<byte> label = new byte[512];
        "LABELONE"u8.CopyTo(label);
        BinaryPrimitives.WriteUInt64LittleEndian(label[8..], 1);
        BinaryPrimitives.WriteUInt32LittleEndian(label[20..], 32);
        "LVM2 001"u8.CopyTo(label[24..]);
        "aBcDeF0123456789aBcDeF0123456789"u8.CopyTo(label[32..]);
        BinaryPrimitives.WriteUInt64LittleEndian(label[64..], 8 << 20);
        BinaryPrimitives.WriteUInt64LittleEndian(label[72..], 1 << 20);
        BinaryPrimitives.WriteUInt64LittleEndian(label[104..], 4096);
        BinaryPrimitives.WriteUInt64LittleEndian(label[112..], 1044480);
        BinaryPrimitives.WriteUInt32LittleEndian(label[16..], LvmChecksum(label[20..]));
        image.Write(512, label);
        Span<byte> area = new byte[512];
        " LVM2 x[5A%r0N*>"u8.CopyTo(area[4..]);
        BinaryPrimitives.WriteUInt64LittleEndian(area[40..], 1024);
        image.Write(4096, area);
        image.Write(4096 + 1024, "vg-data {\nid = \"x\"\n"u8);
        HostBlockSignature signature = Assert.Single(BlockContentsReader.Read(image).Signatures);
        Assert.Equal(
            new HostBlockSignature(HostBlockSignatureKind.PhysicalVolume, "lvm2", null, "vg-data", "aBcDeF-0123-4567-89aB-cDeF-0123-456789", 512), signature);
        Assert.Equal(signature.Uuid, image.Probe()["UUID"]);
        image.Write(4096 + 1024, "../../x {\n"u8);
        Assert.Null(BlockContentsReader.Read(image).Signatures[0].Label);
    }

    [Theory]
    [InlineData("1.0")]
    [InlineData("1.1")]
    [InlineData("1.2")]
    [InlineData("0.90")]
    public void Members_of_arrays_are_recognised_wherever_their_superblock_is(string version)
    {
        using DiskImage image = new((8 << 20) + 4096);
        Span<byte> block = new byte[1024];
        BinaryPrimitives.WriteUInt32LittleEndian(block, 0xA92B4EFC);
        byte[] identity = new Guid(Uuid).ToByteArray(bigEndian: true);
        long offset = version switch { "1.0" => (((8 << 20) + 4096 - 8192) / 4096) * 4096, "1.1" => 0, "1.2" => 4096, _ => (8 << 20) - (64 << 10) };
        if (version == "0.90")
        {
            BinaryPrimitives.WriteUInt32LittleEndian(block[8..], 90);
            int[] places = [20, 52, 56, 60];
            for (int i = 0; i < 4; i++)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(block[places[i]..], BinaryPrimitives.ReadUInt32BigEndian(identity.AsSpan(i * 4)));
            }
        }
        else
        {
            BinaryPrimitives.WriteUInt32LittleEndian(block[4..], 1);
            identity.CopyTo(block[16..]);
            "alpha:0"u8.CopyTo(block[32..]);
            BinaryPrimitives.WriteUInt64LittleEndian(block[144..], (ulong)offset / 512);
            BinaryPrimitives.WriteUInt32LittleEndian(block[216..], RaidChecksum(block[..256]));
        }

        image.Write(offset, block);
        HostBlockSignature signature = Assert.Single(BlockContentsReader.Read(image).Signatures);
        Assert.Equal(
            new HostBlockSignature(HostBlockSignatureKind.RaidMember, "md", version, version == "0.90" ? null : "alpha:0", Uuid, (ulong)offset), signature);
        Dictionary<string, string> probe = image.Probe();
        Assert.Equal(("linux_raid_member", Uuid), (probe.GetValueOrDefault("TYPE"), probe.GetValueOrDefault("UUID")));
    }

    [Fact]
    public void Pools_caches_and_discs_are_recognised()
    {
        using DiskImage image = new(64 << 20);
        image.Write(4096 + 24, [0xC6, 0x85, 0x73, 0xF6, 0x4E, 0x1A, 0x45, 0xCA, 0x82, 0x65, 0xF5, 0x7F, 0x48, 0xBA, 0x6D, 0x81]);
        image.Write(4096 + 16, [1]);
        image.Write(4096 + 72, "slow"u8);
        image.Write(32769, "CD001"u8);
        image.Write(32768 + 40, Encoding.ASCII.GetBytes("DEBIAN 12".PadRight(32)));

        // A name-value list in XDR: "name" and "pool_guid".
        List<byte> pairs = [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        void Word(uint value) => pairs.AddRange([(byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value]);
        Word(36);
        Word(48);
        Word(4);
        pairs.AddRange("name"u8.ToArray());
        Word(9);
        Word(1);
        Word(4);
        pairs.AddRange("tank"u8.ToArray());
        pairs.AddRange(new byte[4]);
        Word(40);
        Word(48);
        Word(9);
        pairs.AddRange("pool_guid\0\0\0"u8.ToArray());
        Word(8);
        Word(1);
        Word(0);
        Word(4711);
        Word(0);
        Word(0);
        image.Write((256 << 10) + (16 << 10), pairs.ToArray());
        image.Write((256 << 10) + (128 << 10) + 2048, BitConverter.GetBytes(0x00BAB10CUL));

        HostBlockContents contents = BlockContentsReader.Read(image);
        Assert.Equal(
            [("bcache", "backing device", "slow"), ("iso9660", null, "DEBIAN 12"), ("zfs", null, "tank")],
            contents.Signatures.Select(signature => (signature.Type, signature.Version, signature.Label)));
        Assert.Equal("4711", contents.Signatures[2].Uuid);
    }

    [Fact]
    public void A_file_system_in_a_first_sector_is_no_partition_table()
    {
        using DiskImage image = new(Size);
        Assert.SkipUnless(image.TryRun("mkfs.vfat", "-F 32 IMAGE"), "the host has no mkfs.vfat");
        Assert.Null(BlockContentsReader.Read(image).PartitionTable);
        Assert.True(BlockContentsReader.Read(new Bytes(new byte[4096])).IsBlank);
        Assert.Equal("no medium", BlockContentsReader.Read(new Bytes([])).NotReadable);
    }

    [Fact]
    public void Labels_cannot_steer_a_terminal()
    {
        using DiskImage image = new(Size);
        Assert.SkipUnless(image.TryRun("mkfs.ext4", "-q -F IMAGE"), "the host has no mkfs.ext4");
        image.Write(1024 + 120, "\u001b[2J\u202Ex"u8);
        string label = BlockContentsReader.Read(image).Signatures[0].Label!;
        Assert.Equal("\uFFFD[2J\uFFFDx", label);
    }

    [Fact]
    public void Whatever_the_bytes_are_reading_ends_within_bounds()
    {
        // Real magic numbers at real places, with noise around them.
        (int Offset, byte[] Magic)[] magics =
        [
            (1080, [0x53, 0xEF]), (0, "XFSB"u8.ToArray()), (65600, "_BHRfS_M"u8.ToArray()), (510, [0x55, 0xAA]), (450, [0xEE]), (450, [5]), (446, [0x80]),
            (512, "EFI PART"u8.ToArray()), (4086, "SWAPSPACE2"u8.ToArray()), (0, [0x4C, 0x55, 0x4B, 0x53, 0xBA, 0xBE, 0, 2]), (0, "LABELONE"u8.ToArray()),
            (24, "LVM2 001"u8.ToArray()), (4096, [0xFC, 0x4E, 0x2B, 0xA9, 1, 0, 0, 0]), (0, [0xFC, 0x4E, 0x2B, 0xA9, 1, 0, 0, 0]), (131072, [0x0C, 0xB1, 0xBA]),
            (16384, [1]), (4120, [0xC6, 0x85, 0x73, 0xF6]), (32769, "CD001"u8.ToArray()), (3, "NTFS    "u8.ToArray()), (82, "FAT32"u8.ToArray()), (0, [0xEB]),
        ];
        Gen.Select(Gen.Int[0, (1 << 20) + (64 << 10)], Gen.Int, Gen.Int[0, magics.Length - 1].List[0, 8], Gen.OneOf(Gen.Const(512), Gen.Const(4096)), Gen.Int[0, 2]).Sample(
            input =>
            {
                (int length, int seed, List<int> chosen, int sector, int fill) = input;
                byte[] bytes = new byte[length];
                if (fill == 1)
                {
                    new Random(seed).NextBytes(bytes);
                }
                else if (fill == 2)
                {
                    bytes.AsSpan().Fill(0xFF);
                }

                foreach (int index in chosen)
                {
                    (int offset, byte[] magic) = magics[index];
                    if (offset + magic.Length <= length)
                    {
                        magic.CopyTo(bytes, offset);
                    }
                }

                HostBlockContents contents = BlockContentsReader.Read(new Bytes(bytes, sector));
                foreach (HostBlockSignature signature in contents.Signatures)
                {
                    Assert.True(signature.Offset < (ulong)length);
                    Assert.DoesNotContain(signature.Label + signature.Uuid + signature.Version, char.IsControl);
                }

                Assert.True(contents.PartitionTable is not { Partitions.Length: > 8192 });
            },
            iter: 200);
    }

    /// <summary>CRC-32 with a start value of LVM's own and without the last complement.</summary>
    private static uint LvmChecksum(ReadOnlySpan<byte> bytes)
    {
        uint crc = 0xF597_A6CF;
        foreach (byte value in bytes)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB8_8320 : crc >> 1;
            }
        }

        return crc;
    }

    /// <summary>The sum of the words, its upper half added to the lower.</summary>
    private static uint RaidChecksum(ReadOnlySpan<byte> block)
    {
        ulong sum = 0;
        for (int i = 0; i < block.Length; i += 4)
        {
            sum += BinaryPrimitives.ReadUInt32LittleEndian(block[i..]);
        }

        return (uint)((sum & uint.MaxValue) + (sum >> 32));
    }

    private sealed class Bytes(byte[] bytes, int sector = 512) : IBlockBytes
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
