namespace Nacelle.Cli;

/// <summary>What a shell is offered for a value in the form HEAD[,name=value…]. Stateless.</summary>
internal static class OptionCompletion
{
    /// <summary>Words before the first comma. Of a form such as file:PATH, what a person types comes behind the colon.</summary>
    internal static IEnumerable<string> Heads(IEnumerable<string> forms, string word) => word.Contains(',', StringComparison.Ordinal)
        ? []
        : forms.Select(form => form[..(form.IndexOf(':', StringComparison.Ordinal) + 1)] is { Length: > 0 } head ? head : form)
            .Where(form => form.StartsWith(word, StringComparison.Ordinal) && form != word);

    /// <summary>Names and values behind a comma, with all that was typed before them.</summary>
    internal static IEnumerable<string> Settings(IReadOnlyList<(string Name, IReadOnlyList<string> Words)> settings, string word)
    {
        int comma = word.LastIndexOf(',');
        if (comma < 0)
        {
            return [];
        }

        string before = word[..(comma + 1)];
        string part = word[(comma + 1)..];
        IEnumerable<string> parts = part.Contains('=', StringComparison.Ordinal)
            ? settings.SelectMany(setting => setting.Words.Select(value => $"{setting.Name}={value}"))
            : settings.Select(setting => $"{setting.Name}=").Where(name => !before.Contains($",{name}", StringComparison.Ordinal));
        return parts.Where(candidate => candidate.StartsWith(part, StringComparison.Ordinal)).Select(candidate => before + candidate);
    }

    /// <summary>Features of a processor behind a comma, once their sign is typed.</summary>
    internal static IEnumerable<string> Features(IEnumerable<string> names, string word)
    {
        int comma = word.LastIndexOf(',');
        if (comma < 0)
        {
            return [];
        }

        string before = word[..(comma + 1)];
        string part = word[(comma + 1)..];
        return part.Length == 0
            ? [$"{before}+", $"{before}-"]
            : part[0] is '+' or '-'
                ? names.Select(name => $"{part[0]}{name}").Where(name => name.StartsWith(part, StringComparison.Ordinal)).Select(name => before + name)
                : [];
    }
}
