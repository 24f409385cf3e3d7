using Nacelle.Configuration;

namespace Nacelle.Cli;

/// <summary>Writes corrected machines, and says what was done and what is left. Stateless.</summary>
internal static class CorrectedFile
{
    /// <summary>Corrects the one text of a report.</summary>
    /// <param name="report">The report.</param>
    /// <param name="path">The file to write.</param>
    /// <param name="force">Whether it may be there already, and what is not understood may be lost.</param>
    /// <param name="notices">Takes what is said.</param>
    /// <returns>The exit code of what is left.</returns>
    /// <exception cref="IOException">It cannot be written, or is there already.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    /// <exception cref="ConfigurationException">There is nothing that could be corrected.</exception>
    internal static int Write(CheckReport report, string path, bool force, Notices notices)
    {
        CheckedDocument document = report.Documents[0];
        Corrections corrections = Corrections.Make(report, document, path);
        UnknownPart[] lost = corrections.IsInPlace ? [] : [.. document.Document.Unknown];
        if (lost.Length != 0 && !force)
        {
            throw new ConfigurationException(
                $"'{document.Name}' has {Parts(lost)} that are unknown, and --fix would lose them: remove them, or add --force");
        }

        if (File.Exists(path) && !force)
        {
            throw new IOException($"'{path}' is there already, and --fix does not replace it: name another file, or add --force");
        }

        OutputFile.Write(path, corrections.Bytes.ToArray());
        notices.Say($"wrote '{path}': corrected {Names(corrections.Done)}; left: {corrections.Left.Count}");
        foreach (ReportEntry entry in corrections.Left.Entries)
        {
            notices.Say($"left in '{path}' at {entry.Position}: {entry.Word} {entry.RuleId}: {entry.Asked}: {entry.Remedy}");
        }

        if (lost.Length != 0)
        {
            notices.Say($"'{path}' is without {Parts(lost)}, which is unknown here");
        }

        if (document.Text.HasComments && !corrections.IsInPlace)
        {
            notices.Say($"'{path}' is without the comments of '{document.Name}'");
        }

        return ExitCodes.Of(corrections.Left.Count);
    }

    private static string Names(IReadOnlyCollection<ReportEntry> entries) => entries.Count == 0
        ? "nothing"
        : string.Join(", ", entries.GroupBy(entry => entry.RuleId).Select(group => group.Count() == 1 ? group.Key : $"{group.Key} ({group.Count()} times)"));

    private static string Parts(IEnumerable<UnknownPart> parts) => string.Join(", ", parts.Select(part => $"{part.Place.Label} at {part.Place.Position}"));
}
