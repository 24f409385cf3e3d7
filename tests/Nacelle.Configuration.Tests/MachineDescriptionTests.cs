using System.Text;
using CsCheck;
using Nacelle.Cpu;
using Nacelle.Machine;

namespace Nacelle.Configuration.Tests;

/// <summary>What machines are built from, from options through the configuration and back.</summary>
public sealed class MachineDescriptionTests
{
    private static readonly Gen<DiskDescription> s_disk =
        from path in Gen.OneOf("disk.img", "/var/a,b.raw", "/dev/vg/guest")
        from cache in Gen.Enum<DiskCacheMode>()
        from error in Gen.Enum<DiskErrorPolicy>()
        from queues in Gen.Int[0, 8]
        from flags in Gen.Int[0, 7]
        select new DiskDescription
        {
            Path = path,
            Cache = cache,
            OnError = error,
            Queues = queues,
            ReadOnly = (flags & 1) != 0,
            Discard = (flags & 2) != 0,
            Packed = (flags & 4) != 0,
            Serial = queues == 3 ? "S-1" : null,
        };

    private static readonly Gen<NetworkDescription> s_network =
        from tap in Gen.Bool
        from queues in Gen.Int[0, 4]
        from packed in Gen.Bool
        from port in Gen.Int[81, 65535]
        select new NetworkDescription
        {
            Kind = tap ? NetworkBackendKind.Tap : NetworkBackendKind.User,
            TapName = tap ? "tap0" : null,
            Queues = queues,
            Packed = packed,
            MacAddress = queues == 2 ? "52:54:00:00:00:01" : null,
            PortForwards = tap || packed ? [] : [new PortForward((ushort)port, 22), new PortForward(80, (ushort)port, port % 3 == 0 ? null : "::1"), new PortForward(80, 53, "0.0.0.0", true)],
        };

    private static readonly Gen<MachineDescription> s_machine =
        from cpus in Gen.Int[1, 254]
        from memory in Gen.Int[1, 4096]
        from accelerator in Gen.Enum<AcceleratorChoice>()
        from cpu in Gen.OneOf("host", "max", "Haswell", "EPYC,-svm,+avx512f", "qemu64,vendor=GenuineIntel")
        from disks in s_disk.Array[0, 3]
        from networks in s_network.Array[0, 2]
        from serial in Gen.OneOf("none", "stdio", "file:log", "socket:s.sock")
        from flags in Gen.Int[0, 15]
        select new MachineDescription
        {
            Name = "guest one",
            KernelPath = "vmlinuz",
            InitrdPath = (flags & 1) != 0 ? "initrd" : null,
            KernelCommandLine = (flags & 2) != 0 ? "console=ttyS0 a='<&>'" : "",
            VirtualCpus = cpus,
            MemoryBytes = (ulong)memory << 21,
            Accelerator = accelerator,
            Translator = accelerator == AcceleratorChoice.Kvm ? new() : new() { CodeCacheBytes = flags << 20 | (16 << 20), EvictEvery = flags },
            Cpu = CpuOption.Parse(cpu),
            RestartOnReset = (flags & 4) != 0,
            Disks = [.. disks],
            Networks = [.. networks],
            Serial = SerialOption.Parse(serial),
            DebugExit = (flags & 8) != 0 ? null : new DebugExitDescription(0x501, 2),
            IntervalTimer = flags != 3,
            HighPrecisionTimer = flags != 2,
            RealTimeClockCatchesUp = flags == 1,
            TestDevice = flags == 5,
        };

    [Fact]
    public void Options_become_the_same_machine_by_way_of_the_configuration_its_xml_and_its_json() => s_machine.Sample(machine =>
    {
        MachineDocument document = DescribedConfiguration.Write(machine);
        string expected = Text(machine);
        Assert.Equal(expected, Text(MachineDescriptionMaker.Make(document)));
        MachineDocument xml = DomainXmlDocument.Read(Encoding.UTF8.GetBytes(DomainXmlDocument.Write(document.Configuration!)));
        Assert.Equal(expected, Text(MachineDescriptionMaker.Make(xml)));
        MachineDocument json = MachineConfigurationJson.Read(Encoding.UTF8.GetBytes(MachineConfigurationJson.Write(document.Configuration!)));
        Assert.Equal(expected, Text(MachineDescriptionMaker.Make(json)));
        Assert.Empty(RuleChecker.Check(new RuleContext { Document = document }, RestrictionProfile.Get("none")));
    }, iter: 300);

    public static TheoryData<string> Corpus => [.. CorpusFiles.Xml];

    /// <summary>Guests of other hypervisors have much that machines of this version do not: each part is named with its place.</summary>
    [Theory]
    [MemberData(nameof(Corpus))]
    public void What_machines_do_not_have_is_refused_with_its_place(string name)
    {
        MachineDocument document = DomainXmlDocument.Read(CorpusFiles.Read(name));
        MachineRefusedException error = Assert.Throws<MachineRefusedException>(() => MachineDescriptionMaker.Make(document));
        Assert.NotEmpty(error.Refusals);
        Assert.All(error.Refusals, refusal => Assert.True(refusal.Place?.Position.IsKnown == true, refusal.ToString()));
    }

