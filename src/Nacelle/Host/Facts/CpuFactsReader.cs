using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Nacelle.Configuration;
using Nacelle.Cpu;

namespace Nacelle;

/// <summary>Reads the facts of the processor and its time-stamp counter. Stateless.</summary>
internal static partial class CpuFactsReader
{
    /// <summary>Reads the processor.</summary>
    /// <param name="tree">The host.</param>
    /// <param name="leaves">What CPUID answers there.</param>
    /// <param name="kernel">The kernel.</param>
    internal static HostCpuFacts Read(HostTree tree, ImmutableArray<HostCpuidLeaf> leaves, HostKernelFacts kernel)
    {
        CpuidTable table = new(leaves.Select(leaf => leaf.ToEntry(leaves)));
        CpuInformation information = CpuInformation.Read(tree);
        (int family, int model, int stepping) = Signature(table.Query(1, 0).Eax);
        string vendor = Vendor(table.Query(0, 0));
        (int physical, int linear) = AddressBits(information, table);
        return new HostCpuFacts
        {
            Vendor = vendor,
            Family = family,
            Model = model,
            Stepping = stepping,
            Name = information.First("model name") ?? BrandName(table) ?? "unknown",
            Microcode = information.First("microcode"),
            OnlineCpus = CpuSet.TryParse(tree.Line("/sys/devices/system/cpu/online") ?? "") is { Count: > 0 } online ? online : CpuSet.Of([0]),
            PhysicalAddressBits = physical,
            LinearAddressBits = linear,
            NoExecute = NoExecute(table, kernel, vendor, family, model),
            Features = [.. CpuFeatures.Of(table).Select(feature => feature.Name)],
            KernelFlags = information.CommonWords("flags"),
            VmxFlags = information.CommonWords("vmx flags"),
            Cpuid = leaves,
        };
    }

    /// <summary>Reads the time-stamp counter.</summary>
    /// <param name="tree">The host.</param>
    /// <param name="cpu">Its processor.</param>
    /// <param name="measured">Hertz, as found by CPUID or by measuring; null for nothing.</param>
    /// <param name="scaling">Whether KVM says that guests can have another frequency; null where it was not asked.</param>
    internal static HostTimestampCounterFacts ReadTimestampCounter(HostTree tree, HostCpuFacts cpu, ulong? measured, bool? scaling)
    {
        const string clocks = "/sys/devices/system/clocksource/clocksource0";
        (ulong? frequency, TscFrequencySource? source) = Frequency(cpu.Table, measured);
        return new HostTimestampCounterFacts
        {
            IsConstant = cpu.HasKernelFlag("constant_tsc"),
            IsNonstop = cpu.HasKernelFlag("nonstop_tsc"),
            IsInvariant = cpu.Has("invtsc"),
            IsReliable = cpu.HasKernelFlag("tsc_reliable"),
            FrequencyHertz = frequency,
            FrequencySource = source,
            HasScaling = scaling
                ?? (cpu.Has("svm") ? cpu.HasKernelFlag("tsc_scale") : cpu.Has("vmx") && !cpu.VmxFlags.IsEmpty ? cpu.VmxFlags.Contains("tsc_scaling") : null),
            ClockSource = tree.Line($"{clocks}/current_clocksource"),
            AvailableClockSources = Words(tree.Line($"{clocks}/available_clocksource") ?? ""),
        };
    }

