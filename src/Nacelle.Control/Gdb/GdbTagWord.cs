namespace Nacelle.Control.Gdb;

/// <summary>The x87 tag word between XSAVE's form of one bit a register and the full one of two (SDM volume 1, 8.1.7 and 10.5.1).</summary>
internal static class GdbTagWord
{
    private const int Empty = 3;

    /// <summary>Makes the full form: 0 valid, 1 zero, 2 special, 3 empty.</summary>
    /// <param name="image">An FXSAVE image.</param>
    public static ushort Expand(ReadOnlySpan<byte> image)
    {
        int top = (image[3] >> 3) & 7;
        ushort full = 0;
        for (int physical = 0; physical < 8; physical++)
        {
            int tag = Empty;
            if ((image[4] & (1 << physical)) != 0)
            {
                ReadOnlySpan<byte> register = image.Slice(32 + (((physical - top) & 7) * 16), 10);
                ulong fraction = System.Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(register);
                int exponent = (register[8] | (register[9] << 8)) & 0x7FFF;
                bool normal = exponent is not (0 or 0x7FFF) && fraction >> 63 != 0;
                tag = normal ? 0 : exponent == 0 && fraction == 0 ? 1 : 2;
            }

            full |= (ushort)(tag << (physical * 2));
        }

        return full;
    }

    /// <summary>Makes XSAVE's form.</summary>
    public static byte Abridge(ushort full)
    {
        int abridged = 0;
        for (int physical = 0; physical < 8; physical++)
        {
            abridged |= ((full >> (physical * 2)) & 3) == Empty ? 0 : 1 << physical;
        }

        return (byte)abridged;
    }
}
