namespace Nacelle.Configuration;

/// <summary>Names of disks such as vda, sdaa. Stateless.</summary>
internal static class DiskNames
{
    /// <summary>The place of a name among those of its kind: a is 0, z is 25, aa is 26.</summary>
    /// <returns>Null where it is no such name.</returns>
    internal static int? IndexOf(string name)
    {
        int prefix = name.StartsWith("xvd", StringComparison.Ordinal) || name.StartsWith("ubd", StringComparison.Ordinal) ? 3 : 2;
        string letters = name.Length > prefix ? name[prefix..] : "";
        if (letters.Length is 0 or > 3 || !letters.All(char.IsAsciiLetterLower))
        {
            return null;
        }

        int index = 0;
        foreach (char letter in letters)
        {
            index = (index * 26) + (letter - 'a') + 1;
        }

        return index - 1;
    }

    /// <summary>The letters of a place: 0 is a, 25 is z, 26 is aa.</summary>
    internal static string Letters(int index)
    {
        string letters = "";
        for (int rest = index + 1; rest > 0; rest = (rest - 1) / 26)
        {
            letters = (char)('a' + ((rest - 1) % 26)) + letters;
        }

        return letters;
    }
}
