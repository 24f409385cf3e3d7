using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>
/// Numbers and ranges in text, such as 0-3,8, as Linux and libvirt write sets of processors and nodes. Stateless. Texts are
/// strangers': each range costs a fill of memory and no more, however many overlap.
/// </summary>
internal static class NumberRanges
{
    /// <summary>Whether a text is a list.</summary>
    /// <param name="text">The text.</param>
    /// <param name="greatest">The greatest number that there is.</param>
    /// <param name="exclusions">Whether ^ before a part takes it out of those before it, as libvirt has it.</param>
    internal static bool IsValid(string text, int greatest, bool exclusions) => TryWalk(text, greatest, exclusions, default);

    /// <summary>Reads a list, in ascending order.</summary>
    /// <param name="text">The text.</param>
    /// <param name="greatest">The greatest number that there is.</param>
    /// <param name="exclusions">Whether ^ before a part takes it out of those before it, as libvirt has it.</param>
    /// <returns>Null where it is none.</returns>
    internal static int[]? TryParse(string text, int greatest, bool exclusions)
    {
        bool[] members = new bool[greatest + 1];
        return TryWalk(text, greatest, exclusions, members) ? [.. members.Index().Where(member => member.Item).Select(member => member.Index)] : null;
    }

    private static bool TryWalk(ReadOnlySpan<char> text, int greatest, bool exclusions, Span<bool> members)
    {
        foreach (Range place in text.Split(','))
        {
            ReadOnlySpan<char> part = text[place].Trim();
            bool without = exclusions && part.StartsWith('^');
            part = without ? part[1..] : part;
            int dash = part.IndexOf('-');
            if (!TryNumber(dash < 0 ? part : part[..dash], greatest, out int first)
                || !TryNumber(dash < 0 ? part : part[(dash + 1)..], greatest, out int last)
                || last < first)
            {
                return false;
            }

            if (!members.IsEmpty)
            {
                members[first..(last + 1)].Fill(!without);
            }
        }

        return true;
    }

    private static bool TryNumber(ReadOnlySpan<char> text, int greatest, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number <= greatest;
}
