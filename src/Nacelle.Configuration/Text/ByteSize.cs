using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>Sizes as people write them: a number with a binary unit.</summary>
public static class ByteSize
{
    private static readonly (string Letter, int Shift)[] s_units =
        [("K", 10), ("M", 20), ("G", 30), ("T", 40)];

    /// <summary>Reads "512M", "4G", "1.5GiB" or "1048576".</summary>
    /// <param name="what">What the size is of, for the message.</param>
    /// <param name="text">The number, then nothing for bytes or one of K, M, G, T, each with an optional "iB" or "B"; all binary.</param>
    /// <returns>Bytes.</returns>
    /// <exception cref="ConfigurationException">It is not a size, not a whole number of bytes, or beyond 2^63.</exception>
    public static ulong Parse(string what, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int digits = 0;
        while (digits < text.Length && (char.IsAsciiDigit(text[digits]) || text[digits] == '.'))
        {
            digits++;
        }

        int shift = ShiftOf(text[digits..]);
        if (digits == 0
            || shift < 0
            || !decimal.TryParse(text[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal number))
        {
            throw new ConfigurationException(
                $"{what} '{text}' is not a size: write a number with K, M, G or T, such as 512M or 4G");
        }

        if (number > (decimal)long.MaxValue / (1L << shift))
        {
            throw new ConfigurationException($"{what} '{text}' is too large: the most is 8388607T");
        }

        decimal bytes = number * (1L << shift);
        return decimal.Truncate(bytes) == bytes
            ? (ulong)bytes
            : throw new ConfigurationException($"{what} '{text}' is not a whole number of bytes: round it");
    }

    /// <summary>Writes a size in the largest unit that leaves no fraction, such as "512M"; <see cref="Parse"/> reads it back.</summary>
    public static string Format(ulong bytes)
    {
        for (int i = s_units.Length - 1; i >= 0; i--)
        {
            (string letter, int shift) = s_units[i];
            if (bytes != 0 && bytes % (1UL << shift) == 0)
            {
                return (bytes >> shift).ToString(CultureInfo.InvariantCulture) + letter;
            }
        }

        return bytes.ToString(CultureInfo.InvariantCulture);
    }

    private static int ShiftOf(string unit)
    {
        if (unit.Length == 0 || unit.Equals("B", StringComparison.OrdinalIgnoreCase))
        {
            return 0;
        }

        foreach ((string letter, int shift) in s_units)
        {
            if (unit.Equals(letter, StringComparison.OrdinalIgnoreCase)
                || unit.Equals(letter + "iB", StringComparison.OrdinalIgnoreCase)
                || unit.Equals(letter + "B", StringComparison.OrdinalIgnoreCase))
            {
                return shift;
            }
        }

        return -1;
    }
}
