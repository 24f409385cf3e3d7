using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>Shows corrections of a configuration in the form that it was given in. For one thread.</summary>
/// <param name="form">The form.</param>
/// <param name="configuration">The configuration as it is.</param>
internal sealed class DocumentChanges(MachineDocumentForm form, MachineConfiguration configuration)
{
    private readonly CorrectionTexts _texts = new(form, configuration);
    private readonly Dictionary<Delegate, ImmutableArray<DifferenceLine>> _wholes = [];
    private readonly Lazy<string> _before = new(() => DocumentParts.Write(form, configuration));

    /// <summary>The lines that a correction changes; of one part where the finding has a snippet, of the whole text otherwise.</summary>
    internal ImmutableArray<DifferenceLine> Of(Finding finding)
    {
        if (finding.Correct is not { } correction)
        {
            return [];
        }

        if (finding is { Snippet: string after, Shown: string part })
        {
            return _texts.Before(correction, part) is string before ? LineDifference.Find(before, after) : Lines(DifferenceKind.Added, after);
        }

        if (correction.Whole is not Delegate whole)
        {
            return _texts.Before(correction, finding.Pointer) is string gone ? Lines(DifferenceKind.Removed, gone) : [];
        }

        if (!_wholes.TryGetValue(whole, out ImmutableArray<DifferenceLine> lines))
        {
            lines = LineDifference.Find(_before.Value, DocumentParts.Write(form, _texts.After(correction)));
            _wholes.Add(whole, lines);
        }

        return lines;
    }

    private static ImmutableArray<DifferenceLine> Lines(DifferenceKind kind, string text) =>
        [.. text.TrimEnd('\n').Split('\n').Select(line => new DifferenceLine(kind, line))];
}
