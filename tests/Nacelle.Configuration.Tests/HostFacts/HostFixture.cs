using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.CompilerServices;
using Nacelle.Cpu;
using Nacelle.Kvm;

namespace Nacelle.Configuration.Tests;

/// <summary>
/// Hosts of many generations. <c>hosts/NAME.txt</c> has what /proc/cpuinfo of such a machine says, and above it what else is told of the host;
/// from it come CPUID and all other facts, which <c>NAME.json</c> has as 'nacelle host --save' writes them.
/// </summary>
internal static class HostFixture
{
    private static readonly ImmutableArray<string> s_emulatedByKvm = ["hypervisor", "x2apic", "tsc-deadline", "tsc_adjust", "arat", "arch-capabilities"];
    private static readonly ImmutableArray<string> s_keptByHost = ["monitor", "pdcm", "ht", "perfctr_core", "mpx", "pks"];

    /// <summary>Where the fixtures are.</summary>
    public static string Folder { get; } = Path.GetDirectoryName(Here())!;

    /// <summary>All names, in the order of the alphabet.</summary>
    public static ImmutableArray<string> Names { get; } =
        [.. Directory.EnumerateFiles(Path.Combine(Folder, "hosts"), "*.txt").Select(path => Path.GetFileNameWithoutExtension(path)).Order(StringComparer.Ordinal)];

    /// <summary>The facts that the files of a fixture hold.</summary>
    public static HostFacts Read(string name) => HostFactsDocument.Parse(File.ReadAllBytes(JsonPath(name)), $"{name}.json");

    public static string JsonPath(string name) => Path.Combine(Folder, $"{name}.json");

