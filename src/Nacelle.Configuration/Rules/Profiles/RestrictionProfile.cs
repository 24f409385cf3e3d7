using System.Collections.Frozen;

namespace Nacelle.Configuration;

/// <summary>What a profile says of one rule.</summary>
public sealed record ProfileRule
{
    /// <summary>How much a finding matters; null for what the profile it is based on says.</summary>
    public FindingSeverity? Severity { get; init; }

    /// <summary>A number that is the most, for rules that have one.</summary>
    public int? Limit { get; init; }

    /// <summary>Whether the page is taken by its letter where machines of today could do more, for rules that know the difference.</summary>
    public bool? Literal { get; init; }
}

/// <summary>A set of rules with their severities. Immutable.</summary>
public sealed record RestrictionProfile
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>What it stands for.</summary>
    public required string Title { get; init; }

    /// <summary>The rules that hold, by id.</summary>
    public required IReadOnlyDictionary<string, ProfileRule> Rules { get; init; }

    /// <summary>Names of the profiles that this program has.</summary>
    public static IReadOnlyList<string> Names => BuiltInProfiles.Names;

    /// <summary>A profile of this program.</summary>
    /// <exception cref="ConfigurationException">There is none of that name.</exception>
    public static RestrictionProfile Get(string name) => BuiltInProfiles.Get(name);

    /// <summary>Reads a profile of a site's own, which narrows one of this program's.</summary>
    /// <param name="text">JSON, UTF-8.</param>
    /// <param name="source">The text's name, for messages.</param>
    /// <exception cref="ConfigurationException">It is not valid, or allows what it is based on holds back.</exception>
    public static RestrictionProfile Parse(byte[] text, string source)
    {
        RestrictionProfile profile = ProfileReader.Read(text, source, BuiltInProfiles.Get);
        return Names.Contains(profile.Name)
            ? throw new ConfigurationException($"profile '{source}': the name '{profile.Name}' is that of a profile of this program: give it a name of its own")
            : profile;
    }

    /// <summary>What a rule is under this profile; null where it does not hold.</summary>
    internal ProfileRule? Find(string id) => Rules.GetValueOrDefault(id);

    /// <summary>Makes the dictionary of rules.</summary>
    internal static FrozenDictionary<string, ProfileRule> Freeze(IEnumerable<KeyValuePair<string, ProfileRule>> rules) =>
        rules.ToFrozenDictionary(StringComparer.Ordinal);
}
