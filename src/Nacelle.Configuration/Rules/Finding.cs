namespace Nacelle.Configuration;

/// <summary>How much a finding matters.</summary>
public enum FindingSeverity
{
    /// <summary>Worth knowing; nothing is held back.</summary>
    Notice,

    /// <summary>Works, and can do harm or does not do what was meant.</summary>
    Warning,

    /// <summary>The machine does not start, or the operation is not done.</summary>
    Refusal,
}

/// <summary>What a rule found: what was asked, what is in the way, what to change. Immutable.</summary>
public sealed record Finding
{
    /// <summary>The rule's id, such as C2.VCPU.</summary>
    public required string RuleId { get; init; }

    /// <summary>The rule's title.</summary>
    public required string Title { get; init; }

    /// <summary>How much it matters under the profile.</summary>
    public required FindingSeverity Severity { get; init; }

    /// <summary>JSON pointer of the part of the configuration that is to blame; empty for the whole.</summary>
    public required string Pointer { get; init; }

    /// <summary>Where it stands in the text; null where that is not known.</summary>
    public SourcePlace? Place { get; init; }

    /// <summary>What was asked, such as "300 vCPUs".</summary>
    public required string Asked { get; init; }

    /// <summary>What is in the way.</summary>
    public required string Reason { get; init; }

    /// <summary>What to change.</summary>
    public required string Remedy { get; init; }

    /// <summary>The corrected part in the form that the configuration was given in; null where no text can be offered.</summary>
    public string? Snippet { get; init; }

    /// <summary>Whether <see cref="RuleChecker.Correct"/> can correct it without a decision by a person.</summary>
    public bool IsCorrectable => Correct is not null;

    /// <summary>Corrects the configuration; null where that takes a decision.</summary>
    internal Correction? Correct { get; init; }

    /// <summary>Pointer of the record that <see cref="Snippet"/> shows.</summary>
    internal string? Shown { get; init; }

    /// <summary>One line for a person.</summary>
    public override string ToString() => $"{RuleId}: {Asked}: {Reason}; {Remedy}";
}
