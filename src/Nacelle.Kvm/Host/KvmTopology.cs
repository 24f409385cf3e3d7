using Nacelle.Cpu;

namespace Nacelle.Kvm;

/// <summary>How CPUID tells a guest that it has one package of single-threaded cores (SDM volume 2, CPUID; APM volume 3, E).</summary>
/// <param name="ApicId">The vCPU's x2APIC id.</param>
/// <param name="VcpuCount">vCPUs of the machine.</param>
internal readonly record struct KvmTopology(uint ApicId, int VcpuCount)
{
    private int Bits => 32 - int.LeadingZeroCount(VcpuCount - 1);

    /// <summary>Leaf 1: initial APIC id, logical processors of the package, HTT.</summary>
    public CpuidResult Basic(CpuidResult result)
    {
        const uint multithreaded = 1u << 28;
        return result with
        {
            Ebx = ((ApicId & 0xFF) << 24) | ((uint)Math.Min(VcpuCount, 255) << 16) | (result.Ebx & 0xFFFF),
            Edx = VcpuCount > 1 ? result.Edx | multithreaded : result.Edx & ~multithreaded,
        };
    }

    /// <summary>Leaf 4 and its AMD twin: the last level is the package's, the others are a core's own.</summary>
    public CpuidResult Cache(uint function, CpuidResult result)
    {
        uint type = result.Eax & 0x1F;
        if (type == 0)
        {
            return result;
        }

        uint level = (result.Eax >> 5) & 7;
        uint identifiers = (1u << Bits) - 1;
        uint sharing = level >= 3 ? Math.Min(identifiers, 0xFFF) : 0;
        uint cores = function == 4 ? Math.Min(identifiers, 63) : 0;
        return result with { Eax = (result.Eax & 0x3FFF) | (sharing << 14) | (cores << 26) };
    }

    /// <summary>Leaf 0x80000001: CMP_LEGACY where leaf 1 has HTT for cores, on AMD processors.</summary>
    public CpuidResult Extended(CpuidResult result)
    {
        const uint legacy = 1u << 1;
        return VcpuCount > 1 ? result : result with { Ecx = result.Ecx & ~legacy };
    }

    /// <summary>Leaf 0x80000008: cores of the package and bits of the APIC id that number them.</summary>
    public CpuidResult Cores(CpuidResult result) =>
        result with { Ecx = ((uint)Bits << 12) | (uint)Math.Min(VcpuCount - 1, 255) };

    /// <summary>Leaf 0x8000001E: extended APIC id; core id, one thread; node 0 of one.</summary>
    public CpuidResult Node(CpuidResult result) =>
        result with { Eax = ApicId, Ebx = ApicId & 0xFF, Ecx = 0 };

    /// <summary>Leaf 0xB: a level of threads (one), a level of cores, the end.</summary>
    public void AddLevels(List<CpuidEntry> entries)
    {
        const uint threads = 1 << 8;
        const uint cores = 2 << 8;
        entries.Add(new CpuidEntry(0xB, 0, true, new CpuidResult(0, 1, threads, ApicId)));
        entries.Add(new CpuidEntry(0xB, 1, true, new CpuidResult((uint)Bits, (uint)VcpuCount, cores | 1, ApicId)));
        entries.Add(new CpuidEntry(0xB, 2, true, new CpuidResult(0, 0, 2, ApicId)));
    }
}
