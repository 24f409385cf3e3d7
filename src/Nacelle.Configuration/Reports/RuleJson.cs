using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Nacelle.Configuration;

/// <summary>Writes what rules are, for programs: one JSON object, its members always in the same order. Stateless.</summary>
public static class RuleJson
{
    /// <summary>What "schema" says.</summary>
    public const string SchemaName = "nacelle-rules";

    /// <summary>The version that is written. A member that is renamed or taken away, or means something else, raises it.</summary>
    public const int Version = 1;

    private static readonly RuleJsonContext s_context = new(new JsonSerializerOptions(RuleJsonContext.Default.Options)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NewLine = "\n",
    });

    /// <summary>Writes rules, with a line end at the end.</summary>
    /// <param name="rules">The rules.</param>
    /// <param name="profiles">The profiles whose settings are written.</param>
    public static string Write(IEnumerable<Rule> rules, IReadOnlyList<RestrictionProfile> profiles)
    {
        ArgumentNullException.ThrowIfNull(rules);
        RuleJsonRoot root = new(SchemaName, Version, [.. rules.Select(rule => Of(rule, profiles))]);
        return JsonSerializer.Serialize(root, s_context.RuleJsonRoot) + "\n";
    }

    private static RuleJsonRule Of(Rule rule, IReadOnlyList<RestrictionProfile> profiles) => new(
        rule.Id,
        rule.Title,
        ReportWords.Of(rule.Kind),
        ReportWords.Of(rule.Subject),
        rule.Row,
        rule.Explanation,
        rule.Remedy,
        rule.CanBeOverridden,
        [.. profiles.Select(profile => Of(rule, profile))]);

    private static RuleJsonSetting Of(Rule rule, RestrictionProfile profile) => new(
        profile.Name,
        ReportRules.SeverityOf(rule, profile) is FindingSeverity severity ? ReportWords.Of(severity) : null,
        profile.Find(rule.Id)?.Limit,
        profile.Find(rule.Id)?.Literal);
}

internal sealed record RuleJsonRoot(string Schema, int Version, ImmutableArray<RuleJsonRule> Rules);

internal sealed record RuleJsonRule(
    string Id,
    string Title,
    string Kind,
    string Subject,
    string Row,
    string Explanation,
    string Remedy,
    bool CanBeOverridden,
    ImmutableArray<RuleJsonSetting> Profiles);

internal sealed record RuleJsonSetting(string Profile, string? Severity, int? Limit, bool? Literal);

/// <summary>How rules become JSON, without run-time reflection.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(RuleJsonRoot))]
internal sealed partial class RuleJsonContext : JsonSerializerContext;
