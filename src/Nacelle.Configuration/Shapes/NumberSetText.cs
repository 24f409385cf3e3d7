namespace Nacelle.Configuration;

/// <summary>Sets of CPUs or nodes in text, such as 0-3,^2,8. Stateless.</summary>
internal static class NumberSetText
{
    /// <summary>The greatest number in a set.</summary>
    internal const int Greatest = 16383;

    /// <summary>Whether a text is a set.</summary>
    internal static bool IsValid(string text) => NumberRanges.IsValid(text, Greatest, exclusions: true);

    /// <summary>Reads a set, in order.</summary>
    /// <returns>Null where it is none.</returns>
    internal static int[]? TryParse(string text) => NumberRanges.TryParse(text, Greatest, exclusions: true);
}