    internal static ImmutableArray<string> Words(string line) =>
        [.. line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)];

    private static (int Family, int Model, int Stepping) Signature(uint eax)
    {
        // SDM volume 2, figure 3-6. The extended model counts for families 6 and 15, as the extended family does for 15.
        int family = (int)(eax >> 8) & 0xF;
        int model = (int)(eax >> 4) & 0xF;
        return (
            family == 0xF ? family + ((int)(eax >> 20) & 0xFF) : family,
            family is 6 or 7 or 0xF ? model | (((int)(eax >> 16) & 0xF) << 4) : model,
            (int)eax & 0xF);
    }

    private static string Vendor(in CpuidResult zero)
    {
        Span<byte> bytes = stackalloc byte[12];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(bytes, zero.Ebx);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], zero.Edx);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], zero.Ecx);
        string vendor = Encoding.ASCII.GetString(bytes);
        return string.Concat(vendor.Select(character => character is >= ' ' and <= '~' ? character : '?'));
    }

    private static string? BrandName(CpuidTable table)
    {
        byte[] text = new byte[48];
        for (uint i = 0; i < 3; i++)
        {
            CpuidResult part = table.Query(0x8000_0002 + i, 0);
            uint[] words = [part.Eax, part.Ebx, part.Ecx, part.Edx];
            Buffer.BlockCopy(words, 0, text, (int)i * 16, 16);
        }

        int end = Array.IndexOf(text, (byte)0);
        string name = HostTree.Clean(Encoding.ASCII.GetString(text, 0, end < 0 ? text.Length : end));
        return name.Length == 0 ? null : name;
    }

    /// <summary>The kernel's word on widths counts, for memory encryption takes physical bits away.</summary>
    private static (int Physical, int Linear) AddressBits(CpuInformation information, CpuidTable table)
    {
        if (information.First("address sizes") is string sizes && AddressSizes().Match(sizes) is { Success: true } match)
        {
            return (
                Math.Clamp(int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture), 32, 52),
                Math.Clamp(int.Parse(match.Groups[2].ValueSpan, CultureInfo.InvariantCulture), 32, 57));
        }

        uint widths = table.Query(0x8000_0008, 0).Eax;
        return widths == 0 ? (36, 48) : ((int)Math.Clamp(widths & 0xFF, 32, 52), (int)Math.Clamp((widths >> 8) & 0xFF, 32, 57));
    }

    private static NoExecuteState NoExecute(CpuidTable table, HostKernelFacts kernel, string vendor, int family, int model)
    {
        uint extended = table.Query(0x8000_0001, 0).Edx;
        const uint noExecute = 1u << 20;
        const uint longMode = 1u << 29;
        if ((extended & noExecute) != 0)
        {
            // Kernels from 5.19 on do not know the option.
            bool option = kernel.HasOption("noexec=off") && kernel.Number < new Version(5, 19);
            return option ? NoExecuteState.DisabledByKernel : NoExecuteState.InForce;
        }

        // The first Intel processors with long mode, Nocona of 2004, had none.
        bool early = vendor == "GenuineIntel" && family == 15 && model <= 3;
        return (extended & longMode) != 0 && !early ? NoExecuteState.DisabledByFirmware : NoExecuteState.Absent;
    }

    private static (ulong? Hertz, TscFrequencySource? Source) Frequency(CpuidTable table, ulong? measured)
    {
        CpuidResult ratio = table.Query(0x15, 0);
        if (ratio is { Eax: > 0, Ebx: > 0, Ecx: > 0 })
        {
            return ((ulong)ratio.Ecx * ratio.Ebx / ratio.Eax, TscFrequencySource.Cpuid);
        }

        uint kilohertz = table.Query(0x4000_0010, 0).Eax;
        bool virtualised = (table.Query(1, 0).Ecx & (1u << 31)) != 0;
        return virtualised && kilohertz > 100_000
            ? (kilohertz * 1000UL, TscFrequencySource.Hypervisor)
            : (measured, measured is null ? null : TscFrequencySource.Measured);
    }

    [GeneratedRegex("^([0-9]{1,3}) bits physical, ([0-9]{1,3}) bits virtual$", RegexOptions.CultureInvariant)]
    private static partial Regex AddressSizes();

    /// <summary>/proc/cpuinfo: a block of "key: value" lines for each logical processor.</summary>
    private sealed class CpuInformation
    {
        private readonly Dictionary<string, string> _first = new(StringComparer.Ordinal);
        private readonly Dictionary<string, List<string>> _common = new(StringComparer.Ordinal);

        internal static CpuInformation Read(HostTree tree)
        {
            CpuInformation information = new();
            foreach (string line in tree.Lines("/proc/cpuinfo"))
            {
                int colon = line.IndexOf(':', StringComparison.Ordinal);
                if (colon <= 0)
                {
                    continue;
                }

                string key = line[..colon].Trim();
                if (key is "flags" or "vmx flags")
                {
                    information.Meet(key, line[(colon + 1)..]);
                }
                else
                {
                    information._first.TryAdd(key, HostTree.Clean(line[(colon + 1)..]));
                }
            }

            return information;
        }

        internal string? First(string key) => _first.GetValueOrDefault(key) is { Length: > 0 } value ? value : null;

        internal ImmutableArray<string> CommonWords(string key) => _common.TryGetValue(key, out List<string>? words) ? [.. words] : [];

        private void Meet(string key, string line)
        {
            ImmutableArray<string> words = Words(line);
            if (!_common.TryGetValue(key, out List<string>? common))
            {
                _common.Add(key, [.. words]);
            }
            else if (!common.SequenceEqual(words))
            {
                common.RemoveAll(word => !words.Contains(word));
            }
        }
    }
}
