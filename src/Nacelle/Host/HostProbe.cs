using System.Globalization;
using Nacelle.Cpu;
using Nacelle.Kvm;
using Nacelle.Linux;
using Nacelle.Memory;
using Nacelle.Translation;

namespace Nacelle;

/// <summary>Finds out what a host offers.</summary>
internal static class HostProbe
{
    private const string TunPath = "/dev/net/tun";

    internal static HostReport Gather()
    {
        KvmProbe kvm = KvmHost.Probe();
        CalibrationResult calibration = AcceleratorCalibration.Run();
        HostFeature translator = Translator();
        Dictionary<string, string> memory = ReadColonTable("/proc/meminfo");
        return new HostReport
        {
            KernelRelease = ReadFirstLine("/proc/sys/kernel/osrelease") ?? "unknown",
            Processor = ReadColonTable("/proc/cpuinfo").GetValueOrDefault("model name", "unknown"),
            LogicalProcessors = Environment.ProcessorCount,
            MemoryBytes = Kibibytes(memory, "MemTotal"),
            AvailableMemoryBytes = Kibibytes(memory, "MemAvailable"),
            AutomaticAccelerator = calibration.IsUsable ? "kvm" : translator.Available ? "translator" : null,
            AutomaticReason = calibration.Reason,
            KvmNanosecondsPerInstruction = calibration.NanosecondsPerInstruction,
            Kvm = new HostFeature(kvm.Availability == KvmAvailability.Available, kvm.Reason),
            KvmFacts = kvm.Facts,
            Translator = translator,
            CpuModels = new HostCpuModels(
                kvm.Availability == KvmAvailability.Available ? Models(() => KvmCpuid.Supported(0, 0, 1)) : null,
                translator.Available ? Models(() => CpuidModels.ForTranslator(0, 0, 1)) : null),
            Tap = Tap(),
            UserNetworking = FindOnPath("passt") is string path
                ? new HostFeature(true, path)
                : new HostFeature(false, "passt is not on PATH: install package passt"),
            IoUring = Ring(),
        };
    }

    /// <summary>By making one: it refuses a processor that lacks what it emits.</summary>
    internal static HostFeature Translator()
    {
        try
        {
            using GuestMemory ram = new([(0, 2UL << 20)]);
            using TranslatorAccelerator translator = new(new MachineBus(ram, new AddressSpace("memory"), new AddressSpace("ports")));
            return new HostFeature(true, "this processor has what it needs");
        }
        catch (PlatformNotSupportedException error)
        {
            return new HostFeature(false, error.Message);
        }
    }

    private static string[]? Models(Func<CpuidTable> offer)
    {
        try
        {
            CpuidTable available = offer();
            return [.. CpuModels.All.Where(model => GuestCpuid.IsAvailable(available, model)).Select(model => model.Name)];
        }
        catch (Exception error) when (error is LinuxException or PlatformNotSupportedException)
        {
            return null;
        }
    }

    private static HostFeature Tap()
    {
        try
        {
            using HostFile device = HostFile.Open(TunPath, writable: true, direct: false);
            return new HostFeature(true, $"{TunPath} opens");
        }
        catch (LinuxException error)
        {
            return new HostFeature(false, $"{error.Message}: load module tun, or give this user access");
        }
    }

    private static HostFeature Ring()
    {
        using IoUring? ring = Linux.IoUring.TryCreate(8);
        return ring is not null
            ? new HostFeature(true, "disks use it")
            : new HostFeature(false, "the host refuses it (kernel.io_uring_disabled or seccomp): disks use threads");
    }

    private static string? FindOnPath(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(':', StringSplitOptions.RemoveEmptyEntries)
        .Select(directory => Path.Combine(directory, program))
        .FirstOrDefault(File.Exists);

    private static ulong Kibibytes(Dictionary<string, string> table, string key) =>
        ulong.TryParse(
            table.GetValueOrDefault(key, "0").Split(' ')[0], NumberStyles.None, CultureInfo.InvariantCulture, out ulong value)
            ? value << 10
            : 0;

    private static string? ReadFirstLine(string path)
    {
        try
        {
            return File.ReadLines(path).FirstOrDefault();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>A file of "key: value" lines up to the first empty one; empty where it cannot be read.</summary>
    private static Dictionary<string, string> ReadColonTable(string path)
    {
        Dictionary<string, string> table = [];
        try
        {
            foreach (string line in File.ReadLines(path).TakeWhile(line => line.Length != 0))
            {
                int colon = line.IndexOf(':', StringComparison.Ordinal);
                if (colon > 0)
                {
                    table.TryAdd(line[..colon].Trim(), line[(colon + 1)..].Trim());
                }
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // A host that does not tell is reported as unknown.
        }

        return table;
    }
}
