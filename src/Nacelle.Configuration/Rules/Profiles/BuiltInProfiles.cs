using System.Reflection;

namespace Nacelle.Configuration;

/// <summary>The profiles of this program, which are data beside this file. Read once, on any thread.</summary>
internal static class BuiltInProfiles
{
    private static readonly string[] s_names = ["none", "rhel7", "rhel7.0", "rhev", "rhel7-guide"];
    private static readonly Lazy<Dictionary<string, RestrictionProfile>> s_profiles = new(ReadAll);

    /// <summary>Their names.</summary>
    internal static IReadOnlyList<string> Names => s_names;

    /// <summary>Finds one.</summary>
    /// <exception cref="ConfigurationException">There is none of that name.</exception>
    internal static RestrictionProfile Get(string name) => s_profiles.Value.TryGetValue(name, out RestrictionProfile? profile)
        ? profile
        : throw new ConfigurationException(NearestName.Refusal("profile", name, s_names));

    private static Dictionary<string, RestrictionProfile> ReadAll()
    {
        // Each may be based on one before it.
        Dictionary<string, RestrictionProfile> profiles = new(StringComparer.Ordinal);
        foreach (string name in s_names)
        {
            using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"Nacelle.Configuration.Profiles.{name}.json")
                ?? throw new InvalidOperationException($"profile {name} is not in the program");
            using MemoryStream text = new();
            stream.CopyTo(text);
            profiles.Add(name, ProfileReader.Read(text.ToArray(), name, basis => profiles[basis]));
        }

        return profiles;
    }
}
