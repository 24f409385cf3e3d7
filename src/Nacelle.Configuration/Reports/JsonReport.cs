using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Nacelle.Configuration;

/// <summary>Writes reports for programs: one JSON object, its members always in the same order. Stateless.</summary>
public static class JsonReport
{
    /// <summary>What "schema" says.</summary>
    public const string SchemaName = "nacelle-check-report";

    /// <summary>The version that is written. A member that is renamed or taken away, or means something else, raises it.</summary>
    public const int Version = 1;

    private static readonly JsonReportContext s_context = new(new JsonSerializerOptions(JsonReportContext.Default.Options)
    {
        // Snippets stay readable; the object is no part of a page.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NewLine = "\n",
    });

    /// <summary>Writes a report, with a line end at the end.</summary>
    public static string Write(CheckReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        JsonReportRoot root = new(
            SchemaName,
            Version,
            report.Program,
            new JsonReportProfile(report.Profile.Name, report.Profile.Title),
            Of(report.Host),
            Of(report.Destination),
            [.. report.Operations.Select(ReportWords.Of)],
            report.Overridden,
            report.RulesWithoutHost,
            Of(report.Count),
            [.. report.Documents.Select(Of)]);
        return JsonSerializer.Serialize(root, s_context.JsonReportRoot) + "\n";
    }

    private static JsonReportHost? Of(HostFacts? host) => host is null
        ? null
        : new JsonReportHost(host.HostName, host.Cpu.Name, host.Kernel.Release, host.GatheredAt);

    private static JsonReportCount Of(ReportCount count) =>
        new(count.Worst, count.Errors, count.Refusals, count.Warnings, count.Notices, count.Correctable);

    private static JsonReportDocument Of(CheckedDocument document) => new(
        document.Name,
        ReportWords.Of(document.Document.Form),
        document.Document.Configuration?.Name,
        Of(document.Count),
        [.. document.Entries.Select(entry => Of(entry, document.Text))],
        new JsonReportStart(
            document.Document.Configuration is not null && document.StartRefusals.Length == 0,
            [.. document.StartRefusals.Select(refusal => new JsonReportStartRefusal(
                refusal.Pointer, refusal.Place?.Position.Line, refusal.Place?.Position.Column, refusal.Message))]));

    private static JsonReportFinding Of(ReportEntry entry, SourceText text) => new(
        entry.RuleId,
        entry.Title,
        entry.Word,
        entry.Pointer,
        entry.Position.IsKnown ? entry.Position.Line : null,
        entry.Position.IsKnown ? entry.Position.Column : null,
        entry.Position.IsKnown ? entry.Position.Column + text.TokenLength(entry.Position) : null,
        entry.Label,
        entry.Asked,
        entry.Reason,
        entry.Remedy,
        entry.IsCorrectable,
        entry.Snippet);
}

internal sealed record JsonReportRoot(
    string Schema,
    int Version,
    string Program,
    JsonReportProfile Profile,
    JsonReportHost? Host,
    JsonReportHost? Destination,
    ImmutableArray<string> Operations,
    ImmutableArray<string> Overridden,
    ImmutableArray<string> RulesWithoutHost,
    JsonReportCount Summary,
    ImmutableArray<JsonReportDocument> Documents);

internal sealed record JsonReportProfile(string Name, string Title);

internal sealed record JsonReportHost(string Name, string Processor, string Kernel, DateTimeOffset GatheredAt);

internal sealed record JsonReportCount(string Worst, int Errors, int Refusals, int Warnings, int Notices, int Correctable);

internal sealed record JsonReportDocument(string Name, string Form, string? Guest, JsonReportCount Summary, ImmutableArray<JsonReportFinding> Findings, JsonReportStart Start);

internal sealed record JsonReportStart(bool Possible, ImmutableArray<JsonReportStartRefusal> Refusals);

internal sealed record JsonReportStartRefusal(string Pointer, int? Line, int? Column, string Message);

internal sealed record JsonReportFinding(
    string RuleId,
    string Title,
    string Severity,
    string Pointer,
    int? Line,
    int? Column,
    int? EndColumn,
    string? Label,
    string? Asked,
    string Reason,
    string? Remedy,
    bool Correctable,
    string? Snippet);

/// <summary>How reports become JSON, without run-time reflection. Members that are null are written, so that the form is the same always.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(JsonReportRoot))]
internal sealed partial class JsonReportContext : JsonSerializerContext;
