using System.Collections.Immutable;
using Nacelle.Cpu;

namespace Nacelle.Configuration;

/// <summary>Whether pages can be marked as not to be executed (EFER.NXE, SDM volume 3, 5.13; CPUID 80000001H EDX bit 20).</summary>
public enum NoExecuteState
{
    /// <summary>The processor has it and the kernel uses it.</summary>
    InForce,

    /// <summary>The processor has it, and "noexec=off" told a kernel before 5.19 not to use it.</summary>
    DisabledByKernel,

    /// <summary>
    /// CPUID does not show it, though a processor with long mode has it: the firmware's setting ("Execute Disable", "No-Execute Memory
    /// Protection"; on Intel, bit 34 of MSR 1A0H) hides it.
    /// </summary>
    DisabledByFirmware,

    /// <summary>The processor has none.</summary>
    Absent,
}

/// <summary>A host's processor. Immutable. Where logical processors differ, what all of them have.</summary>
public sealed record HostCpuFacts
{
    /// <summary>The vendor by CPUID function 0: 12 characters, such as "GenuineIntel", "AuthenticAMD", "HygonGenuine" or "  Shanghai  ".</summary>
    public required string Vendor { get; init; }

    /// <summary>Family with its extension, 0 to 270.</summary>
    public required int Family { get; init; }

    /// <summary>Model with its extension, 0 to 255.</summary>
    public required int Model { get; init; }

    /// <summary>Stepping, 0 to 15.</summary>
    public required int Stepping { get; init; }

    /// <summary>The processor's name, CPUID 80000002H to 80000004H.</summary>
    public required string Name { get; init; }

    /// <summary>Revision of the microcode that runs, such as "0x2006e05"; null where the kernel does not tell.</summary>
    public required string? Microcode { get; init; }

    /// <summary>Logical processors that are online.</summary>
    public required CpuSet OnlineCpus { get; init; }

    /// <summary>Bits of a physical address, CPUID 80000008H EAX bits 0 to 7: 32 to 52.</summary>
    public required int PhysicalAddressBits { get; init; }

    /// <summary>Bits of a linear address, CPUID 80000008H EAX bits 8 to 15: 32 to 57.</summary>
    public required int LinearAddressBits { get; init; }

    /// <summary>Whether pages can be marked as not to be executed, and if not, why.</summary>
    public required NoExecuteState NoExecute { get; init; }

    /// <summary>Features by the names of <see cref="CpuFeatures"/>, in that table's order: what CPUID shows on the host.</summary>
    public required ImmutableArray<string> Features { get; init; }

    /// <summary>Words of the kernel's own list in /proc/cpuinfo ("flags"), which has features of the kernel's making too.</summary>
    public required ImmutableArray<string> KernelFlags { get; init; }

    /// <summary>Words of "vmx flags" in /proc/cpuinfo: what VMX has; empty on other vendors and kernels before 5.6.</summary>
    public required ImmutableArray<string> VmxFlags { get; init; }

    /// <summary>All that CPUID answers, so that nothing is lost that has no name yet.</summary>
    public required ImmutableArray<HostCpuidLeaf> Cpuid { get; init; }

    /// <summary>Whether guests and host may use no-execute pages now.</summary>
    public bool IsNoExecuteInForce => NoExecute == NoExecuteState.InForce;

    /// <summary>State components that XSAVE can carry: bits of XCR0 (CPUID function 0DH, EDX:EAX), 0 without XSAVE.</summary>
    public ulong ExtendedStateComponents => Table.Query(0xD, 0) is { } result ? ((ulong)result.Edx << 32) | result.Eax : 0;

    /// <summary><see cref="Cpuid"/> as a table to ask.</summary>
    public CpuidTable Table => new(Cpuid.Select(leaf => leaf.ToEntry(Cpuid)));

    /// <summary>Whether CPUID shows a feature.</summary>
    /// <param name="name">A name of <see cref="CpuFeatures"/>.</param>
    public bool Has(string name) => Features.Contains(name);

    /// <summary>Whether /proc/cpuinfo shows a flag.</summary>
    public bool HasKernelFlag(string flag) => KernelFlags.Contains(flag);
}
