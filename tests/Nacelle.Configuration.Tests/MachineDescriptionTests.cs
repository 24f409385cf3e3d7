using System.Collections.Immutable;
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
        from serial in Gen.OneOf("none", "stdio", "file:log", "socket:s.sock", "pty", "pty:console")
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
                "4:9: vCPUs cannot be added later yet: give current='2', or 1 vCPUs in all",
                "5:13: attribute 'machine' of <type> 'pc': use q35, the only board so far",
                "7:57: attribute 'type' of <driver> 'qcow2': only raw images are supported yet ('qemu-img convert -O raw' makes one): use 'raw'",
                "7:107: attribute 'bus' of <target> 'ide': only virtio disks are supported yet: use 'virtio'",
                "8:6: not supported yet: remove <graphics>",
            ],
            lines);
    }

    [Theory]
    [InlineData("<disk type='file'><driver name='qemu' type='raw' error_policy='stop' rerror_policy='ignore'/><source file='/a'/><target dev='vda' bus='virtio'/></disk>", "read errors always follow error_policy")]
    [InlineData("<interface type='user'><target dev='tap0'/><model type='virtio'/></interface>", "user-mode networking has no tap")]
    [InlineData("<interface type='ethernet'><target dev='tap0'/><model type='virtio'/><portForward proto='tcp'><range start='80'/></portForward></interface>", "remove <portForward> and <backend>")]
    [InlineData("<interface type='user'><model type='virtio'/><driver name='vhost'/></interface>", "vhost is not supported yet: use 'qemu'")]
    [InlineData("<serial type='stdio'/><console type='pty'/>", "give <console> the type of <serial>")]
    [InlineData("<console type='stdio'/><console type='stdio'/>", "remove the second console")]
    [InlineData("<serial type='null'><source path='/log'/></serial>", "a serial port of type null has none")]
    public void What_would_be_ignored_is_refused(string devices, string reason) => Refused($"<devices>{devices}</devices>", reason);

    [Theory]
    [InlineData("<clock offset='utc'><timer name='kvmclock' present='no'/></clock>", "remove timer kvmclock")]
    [InlineData("<clock offset='utc'><timer name='pit' tickpolicy='catchup'/></clock>", "only the timer rtc can catch up")]
    [InlineData("<clock offset='utc'><timer name='hpet' tickpolicy='discard'/></clock>", "only those of rtc and pit can be set")]
    [InlineData("<metadata><n:machine xmlns:n='https://nacelle.dev/xmlns/domain/1.0'><n:evict-every>9</n:evict-every></n:machine></metadata>", "code caches are the translator's")]
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

    /// <summary>What libvirt writes into each guest by itself does not keep it from starting.</summary>
    [Fact]
    public void A_guest_as_libvirt_writes_it_starts_with_a_notice_of_what_it_does_without()
    {
        const string address = "<address type='pci' domain='0x0000' bus='0x04' slot='0x00' function='0x0'/>";
        MachineDocument document = Domain($"""
            <resource><partition>/machine</partition></resource>
            <features><acpi/><apic/><vmport state='off'/></features>
            <cpu mode='host-passthrough' check='none' migratable='on'/>
            <clock offset='utc'><timer name='rtc' tickpolicy='catchup'/><timer name='pit' tickpolicy='delay'/><timer name='hpet' present='no'/></clock>
            <on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>destroy</on_crash>
            <pm><suspend-to-mem enabled='no'/><suspend-to-disk enabled='no'/></pm>
            <devices>
              <emulator>/usr/bin/qemu-system-x86_64</emulator>
              <disk type='file' device='disk'><driver name='qemu' type='raw' discard='unmap'/><source file='/d' index='1'/><backingStore/><target dev='vda' bus='virtio'/><boot order='1'/><alias name='virtio-disk0'/>{address}</disk>
              <controller type='usb' index='0' model='qemu-xhci' ports='15'>{address}</controller>
              <controller type='pci' index='0' model='pcie-root'/>
              <controller type='pci' index='1' model='pcie-root-port'><model name='pcie-root-port'/><target chassis='1' port='0x10'/>{address}</controller>
              <controller type='sata' index='0'>{address}</controller>
              <controller type='virtio-serial' index='0'>{address}</controller>
              <interface type='user'><mac address='52:54:00:aa:bb:cc'/><model type='virtio'/>{address}</interface>
              <serial type='pty'><source path='/dev/pts/2'/><target type='isa-serial' port='0'><model name='isa-serial'/></target><alias name='serial0'/></serial>
              <console type='pty' tty='/dev/pts/2'><source path='/dev/pts/2'/><target type='serial' port='0'/><alias name='serial0'/></console>
              <input type='mouse' bus='ps2'/><input type='keyboard' bus='ps2'/>
              <audio id='1' type='none'/>
              <watchdog model='itco' action='reset'/>
              <memballoon model='virtio'><stats period='5'/>{address}</memballoon>
              <rng model='virtio'><backend model='random'>/dev/urandom</backend>{address}</rng>
            </devices>
            """);
        MachineDescription machine = MachineDescriptionMaker.Make(document, out ImmutableArray<string> notes);
        Assert.Equal((SerialKind.Terminal, null), (machine.Serial.Kind, machine.Serial.Path));
        Assert.Equal((true, true), (machine.Balloon, machine.EntropySource));
        Assert.Collection(
            notes,
            devices => Assert.Equal(
                "the guest does not have these devices yet: usb controller 0 (qemu-xhci), pci controller 1 (pcie-root-port), sata controller 0, virtio-serial controller 0, mouse, keyboard, watchdog itco",
                devices),
            addresses => Assert.Contains("PCI addresses are ignored", addresses, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("<memballoon model='none'/>", false, false)]
    [InlineData("<memballoon model='none'/><rng model='virtio'><backend model='builtin'/></rng>", false, true)]
    [InlineData("", true, false)]
    public void The_balloon_is_there_unless_refused_and_random_numbers_where_asked_for(string devices, bool balloon, bool entropy)
    {
        MachineDescription machine = MachineDescriptionMaker.Make(Domain($"<devices>{devices}</devices>"), out ImmutableArray<string> notes);
        Assert.Equal((balloon, entropy), (machine.Balloon, machine.EntropySource));
        Assert.Empty(notes);
    }

    [Theory]
    [InlineData("<graphics type='spice' autoport='yes'><listen type='address'/></graphics>", "remove <graphics>")]
    [InlineData("<video><model type='virtio' heads='1' primary='yes'/></video>", "displays are not supported yet: remove <video>")]
    [InlineData("<sound model='ich9'/>", "remove <sound>")]
    [InlineData("<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>", "remove <channel>")]
    [InlineData("<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>", "remove <tpm>")]
    [InlineData("<rng model='virtio'><backend model='random'>/dev/hwrng</backend></rng>", "use '/dev/urandom'")]
    [InlineData("<controller type='scsi' index='0' model='virtio-scsi'/>", "is not supported yet: remove it")]
    public void A_device_that_is_not_there_is_refused_in_a_line_with_the_remedy(string device, string remedy)
    {
        MachineRefusedException error = Assert.Throws<MachineRefusedException>(() => MachineDescriptionMaker.Make(Domain($"<devices>{device}</devices>")));
        Assert.Contains(error.Refusals, refusal => refusal.Message.Contains(remedy, StringComparison.Ordinal));
        Assert.True(error.Refusals.Length <= 3, error.Message);
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
