using System.Collections.Immutable;
using System.Text;

namespace Nacelle.Cpu;

/// <summary>
/// Makes the CPUID table of a guest from what host and accelerator can do together and the processor that was asked for. Stateless.
/// </summary>
public static class GuestCpuid
{
    private const uint ExtendedFeatures = 0x8000_0001;
    private const uint BrandString = 0x8000_0002;
    private const int BrandStringLength = 48;

    /// <summary>Bits of function 80000001H EDX that AMD repeats from function 1 (AMD volume 3, appendix E.4.2).</summary>
    private const uint RepeatedByAmd = 0x0183_F3FF;

    /// <summary>
    /// What belongs to the machine and not to a generation of processors: there whenever it can be had, unless it is taken away by
    /// name. Topology, timers, and what a guest needs to know against attacks on speculation.
    /// </summary>
    private static readonly ImmutableArray<CpuFeature> s_ofTheMachine =
    [
        .. new[]
        {
            "hypervisor", "x2apic", "tsc-deadline", "tsc_adjust", "arat", "invtsc", "ht", "cmp_legacy", "topoext", "spec-ctrl", "stibp", "ssbd",
            "arch-capabilities", "md-clear", "ibpb", "ibrs", "amd-stibp", "amd-ssbd", "lfence-always-serializing",
            "null-sel-clr-base", "auto-ibrs",
        }.Select(name => CpuFeatures.Find(name)!),
    ];

    /// <summary>
    /// Promised only to those who ask: keeping translations by PCID saves a guest nothing where a change of it empties the TLB, and
    /// XSAVE does not carry the rights of protection keys there.
    /// </summary>
    private static readonly ImmutableArray<CpuFeature> s_onRequest = [.. new[] { "pcid", "pku", "pks" }.Select(name => CpuFeatures.Find(name)!)];

    /// <summary>State components by the feature that they belong to (SDM volume 1, 13.1).</summary>
    private static readonly (int Component, string Feature)[] s_components =
        [(2, "avx"), (3, "mpx"), (4, "mpx"), (5, "avx512f"), (6, "avx512f"), (7, "avx512f"), (9, "pku"), (17, "amx-tile"), (18, "amx-tile")];

    /// <summary>The features that were asked for by name or model and cannot be had.</summary>
    /// <param name="available">What host and accelerator can do.</param>
    /// <param name="specification">What was asked for.</param>
    public static ImmutableArray<CpuFeature> Missing(CpuidTable available, CpuModelSpecification specification)
    {
        ArgumentNullException.ThrowIfNull(specification);
        return [.. Asked(specification).Where(feature => !feature.IsIn(available))];
    }

    /// <summary>Whether a model can be had as it is.</summary>
    public static bool IsAvailable(CpuidTable available, CpuModel model) =>
        Missing(available, new CpuModelSpecification(model, [], [])).IsEmpty;

    /// <summary>Makes the table. What is missing is not in it; see <see cref="Missing"/>.</summary>
    /// <param name="available">What host and accelerator can do, with the machine's topology.</param>
    /// <param name="specification">What was asked for.</param>
    public static CpuidTable Make(CpuidTable available, CpuModelSpecification specification)
    {
        ArgumentNullException.ThrowIfNull(available);
        ArgumentNullException.ThrowIfNull(specification);
        if (specification is { Model: null, IsMaximum: true, Vendor: null, Removed.IsEmpty: true })
        {
            return available;
        }

        HashSet<CpuFeature> kept = [.. Kept(available, specification)];
        bool masked = specification.Model is not null;
        CpuModelIdentity? identity = specification.Model?.Identity;
        string? vendor = specification.Vendor ?? identity?.Vendor;
        bool amd = vendor is null ? IsAmd(available) : CpuModelIdentity.IsOfAmd(vendor);
        uint basic = Limit(available.Query(1, 0), 1, 0, kept, masked).Edx;
        List<CpuidEntry> entries = [];
        foreach (CpuidEntry entry in available.Entries)
        {
            CpuidResult result = Limit(entry.Result, entry.Function, entry.Index, kept, masked);
            if (entry.Function == ExtendedFeatures)
            {
                result = result with { Edx = (result.Edx & ~RepeatedByAmd) | (amd ? basic & RepeatedByAmd : 0) };
            }

            if (entry.Function == 0xD)
            {
                if (LimitState(available, entry, kept) is not CpuidResult state)
                {
                    continue;
                }

                result = state;
            }

            result = identity is null ? result : Identify(entry.Function, result, specification.Model!);
            entries.Add(entry with { Result = specification.Vendor is string name ? Rename(entry.Function, result, name) : result });
        }

        return new CpuidTable(entries);
    }

    /// <summary>The model's features and those added, with what they need, without those taken away and what needs them.</summary>
    private static IEnumerable<CpuFeature> Asked(CpuModelSpecification specification)
    {
        HashSet<CpuFeature> asked = [.. specification.Model?.Features ?? []];
        foreach (CpuFeature feature in specification.Added)
        {
            for (CpuFeature? needed = feature; needed is not null; needed = needed.Needs is string name ? CpuFeatures.Find(name) : null)
            {
                asked.Add(needed);
            }
        }

        return CpuFeatures.All.Where(feature => asked.Contains(feature) && !IsRemoved(feature, specification.Removed));
    }

    private static IEnumerable<CpuFeature> Kept(CpuidTable available, CpuModelSpecification specification)
    {
        IEnumerable<CpuFeature> wanted = specification switch
        {
            { Model: not null } => Asked(specification).Union(s_ofTheMachine),
            { IsMaximum: true } => CpuFeatures.All,
            _ => CpuFeatures.All.Where(feature => !s_onRequest.Contains(feature) || specification.Added.Contains(feature)),
        };
        return wanted.Where(feature => feature.IsIn(available) && !IsRemoved(feature, specification.Removed));
    }

