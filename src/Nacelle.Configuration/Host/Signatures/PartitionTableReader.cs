using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>Reads partition tables: a GUID table where the MBR protects one, else the MBR with its logical partitions. Stateless.</summary>
internal static class PartitionTableReader
{
    private const int EntrySize = 16;
    private const int FirstEntry = 446;
    private const int MostLogical = 128;
    private const byte Protective = 0xEE;

    /// <summary>Reads the table; null where there is none.</summary>
    internal static HostPartitionTable? Read(IBlockBytes device)
    {
        Span<byte> sector = stackalloc byte[512];
        if (!device.TryRead(0, sector) || sector[510] != 0x55 || sector[511] != 0xAA)
        {
            return GuidPartitionTable.ReadBackup(device);
        }

        ReadOnlySpan<byte> table = sector[FirstEntry..];
        bool isProtective = false;
        bool any = false;
        for (int i = 0; i < 4; i++)
        {
            ReadOnlySpan<byte> entry = table.Slice(i * EntrySize, EntrySize);

            // A file system's first sector ends with the same two bytes and has code here.
            if ((entry[0] & 0x7F) != 0)
            {
                return GuidPartitionTable.ReadBackup(device);
            }

            isProtective |= entry[4] == Protective;
            any |= entry[4] != 0 && BinaryPrimitives.ReadUInt32LittleEndian(entry[12..]) != 0;
        }

        return isProtective && GuidPartitionTable.Read(device) is { } guids ? guids
            : any ? ReadMbr(device, sector)
            : null;
    }

    private static HostPartitionTable ReadMbr(IBlockBytes device, ReadOnlySpan<byte> sector)
    {
        ImmutableArray<HostPartition>.Builder partitions = ImmutableArray.CreateBuilder<HostPartition>();
        ulong unit = (ulong)device.LogicalSectorBytes;
        bool damaged = false;
        for (int i = 0; i < 4; i++)
        {
            ReadOnlySpan<byte> entry = sector.Slice(FirstEntry + (i * EntrySize), EntrySize);
            (byte type, ulong start, ulong size) = Entry(entry, unit);
            if (type == 0 || size == 0)
            {
                continue;
            }

            damaged |= start + size > device.Length;
            partitions.Add(Partition(i + 1, start, size, type, entry[0] == 0x80));
            if (type is 0x05 or 0x0F or 0x85)
            {
                damaged |= !ReadLogical(device, start, size, partitions);
            }
        }

        uint id = BinaryPrimitives.ReadUInt32LittleEndian(sector[440..]);
        return new HostPartitionTable(
            HostPartitionScheme.Mbr,
            id.ToString("x8", CultureInfo.InvariantCulture),
            damaged,
            [.. partitions.OrderBy(partition => partition.Number)]);
    }

    /// <summary>
    /// Follows the chain: each record has a partition, counted from the record, and the next record, counted from the extended partition.
    /// </summary>
    /// <returns>False where it goes round or out of the extended partition.</returns>
    private static bool ReadLogical(IBlockBytes device, ulong extended, ulong extendedSize, ImmutableArray<HostPartition>.Builder partitions)
    {
        const int firstLogical = 5;
        Span<byte> sector = stackalloc byte[512];
        ulong unit = (ulong)device.LogicalSectorBytes;
        ulong record = extended;
        int next = partitions.Count(partition => partition.Number >= firstLogical) + firstLogical;
        for (int i = 0; i < MostLogical; i++)
        {
            if (!device.TryRead(record, sector) || sector[510] != 0x55 || sector[511] != 0xAA)
            {
                // An extended partition that nobody has cut yet has no record.
                return record == extended;
            }

            (byte type, ulong start, ulong size) = Entry(sector.Slice(FirstEntry, EntrySize), unit);
            if (type != 0 && size != 0)
            {
                if (start > extendedSize || size > extendedSize)
                {
                    return false;
                }

                partitions.Add(Partition(next++, record + start, size, type, sector[FirstEntry] == 0x80));
            }

            (byte link, ulong offset, ulong length) = Entry(sector.Slice(FirstEntry + EntrySize, EntrySize), unit);
            if (link == 0 || length == 0)
            {
                return true;
            }

            if (offset >= extendedSize || extended + offset <= record)
            {
                return false;
            }

            record = extended + offset;
        }

        return false;
    }

    private static (byte Type, ulong Start, ulong Size) Entry(ReadOnlySpan<byte> entry, ulong unit) => (
        entry[4],
        BinaryPrimitives.ReadUInt32LittleEndian(entry[8..]) * unit,
        BinaryPrimitives.ReadUInt32LittleEndian(entry[12..]) * unit);

    private static HostPartition Partition(int number, ulong start, ulong size, byte type, bool bootable) =>
        new(number, start, size, type.ToString("x2", CultureInfo.InvariantCulture), null, bootable);
}
