using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>A range of addresses.</summary>
/// <param name="First">The first address.</param>
/// <param name="Last">The last address, which belongs to it.</param>
public readonly record struct AddressRange(ulong First, ulong Last)
{
    /// <summary>All addresses.</summary>
    public static AddressRange All { get; } = new(0, ulong.MaxValue);

    /// <summary>Reads START-END, both hexadecimal with 0x or decimal; END does not belong to the range.</summary>
    /// <exception cref="ConfigurationException">It is not of that form, or empty.</exception>
    public static AddressRange Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int dash = text.IndexOf('-', StringComparison.Ordinal);
        if (dash < 0 || !TryParseAddress(text[..dash], out ulong start) || !TryParseAddress(text[(dash + 1)..], out ulong end))
        {
            throw new ConfigurationException($"'{text}' is not a range of addresses: write START-END, such as 0x1000-0x2000");
        }

        return end > start
            ? new AddressRange(start, end - 1)
            : throw new ConfigurationException($"the range '{text}' is empty: END is exclusive, give a higher one");
    }

    /// <summary>Reads an address, hexadecimal with 0x or decimal.</summary>
    /// <exception cref="ConfigurationException">It is neither.</exception>
    public static ulong ParseAddress(string text) => TryParseAddress(text, out ulong address)
        ? address
        : throw new ConfigurationException($"'{text}' is not an address: write a number such as 0x1000");

    private static bool TryParseAddress(string text, out ulong address)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? ulong.TryParse(text[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out address)
            : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out address);
    }
}
