using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Nacelle.Configuration;

/// <summary>Whether facts from elsewhere are possible: ranges, and names that are used to look things up. Pure.</summary>
internal static partial class HostFactsValidation
{
    private const ulong MostBytes = 1UL << 62;
    private const int LargestSector = 1 << 20;

    /// <summary>Checks all members.</summary>
    /// <exception cref="ConfigurationException">A member is out of range; the message has its path.</exception>
    internal static void Check(HostFacts facts, string name)
    {
        Checker check = new(name);
        check.Text("$.hostName", facts.HostName);
        CheckCpu(check, facts.Cpu);
        CheckClock(check, facts.TimestampCounter);
        CheckKvm(check, facts);
        check.Range("$.limits.realTimePriority", facts.Limits.RealTimePriority ?? 0, 0, 99);
        CheckMemory(check, facts);
        CheckPci(check, facts);
        for (int i = 0; i < facts.BlockDevices.Length; i++)
        {
            CheckBlockDevice(check, Item("$.blockDevices", i), check.Present(Item("$.blockDevices", i), facts.BlockDevices[i]));
        }

        for (int i = 0; i < facts.Mounts.Length; i++)
        {
            string path = Item("$.mounts", i);
            HostMount mount = check.Present(path, facts.Mounts[i]);
            check.That($"{path}.mountPoint", mount.MountPoint.StartsWith('/'), "it is no absolute path");
        }
    }

    private static void CheckCpu(Checker check, HostCpuFacts cpu)
    {
        check.That("$.cpu.vendor", cpu.Vendor.Length == 12, "a vendor has 12 characters, such as GenuineIntel or AuthenticAMD");
        check.Range("$.cpu.family", cpu.Family, 0, 0xF + 0xFF);
        check.Range("$.cpu.model", cpu.Model, 0, 255);
        check.Range("$.cpu.stepping", cpu.Stepping, 0, 15);
        check.Range("$.cpu.physicalAddressBits", cpu.PhysicalAddressBits, 32, 52);
        check.Range("$.cpu.linearAddressBits", cpu.LinearAddressBits, 32, 57);
        check.Names("$.cpu.features", cpu.Features);
        check.Names("$.cpu.kernelFlags", cpu.KernelFlags);
        check.Names("$.cpu.vmxFlags", cpu.VmxFlags);
        check.That("$.cpu.onlineCpus", cpu.OnlineCpus.Count > 0, "a host has a processor");
        check.That("$.cpu.cpuid", cpu.Cpuid.Length <= 512, "CPUID has at most 512 answers");
    }

    private static void CheckClock(Checker check, HostTimestampCounterFacts clock)
    {
        const ulong slowest = 1_000_000;
        const ulong fastest = 100_000_000_000;
        check.That(
            "$.timestampCounter.frequencyHertz", clock.FrequencyHertz is null or (>= slowest and <= fastest), "it is in hertz, from 1 MHz to 100 GHz");
        check.That(
            "$.timestampCounter.frequencySource", clock.FrequencyHertz is null == clock.FrequencySource is null,
            "a frequency and its source are given together");
        check.Names("$.timestampCounter.availableClockSources", clock.AvailableClockSources);
    }

    private static void CheckKvm(Checker check, HostFacts facts)
    {
        check.Names("$.kvm.modules", facts.Kvm.Modules);
        check.Names("$.kvm.features", facts.Kvm.Features ?? []);
        check.Names("$.translator.features", facts.Translator.Features ?? []);
        check.That(
            "$.kvm.features", facts.Kvm.Features is null || facts.Kvm.IsAvailable, "KVM that is not available shows no features: write null");
        check.That(
            "$.translator.features", facts.Translator.Features is null || facts.Translator.IsAvailable,
            "a translator that is not available shows no features: write null");
    }

    private static void CheckMemory(Checker check, HostFacts facts)
    {
        check.Bytes("$.memory.totalBytes", facts.Memory.TotalBytes);
        check.Bytes("$.memory.availableBytes", facts.Memory.AvailableBytes);
        CheckHugePages(check, "$.memory.hugePages", facts.Memory.HugePages);
        for (int i = 0; i < facts.NumaNodes.Length; i++)
        {
            string path = Item("$.numaNodes", i);
            HostNumaNode node = check.Present(path, facts.NumaNodes[i]);
            check.Range($"{path}.number", node.Number, 0, 1023);
            check.That($"{path}.number", facts.NumaNodes[..i].All(other => other.Number != node.Number), "two nodes have this number");
            check.Bytes($"{path}.memoryBytes", node.MemoryBytes);
            check.Bytes($"{path}.freeBytes", node.FreeBytes);
            CheckHugePages(check, $"{path}.hugePages", node.HugePages);
            foreach (int distance in node.Distances)
            {
                check.Range($"{path}.distances", distance, 0, 255);
            }
        }
    }

