using System.Runtime.Intrinsics.X86;

namespace Nacelle.Cpu;

/// <summary>Makes CPUID tables. Safe from any thread.</summary>
public static class CpuidModels
{
    /// <summary>The highest of AMD's extended functions that is answered.</summary>
    private const uint HighestExtended = 0x8000_0021;

    /// <summary>The host's processor, as far as the translator virtualises it, under the KVM paravirtual interface.</summary>
    /// <param name="vcpuIndex">Number of the vCPU.</param>
    /// <param name="apicId">Its x2APIC id.</param>
    /// <param name="vcpuCount">vCPUs of the machine, which make one package of single-threaded cores.</param>
    public static CpuidTable ForTranslator(int vcpuIndex, uint apicId, int vcpuCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(vcpuIndex);
        ArgumentOutOfRangeException.ThrowIfLessThan(vcpuCount, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(vcpuIndex, vcpuCount);
        var entries = new List<CpuidEntry>();
        CpuidResult vendor = Host(0, 0);
        bool amd = vendor.Ebx is 0x6874_7541 or 0x6F67_7948;
        uint highest = Math.Min(vendor.Eax, 0x16);
        uint kilohertz = (uint)(TimestampCalibration.Frequency / 1000);
        int coreBits = Bits(vcpuCount);

        Add(entries, 0, vendor with { Eax = Math.Max(highest, 0x16) });
        Add(entries, 1, Features(apicId, vcpuCount));
        if (!amd)
        {
            Add(entries, 2, Host(2, 0));
            AddCaches(entries, 4, vcpuCount);
        }

        Add(entries, 6, new CpuidResult(4, 0, 0, 0));
        CpuidResult seven = Host(7, 0);
        Add(entries, 7, 0, new CpuidResult(
            1, seven.Ebx & StructuredEbx, (seven.Ecx & StructuredEcx) | EmulatedEcx, seven.Edx & StructuredEdx));
        if (seven.Eax >= 1)
        {
            // AVX-VNNI, AVX512-BF16, fast short REP bits.
            Add(entries, 7, 1, new CpuidResult(Host(7, 1).Eax & 0x1C30, 0, 0, 0));
        }

        Add(entries, 0xB, 0, new CpuidResult(0, 1, 0x100, apicId));
        Add(entries, 0xB, 1, new CpuidResult((uint)coreBits, (uint)vcpuCount, 0x201, apicId));
        Add(entries, 0xB, 2, new CpuidResult(0, 0, 2, apicId));
        AddExtendedState(entries);

        // Ratio 1 over a crystal at the counter's own rate.
        Add(entries, 0x15, new CpuidResult(1, 1, kilohertz <= uint.MaxValue / 1000 ? kilohertz * 1000 : 0, 0));
        Add(entries, 0x16, new CpuidResult(kilohertz / 1000, kilohertz / 1000, 100, 0));
        AddHypervisor(entries, kilohertz);
        AddExtended(entries, amd, apicId, vcpuCount, coreBits);
        return new CpuidTable(entries);
    }

    // FSGSBASE, TSC_ADJUST, BMI1, AVX2, SMEP, BMI2, ERMS, INVPCID, AVX512F, DQ, RDSEED, ADX, SMAP, IFMA, CLFLUSHOPT, CLWB,
    // AVX512CD, SHA, BW, VL. Not HLE, RTM, MPX, SGX or resource control.
    private const uint StructuredEbx = 0xF1BF07AB;

    // VBMI, VBMI2, GFNI, VAES, VPCLMULQDQ, VNNI, BITALG, VPOPCNTDQ, RDPID. Not WAITPKG, CET or LA57.
    private const uint StructuredEcx = 0x00405F42;

    // UMIP, PKU and PKS, whatever the host has.
    private const uint EmulatedEcx = (1 << 2) | (1 << 3) | (1u << 31);

    // 4VNNIW, 4FMAPS, FSRM, VP2INTERSECT, AVX512-FP16.
    private const uint StructuredEdx = 0x0080011C;

    private static CpuidResult Host(uint function, uint index)
    {
        (int eax, int ebx, int ecx, int edx) = X86Base.CpuId((int)function, (int)index);
        return new CpuidResult((uint)eax, (uint)ebx, (uint)ecx, (uint)edx);
    }

    private static int Bits(int count) => 32 - int.LeadingZeroCount(count - 1);

    private static void Add(List<CpuidEntry> entries, uint function, CpuidResult result) =>
        entries.Add(new CpuidEntry(function, 0, false, result));

    private static void Add(List<CpuidEntry> entries, uint function, uint index, CpuidResult result) =>
        entries.Add(new CpuidEntry(function, index, true, result));

    private static CpuidResult Features(uint apicId, int vcpuCount)
    {
        CpuidResult host = Host(1, 0);

        // Not DTES64, MONITOR, DS-CPL, VMX, SMX, EIST, TM2, CNXT-ID, SDBG, xTPR, PDCM, DCA; OSXSAVE follows CR4. PCID,
        // x2APIC, the TSC deadline timer and the hypervisor bit are there whatever the host has.
        const uint ecx = 0x76D83203;

        // Not PSN, DS, ACPI, TM, PBE and IA-64.
        const uint edx = 0x0F8BFBFF;
        uint features = (host.Ecx & ecx) | (1u << 17) | (1u << 21) | (1u << 24) | (1u << 31);
        uint multithreaded = vcpuCount > 1 ? 1u << 28 : 0;
        uint identity = ((apicId & 0xFF) << 24) | ((uint)Math.Min(vcpuCount, 255) << 16) | (host.Ebx & 0xFF00);
        return new CpuidResult(host.Eax, identity, features, (host.Edx & edx) | (1u << 9) | (1u << 12) | multithreaded);
    }

    private static void AddCaches(List<CpuidEntry> entries, uint function, int vcpuCount)
    {
        for (uint index = 0; index < 8; index++)
        {
            CpuidResult host = Host(function, index);
            uint type = host.Eax & 0x1F;
            uint level = (host.Eax >> 5) & 7;
            if (type == 0)
            {
                Add(entries, function, index, default);
                return;
            }

            // The last level is shared by the package, the others belong to one core (SDM volume 2, CPUID leaf 4).
            uint sharing = level >= 3 ? (1u << Bits(vcpuCount)) - 1 : 0;
            uint cores = function == 4 ? Math.Min((1u << Bits(vcpuCount)) - 1, 63) << 26 : 0;
            Add(entries, function, index, host with { Eax = (host.Eax & 0x3FFF) | (Math.Min(sharing, 0xFFF) << 14) | cores });
        }
    }

    private static void AddExtendedState(List<CpuidEntry> entries)
    {
        if ((Host(1, 0).Ecx & (1u << 26)) == 0)
        {
            return;
        }

        // x87, SSE, AVX and the three AVX-512 components, as the host has them.
        uint components = Host(0xD, 0).Eax & 0xE7;
        uint size = 576;
        for (int component = 2; component < 8; component++)
        {
            if ((components & (1u << component)) != 0)
            {
                CpuidResult host = Host(0xD, (uint)component);
                Add(entries, 0xD, (uint)component, host with { Ecx = host.Ecx & 2, Edx = 0 });
                size = Math.Max(size, host.Eax + host.Ebx);
            }
        }

        // The size in EBX is that of everything offered, an upper bound on what XCR0 enables.
        Add(entries, 0xD, 0, new CpuidResult(components, size, size, 0));

        // XSAVEOPT, XSAVEC and XGETBV with index 1; not XSAVES.
        Add(entries, 0xD, 1, new CpuidResult(Host(0xD, 1).Eax & 7, size, 0, 0));
    }

    private static void AddHypervisor(List<CpuidEntry> entries, uint kilohertz)
    {
        // "KVMKVMKVM" as EBX, ECX, EDX.
        Add(entries, 0x4000_0000, new CpuidResult(0x4000_0010, 0x4B4D_564B, 0x564B_4D56, 0x4D));

        // CLOCKSOURCE, NOP_IO_DELAY, CLOCKSOURCE2, STEAL_TIME, CLOCKSOURCE_STABLE.
        Add(entries, 0x4000_0001, new CpuidResult(1 | 2 | 8 | 0x20 | 0x100_0000, 0, 0, 0));

        // Kilohertz of the TSC and of the local APIC's timer bus.
        Add(entries, 0x4000_0010, new CpuidResult(kilohertz, 1_000_000, 0, 0));
    }

    /// <summary>
    /// The guest's branches are not the host's: what its kernel does against the speculation of indirect branches, returns and
    /// stale buffers would cost time and protect nothing, as the threat model says. AUTOIBRS, SRSO_NO, TSA_SQ_NO and TSA_L1_NO
    /// tell it so; that a null selector clears the base is true of the translator, LFENCE is the host's own.
    /// </summary>
    private static CpuidResult SpeculationFeatures()
    {
        uint host = Host(0x8000_0000, 0).Eax >= 0x8000_0021 ? Host(0x8000_0021, 0).Eax : 0;
        const uint serialisingFence = 1 << 2;
        const uint nullSelectorClearsBase = 1 << 6;
        const uint automaticIbrs = 1 << 8;
        const uint returnsAreSafe = 1 << 29;
        const uint schedulerIsSafe = (1 << 1) | (1 << 2);
        return new CpuidResult(
            (host & serialisingFence) | nullSelectorClearsBase | automaticIbrs | returnsAreSafe, 0, schedulerIsSafe, 0);
    }

    private static void AddExtended(List<CpuidEntry> entries, bool amd, uint apicId, int vcpuCount, int coreBits)
    {
        CpuidResult top = Host(0x8000_0000, 0);
        uint highest = amd ? HighestExtended : Math.Min(top.Eax, 0x8000_0008);
        Add(entries, 0x8000_0000, top with { Eax = highest });

        // LAHF, CMP_LEGACY, CR8, ABM, SSE4A, misaligned SSE, PREFETCHW, FMA4, TOPOEXT. Not SVM, XOP, LWP or TBM.
        const uint ecx = 0x1 | 0x2 | 0x10 | 0x20 | 0x40 | 0x80 | 0x100 | 0x40_0000;
        const uint threeDNow = 0xC000_0000;
        CpuidResult features = Host(0x8000_0001, 0);
        uint legacy = vcpuCount > 1 ? ecx : ecx & ~2u;
        Add(entries, 0x8000_0001, features with { Ecx = features.Ecx & legacy, Edx = features.Edx & ~threeDNow });
        for (uint function = 0x8000_0002; function <= 0x8000_0006; function++)
        {
            Add(entries, function, Host(function, 0));
        }

        // Invariant TSC.
        Add(entries, 0x8000_0007, new CpuidResult(0, 0, 0, 0x100));
        CpuidResult widths = Host(0x8000_0008, 0);
        uint physical = Math.Clamp(widths.Eax & 0xFF, 36, 52);
        uint cores = amd ? ((uint)coreBits << 12) | (uint)Math.Min(vcpuCount - 1, 255) : 0;

        // CLZERO and XSAVEERPTR.
        Add(entries, 0x8000_0008, new CpuidResult(physical | (48u << 8), widths.Ebx & 0x5, cores, 0));
        if (amd && (features.Ecx & 0x40_0000) != 0 && highest >= 0x8000_001E)
        {
            AddCaches(entries, 0x8000_001D, vcpuCount);
            Add(entries, 0x8000_001E, new CpuidResult(apicId, apicId & 0xFF, 0, 0));
        }

        if (amd)
        {
            Add(entries, 0x8000_0021, SpeculationFeatures());
        }
    }
}