    /// <summary>Makes the facts from the text of a fixture.</summary>
    public static HostFacts Make(string name)
    {
        Dictionary<string, string> lines = File.ReadLines(Path.Combine(Folder, "hosts", $"{name}.txt"))
            .Where(line => line.Contains(':', StringComparison.Ordinal) && line[0] != '#')
            .ToDictionary(line => line[..line.IndexOf(':', StringComparison.Ordinal)].Trim(), line => line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim());
        string vendor = lines["vendor_id"].Replace('_', ' ');
        ImmutableArray<string> flags = [.. lines["flags"].Split(' ')];
        ImmutableArray<string> vmx = lines.TryGetValue("vmx flags", out string? words) ? [.. words.Split(' ')] : [];
        string[] tsc = lines["tsc"].Split(' ');
        ulong hertz = (ulong)(double.Parse(tsc[0], CultureInfo.InvariantCulture) * 1e6);
        CpuidImage image = new(
            vendor, Number(lines, "cpu family"), Number(lines, "model"), Number(lines, "stepping"), lines["model name"], flags, lines["address sizes"],
            tsc[1] == "cpuid" ? (uint)(hertz * 2 / 25_000_000) : 0);
        ImmutableArray<HostCpuidLeaf> leaves = image.Leaves();
        CpuidTable table = new(leaves.Select(leaf => leaf.ToEntry(leaves)));
        ImmutableArray<string> features = [.. CpuFeatures.Of(table).Select(feature => feature.Name)];
        string? module = lines["kvm"] is "none" ? null : lines["kvm"].Split(' ')[0];
        bool nested = lines["kvm"].EndsWith("nested=1", StringComparison.Ordinal);
        int cpus = Number(lines, "siblings");
        ulong memory = ulong.Parse(lines["memory gib"], CultureInfo.InvariantCulture) << 30;
        return new HostFacts
        {
            HostName = name,
            GatheredAt = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero),
            GatheredBy = "a fixture",
            Kernel = new HostKernelFacts
            {
                Release = lines["kernel"],
                Build = "#1 SMP",
                CommandLine = lines.GetValueOrDefault("cmdline", "ro quiet"),
                IsRealTime = false,
                IsolatedCpus = CpuSet.Empty,
                TicklessCpus = CpuSet.Empty,
            },
            Limits = new HostLimitFacts { RealTimePriority = 0, LockedMemoryBytes = 8 << 20, MayLockAnyMemory = true, MaySetAnyPriority = true },
            Cpu = new HostCpuFacts
            {
                Vendor = vendor,
                Family = image.Family,
                Model = image.Model,
                Stepping = image.Stepping,
                Name = image.Name,
                Microcode = lines["microcode"],
                OnlineCpus = CpuSet.Of(Enumerable.Range(0, cpus)),
                PhysicalAddressBits = image.PhysicalAddressBits,
                LinearAddressBits = image.LinearAddressBits,
                NoExecute = features.Contains("nx") ? NoExecuteState.InForce : NoExecuteState.DisabledByFirmware,
                Features = features,
                KernelFlags = flags,
                VmxFlags = vmx,
                Cpuid = leaves,
            },
            TimestampCounter = new HostTimestampCounterFacts
            {
                IsConstant = flags.Contains("constant_tsc"),
                IsNonstop = flags.Contains("nonstop_tsc"),
                IsInvariant = features.Contains("invtsc"),
                IsReliable = flags.Contains("tsc_reliable"),
                FrequencyHertz = hertz,
                FrequencySource = tsc[1] == "cpuid" ? TscFrequencySource.Cpuid : TscFrequencySource.Measured,
                HasScaling = flags.Contains("tsc_scale") || vmx.Contains("tsc_scaling"),
                ClockSource = tsc[2].Split(',')[0],
                AvailableClockSources = [.. tsc[2].Split(',')],
            },
            Kvm = Kvm(module, nested, features, flags, vmx),
            Translator = new HostTranslatorFacts { IsAvailable = false, Reason = "not tried on a fixture", Features = null },
            Memory = new HostMemoryFacts { TotalBytes = memory, AvailableBytes = memory / 2, HugePages = [new(2 << 20, 0, 0)] },
            NumaNodes =
            [
                new HostNumaNode
                {
                    Number = 0, Cpus = CpuSet.Of(Enumerable.Range(0, cpus)), MemoryBytes = memory, FreeBytes = memory / 2,
                    HugePages = [new(2 << 20, 0, 0)], Distances = [10],
                },
            ],
            Iommu = new HostIommuFacts { Units = [], Groups = [] },
            PciDevices = [],
            BlockDevices = [],
            Mounts = [new HostMount { MountPoint = "/", FileSystem = "ext4", Source = "/dev/sda1", IsReadOnly = false }],
        };
    }

    private static HostKvmFacts Kvm(string? module, bool nested, ImmutableArray<string> features, ImmutableArray<string> flags, ImmutableArray<string> vmx)
    {
        if (module is null)
        {
            return new HostKvmFacts
            {
                Availability = KvmAvailability.Absent,
                Reason = "/dev/kvm does not exist: load kvm_intel or kvm_amd, or switch virtualisation on in the firmware",
                Modules = [],
                Nested = null,
                Capabilities = null,
                Features = null,
            };
        }

        IEnumerable<string> offered = features.Union(s_emulatedByKvm).Except(s_keptByHost).Where(feature => nested || feature is not ("vmx" or "svm"));
        return new HostKvmFacts
        {
            Availability = KvmAvailability.Available,
            Reason = "/dev/kvm has what is needed",
            Modules = ["kvm", module],
            Nested = nested,
            Capabilities = new KvmFacts(
                12, 710, 1024, 32764, true, true, true, true, true, true, true, 1 << 20, 4096, nested ? 4096 + 128 : 0, 0x1F,
                flags.Contains("tsc_scale") || vmx.Contains("tsc_scaling")),
            Features = [.. CpuFeatures.Names.Where(offered.ToHashSet().Contains)],
        };
    }

    private static int Number(Dictionary<string, string> lines, string key) => int.Parse(lines[key], CultureInfo.InvariantCulture);

    private static string Here([CallerFilePath] string path = "") => path;
}