    private static void CheckHugePages(Checker check, string path, ImmutableArray<HostHugePages> pools)
    {
        for (int i = 0; i < pools.Length; i++)
        {
            HostHugePages pool = check.Present(Item(path, i), pools[i]);
            check.That($"{Item(path, i)}.pageBytes", ulong.IsPow2(pool.PageBytes) && pool.PageBytes <= MostBytes, "a page's size is a power of two");
            check.That($"{Item(path, i)}.free", pool.Free <= pool.Total, "more pages are free than there are");
        }
    }

    private static void CheckPci(Checker check, HostFacts facts)
    {
        for (int i = 0; i < facts.PciDevices.Length; i++)
        {
            string path = Item("$.pciDevices", i);
            HostPciDevice device = check.Present(path, facts.PciDevices[i]);
            check.That($"{path}.address", PciAddress().IsMatch(device.Address), "write DOMAIN:BUS:SLOT.FUNCTION, such as 0000:3b:00.0");
            check.Range($"{path}.vendorId", device.VendorId, 0, 0xFFFF);
            check.Range($"{path}.deviceId", device.DeviceId, 0, 0xFFFF);
            check.Range($"{path}.classCode", device.ClassCode, 0, 0xFFFFFF);
            check.Range($"{path}.iommuGroup", device.IommuGroup ?? 0, 0, int.MaxValue);
            check.Range($"{path}.numaNode", device.NumaNode ?? 0, 0, 1023);
        }

        for (int i = 0; i < facts.Iommu.Groups.Length; i++)
        {
            string path = Item("$.iommu.groups", i);
            HostIommuGroup group = check.Present(path, facts.Iommu.Groups[i]);
            check.Range($"{path}.number", group.Number, 0, int.MaxValue);
            foreach (string address in group.Devices)
            {
                check.That($"{path}.devices", address is not null && !address.Contains('/', StringComparison.Ordinal), "it is a list of addresses");
            }
        }
    }

    private static void CheckBlockDevice(Checker check, string path, HostBlockDevice device)
    {
        check.That($"{path}.path", device.Path.StartsWith("/dev/", StringComparison.Ordinal), "a block device is under /dev");
        check.Texts($"{path}.links", device.Links);
        check.Texts($"{path}.builtOn", device.BuiltOn);
        check.Texts($"{path}.holders", device.Holders);
        check.Texts($"{path}.mountPoints", device.MountPoints);
        check.Bytes($"{path}.sizeBytes", device.SizeBytes);
        check.That($"{path}.logicalSectorBytes", IsSector(device.LogicalSectorBytes), "a sector's size is a power of two from 512 on");
        check.That($"{path}.physicalSectorBytes", IsSector(device.PhysicalSectorBytes), "a sector's size is a power of two from 512 on");
        check.Range($"{path}.numaNode", device.NumaNode ?? 0, 0, 1023);
        ImmutableArray<HostBlockSignature> signatures = device.Contents.Signatures;
        for (int i = 0; i < signatures.Length; i++)
        {
            check.Text($"{Item($"{path}.contents.signatures", i)}.type", check.Present(Item($"{path}.contents.signatures", i), signatures[i]).Type);
        }

        ImmutableArray<HostPartition> partitions = device.Contents.PartitionTable?.Partitions ?? [];
        for (int i = 0; i < partitions.Length; i++)
        {
            string item = Item($"{path}.contents.partitionTable.partitions", i);
            check.Range($"{item}.number", check.Present(item, partitions[i]).Number, 1, 16384);
        }
    }

    private static bool IsSector(int bytes) => bytes is >= 512 and <= LargestSector && int.IsPow2(bytes);

    private static string Item(string path, int index) => string.Create(CultureInfo.InvariantCulture, $"{path}[{index}]");

    [GeneratedRegex("^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\\.[0-7]$", RegexOptions.CultureInvariant)]
    private static partial Regex PciAddress();

    private readonly struct Checker(string name)
    {
        public void That(string path, bool condition, string reason)
        {
            if (!condition)
            {
                throw new ConfigurationException($"'{name}' is not valid at {path}: {reason}");
            }
        }

        /// <summary>JSON may put null into a list.</summary>
        public T Present<T>(string path, T? value)
            where T : class
        {
            That(path, value is not null, "null stands where an item has to be");
            return value!;
        }

        public void Range(string path, int value, int lowest, int highest) =>
            That(path, value >= lowest && value <= highest, string.Create(CultureInfo.InvariantCulture, $"{value} is not from {lowest} to {highest}"));

        public void Bytes(string path, ulong value) => That(path, value <= MostBytes, "no host has so many bytes");

        public void Text(string path, string? value) => That(path, !string.IsNullOrEmpty(value), "it is empty");

        public void Texts(string path, ImmutableArray<string> values)
        {
            foreach (string value in values)
            {
                Text(path, value);
            }
        }

        /// <summary>Words of flags, features and modules.</summary>
        public void Names(string path, ImmutableArray<string> values)
        {
            const int longest = 64;
            foreach (string value in values)
            {
                That(path, value is { Length: > 0 and <= longest } && !value.Any(char.IsWhiteSpace), "it is a list of words");
            }
        }
    }
}
