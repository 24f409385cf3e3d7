using System.Text.Json;
using System.Text.Json.Serialization;
using Nacelle.Kvm;

namespace Nacelle.Configuration;

/// <summary>How host facts become JSON and come back, without run-time reflection; nothing unknown, missing or twice is let through.</summary>
[JsonSourceGenerationOptions(
    WriteIndented = true,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    IgnoreReadOnlyProperties = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    AllowDuplicateProperties = false,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    MaxDepth = HostFactsDocument.LargestDepth,
    Converters =
    [
        typeof(WordConverter<KvmAvailability>), typeof(WordConverter<NoExecuteState>), typeof(WordConverter<TscFrequencySource>),
        typeof(WordConverter<HostBlockDeviceKind>), typeof(WordConverter<HostBlockSignatureKind>), typeof(WordConverter<HostPartitionScheme>),
    ])]
[JsonSerializable(typeof(HostFacts))]
internal sealed partial class HostFactsJson : JsonSerializerContext;

/// <summary>An enumeration as one word, such as "disabled-by-firmware"; never as a number.</summary>
internal sealed class WordConverter<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false)
    where T : struct, Enum;