    private static bool IsRemoved(CpuFeature feature, ImmutableArray<CpuFeature> removed)
    {
        for (CpuFeature? needed = feature; needed is not null; needed = needed.Needs is string name ? CpuFeatures.Find(name) : null)
        {
            if (removed.Contains(needed))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Takes away features that are not kept, and in a masked table every other bit of a register that holds features.</summary>
    private static CpuidResult Limit(CpuidResult result, uint function, uint index, HashSet<CpuFeature> kept, bool masked)
    {
        // Its further bits tell what the guest need not guard against.
        bool whole = masked && function != 0x8000_0021;
        Span<uint> named = stackalloc uint[4];
        Span<uint> granted = stackalloc uint[4];
        foreach (CpuFeature feature in CpuFeatures.All)
        {
            if (feature.Function == function && feature.Index == index)
            {
                named[(int)feature.Register] |= 1u << feature.Bit;
                granted[(int)feature.Register] |= kept.Contains(feature) ? 1u << feature.Bit : 0;
            }
        }

        // Registers of these functions that hold features and nothing else.
        ReadOnlySpan<CpuidRegister> pure = function switch
        {
            1 => [CpuidRegister.Ecx, CpuidRegister.Edx],
            7 when index == 0 => [CpuidRegister.Ebx, CpuidRegister.Ecx, CpuidRegister.Edx],
            7 => [CpuidRegister.Eax, CpuidRegister.Ebx, CpuidRegister.Ecx, CpuidRegister.Edx],
            ExtendedFeatures => [CpuidRegister.Ecx, CpuidRegister.Edx],
            0x8000_0007 => [CpuidRegister.Edx],
            0x8000_0008 => [CpuidRegister.Ebx],
            _ => [],
        };
        if (whole)
        {
            foreach (CpuidRegister register in pure)
            {
                named[(int)register] = uint.MaxValue;
            }
        }

        return new CpuidResult(
            (result.Eax & ~named[0]) | (result.Eax & granted[0]),
            (result.Ebx & ~named[1]) | (result.Ebx & granted[1]),
            (result.Ecx & ~named[2]) | (result.Ecx & granted[2]),
            (result.Edx & ~named[3]) | (result.Edx & granted[3]));
    }

    /// <summary>Function 0DH with the state components whose features are kept; null for a row that is left out.</summary>
    private static CpuidResult? LimitState(CpuidTable available, in CpuidEntry entry, HashSet<CpuFeature> kept)
    {
        bool Has(string name) => kept.Contains(CpuFeatures.Find(name)!);

        if (!Has("xsave"))
        {
            return null;
        }

        uint components = available.Query(0xD, 0).Eax;
        foreach ((int component, string feature) in s_components)
        {
            components &= Has(feature) ? uint.MaxValue : ~(1u << component);
        }

        uint size = 576;
        for (uint component = 2; component < 32; component++)
        {
            if ((components & (1u << (int)component)) != 0)
            {
                CpuidResult part = available.Query(0xD, component);
                size = Math.Max(size, part.Eax + part.Ebx);
            }
        }

        return entry.Index switch
        {
            0 => entry.Result with { Eax = components, Ebx = size, Ecx = size },
            1 => Limit(entry.Result, 0xD, 1, kept, false) is var one && Has("xsaves") ? one : one with { Ebx = size, Ecx = 0, Edx = 0 },

            // Supervisor components are of XSAVES.
            < 32 => (components & (1u << (int)entry.Index)) != 0 || ((entry.Result.Ecx & 1) != 0 && Has("xsaves")) ? entry.Result : null,
            _ => null,
        };
    }

    private static CpuidResult Identify(uint function, CpuidResult result, CpuModel model)
    {
        CpuModelIdentity identity = model.Identity!;
        switch (function)
        {
            case 0:
                return Name(result.Eax, identity.Vendor);
            case 0x8000_0000:
                return identity.IsAmd ? Name(result.Eax, identity.Vendor) : new CpuidResult(result.Eax, 0, 0, 0);
            case 1:
                return result with { Eax = identity.Signature };
            case ExtendedFeatures:
                return result with { Eax = identity.IsAmd ? identity.Signature : 0, Ebx = 0 };
            case BrandString or (BrandString + 1) or (BrandString + 2):
                byte[] text = new byte[BrandStringLength];
                Encoding.ASCII.GetBytes(model.Description).AsSpan().CopyTo(text);
                ReadOnlySpan<byte> part = text.AsSpan((int)(function - BrandString) * 16, 16);
                return new CpuidResult(Word(part), Word(part[4..]), Word(part[8..]), Word(part[12..]));
            default:
                return result;
        }
    }

    private static CpuidResult Rename(uint function, CpuidResult result, string vendor) => function switch
    {
        0 => Name(result.Eax, vendor),
        0x8000_0000 => CpuModelIdentity.IsOfAmd(vendor) ? Name(result.Eax, vendor) : new CpuidResult(result.Eax, 0, 0, 0),
        _ => result,
    };

    private static CpuidResult Name(uint highest, string vendor)
    {
        ReadOnlySpan<byte> text = Encoding.ASCII.GetBytes(vendor);
        return new CpuidResult(highest, Word(text), Word(text[8..]), Word(text[4..]));
    }

    private static uint Word(ReadOnlySpan<byte> bytes) => System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(bytes);

    private static bool IsAmd(CpuidTable table) => table.Query(0, 0).Ebx is 0x6874_7541 or 0x6F67_7948;
}
