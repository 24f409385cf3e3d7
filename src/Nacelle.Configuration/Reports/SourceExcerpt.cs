namespace Nacelle.Configuration;

/// <summary>A line of a text with a part of it marked, cut to a width. Immutable.</summary>
/// <param name="Text">The line, clean.</param>
/// <param name="Start">The first marked character in it.</param>
/// <param name="Characters">How many are marked.</param>
public readonly record struct SourceExcerpt(string Text, int Start, int Characters)
{
    private const string Cutting = "…";

    /// <summary>Columns before the mark.</summary>
    public int Indent => SafeText.Width(Text[..Start]);

    /// <summary>Columns of the mark; 1 at least.</summary>
    public int Length => Math.Max(1, SafeText.Width(Text.Substring(Start, Characters)));

    /// <summary>Cuts a line.</summary>
    /// <param name="line">The line.</param>
    /// <param name="column">The first marked character, counted from 1; beyond the line for its end.</param>
    /// <param name="length">How many characters are marked.</param>
    /// <param name="width">Columns that there is room for.</param>
    public static SourceExcerpt Cut(string line, int column, int length, int width)
    {
        ArgumentNullException.ThrowIfNull(line);
        string clean = SafeText.Clean(line);
        int start = Math.Clamp(column - 1, 0, clean.Length);
        int end = Math.Clamp(start + length, start, clean.Length);

        // Indentation says nothing where it does not fit.
        int first = 0;
        int room = Math.Max(width, 2 * Cutting.Length + 1);
        if (SafeText.Width(clean) > room)
        {
            int blank = clean.Length - clean.TrimStart().Length;
            first = Math.Min(blank, start);
            if (SafeText.Width(clean[first..end]) > room - (2 * Cutting.Length))
            {
                // The mark matters more than what is before it.
                first = start;
            }
        }

        string head = first > 0 && first == start && clean[..first].AsSpan().Trim().Length > 0 ? Cutting : "";
        string text = head + clean[first..].TrimEnd();
        bool cut = SafeText.Width(text) > room;
        if (cut)
        {
            text = text[..SafeText.Fit(text, room - Cutting.Length)];
        }

        start = Math.Min(start - first + head.Length, text.Length);
        end = Math.Min(end - first + head.Length, text.Length);
        return new SourceExcerpt(cut ? text + Cutting : text, start, Math.Max(end - start, 0));
    }
}
