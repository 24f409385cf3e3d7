using System.Globalization;
using System.Text;

namespace Nacelle.Configuration;

/// <summary>Text and identities out of labels on disk, which anybody may have written. Stateless.</summary>
internal static class SignatureText
{
    /// <summary>Text up to the first NUL, without what a terminal would obey and without blanks around it; null where nothing is left.</summary>
    internal static string? Read(ReadOnlySpan<byte> bytes, Encoding? encoding = null)
    {
        int end = bytes.IndexOf((byte)0);
        return Clean((encoding ?? Encoding.UTF8).GetString(end < 0 ? bytes : bytes[..end]));
    }

    /// <summary>As <see cref="Read"/>, of UTF-16 in little-endian order.</summary>
    internal static string? ReadUtf16(ReadOnlySpan<byte> bytes)
    {
        string text = Encoding.Unicode.GetString(bytes);
        int end = text.IndexOf('\0', StringComparison.Ordinal);
        return Clean(end < 0 ? text : text[..end]);
    }

    /// <summary>16 bytes as a UUID, in the order in which they lie (RFC 9562); null where all are zero.</summary>
    internal static string? Uuid(ReadOnlySpan<byte> bytes) =>
        bytes[..16].ContainsAnyExcept((byte)0) ? new Guid(bytes[..16], bigEndian: true).ToString("D") : null;

    /// <summary>16 bytes as a GUID with its first three fields in little-endian order, as UEFI has it.</summary>
    internal static string Guid(ReadOnlySpan<byte> bytes) => new Guid(bytes[..16], bigEndian: false).ToString("D");

    /// <summary>A FAT volume's number, as blkid writes it.</summary>
    internal static string? FatNumber(uint number) => number == 0
        ? null
        : string.Create(CultureInfo.InvariantCulture, $"{number >> 16:X4}-{number & 0xFFFF:X4}");

    private static string? Clean(string text)
    {
        StringBuilder kept = new(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            // Format characters turn text around; U+FFFD stands for bytes that are no text.
            bool plain = Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format
                or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.PrivateUse
                or UnicodeCategory.OtherNotAssigned);
            kept.Append(plain ? rune.ToString() : "\uFFFD");
        }

        string result = kept.ToString().Trim();
        return result.Length == 0 ? null : result;
    }
}
