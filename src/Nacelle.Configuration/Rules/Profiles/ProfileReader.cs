using System.Text.Json;
using System.Text.Json.Serialization;

namespace Nacelle.Configuration;

/// <summary>Reads profiles. Stateless.</summary>
internal static class ProfileReader
{
    private const int LongestText = 1 << 20;

    /// <summary>Reads a profile.</summary>
    /// <param name="text">JSON, UTF-8.</param>
    /// <param name="source">The text's name, for messages.</param>
    /// <param name="find">Finds the profile that it is based on.</param>
    /// <exception cref="ConfigurationException">It is not valid, or wider than what it is based on.</exception>
    internal static RestrictionProfile Read(byte[] text, string source, Func<string, RestrictionProfile> find)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length > LongestText)
        {
            throw new ConfigurationException($"profile '{source}' has {text.Length} bytes: it may have {LongestText}");
        }

        ProfileFile file;
        try
        {
            file = JsonSerializer.Deserialize(text, ProfileContext.Default.ProfileFile)
                ?? throw new ConfigurationException($"profile '{source}' is null: a profile is an object");
        }
        catch (JsonException error)
        {
            throw new ConfigurationException(
                $"profile '{source}', line {(error.LineNumber ?? 0) + 1}, {error.Path ?? "$"}: not a profile: a name, a basis, and rules by id with severity, limit or literal");
        }

        if (string.IsNullOrWhiteSpace(file.Name))
        {
            throw new ConfigurationException($"profile '{source}' has no name: give \"name\"");
        }

        RestrictionProfile? basis = file.Basis is null ? null : find(file.Basis);
        Dictionary<string, ProfileRule> rules = basis is null ? [] : new(basis.Rules);
        foreach ((string id, ProfileRule? rule) in file.Rules ?? [])
        {
            if (RuleCatalogue.Find(id) is null)
            {
                throw new ConfigurationException($"profile '{source}': {NearestName.Refusal("rule", id, RuleCatalogue.Ids)}");
            }

            ProfileRule narrowed = Narrow(source, id, basis?.Find(id), rule ?? new ProfileRule());
            if (narrowed.Limit is null && RuleCatalogue.Find(id) is { NeedsLimit: true })
            {
                throw new ConfigurationException($"profile '{source}': {id} compares with a limit, and none is given: add \"limit\"");
            }

            rules[id] = narrowed;
        }

        return new RestrictionProfile
        {
            Name = file.Name,
            Title = file.Title ?? file.Name,
            Rules = RestrictionProfile.Freeze(rules),
        };
    }

    /// <summary>A site says more than what it is based on, never less: nobody finds a guarantee gone that a name promised.</summary>
    private static ProfileRule Narrow(string source, string id, ProfileRule? basis, ProfileRule rule)
    {
        if (rule.Limit is < 0)
        {
            throw new ConfigurationException($"profile '{source}': {id}: limit {rule.Limit} is below 0");
        }

        if (basis is null)
        {
            return rule with { Severity = rule.Severity ?? FindingSeverity.Refusal };
        }

        if (rule.Severity < basis.Severity)
        {
            throw new ConfigurationException(
                $"profile '{source}': {id}: '{Word(rule.Severity)}' is less than '{Word(basis.Severity)}' of the profile that it is based on, which it can only narrow: leave it out, or base it on another");
        }

        if (rule.Limit > basis.Limit)
        {
            throw new ConfigurationException(
                $"profile '{source}': {id}: limit {rule.Limit} is more than {basis.Limit} of the profile that it is based on, which it can only narrow");
        }

        if (rule.Literal == false && basis.Literal == true)
        {
            throw new ConfigurationException($"profile '{source}': {id}: the profile that it is based on is literal, and it can only narrow that");
        }

        return new ProfileRule
        {
            Severity = rule.Severity ?? basis.Severity,
            Limit = rule.Limit ?? basis.Limit,
            Literal = rule.Literal ?? basis.Literal,
        };
    }

    private static string Word(FindingSeverity? severity) => severity switch
    {
        FindingSeverity.Notice => "notice",
        FindingSeverity.Warning => "warning",
        _ => "refusal",
    };
}

/// <summary>A profile as a file has it.</summary>
internal sealed record ProfileFile
{
    /// <summary>Its name.</summary>
    public string? Name { get; init; }

    /// <summary>What it stands for.</summary>
    public string? Title { get; init; }

    /// <summary>The profile that it narrows; null for nothing.</summary>
    public string? Basis { get; init; }

    /// <summary>Rules by id.</summary>
    public Dictionary<string, ProfileRule?>? Rules { get; init; }
}

/// <summary>How profiles are JSON.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    AllowDuplicateProperties = false,
    ReadCommentHandling = JsonCommentHandling.Skip,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(ProfileFile))]
internal sealed partial class ProfileContext : JsonSerializerContext;
