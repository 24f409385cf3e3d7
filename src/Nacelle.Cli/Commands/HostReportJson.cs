using System.Text.Json.Serialization;

namespace Nacelle.Cli;

/// <summary>How the host report becomes JSON, without run-time reflection.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(HostReport))]
internal sealed partial class HostReportJson : JsonSerializerContext;
