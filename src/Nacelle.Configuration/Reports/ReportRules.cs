using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>What a report says beside the rules of a profile: of a text itself. They hold under every profile. Stateless.</summary>
public static class ReportRules
{
    /// <summary>A text that no configuration comes of; no other rule is asked then.</summary>
    public static Rule Invalid { get; } = new()
    {
        Id = "TEXT.INVALID",
        Title = "text that cannot be used",
        Row = "A configuration is read whole or not at all.",
        Kind = RuleKind.Machine,
        Subject = RuleSubject.Configuration,
        Explanation = "The text is not well-formed, or has a value that is none: a number out of range, a word that is not known, the same thing twice. "
            + "Nothing is guessed, and nothing is judged by the rules of a profile before it can be read.",
        Remedy = "Correct the text at the line and column that are named.",
    };

    /// <summary>A part of a text that nothing is known of.</summary>
    public static Rule Unknown { get; } = new()
    {
        Id = "TEXT.UNKNOWN",
        Title = "not understood",
        Row = "Nothing of a text is dropped in silence.",
        Kind = RuleKind.Machine,
        Subject = RuleSubject.Configuration,
        Explanation = "An element or attribute of this name is in no configuration: it is not checked, not converted and not written again. A run refuses it, "
            + "since the guest would not be what was asked for.",
        Remedy = "Correct its name, or take it out.",
    };

    /// <summary>They and the rules of the catalogue, in the order in which they are told.</summary>
    public static ImmutableArray<Rule> All { get; } = [.. RuleCatalogue.All, Invalid, Unknown];

    /// <summary>Finds one of <see cref="All"/>.</summary>
    /// <param name="id">Its id; capital and small letters are one.</param>
    /// <exception cref="ConfigurationException">There is none of that id.</exception>
    public static Rule Get(string id) => All.FirstOrDefault(rule => string.Equals(rule.Id, id, StringComparison.OrdinalIgnoreCase))
        ?? throw new ConfigurationException(NearestName.Refusal("rule", id, [.. All.Select(rule => rule.Id)]));

    /// <summary>What a rule is under a profile.</summary>
    /// <returns>Null where it does not hold.</returns>
    public static FindingSeverity? SeverityOf(Rule rule, RestrictionProfile profile)
    {
        ArgumentNullException.ThrowIfNull(rule);
        ArgumentNullException.ThrowIfNull(profile);
        return rule.Id == Invalid.Id ? FindingSeverity.Refusal
            : rule.Id == Unknown.Id ? FindingSeverity.Warning
            : profile.Find(rule.Id)?.Severity;
    }
}
