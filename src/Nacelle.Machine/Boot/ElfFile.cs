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
    /// <returns>First address after the highest one.</returns>
    internal ulong Load(BootPayload payload)
    {
        ulong end = 0;
        for (int i = 0; i < HeaderCount; i++)
        {
            Segment segment = Header(i);
            if (segment.Type != LoadSegment || segment.MemorySize == 0)
            {
                continue;
            }

            if (segment.MemorySize < segment.FileSize || segment.Address + segment.MemorySize < segment.Address
                || !payload.Ram.TryRead(segment.Address + segment.MemorySize - 1, out byte _))
            {
                throw GuestImageError.TooLarge(
                    "kernel", _path, segment.Address + segment.MemorySize, Board.PhysicalLayout.LowRamEnd(payload.Ram));
            }

            payload.Write(segment.Address, Contents(segment), "kernel", _path);
            Clear(payload, segment.Address + segment.FileSize, segment.MemorySize - segment.FileSize);
            end = Math.Max(end, segment.Address + segment.MemorySize);
        }

        return end != 0 ? end : throw GuestImageError.Of(_path, "this ELF file has nothing to load");
    }

    /// <summary>Finds a note.</summary>
    /// <param name="name">Its owner.</param>
    /// <param name="type">Its type.</param>
    /// <param name="description">What it holds.</param>
    internal bool TryFindNote(ReadOnlySpan<byte> name, uint type, out ReadOnlySpan<byte> description)
    {
        for (int i = 0; i < HeaderCount; i++)
        {
            Segment segment = Header(i);
            if (segment.Type != NoteSegment)
            {
                continue;
            }

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
