using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>Sets of CPUs or nodes in text, such as 0-3,^2,8. Stateless.</summary>
internal static class NumberSetText
{
    /// <summary>The greatest number in a set.</summary>
    internal const int Greatest = 16383;

    /// <summary>Whether a text is a set.</summary>
    internal static bool IsValid(string text) => TryParse(text) is not null;

    /// <summary>Reads a set, in order.</summary>
    /// <returns>Null where it is none.</returns>
    internal static SortedSet<int>? TryParse(string text)
    {
        SortedSet<int> set = [];
        foreach (string part in text.Split(','))
        {
            string range = part.Trim();
            bool without = range.StartsWith('^');
            string[] ends = (without ? range[1..] : range).Split('-');
            if (ends.Length > 2 || !TryNumber(ends[0], out int first) || !TryNumber(ends[^1], out int last) || last < first)
            {
                return null;
            }

            for (int i = first; i <= last; i++)
            {
                _ = without ? set.Remove(i) : set.Add(i);
            }
        }

        return set;
    }

    private static bool TryNumber(string text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number <= Greatest;
}
