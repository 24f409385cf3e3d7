using System.Text.Json.Serialization;
using Nacelle.Translation;

namespace Nacelle.Cli;

/// <summary>How listed blocks become JSON and come back, without run-time reflection. A block is a line.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ListedBlock))]
internal sealed partial class ListingJson : JsonSerializerContext;
