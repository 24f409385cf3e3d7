using System.Runtime.CompilerServices;
using Nacelle.Configuration;
using Nacelle.Cpu;
using Nacelle.Kvm;

namespace Nacelle.Cli.Tests;

/// <summary>Facts gathered from the files of hosts that are not this one.</summary>
public sealed class GatheringTests
{
    [Theory]
    [InlineData("amd-epyc-7742")]
    [InlineData("amd-opteron-248")]
    [InlineData("hygon-c86-7185")]
    [InlineData("intel-pentium-d")]
    [InlineData("intel-xeon-8480")]
    [InlineData("intel-xeon-x5650-nx-off")]
    [InlineData("zhaoxin-kx-6000")]
    public void A_processor_is_what_the_fixture_of_it_says(string name)
    {
        HostFacts expected = Fixture(name);
        using FakeHost host = new();
        host.File("/proc/cpuinfo", File.ReadAllText(Path.Combine(FixtureFolder(), "hosts", $"{name}.txt")));
        host.File("/sys/devices/system/cpu/online", expected.Cpu.OnlineCpus.ToString());
        host.File("/sys/devices/system/clocksource/clocksource0/current_clocksource", expected.TimestampCounter.ClockSource!);
        host.File("/sys/devices/system/clocksource/clocksource0/available_clocksource", string.Join(' ', expected.TimestampCounter.AvailableClockSources) + " ");
        host.File("/proc/sys/kernel/osrelease", expected.Kernel.Release);
        CpuidTable table = expected.Cpu.Table;
        HostFacts facts = Gather(host, table.Query, expected.TimestampCounter.FrequencyHertz);

        // All but the leaves of zeroes between those that a fixture has.
        HostCpuFacts cpu = facts.Cpu with { Cpuid = [.. facts.Cpu.Cpuid.Where(leaf => leaf.Result != default || (leaf.Function, leaf.Index) == (0xD, 1))] };
        HostFacts whole = expected with { Cpu = cpu, TimestampCounter = facts.TimestampCounter with { HasScaling = expected.TimestampCounter.HasScaling } };
        Assert.Equal(HostFactsDocument.Format(expected with { Cpu = expected.Cpu with { Cpuid = cpu.Cpuid } }), HostFactsDocument.Format(whole));
        Assert.Empty(expected.Cpu.Cpuid.Where(leaf => leaf.Result != default).Except(facts.Cpu.Cpuid));
    }

    [Fact]
    public void What_not_all_processors_have_is_not_the_hosts()
    {
        using FakeHost host = new();
        host.File("/proc/cpuinfo", "processor: 0\nflags : fpu sse avx\nmicrocode: 0x1\n\nprocessor: 1\nflags : fpu sse\nmicrocode: 0x2\n");
        Assert.Equal(["fpu", "sse"], Gather(host).Cpu.KernelFlags);
    }

    [Theory]
    [InlineData("5.10.0-34-amd64", "ro noexec=off", 0x2010_0000u, 0x6F1u, NoExecuteState.DisabledByKernel)]
    [InlineData("6.1.0-40-amd64", "ro noexec=off", 0x2010_0000u, 0x6F1u, NoExecuteState.InForce)]
    [InlineData("5.10.0-34-amd64", "ro", 0x2010_0000u, 0x6F1u, NoExecuteState.InForce)]
    [InlineData("5.10.0-34-amd64", "ro", 0x2000_0000u, 0x6F1u, NoExecuteState.DisabledByFirmware)]
    [InlineData("5.10.0-34-amd64", "ro", 0x0000_0000u, 0x6F1u, NoExecuteState.Absent)]
    [InlineData("5.10.0-34-amd64", "ro", 0x2000_0000u, 0xF34u, NoExecuteState.Absent)]
    public void Why_pages_can_be_executed_is_found_out(string release, string commandLine, uint extended, uint signature, NoExecuteState expected)
    {
        using FakeHost host = new();
        host.File("/proc/sys/kernel/osrelease", release);
        host.File("/proc/cmdline", commandLine);
        CpuidTable table = new([
            new(0, 0, false, new(1, 0x756E_6547, 0x6C65_746E, 0x4965_6E69)), new(1, 0, false, new(signature, 0, 0, 0)),
            new(0x8000_0000, 0, false, new(0x8000_0001, 0, 0, 0)), new(0x8000_0001, 0, false, new(0, 0, 0, extended))]);
        HostCpuFacts cpu = Gather(host, table.Query).Cpu;
        Assert.Equal((expected, "GenuineIntel"), (cpu.NoExecute, cpu.Vendor));
    }

