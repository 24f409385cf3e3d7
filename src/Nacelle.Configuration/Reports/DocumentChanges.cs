using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>Shows corrections of a configuration in the form that it was given in. For one thread.</summary>
/// <param name="form">The form.</param>
/// <param name="configuration">The configuration as it is.</param>
internal sealed class DocumentChanges(MachineDocumentForm form, MachineConfiguration configuration)
{
    private readonly Lazy<string> _before = new(() => DocumentParts.Write(form, configuration));

    /// <summary>The lines that a correction changes; of one part where the finding has a snippet, of the whole text otherwise.</summary>
    internal ImmutableArray<DifferenceLine> Of(Finding finding)
    {
        if (finding.Correct is null)
        {
            return [];
        }

        return finding is { Snippet: string after, Shown: string part }
            ? Of(DocumentParts.Write(form, configuration, part), after)
            : LineDifference.Find(_before.Value, DocumentParts.Write(form, finding.Correct(configuration)));
    }

    private static ImmutableArray<DifferenceLine> Of(string? before, string after) => before is null
        ? [.. after.TrimEnd('\n').Split('\n').Select(line => new DifferenceLine(DifferenceKind.Added, line))]
        : LineDifference.Find(before, after);
}
