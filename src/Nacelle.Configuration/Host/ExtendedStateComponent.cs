using System.Collections.Immutable;
using Nacelle.Cpu;

namespace Nacelle.Configuration;

/// <summary>A part of a processor's state that XSAVE carries (SDM volume 1, 13.1). Immutable.</summary>
/// <param name="Number">Its bit in XCR0.</param>
/// <param name="Name">What it is, for people.</param>
/// <param name="Feature">The feature of <see cref="CpuFeatures"/> that it belongs to.</param>
public sealed record ExtendedStateComponent(int Number, string Name, string Feature)
{
    /// <summary>Those that are known, by number.</summary>
    public static ImmutableArray<ExtendedStateComponent> All { get; } =
    [
        new(0, "x87", "fpu"), new(1, "SSE", "sse"), new(2, "AVX", "avx"), new(3, "MPX bounds", "mpx"), new(4, "MPX configuration", "mpx"),
        new(5, "AVX-512 masks", "avx512f"), new(6, "AVX-512 high halves", "avx512f"), new(7, "AVX-512 high registers", "avx512f"),
        new(9, "protection keys", "pku"), new(17, "AMX configuration", "amx-tile"), new(18, "AMX tiles", "amx-tile"),
    ];

    /// <summary>Names of the components in a mask, by number; those that are not known by their number alone.</summary>
    /// <param name="components">Bits of XCR0.</param>
    public static IEnumerable<string> Names(ulong components)
    {
        for (int number = 0; number < 63; number++)
        {
            if ((components & (1UL << number)) != 0)
            {
                yield return All.FirstOrDefault(component => component.Number == number)?.Name
                    ?? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"component {number}");
            }
        }
    }

    /// <summary>
    /// Components of whose place in the area that XSAVE writes two processors have different ideas: what a guest saved before it moved, it
    /// cannot restore afterwards.
    /// </summary>
    /// <param name="one">A processor.</param>
    /// <param name="other">The other.</param>
    internal static IEnumerable<ExtendedStateComponent> Misplaced(HostCpuFacts one, HostCpuFacts other)
    {
        CpuidTable left = one.Table;
        CpuidTable right = other.Table;
        foreach (ExtendedStateComponent component in All.Where(component => component.Number >= 2))
        {
            bool both = one.Has(component.Feature) && other.Has(component.Feature)
                && (one.ExtendedStateComponents & other.ExtendedStateComponents & (1UL << component.Number)) != 0;
            CpuidResult here = left.Query(0xD, (uint)component.Number);
            CpuidResult there = right.Query(0xD, (uint)component.Number);
            if (both && (here.Eax, here.Ebx) != (there.Eax, there.Ebx))
            {
                yield return component;
            }
        }
    }
}
