using System.CommandLine;
using Nacelle.Configuration;

namespace Nacelle.Cli;

/// <summary><c>nacelle rules</c>: what rules there are, and what they are under each profile.</summary>
internal sealed class RulesCommand : Command, IDocumentedCommand
{
    private readonly Argument<string?> _id = new("ID")
    {
        Description = "A rule's id, for all that there is to say of it.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> _profile = OptionFactory.Single(
        "--profile", "NAME|FILE", "Only rules that hold under this profile, and what they are there.",
        text => MachineOptions.ParsePath("profile", text), null, [.. RestrictionProfile.Names]);

    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON object for programs." };

    /// <summary>Makes the command.</summary>
    internal RulesCommand() : base("rules", "List the rules that machines are checked by, or tell all of one.")
    {
        Add(_id);
        Add(_profile);
        Add(_json);
        _id.CompletionSources.Add([.. ReportRules.All.Select(rule => rule.Id)]);
        SetAction(Show);
    }

    /// <inheritdoc/>
    public CommandPage Page { get; } = new(
        "nacelle rules [ID] [--profile NAME|FILE] [--json]",
        [
            new("List all rules", "nacelle rules"),
            new("Read why a rule is one, and what to do", "nacelle rules C2.IOTHREAD"),
            new("See what holds under a profile", "nacelle rules --profile rhel7"),
            new("List the rules that can be overridden", "nacelle rules --json | jq -r '.rules[] | select(.canBeOverridden) | .id'"),
        ],
        [
            new("Kinds",
            [
                .. Enum.GetValues<RuleKind>().Select(kind => (ReportWords.Of(kind), ReportWords.Meaning(kind))),
            ]),
            new("Profiles",
            [
                .. RestrictionProfile.Names.Select(name => (name, $"{RestrictionProfile.Get(name).Title}.")),
            ]),
        ]);

    private int Show(ParseResult result)
    {
        try
        {
            RestrictionProfile[] profiles = result.GetValue(_profile) is string name
                ? [ProfileOptions.Find(name)]
                : [.. RestrictionProfile.Names.Select(RestrictionProfile.Get)];
            bool isOne = result.GetValue(_id) is not null;
            Rule[] rules = isOne
                ? [ReportRules.Get(result.GetValue(_id)!)]
                : [.. ReportRules.All.Where(rule => profiles.Any(profile => ReportRules.SeverityOf(rule, profile) is not null))];
            TextReportSettings settings = PageSettings.Of(summaryOnly: false);
            return CommandLine.Print(
                result.GetValue(_json) ? RuleJson.Write(rules, profiles)
                : isOne ? RulePages.WritePage(rules[0], profiles, settings)
                : RulePages.WriteList(rules, profiles, settings));
        }
        catch (ConfigurationException error)
        {
            new Notices().Error(error.Message);
            return (int)ExitCode.Configuration;
        }
    }
}
