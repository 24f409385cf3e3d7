using System.Buffers.Binary;
using System.Text;

namespace Nacelle.Machine.Firmware;

/// <summary>Writes ACPI machine language (ACPI 6.4, chapter 20), inside out: terms are byte strings that nest.</summary>
internal static class AmlWriter
{
    internal static byte[] Concat(params byte[][] parts) => parts.SelectMany(part => part).ToArray();

    /// <summary>A name path of four-letter segments separated by dots; a leading backslash means the root.</summary>
    internal static byte[] Path(string path)
    {
        List<byte> bytes = [];
        if (path.StartsWith('\\'))
        {
            bytes.Add((byte)'\\');
            path = path[1..];
        }

        string[] segments = path.Split('.');
        if (segments.Length == 2)
        {
            bytes.Add(0x2E);
        }
        else if (segments.Length > 2)
        {
            bytes.Add(0x2F);
            bytes.Add((byte)segments.Length);
        }

        foreach (string segment in segments)
        {
            bytes.AddRange(Encoding.ASCII.GetBytes(segment.PadRight(4, '_')));
        }

        return [.. bytes];
    }

    internal static byte[] Scope(string path, params byte[][] terms) => Block([0x10], Concat([Path(path), .. terms]));

    internal static byte[] Device(string name, params byte[][] terms) => Block([0x5B, 0x82], Concat([Path(name), .. terms]));

    internal static byte[] Name(string name, byte[] value) => Concat([0x08], Path(name), value);

    internal static byte[] Integer(ulong value)
    {
        byte[] bytes = new byte[9];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(1), value);
        (bytes[0], int size) = value switch
        {
            <= byte.MaxValue => ((byte)0x0A, 1),
            <= ushort.MaxValue => ((byte)0x0B, 2),
            <= uint.MaxValue => ((byte)0x0C, 4),
            _ => ((byte)0x0E, 8),
        };
        return value <= 1 ? [(byte)value] : bytes[..(size + 1)];
    }

    internal static byte[] Text(string text) => [0x0D, .. Encoding.ASCII.GetBytes(text), 0];

    internal static byte[] Package(params byte[][] elements) => Block([0x12], Concat([[(byte)elements.Length], .. elements]));

    internal static byte[] Buffer(byte[] contents) => Block([0x11], Concat(Integer((ulong)contents.Length), contents));

    /// <summary>A resource template: the descriptors, and the end tag with a checksum of zero, which means unchecked.</summary>
    internal static byte[] Resources(params byte[][] descriptors) => Buffer(Concat([.. descriptors, [0x79, 0]]));

    /// <summary>A compressed EISA identifier such as PNP0A08 (ACPI 6.4, 19.3.4).</summary>
    internal static byte[] EisaId(string id)
    {
        uint value = (uint)(((id[0] - 0x40) << 26) | ((id[1] - 0x40) << 21) | ((id[2] - 0x40) << 16)) | Convert.ToUInt32(id[3..], 16);
        byte[] bytes = [0x0C, 0, 0, 0, 0];
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(1), value);
        return bytes;
    }

    /// <summary>Fixed I/O ports, 16-bit decode.</summary>
    internal static byte[] Ports(ushort first, byte length)
    {
        byte[] bytes = [0x47, 1, 0, 0, 0, 0, 1, length];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(2), first);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(4), first);
        return bytes;
    }

    /// <summary>An edge-triggered, active-high ISA interrupt.</summary>
    internal static byte[] Interrupt(int number) => [0x22, (byte)(1 << number), (byte)((1 << number) >> 8)];

    /// <summary>A fixed 32-bit memory range, writable.</summary>
    internal static byte[] FixedMemory(uint first, uint length)
    {
        byte[] bytes = new byte[12];
        bytes[0] = 0x86;
        bytes[1] = 9;
        bytes[3] = 1;
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4), first);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), length);
        return bytes;
    }

    /// <summary>A window that a bridge passes on (address space descriptors, 6.4.3.5).</summary>
    /// <param name="kind">0 memory, 1 ports, 2 bus numbers.</param>
    /// <param name="width">Bytes of each field: 2, 4 or 8.</param>
    /// <param name="first">First address.</param>
    /// <param name="last">Last address.</param>
    internal static byte[] Window(byte kind, int width, ulong first, ulong last)
    {
        byte[] bytes = new byte[6 + (width * 5)];
        bytes[0] = width switch { 2 => 0x88, 4 => 0x87, _ => 0x8A };
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(1), (ushort)(bytes.Length - 3));
        bytes[3] = kind;

        // Produced by the bridge, with fixed ends; memory is writable, ports of the whole range.
        bytes[4] = 0x0C;
        bytes[5] = kind switch { 0 => 1, 1 => 3, _ => 0 };
        Span<ulong> values = [0, first, last, 0, last - first + 1];
        for (int i = 0; i < values.Length; i++)
        {
            Span<byte> field = bytes.AsSpan(6 + (i * width));
            for (int j = 0; j < width; j++)
            {
                field[j] = (byte)(values[i] >> (j * 8));
            }
        }

        return bytes;
    }

    /// <summary>Prefixes a package length, which counts itself (20.2.4).</summary>
    private static byte[] Block(byte[] opcode, byte[] contents)
    {
        int length = contents.Length;
        byte[] prefix = (length + 1) switch
        {
            < 0x40 => [(byte)(length + 1)],
            _ when length + 2 < 0x1000 => [(byte)(0x40 | ((length + 2) & 15)), (byte)((length + 2) >> 4)],
            _ => [(byte)(0x80 | ((length + 3) & 15)), (byte)((length + 3) >> 4), (byte)((length + 3) >> 12)],
        };
        return Concat(opcode, prefix, contents);
    }
}
