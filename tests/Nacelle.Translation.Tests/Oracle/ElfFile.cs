using System.Buffers.Binary;

namespace Nacelle.Translation.Tests.Oracle;

/// <summary>Makes a static ELF program of two executable segments (System V ABI, chapter 4).</summary>
internal static class ElfFile
{
    private const int HeaderSize = 64;
    private const int ProgramHeaderSize = 56;
    private const int PageSize = 4096;

    /// <summary>Puts the file together; the program begins with its first segment's first byte.</summary>
    public static byte[] Build(ulong firstAddress, byte[] first, ulong secondAddress, byte[] second)
    {
        int secondOffset = PageSize + ((first.Length + PageSize - 1) & ~(PageSize - 1));
        byte[] file = new byte[secondOffset + second.Length];
        Span<byte> header = file;
        ReadOnlySpan<byte> identification = [0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1];
        identification.CopyTo(header);
        BinaryPrimitives.WriteUInt16LittleEndian(header[16..], 2);
        BinaryPrimitives.WriteUInt16LittleEndian(header[18..], 62);
        BinaryPrimitives.WriteUInt32LittleEndian(header[20..], 1);
        BinaryPrimitives.WriteUInt64LittleEndian(header[24..], firstAddress);
        BinaryPrimitives.WriteUInt64LittleEndian(header[32..], HeaderSize);
        BinaryPrimitives.WriteUInt16LittleEndian(header[52..], HeaderSize);
        BinaryPrimitives.WriteUInt16LittleEndian(header[54..], ProgramHeaderSize);
        BinaryPrimitives.WriteUInt16LittleEndian(header[56..], 2);
        WriteSegment(header[HeaderSize..], firstAddress, PageSize, first.Length);
        WriteSegment(header[(HeaderSize + ProgramHeaderSize)..], secondAddress, secondOffset, second.Length);
        first.CopyTo(header[PageSize..]);
        second.CopyTo(header[secondOffset..]);
        return file;
    }

    private static void WriteSegment(Span<byte> header, ulong address, int offset, int length)
    {
        const uint load = 1;
        const uint readAndExecute = 5;
        BinaryPrimitives.WriteUInt32LittleEndian(header, load);
        BinaryPrimitives.WriteUInt32LittleEndian(header[4..], readAndExecute);
        BinaryPrimitives.WriteUInt64LittleEndian(header[8..], (ulong)offset);
        BinaryPrimitives.WriteUInt64LittleEndian(header[16..], address);
        BinaryPrimitives.WriteUInt64LittleEndian(header[24..], address);
        BinaryPrimitives.WriteUInt64LittleEndian(header[32..], (ulong)length);
        BinaryPrimitives.WriteUInt64LittleEndian(header[40..], (ulong)length);
        BinaryPrimitives.WriteUInt64LittleEndian(header[48..], PageSize);
    }
}