    [Fact]
    public void A_real_time_host_is_recognised()
    {
        using FakeHost host = new();
        host.File("/proc/sys/kernel/version", "#1 SMP PREEMPT_RT Debian 6.1.153-1");
        host.File("/sys/devices/system/cpu/isolated", "2-3");
        host.File("/sys/devices/system/cpu/nohz_full", "(null)");
        host.File("/proc/self/limits", "Limit                     Soft Limit           Hard Limit           Units     \nMax locked memory         8388608              unlimited            bytes     \nMax realtime priority     95                   95                   ");
        host.File("/proc/self/status", "Name:\tnacelle\nCapEff:\t0000000000800000");
        HostFacts facts = Gather(host);
        Assert.True(facts.Kernel.IsRealTime);
        Assert.Equal(("2-3", 0), (facts.Kernel.IsolatedCpus.ToString(), facts.Kernel.TicklessCpus.Count));
        Assert.Equal((95, 8388608UL, true, false), (facts.Limits.RealTimePriority, facts.Limits.LockedMemoryBytes, facts.Limits.MaySetAnyPriority, facts.Limits.MayLockAnyMemory));
        Assert.False(facts.Limits.AllowsLocking(1UL << 30));
    }

    [Fact]
    public void Nodes_huge_pages_and_distances_are_read()
    {
        using FakeHost host = new();
        host.File("/proc/meminfo", "MemTotal:       4194304 kB\nMemFree: 5 kB\nMemAvailable:   2097152 kB");
        foreach ((int node, string cpus) in ((int, string)[])[(0, "0-1"), (1, "2-3"), (10, "")])
        {
            host.File($"/sys/devices/system/node/node{node}/cpulist", cpus);
            host.File($"/sys/devices/system/node/node{node}/meminfo", $"Node {node} MemTotal:       1048576 kB\nNode {node} MemFree:        1024 kB");
            host.File($"/sys/devices/system/node/node{node}/distance", "10 20 30");
            host.File($"/sys/devices/system/node/node{node}/hugepages/hugepages-1048576kB/nr_hugepages", "4");
            host.File($"/sys/devices/system/node/node{node}/hugepages/hugepages-1048576kB/free_hugepages", "1");
            host.File($"/sys/devices/system/node/node{node}/hugepages/hugepages-2048kB/nr_hugepages", "512");
        }

        HostFacts facts = Gather(host);
        Assert.Equal((4UL << 30, 2UL << 30), (facts.Memory.TotalBytes, facts.Memory.AvailableBytes));
        Assert.Equal([0, 1, 10], facts.NumaNodes.Select(node => node.Number));
        HostNumaNode second = facts.FindNumaNode(1)!;
        Assert.Equal(("2-3", 1UL << 30, 1UL << 20), (second.Cpus.ToString(), second.MemoryBytes, second.FreeBytes));
        Assert.Equal([new(2 << 20, 512, 0), new(1 << 30, 4, 1)], second.HugePages);
        Assert.Equal([10, 20, 30], second.Distances);
    }

    [Fact]
    public void Devices_and_their_groups_are_read()
    {
        using FakeHost host = new();
        const string device = "/sys/bus/pci/devices/0000:3b:00.0";
        host.File($"{device}/vendor", "0x8086");
        host.File($"{device}/device", "0x10fb");
        host.File($"{device}/class", "0x020000");
        host.File($"{device}/numa_node", "1");
        host.File($"{device}/reset", "");
        host.File("/sys/bus/pci/drivers/ixgbe/x", "");
        host.Link($"{device}/driver", "/sys/bus/pci/drivers/ixgbe");
        host.File("/sys/kernel/iommu_groups/17/type", "DMA-FQ");
        host.File("/sys/kernel/iommu_groups/17/devices/0000:3b:00.0", "");
        host.File("/sys/kernel/iommu_groups/2/devices/0000:00:1f.0", "");
        host.Link($"{device}/iommu_group", "/sys/kernel/iommu_groups/17");
        host.File("/sys/class/iommu/dmar0/x", "");
        host.File("/sys/bus/pci/devices/0000:00:1f.0/class", "0x060100");
        host.File("/sys/bus/pci/devices/0000:00:1f.0/numa_node", "-1");
        HostFacts facts = Gather(host);
        Assert.Equal(
            new HostPciDevice { Address = "0000:3b:00.0", VendorId = 0x8086, DeviceId = 0x10FB, ClassCode = 0x020000, Driver = "ixgbe", IommuGroup = 17, NumaNode = 1, HasReset = true },
            facts.FindPciDevice("3b:00.0"));
        HostPciDevice bridge = facts.FindPciDevice("0000:00:1F.0")!;
        Assert.Equal((null, null, null, true), (bridge.Driver, bridge.IommuGroup, bridge.NumaNode, bridge.IsBridge));
        Assert.True(facts.Iommu.IsPresent);
        Assert.Equal(["dmar0"], facts.Iommu.Units);
        Assert.Equal([(2, null), (17, "DMA-FQ")], facts.Iommu.Groups.Select(group => (group.Number, group.DomainType)));
        Assert.Equal("0000:3b:00.0", Assert.Single(facts.DevicesOfIommuGroup(17)).Address);
    }

