namespace Nacelle.Configuration;

/// <summary>A place in a text. Both count from 1; 0 is no place.</summary>
/// <param name="Line">The line.</param>
/// <param name="Column">The character in it, counted as UTF-16 has them.</param>
public readonly record struct SourcePosition(int Line, int Column)
{
    /// <summary>Whether it is a place at all.</summary>
    public bool IsKnown => Line > 0;

    /// <inheritdoc/>
    public override string ToString() => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Line}:{Column}");
}
