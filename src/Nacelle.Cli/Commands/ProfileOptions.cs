using System.Collections.Immutable;
using System.CommandLine;
using Nacelle.Configuration;

namespace Nacelle.Cli;

/// <summary>The options by which a command is told which rules hold.</summary>
internal sealed class ProfileOptions
{
    /// <summary>The profile.</summary>
    internal Option<string?> Profile { get; } = OptionFactory.Single(
        "--profile", "NAME|FILE", "The rules that hold: a profile of this program, or a file of your own that narrows one.",
        text => MachineOptions.ParsePath("profile", text), "none", [.. RestrictionProfile.Names]);

    /// <summary>Rules that are overridden.</summary>
    internal Option<ImmutableArray<string>> Overrides { get; } = OptionFactory.Many(
        "--override", "RULE", "Go on though this rule refuses; the machine is then unsupported. May be given many times.", text => text);

    /// <summary>Reads them.</summary>
    /// <exception cref="ConfigurationException">There is no such profile.</exception>
    internal ChosenProfile Read(ParseResult result)
    {
        string name = result.GetValue(Profile) ?? "none";
        RestrictionProfile profile = RestrictionProfile.Names.Contains(name) || !name.AsSpan().ContainsAny('/', '.')
            ? RestrictionProfile.Get(name)
            : RestrictionProfile.Parse(DocumentFile.Read(name), name);
        return new ChosenProfile(profile, result.GetValue(Overrides));
    }
}

/// <summary>A profile and the rules of it that are overridden.</summary>
internal sealed record ChosenProfile(RestrictionProfile Profile, ImmutableArray<string> Overridden);
