using System.Buffers.Binary;
using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>GUID partition table (UEFI 2.10, 5.3). Stateless.</summary>
internal static class GuidPartitionTable
{
    private const int HeaderSize = 92;
    private const int SmallestEntry = 128;
    private const int MostEntryBytes = 1 << 20;
    private const int LargestEntry = 4096;

    /// <summary>The table by its header in the second sector, or by the one in the last where that is damaged; null where neither is one.</summary>
    internal static HostPartitionTable? Read(IBlockBytes device)
    {
        ulong unit = (ulong)device.LogicalSectorBytes;
        return ReadAt(device, unit) switch
        {
            { IsDamaged: false } primary => primary,
            var primary => ReadBackup(device) ?? primary,
        };
    }

    /// <summary>The table by the header in the last sector, as damaged: without a protective MBR or a first header few take it; null for none.</summary>
    internal static HostPartitionTable? ReadBackup(IBlockBytes device)
    {
        ulong unit = (ulong)device.LogicalSectorBytes;
        return device.Length >= 4 * unit && ReadAt(device, ((device.Length / unit) - 1) * unit) is { } backup ? backup with { IsDamaged = true } : null;
    }

    private static HostPartitionTable? ReadAt(IBlockBytes device, ulong offset)
    {
        Span<byte> header = stackalloc byte[512];
        ulong unit = (ulong)device.LogicalSectorBytes;
        if (!device.TryRead(offset, header) || !header.StartsWith("EFI PART"u8))
        {
            return null;
        }

        uint size = BinaryPrimitives.ReadUInt32LittleEndian(header[12..]);
        uint checksum = BinaryPrimitives.ReadUInt32LittleEndian(header[16..]);
        ulong entries = BinaryPrimitives.ReadUInt64LittleEndian(header[72..]);
        uint count = BinaryPrimitives.ReadUInt32LittleEndian(header[80..]);
        uint entrySize = BinaryPrimitives.ReadUInt32LittleEndian(header[84..]);
        uint entriesChecksum = BinaryPrimitives.ReadUInt32LittleEndian(header[88..]);
        string id = SignatureText.Guid(header[56..]);
        HostPartitionTable damaged = new(HostPartitionScheme.Gpt, id, true, []);
        if (size is < HeaderSize or > 512
            || entrySize is < SmallestEntry or > LargestEntry || !uint.IsPow2(entrySize)
            || count == 0 || (ulong)count * entrySize > MostEntryBytes
            || entries > device.Length / unit)
        {
            return damaged;
        }

        header.Slice(16, 4).Clear();
        bool wrong = Crc32.Compute(header[..(int)size]) != checksum;
        byte[] table = new byte[count * entrySize];
        if (!device.TryRead(entries * unit, table))
        {
            return damaged;
        }

        wrong |= Crc32.Compute(table) != entriesChecksum;
        return new HostPartitionTable(HostPartitionScheme.Gpt, id, wrong, ReadEntries(table, (int)entrySize, unit, device.Length, ref wrong))
            with
        { IsDamaged = wrong };
    }

    private static ImmutableArray<HostPartition> ReadEntries(ReadOnlySpan<byte> table, int entrySize, ulong unit, ulong length, ref bool wrong)
    {
        ImmutableArray<HostPartition>.Builder partitions = ImmutableArray.CreateBuilder<HostPartition>();
        for (int i = 0; (i + 1) * entrySize <= table.Length; i++)
        {
            const ulong legacyBootable = 4;
            ReadOnlySpan<byte> entry = table.Slice(i * entrySize, entrySize);
            if (!entry[..16].ContainsAnyExcept((byte)0))
            {
                continue;
            }

            ulong first = BinaryPrimitives.ReadUInt64LittleEndian(entry[32..]);
            ulong last = BinaryPrimitives.ReadUInt64LittleEndian(entry[40..]);
            if (last < first || last >= length / unit)
            {
                wrong = true;
                continue;
            }

            ulong attributes = BinaryPrimitives.ReadUInt64LittleEndian(entry[48..]);
            partitions.Add(new HostPartition(
                i + 1, first * unit, (last - first + 1) * unit, SignatureText.Guid(entry), SignatureText.ReadUtf16(entry.Slice(56, 72)),
                (attributes & legacyBootable) != 0));
        }

        return partitions.ToImmutable();
    }
}
