using System.Collections.Immutable;

namespace Nacelle.Cpu;

/// <summary>Which processor a guest is to see, as somebody asked for it. Immutable; whether it can be had is decided later.</summary>
/// <param name="Model">Null for all that host and accelerator can do: "host" or "max".</param>
/// <param name="Added">Features beyond the model's own, in the order asked.</param>
/// <param name="Removed">Features that the guest is not to see.</param>
/// <param name="IsMaximum">Whether a null model stands for "max" and not for "host".</param>
/// <param name="Vendor">12 characters in place of the vendor that it would have; null leaves it.</param>
/// <remarks>
/// "host" is what the accelerator passes on of the host's processor, "max" that and the features that it has besides but gives to
/// those only who ask.
/// </remarks>
public sealed record CpuModelSpecification(
    CpuModel? Model,
    ImmutableArray<CpuFeature> Added,
    ImmutableArray<CpuFeature> Removed,
    bool IsMaximum = false,
    string? Vendor = null)
{
    /// <summary>Characters of a vendor's name.</summary>
    public const int VendorLength = 12;

    /// <summary>All that host and accelerator can do.</summary>
    public static CpuModelSpecification Host { get; } = new(null, [], []);

    /// <summary>As it would be typed.</summary>
    public string Text => string.Concat(
        [Model?.Name ?? (IsMaximum ? "max" : "host"), .. Added.Select(feature => $",+{feature.Name}"),
            .. Removed.Select(feature => $",-{feature.Name}"),
            Vendor is null ? "" : $",vendor={Vendor}"]);
}