    [Fact]
    public void Disks_partitions_volumes_and_who_uses_them_are_read()
    {
        using FakeHost host = new();
        const string disk = "/sys/devices/pci0000:00/0000:00:17.0/ata1/block/sda";
        Device(host, "sda", disk, 2048);
        host.File("/sys/devices/pci0000:00/0000:00:17.0/numa_node", "1");
        host.File($"{disk}/queue/logical_block_size", "512");
        host.File($"{disk}/queue/physical_block_size", "4096");
        host.File($"{disk}/queue/rotational", "1");
        host.File($"{disk}/device/vendor", "ATA     ");
        host.File($"{disk}/device/model", "TOSHIBA MG07");
        host.File($"{disk}/dev", "8:0");
        Device(host, "sda1", $"{disk}/sda1", 1024);
        host.File($"{disk}/sda1/partition", "1");
        host.File($"{disk}/sda1/dev", "8:1");
        host.File($"{disk}/sda1/holders/dm-0/x", "");
        Device(host, "dm-0", "/sys/devices/virtual/block/dm-0", 512);
        host.File("/sys/devices/virtual/block/dm-0/dm/name", "vg--a-lv_x");
        host.File("/sys/devices/virtual/block/dm-0/dm/uuid", "LVM-abcdef");
        host.File("/sys/devices/virtual/block/dm-0/dev", "253:0");
        host.File("/sys/devices/virtual/block/dm-0/slaves/sda1/x", "");
        Device(host, "loop0", "/sys/devices/virtual/block/loop0", 0);
        Device(host, "nvme0c0n1", "/sys/devices/virtual/block/nvme0c0n1", 2048);
        host.File("/sys/devices/virtual/block/nvme0c0n1/hidden", "1");
        Device(host, "cciss!c0d0", "/sys/devices/virtual/block/cciss!c0d0", 8);
        host.File("/dev/sda", "");
        host.File("/dev/dm-0", "");
        host.Link("/dev/disk/by-id/ata-TOSHIBA", "/dev/sda");
        host.Link("/dev/mapper/vg--a-lv_x", "/dev/dm-0");
        host.Link("/dev/vg-a/lv_x", "/dev/dm-0");
        host.File("/proc/self/mountinfo", "30 1 253:0 / /srv/disk\\040images rw,relatime shared:1 - xfs /dev/mapper/vg--a-lv_x rw,attr2");
        host.File("/proc/swaps", "Filename Type Size Used Priority\n/dev/mapper/vg--a-lv_x partition 1 0 -2");
        HostFacts facts = Gather(host);
        Assert.Equal(["/dev/cciss/c0d0", "/dev/dm-0", "/dev/sda", "/dev/sda1"], facts.BlockDevices.Select(device => device.Path).Order(StringComparer.Ordinal));
        HostBlockDevice sda = facts.FindBlockDevice("/dev/disk/by-id/ata-TOSHIBA")!;
        Assert.Equal((HostBlockDeviceKind.Disk, 1UL << 20, 512, 4096, true, 1), (sda.Kind, sda.SizeBytes, sda.LogicalSectorBytes, sda.PhysicalSectorBytes, sda.IsRotational, sda.NumaNode));
        Assert.Equal("ATA TOSHIBA MG07", sda.Model);
        Assert.Equal(["/dev/dm-0"], sda.Holders);
        Assert.True(sda.IsWhole && sda.IsInUse);
        HostBlockDevice partition = facts.FindBlockDevice("/dev/sda1")!;
        Assert.Equal((HostBlockDeviceKind.Partition, "/dev/sda"), (partition.Kind, partition.WholeDisk));
        HostBlockDevice volume = facts.FindBlockDevice("/dev/vg-a/lv_x")!;
        Assert.Equal((HostBlockDeviceKind.LogicalVolume, true, false), (volume.Kind, volume.IsSwap, volume.IsWhole));
        Assert.Equal(["/srv/disk images"], volume.MountPoints);
        Assert.Equal(["/dev/sda1"], volume.BuiltOn);
        Assert.Equal(["/dev/sda1", "/dev/dm-0"], facts.DevicesOn(sda).Concat(facts.DevicesOn(partition)).Select(device => device.Path));
        Assert.Equal("xfs", facts.MountOf("/srv/disk images/a.img")!.FileSystem);
    }

