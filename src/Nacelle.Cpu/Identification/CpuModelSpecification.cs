using System.Collections.Immutable;

namespace Nacelle.Cpu;

/// <summary>Which processor a guest is to see, as somebody asked for it. Immutable; whether it can be had is decided later.</summary>
/// <param name="Model">Null for all that host and accelerator can do: "host" or "max".</param>
/// <param name="Added">Features beyond the model's own, in the order asked.</param>
/// <param name="Removed">Features that the guest is not to see.</param>
public sealed record CpuModelSpecification(CpuModel? Model, ImmutableArray<CpuFeature> Added, ImmutableArray<CpuFeature> Removed)
{
    /// <summary>All that host and accelerator can do.</summary>
    public static CpuModelSpecification Host { get; } = new(null, [], []);

    /// <summary>As it would be typed.</summary>
    public string Text => string.Concat(
        [Model?.Name ?? "host", .. Added.Select(feature => $",+{feature.Name}"), .. Removed.Select(feature => $",-{feature.Name}")]);
}
