using System.Buffers.Binary;

namespace Nacelle.Control.Gdb;

/// <summary>A register as gdb knows it. Immutable.</summary>
/// <param name="Name">The name of gdb's standard features.</param>
/// <param name="Bits">Its width, a multiple of 8.</param>
/// <param name="Type">The name of its type in the target description.</param>
/// <param name="Group">"general", "float", "vector" or "system".</param>
/// <param name="Read">Fills in the register's bytes, the least significant first.</param>
/// <param name="Write">Changes it; null for one that cannot be changed from outside.</param>
internal sealed record GdbRegister(
    string Name, int Bits, string Type, string Group, GdbRegisterReader Read, GdbRegisterWriter? Write)
{
    /// <summary>Bytes in a packet.</summary>
    public int Bytes => Bits / 8;

    /// <summary>A register of up to 64 bits.</summary>
    public static GdbRegister Number(
        string name,
        int bits,
        string type,
        string group,
        Func<GdbProcessorImage, ulong> read,
        Action<GdbProcessorImage, ulong>? write) => new(
            name,
            bits,
            type,
            group,
            (image, bytes) =>
            {
                Span<byte> wide = stackalloc byte[8];
                BinaryPrimitives.WriteUInt64LittleEndian(wide, read(image));
                wide[..bytes.Length].CopyTo(bytes);
            },
            write is null ? null : (image, bytes) =>
            {
                Span<byte> wide = stackalloc byte[8];
                wide.Clear();
                bytes.CopyTo(wide);
                write(image, BinaryPrimitives.ReadUInt64LittleEndian(wide));
            });

    /// <summary>Bytes in the XSAVE image.</summary>
    public static GdbRegister Extended(string name, int bits, string type, string group, int component, int offset) => new(
        name,
        bits,
        type,
        group,
        (image, bytes) => image.Extended.AsSpan(offset, bytes.Length).CopyTo(bytes),
        (image, bytes) => image.WriteExtended(component, offset, bytes));
}

/// <summary>Fills in a register's bytes.</summary>
internal delegate void GdbRegisterReader(GdbProcessorImage image, Span<byte> bytes);

/// <summary>Changes a register.</summary>
internal delegate void GdbRegisterWriter(GdbProcessorImage image, ReadOnlySpan<byte> bytes);