    [Theory]
    [InlineData("vg-lv", "/dev/vg/lv")]
    [InlineData("my--vg-my--lv", "/dev/my-vg/my-lv")]
    [InlineData("vg-lv-tpool", null)]
    [InlineData("luks", null)]
    [InlineData("-lv", null)]
    public void Volumes_have_a_path_of_their_group(string mapper, string? expected) => Assert.Equal(expected, BlockLinks.LogicalVolume(mapper));

    [Theory]
    [InlineData("36 35 98:0 /mnt1 /mnt/a\\134b rw,noatime master:1 - ext3 /dev/root rw,errors=continue", "/mnt/a\\b", "ext3", "/dev/root", false)]
    [InlineData("36 35 0:50 / /mnt rw shared:1 master:2 - fuse.glusterfs gluster:/vol ro,user_id=0", "/mnt", "fuse.glusterfs", "gluster:/vol", true)]
    [InlineData("36 35 0:50 / /mnt ro - tmpfs - rw", "/mnt", "tmpfs", "-", true)]
    public void Mounts_are_read(string line, string point, string type, string source, bool readOnly)
    {
        HostMount mount = MountTableReader.Parse(line)!.Mount;
        Assert.Equal((point, type, source, readOnly), (mount.MountPoint, mount.FileSystem, mount.Source, mount.IsReadOnly));
    }

    [Theory]
    [InlineData("")]
    [InlineData("36 35 98:0 / /mnt rw")]
    [InlineData("36 35 98:0 / mnt rw - ext3 /dev/root rw")]
    [InlineData("36 35 98:0 / /mnt rw - ext3")]
    public void Other_lines_are_not(string line) => Assert.Null(MountTableReader.Parse(line));

    [Fact]
    public void A_host_that_tells_nothing_gives_facts_all_the_same()
    {
        using FakeHost host = new();
        HostFacts facts = Gather(host);
        Assert.Equal(HostFactsDocument.Format(facts), HostFactsDocument.Format(HostFactsDocument.Parse(System.Text.Encoding.UTF8.GetBytes(HostFactsDocument.Format(facts)), "itself")));
        Assert.Single(facts.NumaNodes);
        Assert.Null(facts.TimestampCounter.IsTrustedByKernel);
        Assert.NotEmpty(HostPage.Write(facts));
    }

    [Fact]
    public void Paths_are_found_on_their_file_systems()
    {
        using TemporaryDirectory directory = new();
        string target = directory.Combine("real");
        Directory.CreateDirectory(target);
        File.CreateSymbolicLink(directory.Combine("link"), target);
        string expected = HostTool.Run("findmnt", "-n", "-o", "FSTYPE,TARGET", "-T", target).Trim();
        HostFileSystem found = HostFileSystems.Find(directory.Combine("link/not/yet.img"));
        Assert.Equal(Path.Combine(target, "not/yet.img"), found.ResolvedPath);
        Assert.Equal(expected.Split(' ', StringSplitOptions.RemoveEmptyEntries), (string[])[found.Mount!.FileSystem, found.Mount.MountPoint]);
        Assert.Equal(HostMount.IsSharedType(found.Mount.FileSystem), found.IsShared);
        string file = directory.MakeFile("file", 4096);
        bool direct = HostTool.Run("bash", "-c", $"dd if={file} of=/dev/null iflag=direct bs=4096 count=1 2>/dev/null && echo yes || echo no").Trim() == "yes";
        Assert.Equal(direct, HostFileSystems.Find(file).TakesDirect);
        Assert.Equal(direct, HostFileSystems.Find(directory.Combine("absent")).TakesDirect);
        Assert.Equal(["file", "link", "real"], Directory.EnumerateFileSystemEntries(directory.FullName).Select(Path.GetFileName).Order());
    }

    private static void Device(FakeHost host, string name, string directory, int sectors)
    {
        host.File($"{directory}/size", $"{sectors}");
        host.Link($"/sys/class/block/{name}", directory);
    }

    private static HostFacts Gather(FakeHost host, Func<uint, uint, CpuidResult>? cpuid = null, ulong? hertz = null)
    {
        CpuidResult Minimal(uint function, uint index) => function == 0 ? new CpuidResult(1, 0x756E_6547, 0x6C65_746E, 0x4965_6E69) : default;
        HostKvmFacts kvm = KvmFactsReader.Read(host.Tree, new KvmProbe(KvmAvailability.Absent, "not looked for", null), null);
        HostTranslatorFacts translator = new() { IsAvailable = false, Reason = "not tried", Features = null };
        return HostFactsGatherer.Gather(host.Tree, cpuid ?? Minimal, kvm, translator, hertz);
    }

    private static HostFacts Fixture(string name) =>
        HostFactsDocument.Parse(File.ReadAllBytes(Path.Combine(FixtureFolder(), $"{name}.json")), name);

    private static string FixtureFolder([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "Nacelle.Configuration.Tests", "HostFacts"));
}
