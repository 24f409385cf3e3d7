using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>What an entry of a report tells of.</summary>
public enum ReportEntryKind
{
    /// <summary>A rule found something.</summary>
    Finding,

    /// <summary>The text cannot be used.</summary>
    Problem,

    /// <summary>A part of the text is not understood.</summary>
    Unknown,
}

/// <summary>One thing that a report tells of a text. Immutable.</summary>
public sealed record ReportEntry
{
    /// <summary>What it is.</summary>
    public required ReportEntryKind Kind { get; init; }

    /// <summary>The rule that says so; one of <see cref="ReportRules.All"/>.</summary>
    public required string RuleId { get; init; }

    /// <summary>The rule's title.</summary>
    public required string Title { get; init; }

    /// <summary>How much it matters.</summary>
    public required FindingSeverity Severity { get; init; }

    /// <summary>JSON pointer of the part of the configuration; empty for the whole.</summary>
    public string Pointer { get; init; } = "";

    /// <summary>Where it stands in the text; not known for what is absent from it.</summary>
    public SourcePosition Position { get; init; }

    /// <summary>What stands there, such as "&lt;disk&gt;"; null where that is not known.</summary>
    public string? Label { get; init; }

    /// <summary>What was asked; null for a text that says nothing.</summary>
    public string? Asked { get; init; }

    /// <summary>What is in the way.</summary>
    public required string Reason { get; init; }

    /// <summary>What to change; null where the reason says it.</summary>
    public string? Remedy { get; init; }

    /// <summary>The corrected part in the form of the text; null where none can be offered.</summary>
    public string? Snippet { get; init; }

    /// <summary>Whether it can be corrected without a decision by a person, and the corrected text written in its form.</summary>
    public bool IsCorrectable { get; init; }

    /// <summary>The correction line by line; empty where none can be offered. What is left out between lines is a <see cref="DifferenceKind.Gap"/>.</summary>
    public ImmutableArray<DifferenceLine> Change { get; init; } = [];

    /// <summary>JSON pointer of the part that <see cref="Snippet"/> corrects; null where there is no snippet.</summary>
    internal string? Shown { get; init; }

    /// <summary>Word for people and for JSON: error, refusal, warning, notice.</summary>
    public string Word => Kind == ReportEntryKind.Problem ? "error" : ReportWords.Of(Severity);
}
