using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>A text with all that was found in it. Immutable.</summary>
public sealed record CheckedDocument
{
    /// <summary>What the text is called, such as its file's name.</summary>
    public required string Name { get; init; }

    /// <summary>The text as it was read.</summary>
    public required MachineDocument Document { get; init; }

    /// <summary>The text itself.</summary>
    public required SourceText Text { get; init; }

    /// <summary>What rules found.</summary>
    public required ImmutableArray<Finding> Findings { get; init; }

    /// <summary>What is told of it, in the order of the text.</summary>
    public required ImmutableArray<ReportEntry> Entries { get; init; }

    /// <summary>What machines of this version do not have; empty where they start with it. No rule of a profile is behind it.</summary>
    public ImmutableArray<MachineRefusal> StartRefusals { get; init; } = [];

    /// <summary>How many entries of each severity there are.</summary>
    public ReportCount Count => ReportCount.Of(Entries);

    /// <summary>Puts together what is told of a text.</summary>
    internal static CheckedDocument Make(string name, MachineDocument document, SourceText text, ImmutableArray<Finding> findings)
    {
        DocumentChanges? changes = document.Configuration is null ? null : new DocumentChanges(document.Form, document.Configuration);
        IEnumerable<ReportEntry> entries =
        [
            .. document.Problems.Select(Of),
            .. document.Unknown.Select(Of),
            .. findings.Select(finding => Of(finding, changes!) with { IsCorrectable = finding.IsCorrectable && Corrections.IsWritten(document.Form) }),
        ];
        return new CheckedDocument
        {
            Name = name,
            Document = document,
            Text = text,
            Findings = findings,
            StartRefusals = document.Configuration is null ? [] : MachineStart.FindRefusals(document),
            Entries = [.. entries.OrderBy(entry => entry.Position.Line).ThenBy(entry => entry.Position.Column)],
        };
    }

    private static ReportEntry Of(ConfigurationProblem problem) => new()
    {
        Kind = ReportEntryKind.Problem,
        RuleId = ReportRules.Invalid.Id,
        Title = ReportRules.Invalid.Title,
        Severity = FindingSeverity.Refusal,
        Position = problem.Position,
        Reason = problem.Message,
    };

    private static ReportEntry Of(UnknownPart part) => new()
    {
        Kind = ReportEntryKind.Unknown,
        RuleId = ReportRules.Unknown.Id,
        Title = ReportRules.Unknown.Title,
        Severity = FindingSeverity.Warning,
        Pointer = part.Parent,
        Position = part.Place.Position,
        Label = part.Place.Label,
        Asked = part.Path,
        Reason = $"{part.Message}; a start refuses it",
        Remedy = "correct its name, or remove it",
    };

    private static ReportEntry Of(Finding finding, DocumentChanges changes) => new()
    {
        Kind = ReportEntryKind.Finding,
        RuleId = finding.RuleId,
        Title = finding.Title,
        Severity = finding.Severity,
        Pointer = finding.Pointer,
        Position = finding.Place?.Position ?? default,
        Label = finding.Place?.Label,
        Asked = finding.Asked,
        Reason = finding.Reason,
        Remedy = finding.Remedy,
        Snippet = finding.Snippet,
        Change = changes.Of(finding),
        Shown = finding.Snippet is null ? null : finding.Shown,
    };
}
