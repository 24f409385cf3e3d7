namespace Nacelle.Configuration;

/// <summary>What kind of restriction a rule restates.</summary>
public enum RuleKind
{
    /// <summary>The release's code had no such thing.</summary>
    Absent,

    /// <summary>The code had it, and that package was built without.</summary>
    Disabled,

    /// <summary>It works and is not supported.</summary>
    Support,

    /// <summary>No machine can do it.</summary>
    Machine,

    /// <summary>Other monitors take it without a word, and it does not do what was meant.</summary>
    Trap,
}

/// <summary>What a rule looks at.</summary>
public enum RuleSubject
{
    /// <summary>A configuration.</summary>
    Configuration,

    /// <summary>A configuration and the host that it is to run on.</summary>
    Host,

    /// <summary>An operation on a machine.</summary>
    Operation,

    /// <summary>A migration from one host to another.</summary>
    Migration,
}

/// <summary>One restriction. Immutable; without state, so that rules run on any thread.</summary>
public sealed record Rule
{
    /// <summary>Its id, such as C2.VCPU.</summary>
    public required string Id { get; init; }

    /// <summary>What it is about in some words.</summary>
    public required string Title { get; init; }

    /// <summary>The row that it restates, in a sentence.</summary>
    public required string Row { get; init; }

    /// <summary>What kind of restriction it restates.</summary>
    public required RuleKind Kind { get; init; }

    /// <summary>What it looks at.</summary>
    public required RuleSubject Subject { get; init; }

    /// <summary>Why it is a rule.</summary>
    public required string Explanation { get; init; }

    /// <summary>What to do.</summary>
    public required string Remedy { get; init; }

    /// <summary>Whether a person may say that they know and go on; the finding is then a warning.</summary>
    public bool CanBeOverridden { get; init; }

    /// <summary>Whether it compares with a limit, without which it never says anything.</summary>
    public bool NeedsLimit { get; init; }

    /// <summary>Looks.</summary>
    internal Func<RuleContext, IEnumerable<RuleMatch>> Evaluate { get; init; } = _ => [];
}

/// <summary>One thing that a rule found. Immutable.</summary>
/// <param name="Pointer">JSON pointer of what is to blame.</param>
/// <param name="Asked">What was asked.</param>
/// <param name="Reason">What is in the way.</param>
/// <param name="Remedy">What to change.</param>
internal sealed record RuleMatch(string Pointer, string Asked, string Reason, string Remedy)
{
    /// <summary>Corrects the configuration; null where that takes a decision.</summary>
    public Correction? Correct { get; init; }

    /// <summary>Pointer of the record that is shown corrected; null for what is to blame.</summary>
    public string? Shown { get; init; }
}
