using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>Judges configurations by the rules of a profile. Stateless.</summary>
public static class RuleChecker
{
    /// <summary>Finds all that the profile's rules say, in the order of the text and then of the rules.</summary>
    /// <param name="context">What is judged; its text has no problems.</param>
    /// <param name="profile">The rules that hold.</param>
    /// <param name="overridden">Ids of rules that a person overrides: their refusals are warnings.</param>
    /// <exception cref="ConfigurationException">A rule is overridden that cannot be.</exception>
    public static ImmutableArray<Finding> Check(RuleContext context, RestrictionProfile profile, params IReadOnlyCollection<string> overridden)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(profile);
        CheckOverrides(overridden);
        List<Finding> findings = [];
        CorrectionTexts texts = new(context.Document.Form, context.Machine);
        foreach (Rule rule in RuleCatalogue.All)
        {
            if (profile.Find(rule.Id) is not { Severity: FindingSeverity severity } setting)
            {
                continue;
            }

            if (overridden.Contains(rule.Id) && severity == FindingSeverity.Refusal)
            {
                severity = FindingSeverity.Warning;
            }

            RuleContext judged = context with { Setting = setting };
            foreach (RuleMatch match in rule.Evaluate(judged).Concat(QemuPassthroughRule.Find(rule.Id, judged)))
            {
                findings.Add(Make(context, texts, rule, severity, match, overridden.Contains(rule.Id)));
            }
        }

        return [.. findings.OrderBy(finding => finding.Place?.Position.Line ?? 0).ThenBy(finding => finding.Place?.Position.Column ?? 0)];
    }

    /// <summary>Corrects what can be corrected without a decision.</summary>
    /// <param name="configuration">The configuration that was judged.</param>
    /// <param name="findings">What was found.</param>
    public static MachineConfiguration Correct(MachineConfiguration configuration, IEnumerable<Finding> findings)
    {
        ArgumentNullException.ThrowIfNull(findings);

        return Correction.Apply(configuration, findings.Select(finding => finding.Correct).OfType<Correction>());
    }

    private static void CheckOverrides(IEnumerable<string> overridden)
    {
        foreach (string id in overridden)
        {
            Rule rule = RuleCatalogue.Find(id) ?? throw new ConfigurationException(NearestName.Refusal("rule", id, RuleCatalogue.Ids));
            if (!rule.CanBeOverridden)
            {
                string others = string.Join(", ", RuleCatalogue.All.Where(other => other.CanBeOverridden).Select(other => other.Id));
                throw new ConfigurationException($"rule {id} cannot be overridden; {others} can: choose another profile, or change the machine");
            }
        }
    }

    private static Finding Make(RuleContext context, CorrectionTexts texts, Rule rule, FindingSeverity severity, RuleMatch match, bool overridden) => new()
    {
        RuleId = rule.Id,
        Title = rule.Title,
        Severity = severity,
        Pointer = match.Pointer,
        Place = context.Document.Find(match.Pointer),
        Asked = match.Asked,
        Reason = overridden ? $"{match.Reason} (overridden: the guest is unsupported)" : match.Reason,
        Remedy = match.Remedy,
        Correct = match.Correct,
        Shown = match.Shown ?? match.Pointer,
        Snippet = texts.Corrected(match.Correct, match.Shown ?? match.Pointer),
    };
}
