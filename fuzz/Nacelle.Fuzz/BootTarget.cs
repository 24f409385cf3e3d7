using System.Buffers.Binary;
using Nacelle.Machine;
using Nacelle.Machine.Boot;
using Nacelle.Memory;

namespace Nacelle.Fuzz;

/// <summary>
/// Loads kernels that the input has changed: the first byte chooses memory and initrd, the second shortens the file, then come pieces that
/// are written over a good kernel, each two bytes for the place, one for the length, and the bytes.
/// </summary>
internal static class BootTarget
{
    private const ulong Pattern = 0x5AFE_5AFE_5AFE_5AFE;
    private const ulong FirmwareStart = 0xE_0000;
    private const ulong FirmwareEnd = 0x10_0000;
    private const int HeaderSize = 3;
    private static readonly byte[] s_bzImage = MakeBzImage();
    private static readonly byte[] s_multiboot = MakeElf(wide: false);
    private static readonly byte[] s_pvh = MakeElf(wide: true);
    private static readonly byte[][] s_initrds = [[], new byte[1], new byte[4096], new byte[1 << 20]];

    [ThreadStatic]
    private static GuestMemory[]? s_memories;

    /// <summary>Runs one input on a bzImage.</summary>
    /// <exception cref="InvalidOperationException">The loader wrote onto what firmware has, or took a kernel and entered it nowhere.</exception>
    public static void RunBzImage(ReadOnlySpan<byte> input) => Change(s_bzImage, input);

    /// <summary>Runs one input on a multiboot kernel.</summary>
    /// <exception cref="InvalidOperationException">The loader wrote onto what firmware has.</exception>
    public static void RunMultiboot(ReadOnlySpan<byte> input) => Change(s_multiboot, input);

    /// <summary>Runs one input on a PVH kernel.</summary>
    /// <exception cref="InvalidOperationException">The loader wrote onto what firmware has.</exception>
    public static void RunPvh(ReadOnlySpan<byte> input) => Change(s_pvh, input);

    /// <summary>Runs one input as an ELF file: only what makes it one is put in front.</summary>
    /// <exception cref="InvalidOperationException">The loader wrote onto what firmware has.</exception>
    public static void RunElf(ReadOnlySpan<byte> input)
    {
        byte choice = input.IsEmpty ? (byte)0 : input[0];
        byte[] file = [.. s_pvh.AsSpan(0, 4), .. input];
        if (file.Length > 6)
        {
            (file[4], file[5]) = ((byte)(1 + (choice >> 7)), 1);
        }

        Load(file, choice);
    }

    private static void Change(byte[] original, ReadOnlySpan<byte> input)
    {
        byte choice = input.IsEmpty ? (byte)0 : input[0];
        int cut = input.Length < 2 ? 0 : input[1];
        byte[] file = original[..(cut < 0x80 ? original.Length : original.Length * (0x100 - cut) / 0x80)];
        input = input.Length < 2 ? [] : input[2..];
        while (input.Length > HeaderSize && file.Length != 0)
        {
            int place = BinaryPrimitives.ReadUInt16LittleEndian(input) % file.Length;
            int length = Math.Min(Math.Min((int)input[2], input.Length - HeaderSize), file.Length - place);
            input.Slice(HeaderSize, length).CopyTo(file.AsSpan(place));
            input = input[(HeaderSize + length)..];
        }

        Load(file, choice);
    }

    private static void Load(byte[] file, byte choice)
    {
        s_memories ??= [new GuestMemory(Ranges(2 << 20)), new GuestMemory(Ranges(4 << 20))];
        GuestMemory ram = s_memories[choice & 1];
        for (ulong address = FirmwareStart; address < FirmwareEnd; address += GuestMemory.PageSize)
        {
            ram.TryWrite(address, Pattern);
        }

        BootPayload payload = new(ram, "kernel", file, "initrd", s_initrds[(choice >> 1) & 3], "a command line", FirmwareStart);
        try
        {
            _ = BootPayload.Enter(payload, default);
        }
        catch (MachineException)
        {
            // Refused, with a line for a person.
        }

        for (ulong address = FirmwareStart; address < FirmwareEnd; address += GuestMemory.PageSize)
        {
            if (!ram.TryRead(address, out ulong value) || value != Pattern)
            {
                throw new InvalidOperationException($"the firmware's tables at 0x{address:x} were overwritten");
            }
        }
    }

    private static (ulong, ulong)[] Ranges(ulong size) => [(0, 0xA_0000), (0xC_0000, size - 0xC_0000)];

    private static byte[] MakeBzImage()
    {
        byte[] file = new byte[0xA00 + 0x400];
        Span<byte> bytes = file;
        (bytes[0x1F1], bytes[0x1FE], bytes[0x1FF], bytes[0x201]) = (4, 0x55, 0xAA, 0x66);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[0x1F4..], 0x40);
        "HdrS"u8.CopyTo(bytes[0x202..]);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[0x206..], 0x20F);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[0x22C..], 0x7FFF_FFFF);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[0x236..], 1);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[0x238..], 2047);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[0x258..], 0x10_0000);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[0x260..], 0x1000);
        return file;
    }

    /// <summary>One segment and one note segment; ELF32 with a multiboot header, ELF64 with the entry note of PVH.</summary>
    private static byte[] MakeElf(bool wide)
    {
        byte[] file = new byte[0x400];
        Span<byte> bytes = file;
        "\u007fELF"u8.CopyTo(bytes);
        (bytes[4], bytes[5], bytes[6], bytes[16], bytes[18]) = ((byte)(wide ? 2 : 1), 1, 1, 2, (byte)(wide ? 62 : 3));
        int word = wide ? 8 : 4;
        int header = wide ? 64 : 52;
        int entry = wide ? 56 : 32;
        void Put(int offset, ulong value)
        {
            if (word == 8)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(offset), value);
            }
            else
            {
                BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(offset), (uint)value);
            }
        }

        Put(24, 0x10_0000);
        Put(24 + word, (ulong)header);
        bytes[wide ? 54 : 42] = (byte)entry;
        bytes[wide ? 56 : 44] = 2;
        Segment(header, 1, 0, 0x10_0000, 0x400, 0x800);
        Segment(header + entry, 4, 0x200, 0, 0x20, 0x20);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[0x200..], 4);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[0x204..], 4);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[0x208..], 18);
        "Xen\0"u8.CopyTo(bytes[0x20C..]);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[0x210..], 0x10_0000);
        if (!wide)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes[0x300..], 0x1BAD_B002);
            BinaryPrimitives.WriteUInt32LittleEndian(bytes[0x308..], unchecked(0u - 0x1BAD_B002));
        }

        return file;

        void Segment(int at, uint type, ulong offset, ulong address, ulong inFile, ulong inMemory)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at), type);
            int first = wide ? at + 8 : at + 4;
            Put(first, offset);
            Put(first + word, address);
            Put(first + (2 * word), address);
            Put(first + (3 * word), inFile);
            Put(first + (4 * word), inMemory);
        }
    }
}
