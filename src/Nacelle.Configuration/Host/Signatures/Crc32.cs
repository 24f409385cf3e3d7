namespace Nacelle.Configuration;

/// <summary>CRC-32 of Ethernet and UEFI: polynomial 04C11DB7H, reflected. Stateless.</summary>
internal static class Crc32
{
    private static readonly uint[] s_table = [.. Enumerable.Range(0, 256).Select(value => Step((uint)value))];

    /// <summary>The checksum of some bytes.</summary>
    internal static uint Compute(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in bytes)
        {
            crc = s_table[(byte)(crc ^ value)] ^ (crc >> 8);
        }

        return ~crc;
    }

    private static uint Step(uint value)
    {
        for (int bit = 0; bit < 8; bit++)
        {
            value = (value & 1) != 0 ? (value >> 1) ^ 0xEDB8_8320 : value >> 1;
        }

        return value;
    }
}
