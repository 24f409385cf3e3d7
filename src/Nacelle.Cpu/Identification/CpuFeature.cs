namespace Nacelle.Cpu;

/// <summary>An output register of the CPUID instruction.</summary>
public enum CpuidRegister
{
    /// <summary>EAX.</summary>
    Eax,

    /// <summary>EBX.</summary>
    Ebx,

    /// <summary>ECX.</summary>
    Ecx,

    /// <summary>EDX.</summary>
    Edx,
}

/// <summary>A feature of the processor that CPUID promises by one bit. Immutable.</summary>
/// <param name="Name">The name that QEMU and libvirt have for it.</param>
/// <param name="Function">EAX on entry.</param>
/// <param name="Index">ECX on entry; zero for functions without sub-leaves.</param>
/// <param name="Register">Where the bit is.</param>
/// <param name="Bit">0 to 31.</param>
/// <param name="Needs">Name of a feature without which this one makes no sense; null for none.</param>
public sealed record CpuFeature(string Name, uint Function, uint Index, CpuidRegister Register, int Bit, string? Needs = null)
{
    /// <summary>Whether a table promises the feature.</summary>
    public bool IsIn(CpuidTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        return IsIn(table.Query(Function, Index));
    }

    /// <summary>Whether the answer to <see cref="Function"/> and <see cref="Index"/> promises the feature.</summary>
    public bool IsIn(in CpuidResult result)
    {
        uint register = Register switch
        {
            CpuidRegister.Eax => result.Eax,
            CpuidRegister.Ebx => result.Ebx,
            CpuidRegister.Ecx => result.Ecx,
            _ => result.Edx,
        };
        return (register & (1u << Bit)) != 0;
    }

    /// <summary>The answer without the feature.</summary>
    public CpuidResult Without(in CpuidResult result)
    {
        uint mask = ~(1u << Bit);
        return Register switch
        {
            CpuidRegister.Eax => result with { Eax = result.Eax & mask },
            CpuidRegister.Ebx => result with { Ebx = result.Ebx & mask },
            CpuidRegister.Ecx => result with { Ecx = result.Ecx & mask },
            _ => result with { Edx = result.Edx & mask },
        };
    }
}
