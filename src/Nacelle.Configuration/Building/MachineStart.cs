using System.Collections.Immutable;
using Nacelle.Machine;

namespace Nacelle.Configuration;

/// <summary>A configuration that may start.</summary>
/// <param name="Description">What the machine is built from.</param>
/// <param name="Findings">What rules say that does not hold it back.</param>
/// <param name="Notes">What the guest will not find as it is written, though it does without; a sentence each.</param>
public sealed record MachineStart(MachineDescription Description, ImmutableArray<Finding> Findings, ImmutableArray<string> Notes)
{
    /// <summary>What of a configuration machines of this version do not have.</summary>
    /// <param name="document">A configuration that could be read.</param>
    internal static ImmutableArray<MachineRefusal> FindRefusals(MachineDocument document)
    {
        try
        {
            MachineDescriptionMaker.Make(document);
            return [];
        }
        catch (MachineRefusedException error)
        {
            return error.Refusals;
        }
        catch (ConfigurationException error)
        {
            return [new MachineRefusal("", null, error.Message)];
        }
    }

    /// <summary>Judges a configuration and makes of it what a machine is built from: the way of each start, whoever described the machine.</summary>
    /// <param name="document">The configuration with what is known of its text.</param>
    /// <param name="profile">The rules that hold.</param>
    /// <param name="host">The host that it is to run on; null where no rule of the profile looks at it.</param>
    /// <param name="overridden">Ids of rules that a person overrides.</param>
    /// <exception cref="MachineRefusedException">A rule refuses it, or machines of this version do not have it. All of it is told.</exception>
    /// <exception cref="ConfigurationException">A rule is overridden that cannot be.</exception>
    public static MachineStart Prepare(
        MachineDocument document, RestrictionProfile profile, HostFacts? host, params IReadOnlyCollection<string> overridden)
    {
        ArgumentNullException.ThrowIfNull(document);
        ImmutableArray<Finding> findings = document.Configuration is null
            ? []
            : RuleChecker.Check(new RuleContext { Document = document, Host = host }, profile, overridden);
        ImmutableArray<MachineRefusal> refusals =
        [
            .. findings.Where(finding => finding.Severity == FindingSeverity.Refusal)
                .Select(finding => new MachineRefusal(finding.Pointer, finding.Place, finding.ToString())),
        ];
        MachineDescription? description = null;
        ImmutableArray<string> notes = [];
        try
        {
            description = MachineDescriptionMaker.Make(document, out notes);
        }
        catch (MachineRefusedException error)
        {
            refusals = [.. refusals.Concat(error.Refusals).OrderBy(refusal => refusal.Place?.Position.Line ?? 0)];
        }

        return refusals.Length == 0
            ? new MachineStart(description!, findings, notes)
            : throw new MachineRefusedException(refusals);
    }
}
