using Nacelle.Configuration;
using Nacelle.Machine;

namespace Nacelle.Cli;

/// <summary>Judges a machine before it starts and tells a person what is said of it. Stateless.</summary>
internal static class PreparedMachine
{
    /// <summary>Makes what a machine is built from.</summary>
    /// <param name="document">What describes the machine.</param>
    /// <param name="file">The file that it was read from; null for options.</param>
    /// <param name="chosen">The rules that hold.</param>
    /// <param name="notices">Takes what is said.</param>
    /// <returns>Null where it is refused, which was said.</returns>
    /// <exception cref="ConfigurationException">A rule is overridden that cannot be.</exception>
    internal static MachineDescription? Prepare(MachineDocument document, string? file, ChosenProfile chosen, Notices notices)
    {
        // Profile none has no rule that looks at the host but one that the accelerator itself keeps.
        HostFacts? host = chosen.Profile.Name == "none" ? null : HostFactsGatherer.Gather();
        try
        {
            MachineStart start = MachineStart.Prepare(document, chosen.Profile, host, chosen.Overridden);
            foreach (Finding finding in start.Findings)
            {
                notices.Say(At(file, finding.Place) + (finding.Severity == FindingSeverity.Warning ? "warning: " : "") + finding);
            }

            foreach (string note in start.Notes)
            {
                notices.Say(At(file, null) + note);
            }

            return start.Description;
        }
        catch (MachineRefusedException error)
        {
            foreach (MachineRefusal refusal in error.Refusals)
            {
                notices.Error(At(file, refusal.Place) + refusal.Message);
            }

            return null;
        }
    }

    private static string At(string? file, SourcePlace? place) =>
        file is null ? "" : place is { Position.IsKnown: true } ? $"{file}:{place.Position}: " : $"{file}: ";
}
