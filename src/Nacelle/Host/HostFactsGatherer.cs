using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.Intrinsics.X86;
using Nacelle.Configuration;
using Nacelle.Cpu;

namespace Nacelle;

/// <summary>Gathers the facts of a host that rules need. Stateless; leaves nothing open.</summary>
public static class HostFactsGatherer
{
    /// <summary>
    /// Looks at this host: reads /proc, /sys and the first and last sectors of block devices, asks CPUID and KVM. Takes some tens of
    /// milliseconds; a disk that has stopped may hold it up. What may not be read is null or says so.
    /// </summary>
    public static HostFacts Gather()
    {
        HostTree tree = new("/");
        HostKvmFacts kvm = KvmFactsReader.Read(tree);
        return Gather(tree, Ask, kvm, Translator(), TimestampCalibration.Frequency);
    }

    /// <summary>Looks at a host through a tree of its files.</summary>
    /// <param name="tree">The files.</param>
    /// <param name="cpuid">Executes CPUID with a function and an index.</param>
    /// <param name="kvm">KVM.</param>
    /// <param name="translator">The translator.</param>
    /// <param name="tscHertz">Frequency of the time-stamp counter, for processors that do not say it; null where it is not known.</param>
    internal static HostFacts Gather(
        HostTree tree, Func<uint, uint, CpuidResult> cpuid, HostKvmFacts kvm, HostTranslatorFacts translator, ulong? tscHertz)
    {
        HostKernelFacts kernel = ReadKernel(tree);
        HostCpuFacts cpu = CpuFactsReader.Read(tree, CpuidReader.ReadAll(cpuid), kernel);
        HostMemoryFacts memory = MemoryFactsReader.Read(tree);
        ImmutableArray<MountedFileSystem> mounts = MountTableReader.Read(tree);
        return new HostFacts
        {
            HostName = tree.Line("/proc/sys/kernel/hostname") is { Length: > 0 } name ? name : "unknown",
            GatheredAt = DateTimeOffset.FromUnixTimeSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds()),
            GatheredBy = $"nacelle {HostReport.ProgramVersion}",
            Kernel = kernel,
            Limits = ReadLimits(tree),
            Cpu = cpu,
            TimestampCounter = CpuFactsReader.ReadTimestampCounter(tree, cpu, tscHertz, kvm.Capabilities?.TscScaling),
            Kvm = kvm,
            Translator = translator,
            Memory = memory,
            NumaNodes = MemoryFactsReader.ReadNodes(tree, memory, cpu.OnlineCpus),
            Iommu = PciFactsReader.ReadIommu(tree),
            PciDevices = PciFactsReader.ReadDevices(tree),
            BlockDevices = new BlockFactsReader(tree, mounts).Read(),
            Mounts = [.. mounts.Select(mounted => mounted.Mount)],
        };
    }

    private static HostTranslatorFacts Translator()
    {
        HostFeature feature = HostProbe.Translator();
        return new HostTranslatorFacts
        {
            IsAvailable = feature.Available,
            Reason = feature.Detail,
            Features = feature.Available ? KvmFactsReader.Features(() => CpuidModels.ForTranslator(0, 0, 1)) : null,
        };
    }

    private static CpuidResult Ask(uint function, uint index)
    {
        (int eax, int ebx, int ecx, int edx) = X86Base.CpuId((int)function, (int)index);
        return new CpuidResult((uint)eax, (uint)ebx, (uint)ecx, (uint)edx);
    }

    private static HostKernelFacts ReadKernel(HostTree tree)
    {
        string build = tree.Line("/proc/sys/kernel/version") ?? "unknown";
        return new HostKernelFacts
        {
            Release = tree.Line("/proc/sys/kernel/osrelease") ?? "unknown",
            Build = build,
            CommandLine = tree.Line("/proc/cmdline") ?? "",
            IsRealTime = tree.IsOn("/sys/kernel/realtime")
                || build.Contains("PREEMPT_RT", StringComparison.Ordinal) || build.Contains("PREEMPT RT", StringComparison.Ordinal),
            IsolatedCpus = CpuSet.TryParse(tree.Line("/sys/devices/system/cpu/isolated") ?? "") ?? CpuSet.Empty,

            // "(null)" on kernels that can and do not.
            TicklessCpus = CpuSet.TryParse(tree.Line("/sys/devices/system/cpu/nohz_full") ?? "") ?? CpuSet.Empty,
        };
    }

    private static HostLimitFacts ReadLimits(HostTree tree)
    {
        const string priority = "Max realtime priority";
        const string memory = "Max locked memory";
        const int lockMemory = 14; // CAP_IPC_LOCK
        const int setPriority = 23; // CAP_SYS_NICE
        ulong? Limit(string name) => tree.Lines("/proc/self/limits").FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal)) is string line
            && CpuFactsReader.Words(line[name.Length..]) is [string soft, ..]
            ? ulong.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value) ? value : null
            : 0;

        const string capabilities = "CapEff:";
        string? line = tree.Lines("/proc/self/status").FirstOrDefault(line => line.StartsWith(capabilities, StringComparison.Ordinal));
        _ = ulong.TryParse(line?[capabilities.Length..].Trim(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong effective);
        return new HostLimitFacts
        {
            RealTimePriority = Limit(priority) is ulong highest ? (int)Math.Min(highest, 99) : null,
            LockedMemoryBytes = Limit(memory),
            MaySetAnyPriority = (effective & (1UL << setPriority)) != 0,
            MayLockAnyMemory = (effective & (1UL << lockMemory)) != 0,
        };
    }
}
