using System.Text.Json;
using Nacelle.Configuration;

namespace Nacelle.Fuzz;

/// <summary>Lets the input be a machine's description; what is found has to come out in every form of a report.</summary>
internal static class CheckReportTarget
{
    private static readonly RestrictionProfile s_profile = RestrictionProfile.Get("rhel7-guide");

    /// <summary>Runs one input.</summary>
    /// <exception cref="InvalidOperationException">A report has what would steer a terminal or a browser.</exception>
    public static void Run(ReadOnlySpan<byte> input)
    {
        byte[] bytes = input.ToArray();
        MachineDocument document = MachineDocument.Read(bytes);
        CheckReport report = new CheckReport { Program = "nacelle 0", Profile = s_profile, Operations = [MachineOperation.Migrate, MachineOperation.Snapshot] }
            .With("input", document, SourceText.Decode(bytes, document.Form));
        string text = TextReport.Write(report, new TextReportSettings(TextReport.DefaultWidth, Colours: false, SummaryOnly: false));
        if (text.Any(character => char.IsControl(character) && character != '\n'))
        {
            throw new InvalidOperationException("a report steers the terminal");
        }

        if (HtmlReport.Write(report).Contains("<script", StringComparison.OrdinalIgnoreCase))
        {
            throw new InvalidOperationException("a report runs a script");
        }

        JsonDocument.Parse(JsonReport.Write(report)).Dispose();
        JsonDocument.Parse(SarifReport.Write(report)).Dispose();
        if (document.Configuration is null)
        {
            return;
        }

        try
        {
            _ = Corrections.Make(report, report.Documents[0], "corrected");
        }
        catch (ConfigurationException) when (report.Documents[0].Findings.Any(finding => finding.RuleId.StartsWith("CFG.", StringComparison.Ordinal)))
        {
            // What no machine can have need not be writable.
        }
    }
}
