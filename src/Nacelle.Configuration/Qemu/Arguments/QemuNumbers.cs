using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>Numbers as QEMU's command line takes them. Stateless.</summary>
internal static class QemuNumbers
{
    private const int LongestNumber = 40;
    private const string Suffixes = "BKMGTPE";

    /// <summary>Reads a whole number, decimal or after 0x hexadecimal.</summary>
    internal static bool TryWhole(string text, out ulong number)
    {
        number = 0;
        return text.Length is > 0 and <= LongestNumber && (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number)
            : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number));
    }

    /// <summary>Reads a size: a whole number, or a number with a fraction and one of B, K, M, G, T, P and E, each 1024 times the one before.</summary>
    /// <param name="text">As typed.</param>
    /// <param name="unit">Bytes of a number without a suffix.</param>
    /// <param name="bytes">Bytes, at most 2^63-1.</param>
    internal static bool TrySize(string text, ulong unit, out ulong bytes)
    {
        bytes = 0;
        if (text.Length is 0 or > LongestNumber)
        {
            return false;
        }

        int suffix = Suffixes.IndexOf(char.ToUpperInvariant(text[^1]), StringComparison.Ordinal);
        bool hexadecimal = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        if (suffix >= 0 && !hexadecimal)
        {
            unit = 1UL << (10 * suffix);
            text = text[..^1];
        }

        decimal number;
        if (hexadecimal)
        {
            if (!TryWhole(text, out ulong whole))
            {
                return false;
            }

            number = whole;
        }
        else if (!decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out number) || number > ulong.MaxValue)
        {
            return false;
        }

        if (number * unit > long.MaxValue)
        {
            return false;
        }

        bytes = (ulong)(number * unit);
        return true;
    }

    /// <summary>Reads a switch.</summary>
    internal static bool? Switch(string text) => text switch
    {
        "on" or "yes" or "true" or "y" => true,
        "off" or "no" or "false" or "n" => false,
        _ => null,
    };

    /// <summary>Writes a number.</summary>
    internal static string Format(ulong number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>Writes a number.</summary>
    internal static string Format(int number) => number.ToString(CultureInfo.InvariantCulture);
}
