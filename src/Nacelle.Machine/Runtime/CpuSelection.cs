using System.Collections.Immutable;
using System.Runtime.Intrinsics.X86;
using Nacelle.Cpu;

namespace Nacelle.Machine.Runtime;

/// <summary>Refuses processors that host and accelerator cannot show a guest, and says what can be had instead.</summary>
internal static class CpuSelection
{
    /// <summary>Checks what was asked for against what can be had.</summary>
    /// <param name="specification">What was asked for.</param>
    /// <param name="available">What host and accelerator can do together.</param>
    /// <param name="accelerator">The accelerator's name.</param>
    /// <exception cref="MachineException">Something cannot be had; it is named with the reason and the nearest alternative.</exception>
    internal static void Check(CpuModelSpecification specification, CpuidTable available, string accelerator)
    {
        ImmutableArray<CpuFeature> missing = GuestCpuid.Missing(available, specification);
        if (!missing.IsEmpty)
        {
            throw new MachineException(
                MachineErrorKind.Configuration,
                $"--cpu {specification.Text} is not possible here: {Reasons(missing, accelerator)}; use {Alternative(specification, missing, available)}");
        }
    }

    private static string Reasons(ImmutableArray<CpuFeature> missing, string accelerator)
    {
        string[] ofHost = [.. missing.Where(feature => !IsInHost(feature)).Select(feature => feature.Name)];
        string[] ofAccelerator = [.. missing.Where(IsInHost).Select(feature => feature.Name)];
        List<string> reasons = [];
        if (ofHost.Length != 0)
        {
            reasons.Add($"this host's processor has no {string.Join(", ", ofHost)}");
        }

        if (ofAccelerator.Length != 0)
        {
            string who = accelerator == "kvm" ? "this host's KVM" : "the translator";
            reasons.Add($"{who} does not do {string.Join(", ", ofAccelerator)}");
        }

        return string.Join(" and ", reasons);
    }

    /// <summary>The same without what is missing, and the model below that needs nothing taken away.</summary>
    private static string Alternative(CpuModelSpecification specification, ImmutableArray<CpuFeature> missing, CpuidTable available)
    {
        // What needs a missing feature goes with it, so naming the roots is enough.
        IEnumerable<CpuFeature> roots = missing.Where(feature => !missing.Any(other => other.Name == feature.Needs));
        ImmutableArray<CpuFeature> inModel = [.. roots.Where(feature => specification.Model?.Features.Contains(feature) ?? false)];
        CpuModelSpecification without = specification with
        {
            Added = [.. specification.Added.Except(missing)],
            Removed = [.. specification.Removed.Union(inModel)],
        };
        string text = $"--cpu {without.Text}";
        return Below(specification.Model, available) is CpuModel below ? $"{text}, or --cpu {below.Name}" : text;
    }

    private static CpuModel? Below(CpuModel? model, CpuidTable available) => model is null ? null : CpuModels.All
        .TakeWhile(other => other != model)
        .Where(other => other.Identity?.Vendor == model.Identity?.Vendor && GuestCpuid.IsAvailable(available, other))
        .LastOrDefault();

    private static bool IsInHost(CpuFeature feature)
    {
        (int highest, _, _, _) = X86Base.CpuId(unchecked((int)(feature.Function & 0x8000_0000)), 0);
        if (feature.Function > (uint)highest)
        {
            return false;
        }

        (int eax, int ebx, int ecx, int edx) = X86Base.CpuId(unchecked((int)feature.Function), (int)feature.Index);
        return feature.IsIn(new CpuidResult((uint)eax, (uint)ebx, (uint)ecx, (uint)edx));
    }
}
