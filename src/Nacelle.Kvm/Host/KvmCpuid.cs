using Nacelle.Cpu;
using Nacelle.Kvm.Interop;
using Nacelle.Linux;

namespace Nacelle.Kvm;

/// <summary>CPUID tables for vCPUs of KVM. Safe from any thread.</summary>
public static unsafe class KvmCpuid
{
    private const int MaximumEntries = 256;

    /// <summary>
    /// The host's processor as far as KVM virtualises it, with the KVM paravirtual features that the host kernel lists (leaf
    /// 0x40000001: clock, steal time where it keeps scheduling statistics) and the machine's own topology: one package of
    /// single-threaded cores.
    /// </summary>
    /// <param name="vcpuIndex">Number of the vCPU.</param>
    /// <param name="apicId">Its x2APIC id.</param>
    /// <param name="vcpuCount">vCPUs of the machine.</param>
    /// <param name="nested">Whether the guest sees VMX or SVM and can have VMs of its own.</param>
    /// <exception cref="LinuxException">/dev/kvm does not open, or refused.</exception>
    /// <exception cref="PlatformNotSupportedException">KVM lacks something; the message names it.</exception>
    public static CpuidTable Supported(int vcpuIndex, uint apicId, int vcpuCount, bool nested = false)
    {
        using KvmHandle system = KvmHost.Open(out KvmFacts facts);
        return Supported(List(system), facts, vcpuIndex, apicId, vcpuCount, nested);
    }

    /// <summary>As the public one, from what the host answered before.</summary>
    internal static CpuidTable Supported(
        KvmCpuidEntry[] offered, KvmFacts facts, int vcpuIndex, uint apicId, int vcpuCount, bool nested)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(vcpuIndex);
        ArgumentOutOfRangeException.ThrowIfLessThan(vcpuCount, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(vcpuIndex, vcpuCount);
        KvmTopology topology = new(apicId, vcpuCount);
        List<CpuidEntry> entries = new(offered.Length + 3);
        foreach (KvmCpuidEntry host in offered)
        {
            if (IsReplaced(host.Function))
            {
                continue;
            }

            CpuidEntry entry = new(
                host.Function,
                host.Index,
                (host.Flags & KvmCpuidEntry.SignificantIndex) != 0,
                new CpuidResult(host.Eax, host.Ebx, host.Ecx, host.Edx));
            entries.Add(entry with { Result = Adjust(entry, topology, facts, nested) });
        }

        topology.AddLevels(entries);
        return new CpuidTable(entries);
    }

    /// <summary>Gives a vCPU its table. Before the vCPU runs.</summary>
    /// <exception cref="LinuxException">KVM refused the table.</exception>
    internal static void Install(KvmHandle vcpu, CpuidTable table)
    {
        IReadOnlyList<CpuidEntry> entries = table.Entries;
        if (entries.Count > MaximumEntries)
        {
            throw new ArgumentException(
                $"a CPUID table of {entries.Count} rows was given, KVM takes at most {MaximumEntries}", nameof(table));
        }

        // struct kvm_cpuid2: count, padding, entries.
        byte* request = stackalloc byte[8 + (MaximumEntries * sizeof(KvmCpuidEntry))];
        *(ulong*)request = (ulong)entries.Count;
        KvmCpuidEntry* rows = (KvmCpuidEntry*)(request + 8);
        for (int i = 0; i < entries.Count; i++)
        {
            CpuidEntry entry = entries[i];
            rows[i] = new KvmCpuidEntry
            {
                Function = entry.Function,
                Index = entry.Index,
                Flags = entry.IndexSignificant ? KvmCpuidEntry.SignificantIndex : 0,
                Eax = entry.Result.Eax,
                Ebx = entry.Result.Ebx,
                Ecx = entry.Result.Ecx,
                Edx = entry.Result.Edx,
            };
        }

        vcpu.Call(KvmRequest.SetCpuid, request, "set a vCPU's CPUID table");
    }

    /// <summary>Asks the host what it offers.</summary>
    /// <exception cref="LinuxException">KVM refused.</exception>
    internal static KvmCpuidEntry[] List(KvmHandle system)
    {
        byte* request = stackalloc byte[8 + (MaximumEntries * sizeof(KvmCpuidEntry))];
        *(ulong*)request = MaximumEntries;
        system.Call(KvmRequest.GetSupportedCpuid, request, "ask KVM which CPUID features it supports");
        int count = (int)Math.Min(*(uint*)request, MaximumEntries);
        return new ReadOnlySpan<KvmCpuidEntry>(request + 8, count).ToArray();
    }

    /// <summary>
    /// Topology comes from the machine; SGX, processor trace and the performance counters, which are not carried over by
    /// snapshots here, are left out.
    /// </summary>
    private static bool IsReplaced(uint function) =>
        function is 0xA or 0xB or 0x12 or 0x14 or 0x1F or 0x8000_0022 or 0x8000_0026;

    private static CpuidResult Adjust(in CpuidEntry entry, in KvmTopology topology, KvmFacts facts, bool nested)
    {
        CpuidResult result = entry.Result;
        switch (entry.Function)
        {
            case 0:
                return result with { Eax = Math.Max(result.Eax, 0xB) };
            case 1:
                return topology.Basic(Features(result, facts, nested));
            case 4 or 0x8000_001D:
                return topology.Cache(entry.Function, result);
            case 0x8000_0001:
                // SVM; the extended performance counters.
                const uint virtualMachines = 1u << 2;
                const uint counters = (1u << 23) | (1u << 24) | (1u << 28);
                return topology.Extended(result with { Ecx = result.Ecx & ~(counters | (nested ? 0 : virtualMachines)) });
            case 0x8000_0008:
                return topology.Cores(result);
            case 0x8000_000A:
                return nested ? result : default;
            case 0x8000_001E:
                return topology.Node(result);
            default:
                return result;
        }
    }

    private static CpuidResult Features(CpuidResult result, KvmFacts facts, bool nested)
    {
        const uint monitor = 1u << 3;
        const uint vmx = 1u << 5;
        const uint perfmonCapabilities = 1u << 15;
        const uint x2Apic = 1u << 21;
        const uint tscDeadline = 1u << 24;
        const uint osXsave = 1u << 27;
        const uint hypervisor = 1u << 31;

        // OSXSAVE follows the guest's CR4, which KVM sees to.
        uint ecx = result.Ecx & ~(monitor | perfmonCapabilities | osXsave | (nested ? 0 : vmx));
        ecx |= x2Apic | hypervisor | (facts.TscDeadline ? tscDeadline : 0);
        return result with { Ecx = ecx };
    }
}
