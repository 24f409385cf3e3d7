using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>Writes what rules are, for people. Stateless.</summary>
public static class RulePages
{
    private const int LabelWidth = 12;

    /// <summary>Writes a list: each rule with its kind, its subject, its severities and the row that it restates.</summary>
    /// <param name="rules">The rules.</param>
    /// <param name="profiles">The profiles whose severities are shown.</param>
    /// <param name="settings">How.</param>
    public static string WriteList(IEnumerable<Rule> rules, IReadOnlyList<RestrictionProfile> profiles, TextReportSettings settings)
    {
        ArgumentNullException.ThrowIfNull(rules);
        StyledText text = Start(settings);
        foreach (Rule rule in rules)
        {
            text.Add(TextStyle.Bold, rule.Id).Add(TextStyle.Plain, $"  {rule.Title}").EndLine();
            text.Add(TextStyle.Plain, "  ");
            text.Wrap(2, TextStyle.Plain, rule.Row);
            text.Add(TextStyle.Plain, "  ");
            text.Wrap(2, TextStyle.Dim, $"{ReportWords.Of(rule.Kind)}, {ReportWords.Of(rule.Subject)}; {Severities(rule, profiles)}");
        }

        return text.ToString();
    }

    /// <summary>Writes all of one rule.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="profiles">The profiles whose severities are shown.</param>
    /// <param name="settings">How.</param>
    public static string WritePage(Rule rule, IReadOnlyList<RestrictionProfile> profiles, TextReportSettings settings)
    {
        ArgumentNullException.ThrowIfNull(rule);
        ArgumentNullException.ThrowIfNull(profiles);
        StyledText text = Start(settings);
        text.Add(TextStyle.Bold, rule.Id).Add(TextStyle.Plain, $"  {rule.Title}").EndLine();
        text.EndLine();
        Field("row", rule.Row);
        Field("why", rule.Explanation);
        Field("change", rule.Remedy);
        Field("kind", $"{ReportWords.Of(rule.Kind)}: {ReportWords.Meaning(rule.Kind)}");
        Field("looks at", $"{ReportWords.Of(rule.Subject)}: {ReportWords.Meaning(rule.Subject)}");
        Field("override", rule.CanBeOverridden
            ? $"yes: --override {rule.Id} makes its refusals warnings, and the machine unsupported"
            : "no");
        string label = "profiles";
        foreach (RestrictionProfile profile in profiles)
        {
            Field(label, $"{profile.Name}: {Setting(rule, profile)}");
            label = "";
        }

        return text.ToString();

        void Field(string name, string value)
        {
            text.Add(TextStyle.Dim, $"  {name}".PadRight(LabelWidth));
            text.Wrap(LabelWidth, TextStyle.Plain, value);
        }
    }

    private static StyledText Start(TextReportSettings settings) => new(settings.Colours, TextReport.ClampWidth(settings.Width));

    /// <summary>Such as "refusal under rhel7, rhev; warning under none".</summary>
    private static string Severities(Rule rule, IReadOnlyList<RestrictionProfile> profiles)
    {
        string[] parts =
        [
            .. profiles.GroupBy(profile => ReportRules.SeverityOf(rule, profile))
                .Where(group => group.Key is not null)
                .OrderByDescending(group => group.Key)
                .Select(group => $"{ReportWords.Of(group.Key!.Value)} under {string.Join(", ", group.Select(profile => profile.Name))}"),
        ];
        return parts.Length == 0 ? "in none of the profiles" : string.Join("; ", parts);
    }

    private static string Setting(Rule rule, RestrictionProfile profile)
    {
        if (ReportRules.SeverityOf(rule, profile) is not FindingSeverity severity)
        {
            return "does not hold";
        }

        ProfileRule? setting = profile.Find(rule.Id);
        string limit = setting?.Limit is int number ? string.Create(CultureInfo.InvariantCulture, $", at most {number}") : "";
        string literal = setting?.Literal == true ? ", by the letter of the page" : "";
        return $"{ReportWords.Of(severity)}{limit}{literal}";
    }
}
