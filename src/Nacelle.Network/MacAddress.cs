using System.Globalization;
using System.Text;

namespace Nacelle.Network;

/// <summary>An Ethernet address.</summary>
/// <param name="Value">The six bytes as a number; the first on the wire is the highest.</param>
public readonly record struct MacAddress(ulong Value)
{
    /// <summary>Bytes of an address.</summary>
    public const int Size = 6;

    /// <summary>FF:FF:FF:FF:FF:FF.</summary>
    public static MacAddress Broadcast { get; } = new(0xFFFF_FFFF_FFFF);

    /// <summary>Whether it names a group (the broadcast address does), not a station.</summary>
    public bool IsGroup => (Value & 0x0100_0000_0000) != 0;

    /// <summary>Reads the bytes as they are on the wire.</summary>
    /// <param name="bytes">At least <see cref="Size"/> of them.</param>
    public static MacAddress Read(ReadOnlySpan<byte> bytes)
    {
        ulong value = 0;
        for (int i = 0; i < Size; i++)
        {
            value = (value << 8) | bytes[i];
        }

        return new MacAddress(value);
    }

    /// <summary>Writes the bytes as they are on the wire.</summary>
    /// <param name="bytes">Room for <see cref="Size"/> of them.</param>
    public void Write(Span<byte> bytes)
    {
        for (int i = 0; i < Size; i++)
        {
            bytes[i] = (byte)(Value >> (8 * (Size - 1 - i)));
        }
    }

    /// <summary>Reads "52:54:00:12:34:56", in either case.</summary>
    /// <returns>False where the text is anything else.</returns>
    public static bool TryParse(string text, out MacAddress address)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] parts = text.Split(':');
        ulong value = 0;
        bool valid = parts.Length == Size;
        foreach (string part in parts)
        {
            valid &= byte.TryParse(part, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte number) && part.Length == 2;
            value = (value << 8) | number;
        }

        address = valid ? new MacAddress(value) : default;
        return valid;
    }

    /// <summary>Derives a locally administered address of a station: always the same for the same name and place.</summary>
    /// <param name="machine">The machine's name.</param>
    /// <param name="place">The interface's place among those of the machine.</param>
    public static MacAddress Derive(string machine, int place)
    {
        ulong value = Hash(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{place}\0{machine}"))) >> 16;
        return Local(value);
    }

    /// <summary>A locally administered address of a station, another one at each call.</summary>
    public static MacAddress Random() => Local((ulong)System.Random.Shared.NextInt64(1L << (8 * Size)));

    /// <inheritdoc/>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Size];
        Write(bytes);
        return string.Create(
            CultureInfo.InvariantCulture, $"{bytes[0]:x2}:{bytes[1]:x2}:{bytes[2]:x2}:{bytes[3]:x2}:{bytes[4]:x2}:{bytes[5]:x2}");
    }

    private static MacAddress Local(ulong value) => new((value & ~0x0300_0000_0000UL) | 0x0200_0000_0000UL);

    /// <summary>
    /// FNV-1a of 64 bits, whose bits are then spread evenly. .NET's own digests are OpenSSL's, and a process without that
    /// library would be aborted.
    /// </summary>
    private static ulong Hash(ReadOnlySpan<byte> bytes)
    {
        ulong hash = 0xCBF2_9CE4_8422_2325;
        foreach (byte value in bytes)
        {
            hash = (hash ^ value) * 0x100_0000_01B3;
        }

        hash = (hash ^ (hash >> 30)) * 0xBF58_476D_1CE4_E5B9;
        hash = (hash ^ (hash >> 27)) * 0x94D0_49BB_1331_11EB;
        return hash ^ (hash >> 31);
    }
}
