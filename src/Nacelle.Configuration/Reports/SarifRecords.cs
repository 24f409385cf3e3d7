using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Nacelle.Configuration;

// Named as sections 3.13 to 3.58 of SARIF 2.1.0 name the objects; only members that are written.

internal sealed record SarifLog([property: JsonPropertyName("$schema")] string Schema, string Version, ImmutableArray<SarifRun> Runs);

internal sealed record SarifRun(
    SarifTool Tool,
    string ColumnKind,
    ImmutableArray<SarifArtifact> Artifacts,
    ImmutableArray<SarifResult> Results,
    IReadOnlyDictionary<string, string> Properties);

internal sealed record SarifTool(SarifDriver Driver);

internal sealed record SarifDriver(string Name, string Version, ImmutableArray<SarifRule> Rules);

internal sealed record SarifRule(
    string Id,
    SarifMessage ShortDescription,
    SarifMessage FullDescription,
    SarifMessage Help,
    SarifRuleConfiguration DefaultConfiguration,
    IReadOnlyDictionary<string, string> Properties);

internal sealed record SarifRuleConfiguration(bool Enabled, string Level);

internal sealed record SarifMessage(string Text);

internal sealed record SarifArtifact(SarifArtifactLocation Location, string? SourceLanguage);

internal sealed record SarifArtifactLocation(string Uri, int? Index);

internal sealed record SarifResult(
    string RuleId,
    int RuleIndex,
    string Level,
    SarifMessage Message,
    ImmutableArray<SarifLocation> Locations,
    IReadOnlyList<SarifFix>? Fixes,
    IReadOnlyDictionary<string, string> PartialFingerprints);

internal sealed record SarifLocation(SarifPhysicalLocation PhysicalLocation, ImmutableArray<SarifLogicalLocation> LogicalLocations);

internal sealed record SarifPhysicalLocation(SarifArtifactLocation ArtifactLocation, SarifRegion? Region);

internal sealed record SarifLogicalLocation(string FullyQualifiedName);

internal sealed record SarifRegion(int StartLine, int StartColumn, int EndLine, int EndColumn, SarifContent? Snippet);

internal sealed record SarifContent(string Text);

internal sealed record SarifFix(SarifMessage Description, ImmutableArray<SarifArtifactChange> ArtifactChanges);

internal sealed record SarifArtifactChange(SarifArtifactLocation ArtifactLocation, ImmutableArray<SarifReplacement> Replacements);

internal sealed record SarifReplacement(SarifRegion DeletedRegion, SarifContent InsertedContent);

/// <summary>How SARIF becomes JSON, without run-time reflection.</summary>
[JsonSourceGenerationOptions(
    WriteIndented = true,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(SarifLog))]
internal sealed partial class SarifContext : JsonSerializerContext;
