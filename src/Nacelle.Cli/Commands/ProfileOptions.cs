using System.Collections.Immutable;
using System.CommandLine;
using Nacelle.Configuration;

namespace Nacelle.Cli;

/// <summary>The options by which a command is told which rules hold.</summary>
internal sealed class ProfileOptions
{
    /// <summary>The variable of the environment that stands for <see cref="Profile"/> where that is not given.</summary>
    internal const string Variable = "NACELLE_PROFILE";

    private const string None = "none";

    /// <summary>The profile.</summary>
    internal Option<string?> Profile { get; } = OptionFactory.Single(
        "--profile", "NAME|FILE", $"The rules that hold: a profile of this program, or a file of your own that narrows one; {Variable} in the environment stands for it.",
        text => MachineOptions.ParsePath("profile", text), None, [.. RestrictionProfile.Names]);

    /// <summary>Rules that are overridden.</summary>
    internal Option<ImmutableArray<string>> Overrides { get; } = OptionFactory.Many(
        "--override", "RULE", "Go on though this rule refuses; the machine is then unsupported. May be given many times.", text => text);

    /// <summary>Reads them.</summary>
    /// <exception cref="ConfigurationException">There is no such profile.</exception>
    internal ChosenProfile Read(ParseResult result) => result.GetResult(Profile) is { Implicit: false }
        ? new ChosenProfile(Find(result.GetValue(Profile) ?? None), result.GetValue(Overrides))
        : FromEnvironment() with { Overridden = result.GetValue(Overrides) };

    /// <summary>The file that the profile is read from; null where it is one of this program's own.</summary>
    internal string? FileOf(ParseResult result)
    {
        string? name = result.GetResult(Profile) is { Implicit: false } ? result.GetValue(Profile) : Environment.GetEnvironmentVariable(Variable);
        return !string.IsNullOrEmpty(name) && IsFile(name) ? name : null;
    }

    /// <summary>The profile of the environment, or the one that holds nothing back.</summary>
    /// <exception cref="ConfigurationException">There is no such profile; the message names the variable.</exception>
    internal static ChosenProfile FromEnvironment()
    {
        string? variable = Environment.GetEnvironmentVariable(Variable);
        try
        {
            return new ChosenProfile(Find(string.IsNullOrEmpty(variable) ? None : variable), []);
        }
        catch (ConfigurationException error)
        {
            throw new ConfigurationException($"{Variable}: {error.Message}");
        }
    }

    /// <summary>Finds a profile by its name or in a file.</summary>
    /// <exception cref="ConfigurationException">There is none, or it cannot be used.</exception>
    internal static RestrictionProfile Find(string name) =>
        IsFile(name) ? RestrictionProfile.Parse(DocumentFile.Read(name), name) : RestrictionProfile.Get(name);

    private static bool IsFile(string name) =>
        !RestrictionProfile.Names.Contains(name) && (name.Contains('/', StringComparison.Ordinal) || File.Exists(name));
}

/// <summary>A profile and the rules of it that are overridden.</summary>
internal sealed record ChosenProfile(RestrictionProfile Profile, ImmutableArray<string> Overridden);
