using System.Collections.Immutable;
using Nacelle.Cpu;

namespace Nacelle.Configuration;

/// <summary>Processors of a configuration as the machine's own specification, and back. Stateless.</summary>
internal static class CpuConfigurationText
{
    /// <summary>Reads a configuration's processor.</summary>
    /// <exception cref="ConfigurationException">A model or feature is not known.</exception>
    internal static CpuModelSpecification Read(CpuConfiguration? cpu)
    {
        if (cpu is null || (cpu.Mode is null && cpu.Model is null && cpu.Features.Length == 0 && cpu.VendorId is null))
        {
            return CpuModelSpecification.Host;
        }

        string model = cpu.Mode switch
        {
            CpuMode.HostModel or CpuMode.HostPassthrough => "host",
            CpuMode.Maximum => "max",
            _ => cpu.Model ?? throw new ConfigurationException("a processor without a model: give <model>, or mode='host-passthrough'"),
        };
        IEnumerable<string> features = cpu.Features.Select(feature =>
            (feature.Policy is CpuFeaturePolicy.Disable or CpuFeaturePolicy.Forbid ? "-" : "+") + feature.Name);
        IEnumerable<string> vendor = cpu.VendorId is null ? [] : [$"vendor={cpu.VendorId}"];
        return CpuOption.Parse(string.Join(',', [model, .. features, .. vendor]));
    }

    /// <summary>Writes a processor; <see cref="Read"/> reads it back.</summary>
    internal static CpuConfiguration Write(CpuModelSpecification cpu) => new()
    {
        Mode = cpu.Model is not null ? CpuMode.Custom : cpu.IsMaximum ? CpuMode.Maximum : CpuMode.HostPassthrough,
        Model = cpu.Model?.Name,
        VendorId = cpu.Vendor,
        Features =
        [
            .. Features(cpu.Added, CpuFeaturePolicy.Require),
            .. Features(cpu.Removed, CpuFeaturePolicy.Disable),
        ],
    };

    private static IEnumerable<CpuFeatureConfiguration> Features(ImmutableArray<CpuFeature> features, CpuFeaturePolicy policy) =>
        features.Select(feature => new CpuFeatureConfiguration { Name = feature.Name, Policy = policy });
}
