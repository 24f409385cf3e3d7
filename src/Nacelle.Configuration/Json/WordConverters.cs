using System.Text.Json;
using System.Text.Json.Serialization;
using Nacelle.Machine;

namespace Nacelle.Configuration;

/// <summary>Writes an enumeration by the words that domain XML has.</summary>
internal abstract class WordConverter<TValue>(WordTable<TValue> words) : JsonConverter<TValue>, IWordConverter where TValue : struct, Enum
{
    /// <inheritdoc/>
    public IReadOnlyList<string> Words => words.Words;

    /// <inheritdoc/>
    public override TValue Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        string text = reader.GetString() ?? "";
        return words.TryParse(text, out TValue value) ? value : throw new JsonException(words.Refuse(text));
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, TValue value, JsonSerializerOptions options) => writer.WriteStringValue(words.Format(value));
}

/// <summary>A converter whose values are words.</summary>
internal interface IWordConverter
{
    /// <summary>All of them.</summary>
    IReadOnlyList<string> Words { get; }
}

internal sealed class LifecycleActionConverter() : WordConverter<LifecycleAction>(ConfigurationWords.LifecycleAction);

internal sealed class LockFailureActionConverter() : WordConverter<LockFailureAction>(ConfigurationWords.LockFailureAction);

internal sealed class AcceleratorConverter() : WordConverter<AcceleratorChoice>(ConfigurationWords.Accelerator);

internal sealed class CpuModeConverter() : WordConverter<CpuMode>(ConfigurationWords.CpuMode);

internal sealed class CpuFeaturePolicyConverter() : WordConverter<CpuFeaturePolicy>(ConfigurationWords.CpuFeaturePolicy);

internal sealed class DeviceAddressTypeConverter() : WordConverter<DeviceAddressType>(ConfigurationWords.DeviceAddressType);

internal sealed class DiskBusConverter() : WordConverter<DiskBus>(ConfigurationWords.DiskBus);

internal sealed class DiskCacheConverter() : WordConverter<DiskCache>(ConfigurationWords.DiskCache);

internal sealed class StorageTypeConverter() : WordConverter<StorageType>(ConfigurationWords.StorageType);

internal sealed class ControllerTypeConverter() : WordConverter<ControllerType>(ConfigurationWords.ControllerType);

internal sealed class InterfaceTypeConverter() : WordConverter<InterfaceType>(ConfigurationWords.InterfaceType);

internal sealed class CharacterDeviceTypeConverter() : WordConverter<CharacterDeviceType>(ConfigurationWords.CharacterDeviceType);

internal sealed class HostDeviceTypeConverter() : WordConverter<HostDeviceType>(ConfigurationWords.HostDeviceType);

internal sealed class MemoryModuleModelConverter() : WordConverter<MemoryModuleModel>(ConfigurationWords.MemoryModuleModel);
