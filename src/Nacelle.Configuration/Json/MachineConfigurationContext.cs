using System.Text.Json.Serialization;

namespace Nacelle.Configuration;

/// <summary>How the records are JSON. Absent members mean what null and empty mean.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    AllowDuplicateProperties = false,
    RespectNullableAnnotations = true,
    WriteIndented = true,
    MaxDepth = XmlTreeReader.DeepestNesting,
    Converters =
    [
        typeof(LifecycleActionConverter), typeof(LockFailureActionConverter), typeof(AcceleratorConverter), typeof(CpuModeConverter),
        typeof(CpuFeaturePolicyConverter), typeof(DeviceAddressTypeConverter), typeof(DiskBusConverter), typeof(DiskCacheConverter),
        typeof(StorageTypeConverter), typeof(ControllerTypeConverter), typeof(InterfaceTypeConverter), typeof(CharacterDeviceTypeConverter),
        typeof(HostDeviceTypeConverter), typeof(MemoryModuleModelConverter),
    ])]
[JsonSerializable(typeof(MachineConfiguration))]
internal sealed partial class MachineConfigurationContext : JsonSerializerContext;
