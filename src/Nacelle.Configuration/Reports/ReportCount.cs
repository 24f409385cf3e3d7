namespace Nacelle.Configuration;

/// <summary>How many entries of each severity there are.</summary>
/// <param name="Errors">Places where the text cannot be used.</param>
/// <param name="Refusals">Findings that hold the machine or operation back.</param>
/// <param name="Warnings">Findings that warn, and what is not understood.</param>
/// <param name="Notices">Findings worth knowing.</param>
/// <param name="Correctable">How many of them can be corrected without a decision.</param>
public readonly record struct ReportCount(int Errors, int Refusals, int Warnings, int Notices, int Correctable)
{
    /// <summary>All.</summary>
    public int Total => Errors + Refusals + Warnings + Notices;

    /// <summary>The severest word of all: error, refusal, warning, notice; "nothing" where there is none.</summary>
    public string Worst => Errors > 0 ? "error" : Refusals > 0 ? "refusal" : Warnings > 0 ? "warning" : Notices > 0 ? "notice" : "nothing";

    /// <summary>Counts.</summary>
    internal static ReportCount Of(IReadOnlyCollection<ReportEntry> entries) => new(
        entries.Count(entry => entry.Kind == ReportEntryKind.Problem),
        entries.Count(entry => entry.Kind != ReportEntryKind.Problem && entry.Severity == FindingSeverity.Refusal),
        entries.Count(entry => entry.Severity == FindingSeverity.Warning),
        entries.Count(entry => entry.Severity == FindingSeverity.Notice),
        entries.Count(entry => entry.IsCorrectable));

    /// <summary>Adds the counts of two texts.</summary>
    public static ReportCount Add(ReportCount left, ReportCount right) => new(
        left.Errors + right.Errors,
        left.Refusals + right.Refusals,
        left.Warnings + right.Warnings,
        left.Notices + right.Notices,
        left.Correctable + right.Correctable);

    /// <summary>In words, such as "3 refusals, 1 warning"; "no findings" where there is nothing.</summary>
    public override string ToString()
    {
        (int Count, string Noun)[] parts = [(Errors, "error"), (Refusals, "refusal"), (Warnings, "warning"), (Notices, "notice")];
        string text = string.Join(", ", parts.Where(part => part.Count > 0).Select(part => ReportWords.Count(part.Count, part.Noun)));
        return text.Length == 0 ? "no findings" : text;
    }
}
