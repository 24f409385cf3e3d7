using System.Collections.Immutable;
using Nacelle.Cpu;

namespace Nacelle.Configuration;

/// <summary>
/// The value of <c>--cpu</c>: a model, then features with a sign, such as "Haswell,-pcid,+sha-ni". The only reader of such values:
/// every way in comes through here.
/// </summary>
public static class CpuOption
{
    private static readonly string[] s_all = ["host", "max"];

    /// <summary>Names that are valid before the first comma.</summary>
    public static IReadOnlyList<string> Models { get; } = [.. s_all, .. CpuModels.All.Select(model => model.Name)];

    /// <summary>Reads a processor.</summary>
    /// <param name="text">MODEL[,+FEATURE|-FEATURE|FEATURE=on|off|vendor=NAME]…; the last word on a feature counts.</param>
    /// <exception cref="ConfigurationException">The model or a feature is not known, or the value contradicts itself.</exception>
    public static CpuModelSpecification Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] parts = text.Split(',');
        CpuModel? model = CpuModels.Find(parts[0]);
        if (model is null && !s_all.Contains(parts[0]))
        {
            throw new ConfigurationException(NearestName.Refusal("CPU model", parts[0], Models));
        }

        Dictionary<CpuFeature, bool> wanted = [];
        List<CpuFeature> order = [];
        string? vendor = null;
        foreach (string part in parts.Skip(1))
        {
            const string vendorKey = "vendor=";
            if (part.StartsWith(vendorKey, StringComparison.Ordinal))
            {
                vendor = ParseVendor(part[vendorKey.Length..]);
                continue;
            }

            (CpuFeature feature, bool on) = ParseFeature(part);
            order.Remove(feature);
            order.Add(feature);
            wanted[feature] = on;
        }

        ImmutableArray<CpuFeature> added = [.. order.Where(feature => wanted[feature])];
        ImmutableArray<CpuFeature> removed = [.. order.Where(feature => !wanted[feature])];
        foreach (CpuFeature feature in added)
        {
            Check(feature, removed);
        }

        return new CpuModelSpecification(model, added, removed, IsMaximum: parts[0] == "max", vendor);
    }

    private static string ParseVendor(string text) =>
        text.Length == CpuModelSpecification.VendorLength && text.All(character => character is >= ' ' and <= '~')
            ? text
            : throw new ConfigurationException(
                $"CPU vendor '{text}' is not valid: give {CpuModelSpecification.VendorLength} characters, such as GenuineIntel or AuthenticAMD");

    private static (CpuFeature Feature, bool On) ParseFeature(string part)
    {
        int equals = part.IndexOf('=', StringComparison.Ordinal);
        bool signed = part.Length > 0 && part[0] is '+' or '-';
        if (!signed && equals < 0)
        {
            throw new ConfigurationException(part.Length == 0
                ? "a CPU feature is empty: write +NAME or -NAME after the comma"
                : $"CPU feature '{part}' has no sign: write +{part} or -{part}");
        }

        string name = signed ? part[1..] : part[..equals];
        CpuFeature feature = CpuFeatures.Find(name)
            ?? throw new ConfigurationException(NearestName.Refusal("CPU feature", name, CpuFeatures.Names));
        if (signed)
        {
            return (feature, part[0] == '+');
        }

        string value = part[(equals + 1)..];
        return value is "on" or "off"
            ? (feature, value == "on")
            : throw new ConfigurationException($"CPU feature '{name}' is on or off, not '{value}': write {name}=on or {name}=off");
    }

    private static void Check(CpuFeature feature, ImmutableArray<CpuFeature> removed)
    {
        for (string? need = feature.Needs; need is not null; need = CpuFeatures.Find(need)!.Needs)
        {
            if (removed.Any(candidate => candidate.Name == need))
            {
                throw new ConfigurationException($"CPU feature '{feature.Name}' needs '{need}', which is taken away: leave out -{need} or +{feature.Name}");
            }
        }
    }
}
