using System.Text.Json;
using System.Text.Json.Serialization;
using Nacelle.Machine;

namespace Nacelle.Configuration;

/// <summary>Writes an enumeration by the words that domain XML has.</summary>
internal abstract class ConfigurationWordConverter<TValue>(WordTable<TValue> words) : JsonConverter<TValue>, IConfigurationWordConverter where TValue : struct, Enum
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
internal interface IConfigurationWordConverter
{
    /// <summary>All of them.</summary>
    IReadOnlyList<string> Words { get; }
}

internal sealed class LifecycleActionConverter() : ConfigurationWordConverter<LifecycleAction>(ConfigurationWords.LifecycleAction);

internal sealed class LockFailureActionConverter() : ConfigurationWordConverter<LockFailureAction>(ConfigurationWords.LockFailureAction);

internal sealed class AcceleratorConverter() : ConfigurationWordConverter<AcceleratorChoice>(ConfigurationWords.Accelerator);

internal sealed class CpuModeConverter() : ConfigurationWordConverter<CpuMode>(ConfigurationWords.CpuMode);

internal sealed class CpuFeaturePolicyConverter() : ConfigurationWordConverter<CpuFeaturePolicy>(ConfigurationWords.CpuFeaturePolicy);

internal sealed class DeviceAddressTypeConverter() : ConfigurationWordConverter<DeviceAddressType>(ConfigurationWords.DeviceAddressType);

internal sealed class DiskBusConverter() : ConfigurationWordConverter<DiskBus>(ConfigurationWords.DiskBus);

internal sealed class DiskCacheConverter() : ConfigurationWordConverter<DiskCache>(ConfigurationWords.DiskCache);

internal sealed class StorageTypeConverter() : ConfigurationWordConverter<StorageType>(ConfigurationWords.StorageType);

internal sealed class ControllerTypeConverter() : ConfigurationWordConverter<ControllerType>(ConfigurationWords.ControllerType);

internal sealed class InterfaceTypeConverter() : ConfigurationWordConverter<InterfaceType>(ConfigurationWords.InterfaceType);

internal sealed class CharacterDeviceTypeConverter() : ConfigurationWordConverter<CharacterDeviceType>(ConfigurationWords.CharacterDeviceType);

internal sealed class HostDeviceTypeConverter() : ConfigurationWordConverter<HostDeviceType>(ConfigurationWords.HostDeviceType);

internal sealed class MemoryModuleModelConverter() : ConfigurationWordConverter<MemoryModuleModel>(ConfigurationWords.MemoryModuleModel);
