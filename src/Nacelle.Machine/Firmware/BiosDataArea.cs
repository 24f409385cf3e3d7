using System.Buffers.Binary;
using Nacelle.Machine.Board;
using Nacelle.Memory;

namespace Nacelle.Machine.Firmware;

/// <summary>
/// What a PC's firmware leaves in low memory, for kernels that look there though no firmware ran: the BIOS data area, its extension, and
/// interrupt vectors whose handler says that the service does not exist. Stateless.
/// </summary>
internal static class BiosDataArea
{
    private const ulong Start = 0x400;
    private const int Length = 0x100;
    private const uint HandlerSegment = 0xF000;
    private const uint HandlerOffset = 0xFE00;
    private const ushort FirstSerialPort = 0x3F8;
    private const int Vectors = 256;

    /// <summary>Sets the carry flag in the caller's flags and returns: push bp; mov bp,sp; or byte [bp+6],1; pop bp; iret.</summary>
    private static ReadOnlySpan<byte> Handler => [0x55, 0x89, 0xE5, 0x80, 0x4E, 0x06, 0x01, 0x5D, 0xCF];

    /// <summary>Writes it.</summary>
    internal static void Write(GuestMemory ram)
    {
        Span<byte> vectors = stackalloc byte[Vectors * 4];
        for (int i = 0; i < Vectors; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(vectors[(i * 4)..], (HandlerSegment << 16) | HandlerOffset);
        }

        ram.TryWrite(0, vectors);
        ram.TryWrite((HandlerSegment << 4) + HandlerOffset, Handler);

        // Offsets as in "System BIOS for IBM PC/XT/AT Computers": COM1, the extension's segment, equipment, KiB of base memory.
        const int serialPort = 0x00;
        const int extension = 0x0E;
        const int equipment = 0x10;
        const int baseMemory = 0x13;
        const ushort oneSerialPortNoDisplay = 1 << 9;
        Span<byte> area = stackalloc byte[Length];
        area.Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(area[serialPort..], FirstSerialPort);
        BinaryPrimitives.WriteUInt16LittleEndian(area[extension..], (ushort)(PhysicalLayout.ConventionalEnd >> 4));
        BinaryPrimitives.WriteUInt16LittleEndian(area[equipment..], oneSerialPortNoDisplay);
        BinaryPrimitives.WriteUInt16LittleEndian(area[baseMemory..], (ushort)(PhysicalLayout.ConventionalEnd >> 10));
        ram.TryWrite(Start, area);

        // The extension begins with its length in KiB.
        ram.TryWrite(PhysicalLayout.ConventionalEnd, (byte)1);
    }
}
