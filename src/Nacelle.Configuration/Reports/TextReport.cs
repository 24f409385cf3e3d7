using System.Collections.Immutable;
using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>How a report is written for people.</summary>
/// <param name="Width">Columns of the terminal.</param>
/// <param name="Colours">Whether colours are written, as escape sequences (ECMA-48).</param>
/// <param name="SummaryOnly">Whether only the line for each text is written.</param>
public readonly record struct TextReportSettings(int Width, bool Colours, bool SummaryOnly);

/// <summary>Writes reports for people, as compilers do: the place, the line of the text, what was asked, why not, what to change. Stateless.</summary>
public static class TextReport
{
    /// <summary>Columns where nothing else is known.</summary>
    public const int DefaultWidth = 80;

    private const int NarrowestWidth = 40;
    private const int WidestWidth = 120;
    private const int LabelWidth = 10;

    /// <summary>Writes all texts of a report.</summary>
    public static string Write(CheckReport report, TextReportSettings settings)
    {
        ArgumentNullException.ThrowIfNull(report);
        StyledText text = new(settings.Colours, ClampWidth(settings.Width));
        foreach (CheckedDocument document in report.Documents)
        {
            foreach (ReportEntry entry in settings.SummaryOnly ? [] : document.Entries)
            {
                WriteEntry(text, document, entry);
                text.EndLine();
            }

            if (!settings.SummaryOnly)
            {
                WriteStart(text, document);
            }

            WriteSummary(text, document.Name, document.Count, report.Profile, document.Document.Configuration is null);
        }

        if (report.Documents.Length > 1)
        {
            WriteSummary(text, ReportWords.Count(report.Documents.Length, "text"), report.Count, report.Profile, false);
        }

        if (!settings.SummaryOnly && report.RulesWithoutHost is { Length: > 0 } rules && report.Documents.Any(document => document.Document.Configuration is not null))
        {
            text.Wrap(0, TextStyle.Dim, $"no host was given, and these rules look at one: {string.Join(", ", rules)}; add --host, or --host-from FILE");
        }

        return text.ToString();
    }

    /// <summary>A width that lines are readable in.</summary>
    internal static int ClampWidth(int width) => Math.Clamp(width, NarrowestWidth, WidestWidth);

    private static void WriteEntry(StyledText text, CheckedDocument document, ReportEntry entry)
    {
        string place = entry.Position.IsKnown ? $"{document.Name}:{entry.Position}" : document.Name;
        text.Add(TextStyle.Bold, place).Add(TextStyle.Plain, ": ").Add(StyleOf(entry), $"{entry.Word} {entry.RuleId}");
        text.Add(TextStyle.Plain, "  ").Add(TextStyle.Bold, entry.Title).EndLine();

        // The whole machine is to blame: its first line would say nothing.
        if (entry.Pointer.Length != 0 || entry.Kind != ReportEntryKind.Finding)
        {
            WriteSource(text, document.Text, entry);
        }

        WriteField(text, "asked", entry.Asked);
        WriteField(text, "why", entry.Reason);
        WriteField(text, "change", entry.Remedy);
        if (entry.Change.Length != 0)
        {
            text.Add(TextStyle.Dim, "  instead:").EndLine();
            WriteChange(text, entry.Change);
        }
    }

    /// <summary>What a run would say, whatever the profile: apart from findings, for rules are about more monitors than this one.</summary>
    private static void WriteStart(StyledText text, CheckedDocument document)
    {
        if (document.StartRefusals.Length == 0)
        {
            return;
        }

        text.Add(TextStyle.Bold, document.Name).Wrap(2, TextStyle.Plain, ": a machine of this version would not start with this:");
        foreach (MachineRefusal refusal in document.StartRefusals)
        {
            text.Add(TextStyle.Dim, "  - ");
            text.Wrap(4, TextStyle.Plain, refusal.ToString());
        }

        text.EndLine();
    }

    private static void WriteSource(StyledText text, SourceText source, ReportEntry entry)
    {
        if (source.LineAt(entry.Position, out int column) is not string line || string.IsNullOrWhiteSpace(line))
        {
            return;
        }

        string number = entry.Position.Line.ToString(CultureInfo.InvariantCulture).PadLeft(5);
        SourceExcerpt excerpt = SourceExcerpt.Cut(line, column, source.TokenLength(entry.Position), text.Width - number.Length - 3);
        text.Add(TextStyle.Dim, $"{number} | ").Add(TextStyle.Plain, excerpt.Text).EndLine();
        text.Add(TextStyle.Dim, "      | ").Add(TextStyle.Plain, new string(' ', excerpt.Indent));
        text.Add(StyleOf(entry), "^" + new string('~', excerpt.Length - 1)).EndLine();
    }

    private static void WriteField(StyledText text, string name, string? value)
    {
        if (value is not null)
        {
            text.Add(TextStyle.Dim, ("  " + name).PadRight(LabelWidth));
            text.Wrap(LabelWidth, TextStyle.Plain, value);
        }
    }

    private static void WriteChange(StyledText text, ImmutableArray<DifferenceLine> lines)
    {
        foreach (DifferenceLine line in lines)
        {
            (string mark, TextStyle style) = line.Kind switch
            {
                DifferenceKind.Removed => ("- ", TextStyle.Removed),
                DifferenceKind.Added => ("+ ", TextStyle.Added),
                DifferenceKind.Gap => ("  …", TextStyle.Dim),
                _ => ("  ", TextStyle.Dim),
            };
            text.Add(style, $"    {mark}{line.Text}").EndLine();
        }
    }

    private static void WriteSummary(StyledText text, string name, ReportCount count, RestrictionProfile profile, bool unusable)
    {
        TextStyle style = count.Worst switch
        {
            "error" or "refusal" => TextStyle.Refusal,
            "warning" => TextStyle.Warning,
            "notice" => TextStyle.Notice,
            _ => TextStyle.Added,
        };
        string rest = unusable
            ? ": the text cannot be used, and no other rule was asked"
            : $" under profile {profile.Name}{(count.Correctable > 0 ? $"; --fix corrects {count.Correctable}" : "")}";
        text.Add(TextStyle.Bold, name).Add(TextStyle.Plain, ": ").Add(style, count.ToString()).Add(TextStyle.Plain, rest).EndLine();
    }

    private static TextStyle StyleOf(ReportEntry entry) => entry.Severity switch
    {
        FindingSeverity.Refusal => TextStyle.Refusal,
        FindingSeverity.Warning => TextStyle.Warning,
        _ => TextStyle.Notice,
    };
}
