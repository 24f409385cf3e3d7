using System.Collections.Immutable;
using Nacelle.Configuration;
using Nacelle.Cpu;

namespace Nacelle;

/// <summary>Asks a processor all that CPUID answers (SDM volume 2, CPUID; AMD volume 3, appendix E). Stateless.</summary>
internal static class CpuidReader
{
    private const uint MostFunctions = 0x40;
    private const uint MostIndices = 64;
    private const int MostLeaves = 512;

    /// <summary>All answers, by function and index.</summary>
    /// <param name="ask">Executes CPUID with a function and an index.</param>
    internal static ImmutableArray<HostCpuidLeaf> ReadAll(Func<uint, uint, CpuidResult> ask)
    {
        ImmutableArray<HostCpuidLeaf>.Builder leaves = ImmutableArray.CreateBuilder<HostCpuidLeaf>();
        bool virtualised = (ask(1, 0).Ecx & (1u << 31)) != 0;

        // Basic; a hypervisor's; extended; Zhaoxin's and VIA's own.
        foreach (uint start in (ReadOnlySpan<uint>)[0, 0x4000_0000, 0x8000_0000, 0xC000_0000])
        {
            uint highest = ask(start, 0).Eax;
            if (highest < start || highest - start > 0xFFFF || (start == 0x4000_0000 && !virtualised))
            {
                continue;
            }

            for (uint function = start; function <= highest && function - start < MostFunctions && leaves.Count < MostLeaves; function++)
            {
                Read(leaves, function, ask);
            }
        }

        return leaves.ToImmutable();
    }

    private static void Read(ImmutableArray<HostCpuidLeaf>.Builder leaves, uint function, Func<uint, uint, CpuidResult> ask)
    {
        CpuidResult first = ask(function, 0);
        leaves.Add(new HostCpuidLeaf(function, 0, first));
        for (uint index = 1; index < MostIndices && leaves.Count < MostLeaves; index++)
        {
            CpuidResult result = ask(function, index);
            switch (function)
            {
                case 4 or 0x8000_001D when (ask(function, index - 1).Eax & 0x1F) == 0:
                case 0xB or 0x1F or 0x8000_0026 when (ask(function, index - 1).Ecx & 0xFF00) == 0:
                case 7 or 0x14 or 0x17 or 0x18 or 0x1D or 0x1E or 0x20 or 0x24 when index > Math.Min(first.Eax, MostIndices):
                case 0xF or 0x10 or 0x12 or 0x8000_0020 when index > 3:
                    return;
                case 4 or 0x8000_001D or 0xB or 0x1F or 0x8000_0026 or 7 or 0x14 or 0x17 or 0x18 or 0x1D or 0x1E or 0x20 or 0x24:
                    leaves.Add(new HostCpuidLeaf(function, index, result));
                    break;
                case 0xD or 0xF or 0x10 or 0x12 or 0x8000_0020:
                    if (index == 1 || result != default)
                    {
                        leaves.Add(new HostCpuidLeaf(function, index, result));
                    }

                    break;
                default:
                    return;
            }
        }
    }
}
