using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>What was checked by what, and all that was found. Immutable.</summary>
public sealed record CheckReport
{
    /// <summary>Name and version of the program, such as "nacelle 0.1.0".</summary>
    public required string Program { get; init; }

    /// <summary>The rules that held.</summary>
    public required RestrictionProfile Profile { get; init; }

    /// <summary>The host that the machines are to run on; null where none was given.</summary>
    public HostFacts? Host { get; init; }

    /// <summary>The host that they are to be moved to; null where none was given.</summary>
    public HostFacts? Destination { get; init; }

    /// <summary>What is to be done to them while they run, in the order of the enumeration.</summary>
    public ImmutableArray<MachineOperation> Operations { get; init; } = [];

    /// <summary>Rules that a person overrides.</summary>
    public ImmutableArray<string> Overridden { get; init; } = [];

    /// <summary>The texts, in the order in which they were given.</summary>
    public ImmutableArray<CheckedDocument> Documents { get; init; } = [];

    /// <summary>Entries of all texts.</summary>
    public ReportCount Count => Documents.Select(document => document.Count).Aggregate(default(ReportCount), ReportCount.Add);

    /// <summary>Rules of the profile that look at a host, where none was given to look at.</summary>
    public ImmutableArray<string> RulesWithoutHost => Host is not null
        ? []
        : [.. RuleCatalogue.All.Where(rule => rule.Subject == RuleSubject.Host && ReportRules.SeverityOf(rule, Profile) is not null).Select(rule => rule.Id)];

    /// <summary>Judges a text and adds what was found.</summary>
    /// <param name="name">What the text is called, such as its file's name.</param>
    /// <param name="document">The text as it was read.</param>
    /// <param name="text">The text itself.</param>
    /// <exception cref="ConfigurationException">A rule is overridden that cannot be.</exception>
    public CheckReport With(string name, MachineDocument document, SourceText text)
    {
        ArgumentNullException.ThrowIfNull(document);
        ImmutableArray<Finding> findings = document.Configuration is null
            ? []
            : RuleChecker.Check(
                new RuleContext { Document = document, Host = Host, Destination = Destination, Operations = [.. Operations] }, Profile, Overridden);
        return this with { Documents = Documents.Add(CheckedDocument.Make(name, document, text, findings)) };
    }
}