    [Fact]
    public void Each_part_that_is_refused_is_told_at_once()
    {
        byte[] text = Encoding.UTF8.GetBytes("""
            <domain type='qemu'>
              <name>guest</name>
              <memory unit='MiB'>64</memory>
              <vcpu current='1'>2</vcpu>
              <os><type machine='pc'>hvm</type><kernel>/vmlinuz</kernel></os>
              <devices>
                <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='a'/><target dev='hda' bus='ide'/></disk>
                <graphics type='vnc'/>
              </devices>
            </domain>
            """);
        string[] lines = [.. Assert.Throws<MachineRefusedException>(() => MachineDescriptionMaker.Make(DomainXmlDocument.Read(text))).Refusals.Select(refusal => refusal.ToString())];
        Assert.Equal(
            [
                "4:9: 1 of 2 vCPUs at start: vCPUs cannot be plugged later: give 1 in all",
                "5:13: attribute 'machine' of <type> 'pc': the board is q35: leave it out or change it",
                "7:57: attribute 'type' of <driver> 'qcow2': images are raw: leave it out or change it",
                "7:107: attribute 'bus' of <target> 'ide': disks are virtio-blk: leave it out or change it",
                "8:15: attribute 'type' of <graphics> 'vnc': machines of this version have no such thing: leave it out or change it",
            ],
            lines);
    }

    [Theory]
    [InlineData("<disk type='file'><driver name='qemu' type='raw' error_policy='stop' rerror_policy='ignore'/><source file='/a'/><target dev='vda' bus='virtio'/></disk>", "errors of both do the same")]
    [InlineData("<interface type='user'><target dev='tap0'/><model type='virtio'/></interface>", "a tap for user-mode networking")]
    [InlineData("<interface type='ethernet'><target dev='tap0'/><model type='virtio'/><portForward proto='tcp'><range start='80'/></portForward></interface>", "ports forwarded to a tap")]
    [InlineData("<interface type='user'><model type='virtio'/><driver name='vhost'/></interface>", "packets go through the monitor")]
    [InlineData("<serial type='stdio'/><console type='pty'/>", "a console that is connected elsewhere")]
    [InlineData("<console type='stdio'/><console type='stdio'/>", "a second console")]
    [InlineData("<serial type='null'><source path='/log'/></serial>", "a serial port of type null with a source")]
    public void What_would_be_ignored_is_refused(string devices, string reason) => Refused($"<devices>{devices}</devices>", reason);

    [Theory]
    [InlineData("<clock offset='utc'><timer name='kvmclock' present='no'/></clock>", "no timer kvmclock")]
    [InlineData("<clock offset='utc'><timer name='pit' tickpolicy='catchup'/></clock>", "the real-time clock alone makes up")]
    [InlineData("<clock offset='utc'><timer name='hpet' tickpolicy='discard'/></clock>", "there is no choice of what becomes of its ticks")]
    [InlineData("<metadata><n:machine xmlns:n='https://nacelle.dev/xmlns/domain/1.0'><n:evict-every>9</n:evict-every></n:machine></metadata>", "a code cache is the translator's")]
    public void What_the_machine_would_ignore_is_refused(string part, string reason) => Refused(part, reason);

    [Theory]
    [InlineData("<timer name='rtc' tickpolicy='catchup'/><timer name='pit' tickpolicy='delay'/><timer name='hpet' present='no'/>", true, false)]
    [InlineData("<timer name='rtc' tickpolicy='delay'/><timer name='hpet' present='yes'/>", false, true)]
    [InlineData("<timer name='pit' tickpolicy='discard'/>", false, true)]
    public void Timers_are_as_the_clock_says(string timers, bool catchesUp, bool highPrecision)
    {
        MachineDescription machine = MachineDescriptionMaker.Make(Domain($"<clock offset='utc'>{timers}</clock>"));
        Assert.Equal((catchesUp, highPrecision), (machine.RealTimeClockCatchesUp, machine.HighPrecisionTimer));
    }

    private static MachineDocument Domain(string part)
    {
        string xml = $"<domain type='kvm'><name>a</name><memory unit='MiB'>64</memory><vcpu>1</vcpu><os><type>hvm</type><kernel>/k</kernel></os>{part}</domain>";
        MachineDocument document = DomainXmlDocument.Read(Encoding.UTF8.GetBytes(xml));
        Assert.True(document.Configuration is not null, string.Join("\n", document.Problems));
        return document;
    }

    private static void Refused(string part, string reason)
    {
        MachineDocument document = Domain(part);
        MachineRefusedException error = Assert.Throws<MachineRefusedException>(() => MachineDescriptionMaker.Make(document));
        Assert.Contains(reason, Assert.Single(error.Refusals).Message, StringComparison.Ordinal);
    }

    private static string Text(MachineDescription machine) => string.Join(
        '\n',
        [
            (machine with { Disks = [], Networks = [], Cpu = CpuModelSpecification.Host }).ToString(), machine.Cpu.Text,
            .. machine.Disks.Select(disk => disk.ToString()),
            .. machine.Networks.Select(network => (network with { PortForwards = default }).ToString() + string.Join(',', network.PortForwards)),
        ]);
}
