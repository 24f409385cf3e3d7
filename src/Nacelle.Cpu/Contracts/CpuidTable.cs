namespace Nacelle.Cpu;

/// <summary>One answer of the CPUID instruction.</summary>
public readonly record struct CpuidResult(uint Eax, uint Ebx, uint Ecx, uint Edx);

/// <summary>One row of a CPUID table.</summary>
/// <param name="Function">EAX on entry.</param>
/// <param name="Index">ECX on entry; ignored unless <paramref name="IndexSignificant"/>.</param>
/// <param name="IndexSignificant">Whether the function has sub-leaves.</param>
/// <param name="Result">The answer.</param>
public readonly record struct CpuidEntry(uint Function, uint Index, bool IndexSignificant, CpuidResult Result);

/// <summary>What the CPUID instruction answers on one vCPU. Immutable.</summary>
/// <param name="entries">The rows.</param>
public sealed class CpuidTable(IEnumerable<CpuidEntry> entries)
{
    private readonly CpuidEntry[] _entries = [.. entries];

    /// <summary>The rows.</summary>
    public IReadOnlyList<CpuidEntry> Entries => _entries;

    /// <summary>
    /// Answers; a basic function above the highest one answers as the highest basic function does (SDM volume 2, CPUID),
    /// an unknown function with zeroes.
    /// </summary>
    public CpuidResult Query(uint function, uint index)
    {
        foreach (ref readonly CpuidEntry entry in _entries.AsSpan())
        {
            if (entry.Function == function && (!entry.IndexSignificant || entry.Index == index))
            {
                return entry.Result;
            }
        }

        return default;
    }
}
