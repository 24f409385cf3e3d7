using System.Buffers.Binary;

namespace Nacelle.Machine.Boot;

/// <summary>An x86 ELF executable with 32-bit or 64-bit headers (System V ABI, chapter 4); every offset is checked.</summary>
internal readonly ref struct ElfFile
{
    private const uint LoadSegment = 1;
    private const uint NoteSegment = 4;
    private readonly ReadOnlySpan<byte> _file;
    private readonly string _path;
    private readonly bool _wide;

    /// <summary>Checks the header.</summary>
    /// <exception cref="MachineException">It is not an x86 executable, or truncated.</exception>
    internal ElfFile(ReadOnlySpan<byte> file, string path)
    {
        _file = file;
        _path = path;
        if (file.Length < 52 || (file[4] == 2 && file.Length < 64))
        {
            throw GuestImageError.Of(path, "truncated: the ELF header is not whole");
        }

        _wide = file[4] == 2;
        int machine = BinaryPrimitives.ReadUInt16LittleEndian(file[18..]);
        if (file[4] is not (1 or 2) || file[5] != 1 || machine is not (3 or 62))
        {
            throw GuestImageError.Of(path, "this ELF file is not for x86");
        }

        Entry = _wide ? BinaryPrimitives.ReadUInt64LittleEndian(file[24..]) : BinaryPrimitives.ReadUInt32LittleEndian(file[24..]);
    }

    /// <summary>The entry point.</summary>
    internal ulong Entry { get; }

    private int HeaderCount => BinaryPrimitives.ReadUInt16LittleEndian(_file[(_wide ? 56 : 44)..]);

    internal static bool IsRecognised(ReadOnlySpan<byte> file) => file.Length >= 16 && file[..4].SequenceEqual("\u007fELF"u8);

    /// <summary>Copies the segments to their physical addresses.</summary>
    internal void Load(BootPayload payload)
    {
        ulong total = 0;
        for (int i = 0; i < HeaderCount; i++)
        {
            Segment segment = Header(i);
            if (segment.Type != LoadSegment || segment.MemorySize == 0)
            {
                continue;
            }

            Check(payload, segment, ref total);
            payload.Write(segment.Address, Contents(segment), "kernel", _path);
            Clear(payload, segment.Address + segment.FileSize, segment.MemorySize - segment.FileSize);
        }

        if (total == 0)
        {
            throw GuestImageError.Of(_path, "this ELF file has nothing to load");
        }
    }

    /// <summary>Finds a note.</summary>
    /// <param name="name">Its owner.</param>
    /// <param name="type">Its type.</param>
    /// <param name="description">What it holds.</param>
    internal bool TryFindNote(ReadOnlySpan<byte> name, uint type, out ReadOnlySpan<byte> description)
    {
        // Notes that do not overlap fit into the file together.
        ulong left = (ulong)_file.Length;
        for (int i = 0; i < HeaderCount; i++)
        {
            Segment segment = Header(i);
            if (segment.Type != NoteSegment || segment.FileSize > left)
            {
                continue;
            }

            left -= segment.FileSize;

            ReadOnlySpan<byte> notes = Contents(segment);
            while (notes.Length >= 12)
            {
                long nameSize = BinaryPrimitives.ReadUInt32LittleEndian(notes);
                long size = BinaryPrimitives.ReadUInt32LittleEndian(notes[4..]);
                long start = 12 + ((nameSize + 3) & ~3);
                long next = start + ((size + 3) & ~3);
                if (start + size > notes.Length)
                {
                    break;
                }

                if (BinaryPrimitives.ReadUInt32LittleEndian(notes[8..]) == type && notes.Slice(12, (int)nameSize).SequenceEqual(name))
                {
                    description = notes.Slice((int)start, (int)size);
                    return true;
                }

                notes = notes[(int)Math.Min(next, notes.Length)..];
            }
        }

        description = default;
        return false;
    }

    private void Check(BootPayload payload, Segment segment, ref ulong total)
    {
        ulong last = segment.Address + segment.MemorySize - 1;
        if (segment.MemorySize < segment.FileSize || last < segment.Address)
        {
            throw GuestImageError.Of(_path, $"a segment at 0x{segment.Address:x} is longer in the file than in memory, or has no end");
        }

        if (!payload.Ram.IsRam(segment.Address, segment.MemorySize))
        {
            ulong end = Board.PhysicalLayout.LowRamEnd(payload.Ram);
            throw last >= end && last < Board.PhysicalLayout.LowRamLimit && segment.Address >= Board.PhysicalLayout.ExtendedBase
                ? GuestImageError.TooLarge("kernel", _path, last + 1, end)
                : GuestImageError.Of(_path, $"a segment from 0x{segment.Address:x} to 0x{last:x} does not lie in guest memory");
        }

        // Segments that do not overlap have room in memory together; thousands that do would take hours to copy.
        total += segment.MemorySize;
        if (total > payload.Ram.Size)
        {
            throw GuestImageError.Of(_path, "its segments overlap");
        }

        if (payload.Claims.Take(segment.Address, segment.MemorySize, "the kernel") is string holder)
        {
            throw GuestImageError.Of(_path, $"a segment from 0x{segment.Address:x} to 0x{last:x} would overwrite {holder}: link it to another address");
        }
    }

    private static void Clear(BootPayload payload, ulong address, ulong length)
    {
        ReadOnlySpan<byte> zeros = new byte[(int)Math.Min(length, 1 << 16)];
        while (length != 0)
        {
            int step = (int)Math.Min(length, (ulong)zeros.Length);
            payload.Write(address, zeros[..step], "kernel", payload.KernelPath);
            address += (ulong)step;
            length -= (ulong)step;
        }
    }

    private ReadOnlySpan<byte> Contents(Segment segment) =>
        segment.Offset <= (ulong)_file.Length && segment.FileSize <= (ulong)_file.Length - segment.Offset
            ? _file.Slice((int)segment.Offset, (int)segment.FileSize)
            : throw GuestImageError.Of(_path, "truncated: a segment reaches past the end of the file");

    private Segment Header(int index)
    {
        ulong table = _wide ? BinaryPrimitives.ReadUInt64LittleEndian(_file[32..]) : BinaryPrimitives.ReadUInt32LittleEndian(_file[28..]);
        ulong size = _wide ? 56u : 32u;
        ulong position = table + ((ulong)index * size);
        if (table > (ulong)_file.Length || position + size > (ulong)_file.Length)
        {
            throw GuestImageError.Of(_path, "truncated: the program headers reach past the end of the file");
        }

        ReadOnlySpan<byte> header = _file.Slice((int)position, (int)size);
        return _wide
            ? new Segment(
                BinaryPrimitives.ReadUInt32LittleEndian(header),
                BinaryPrimitives.ReadUInt64LittleEndian(header[8..]),
                BinaryPrimitives.ReadUInt64LittleEndian(header[24..]),
                BinaryPrimitives.ReadUInt64LittleEndian(header[32..]),
                BinaryPrimitives.ReadUInt64LittleEndian(header[40..]))
            : new Segment(
                BinaryPrimitives.ReadUInt32LittleEndian(header),
                BinaryPrimitives.ReadUInt32LittleEndian(header[4..]),
                BinaryPrimitives.ReadUInt32LittleEndian(header[12..]),
                BinaryPrimitives.ReadUInt32LittleEndian(header[16..]),
                BinaryPrimitives.ReadUInt32LittleEndian(header[20..]));
    }

    private readonly record struct Segment(uint Type, ulong Offset, ulong Address, ulong FileSize, ulong MemorySize);
}
