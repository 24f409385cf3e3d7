using System.Globalization;
using System.Text;

namespace Nacelle.Configuration;

/// <summary>Makes text of hostile documents fit for terminals and pages. Stateless.</summary>
public static class SafeText
{
    /// <summary>
    /// Replaces what moves a cursor, hides text or turns its direction (control and format characters, line and paragraph separators,
    /// halves of surrogate pairs) by U+FFFD, a character for each so that columns stay; a tab becomes a space.
    /// </summary>
    public static string Clean(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        StringBuilder? clean = null;
        for (int i = 0; i < text.Length; i++)
        {
            if (char.IsSurrogatePair(text, i) && IsFit(CharUnicodeInfo.GetUnicodeCategory(text, i)))
            {
                clean?.Append(text, i, 2);
                i++;
                continue;
            }

            bool fit = IsFit(char.GetUnicodeCategory(text[i]));
            if (!fit)
            {
                clean ??= new StringBuilder(text, 0, i, text.Length);
            }

            clean?.Append(fit ? text[i] : text[i] == '\t' ? ' ' : '\uFFFD');
        }

        return clean?.ToString() ?? text;
    }

    /// <summary>Columns that a text takes on a terminal: two for the wide scripts of East Asia and for pictures, none for marks on letters.</summary>
    public static int Width(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int width = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            width += Width(rune);
        }

        return width;
    }

    /// <summary>How many characters of a text take at most so many columns.</summary>
    internal static int Fit(string text, int columns)
    {
        int characters = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            columns -= Width(rune);
            if (columns < 0)
            {
                break;
            }

            characters += rune.Utf16SequenceLength;
        }

        return characters;
    }

    private static int Width(Rune rune) =>
        Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark ? 0 : IsWide(rune.Value) ? 2 : 1;

    private static bool IsFit(UnicodeCategory category) => category is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        or UnicodeCategory.Surrogate);

    // Ranges of Unicode's East Asian Width W and F, as wide as they are.
    private static bool IsWide(int value) => value is (>= 0x1100 and <= 0x115F) or (>= 0x2E80 and <= 0xA4CF) or (>= 0xAC00 and <= 0xD7A3)
        or (>= 0xF900 and <= 0xFAFF) or (>= 0xFE30 and <= 0xFE6F) or (>= 0xFF00 and <= 0xFF60) or (>= 0xFFE0 and <= 0xFFE6)
        or (>= 0x1F300 and <= 0x1FAFF) or (>= 0x20000 and <= 0x3FFFD);
}
