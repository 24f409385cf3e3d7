namespace Nacelle.Configuration;

/// <summary>Finds what a person probably meant by a misspelt word.</summary>
public static class NearestName
{
    /// <summary>How many words are still listed where one of them was probably meant.</summary>
    private const int MostBesideNearest = 8;

    /// <summary>The candidate with the fewest typing errors between it and the word.</summary>
    /// <param name="word">What was typed.</param>
    /// <param name="candidates">What would have been valid.</param>
    /// <returns>Null when none is near enough to be meant: more than a third of the word's letters differ.</returns>
    public static string? Find(string word, IEnumerable<string> candidates)
    {
        ArgumentNullException.ThrowIfNull(word);
        ArgumentNullException.ThrowIfNull(candidates);
        string? best = null;
        int least = Math.Max(2, word.Length / 3) + 1;
        foreach (string form in candidates)
        {
            // In a form such as tap:NAME, what stands behind the colon is the person's own.
            int colon = form.IndexOf(':', StringComparison.Ordinal);
            string candidate = colon < 0 ? form : form[..colon];
            string typed = colon < 0 ? word : word.Split(':')[0];
            // An abbreviation is no typing error, however much it leaves out.
            bool abbreviated = typed.Length >= 2 && candidate.StartsWith(typed, StringComparison.OrdinalIgnoreCase);
            int distance = abbreviated ? 0 : Distance(typed, candidate);
            if (distance < least && distance < candidate.Length)
            {
                least = distance;
                best = form;
            }
        }

        return best;
    }

    /// <summary>A refusal of a word, with the nearest valid one where there is one, and all of them unless they are many.</summary>
    /// <param name="what">What kind of word it is, such as "disk option".</param>
    /// <param name="word">What was typed.</param>
    /// <param name="candidates">What would have been valid.</param>
    public static string Refusal(string what, string word, IReadOnlyCollection<string> candidates)
    {
        string? nearest = Find(word, candidates);
        return nearest is null ? $"unknown {what} '{word}': use {List(candidates)}"
            : candidates.Count <= MostBesideNearest ? $"unknown {what} '{word}': did you mean '{nearest}'? Use {List(candidates)}"
            : $"unknown {what} '{word}': did you mean '{nearest}'?";
    }

    /// <summary>Words as a sentence has them: "auto, kvm or translator".</summary>
    public static string List(IReadOnlyCollection<string> words)
    {
        ArgumentNullException.ThrowIfNull(words);
        return words.Count <= 1 ? string.Concat(words) : $"{string.Join(", ", words.SkipLast(1))} or {words.Last()}";
    }

    /// <summary>Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.</summary>
    internal static int Distance(string left, string right)
    {
        int[] before = new int[right.Length + 1];
        int[] above = new int[right.Length + 1];
        int[] current = new int[right.Length + 1];
        for (int j = 0; j <= right.Length; j++)
        {
            above[j] = j;
        }

        for (int i = 1; i <= left.Length; i++)
        {
            current[0] = i;
            for (int j = 1; j <= right.Length; j++)
            {
                bool same = char.ToLowerInvariant(left[i - 1]) == char.ToLowerInvariant(right[j - 1]);
                int cost = Math.Min(Math.Min(above[j], current[j - 1]) + 1, above[j - 1] + (same ? 0 : 1));
                if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1])
                {
                    cost = Math.Min(cost, before[j - 2] + 1);
                }

                current[j] = cost;
            }

            (before, above, current) = (above, current, before);
        }

        return above[right.Length];
    }
}
