using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Nacelle.Configuration;

/// <summary>Writes reports as SARIF 2.1.0 (OASIS Static Analysis Results Interchange Format), which code hosts and editors show. Stateless.</summary>
public static class SarifReport
{
    private const string Schema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

    private static readonly SarifContext s_context = new(new JsonSerializerOptions(SarifContext.Default.Options)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NewLine = "\n",
    });

    /// <summary>Writes a report, with a line end at the end.</summary>
    public static string Write(CheckReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        string[] program = report.Program.Split(' ');
        SarifRun run = new(
            new SarifTool(new SarifDriver(program[0], program[^1], [.. ReportRules.All.Select(rule => Of(rule, report.Profile))])),
            "utf16CodeUnits",
            [.. report.Documents.Select(document => new SarifArtifact(new SarifArtifactLocation(UriOf(document), null), LanguageOf(document)))],
            [.. report.Documents.SelectMany((document, index) => document.Entries.Select(entry => Of(entry, document, index)))],
            new Dictionary<string, string>
            {
                ["profile"] = report.Profile.Name,
                ["host"] = report.Host?.HostName ?? "",
                ["destination"] = report.Destination?.HostName ?? "",
                ["operations"] = string.Join(' ', report.Operations.Select(ReportWords.Of)),
                ["overridden"] = string.Join(' ', report.Overridden),
            });
        return JsonSerializer.Serialize(new SarifLog(Schema, "2.1.0", [run]), s_context.SarifLog) + "\n";
    }

    private static SarifRule Of(Rule rule, RestrictionProfile profile) => new(
        rule.Id,
        Message(rule.Title),
        Message(rule.Row),
        Message($"{rule.Explanation} {rule.Remedy}"),
        new SarifRuleConfiguration(
            ReportRules.SeverityOf(rule, profile) is not null,
            LevelOf(ReportRules.SeverityOf(rule, profile) ?? FindingSeverity.Warning)),
        new Dictionary<string, string> { ["kind"] = ReportWords.Of(rule.Kind), ["subject"] = ReportWords.Of(rule.Subject) });

    private static SarifResult Of(ReportEntry entry, CheckedDocument document, int index)
    {
        string asked = entry.Asked is null ? "" : $"{entry.Asked}: ";
        string remedy = entry.Remedy is null ? "" : $"; {entry.Remedy}";
        SarifLocation location = new(
            new SarifPhysicalLocation(new SarifArtifactLocation(UriOf(document), index), RegionOf(entry, document.Text)),
            [new SarifLogicalLocation(entry.Pointer.Length == 0 ? "/" : entry.Pointer)]);
        return new SarifResult(
            entry.RuleId,
            ReportRules.All.FindIndex(entry.RuleId),
            LevelOf(entry.Severity),
            Message($"{asked}{entry.Reason}{remedy}"),
            [location],
            FixOf(entry, document, index) is SarifFix fix ? [fix] : null,
            new Dictionary<string, string> { ["ruleAndPlace/v1"] = Fingerprint(entry) });
    }

    /// <summary>
    /// The same for the same finding in a text whose lines have moved: FNV-1a of 64 bits. It tells findings apart and guards nothing, so
    /// that .NET's cryptography, which needs OpenSSL on the host, is not asked.
    /// </summary>
    private static string Fingerprint(ReportEntry entry)
    {
        const ulong offset = 0xCBF2_9CE4_8422_2325;
        const ulong prime = 0x100_0000_01B3;
        ulong hash = offset;
        foreach (byte value in Encoding.UTF8.GetBytes($"{entry.RuleId}\n{entry.Pointer}\n{entry.Asked}"))
        {
            hash = unchecked((hash ^ value) * prime);
        }

        return hash.ToString("x16", CultureInfo.InvariantCulture);
    }

    private static SarifRegion? RegionOf(ReportEntry entry, SourceText text) => !entry.Position.IsKnown
        ? null
        : new SarifRegion(
            entry.Position.Line,
            entry.Position.Column,
            entry.Position.Line,
            entry.Position.Column + text.TokenLength(entry.Position),
            text.LineAt(entry.Position, out _) is string line ? new SarifContent(line) : null);

    private static SarifFix? FixOf(ReportEntry entry, CheckedDocument document, int index)
    {
        if (entry is not { Snippet: string snippet, Shown: string shown }
            || !document.Document.Places.TryGetValue(shown, out SourcePlace? place)
            || SourceSpans.Find(document.Text, place.Position, snippet) is not { } span)
        {
            return null;
        }

        // What is in no configuration is not in the snippet, and would be gone.
        if (document.Text.Text.AsSpan(span.Start, span.End - span.Start).Contains("<!--", StringComparison.Ordinal)
            || document.Document.Unknown.Any(part => document.Text.OffsetOf(part.Place.Position) is int offset && offset >= span.Start && offset < span.End))
        {
            return null;
        }

        SourcePosition start = document.Text.PositionOf(span.Start);
        SourcePosition end = document.Text.PositionOf(span.End);
        string indent = document.Text.IndentOf(start.Line);
        SarifReplacement replacement = new(
            new SarifRegion(start.Line, start.Column, end.Line, end.Column, null),
            new SarifContent(snippet.TrimEnd('\n').Replace("\n", "\n" + indent, StringComparison.Ordinal)));
        return new SarifFix(
            Message(entry.Remedy ?? entry.Title),
            [new SarifArtifactChange(new SarifArtifactLocation(UriOf(document), index), [replacement])]);
    }

    private static string LevelOf(FindingSeverity severity) => severity switch
    {
        FindingSeverity.Refusal => "error",
        FindingSeverity.Warning => "warning",
        _ => "note",
    };

    // Braces are placeholders (section 3.11.5), and brackets before a parenthesis a link (3.11.6), which no document is to plant.
    private static SarifMessage Message(string text) => new(
        SafeText.Clean(text).Replace("{", "{{", StringComparison.Ordinal).Replace("}", "}}", StringComparison.Ordinal)
            .Replace("](", "] (", StringComparison.Ordinal));

    /// <summary>A reference that names a file as it was given, relative or absolute (RFC 3986).</summary>
    private static string UriOf(CheckedDocument document)
    {
        string path = string.Join('/', document.Name.Split('/').Select(Uri.EscapeDataString));
        return path.StartsWith('/') ? $"file://{path}" : path;
    }

    private static string? LanguageOf(CheckedDocument document) => document.Document.Form switch
    {
        MachineDocumentForm.DomainXml => "xml",
        MachineDocumentForm.Json => "json",
        _ => null,
    };

    private static int FindIndex(this ImmutableArray<Rule> rules, string id)
    {
        for (int i = 0; i < rules.Length; i++)
        {
            if (rules[i].Id == id)
            {
                return i;
            }
        }

        throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"rule {id} is none of {rules.Length}"));
    }
}
