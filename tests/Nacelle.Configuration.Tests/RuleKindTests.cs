using System.Text;

namespace Nacelle.Configuration.Tests;

/// <summary>Kinds of machines that rules once passed, or refused though libvirt has them.</summary>
public sealed class RuleKindTests
{
    private const string Pc = "pc-i440fx-7.2";
    private const string Q35 = "pc-q35-7.2";

    public static TheoryData<string, string, string> Machines => new()
    {
        // Indirect ways.
        { Q35, Disk("file", "file='/dev/sdb'"), "C2.WHOLEDISK" },
        { Q35, Disk("block", "dev='//dev/./sdb'"), "C2.WHOLEDISK" },
        { Q35, Disk("block", "dev='/dev/mapper/../sdb'"), "C2.WHOLEDISK" },
        { Q35, Disk("block", "dev='/dev/block/8:16'"), "C2.WHOLEDISK" },
        { Q35, Disk("block", "dev='/dev/block/8:17'"), "" },
        { Q35, Disk("block", "dev='/dev/disk/by-id/dm-uuid-mpath-3600'"), "C2.WHOLEDISK" },
        { Q35, Disk("block", "dev='/dev/disk/by-diskseq/3'"), "C2.WHOLEDISK" },
        { Q35, Disk("file", "file='/dev/sdb1'"), "" },
        { Q35, "<iothreads>0</iothreads><iothreadids><iothread id='1'/></iothreadids>", "C2.IOTHREAD" },
        { Q35, "<devices><controller type='scsi' index='0' model='virtio-scsi'><driver><iothreads><iothread id='1'/></iothreads></driver></controller></devices><iothreads>1</iothreads>", "C2.IOTHREAD C2.IOTHREAD" },
        { Q35, "<throttlegroups><throttlegroup><group_name>g</group_name><total_iops_sec>5</total_iops_sec></throttlegroup></throttlegroups>", "C2.THROTTLE" },
        { Q35, Disk("file", "file='/a'", "<throttlefilters><throttlefilter group='g'/></throttlefilters>"), "C2.THROTTLE CFG.THROTTLE" },
        { Q35, Arguments("-device", "lsi53c895a", "-smp", "300", "-accel", "tcg"), "C2.SCSI C2.TCG C2.VCPU TRAP.QEMU-ARGUMENTS" },
        { Q35, Arguments("-object", "iothread,id=a", "-device", "vhost-user-vsock-pci", "-device", "{\"driver\":\"pxb-pcie\"}"), "C2.IOTHREAD C2.PCINUMA C2.VHOSTUSER TRAP.QEMU-ARGUMENTS" },
        { Q35, Arguments("-cpu", "host,+svm"), "C2.NESTED TRAP.QEMU-ARGUMENTS" },

        // Places.
        { Pc, Ide("hda", 0, 2, 0), "C2.IDE" },
        { Pc, Ide("hda", 1, 0, 0), "C2.IDE" },
        { Pc, Ide("hda", 0, 0, 2), "C2.IDE" },
        { Pc, Ide("hda", 0, 0, 0) + Ide("hdb", 0, 0, 0), "C2.IDE" },
        { Q35, Ide("hda", 0, 0, 0), "C2.IDE" },
        { Pc, "<devices><controller type='ide' index='1'/></devices>", "C2.IDE" },
        { Q35, Place("sata", 0, 0, 6), "CFG.DEVICE-PLACE" },
        { Q35, Place("sata", 0, 0, 1, "sda") + Place("sata", 0, 0, 1, "sdb"), "CFG.DEVICE-PLACE" },
        { Pc, Place("fdc", 0, 0, 2, "fda", "floppy"), "CFG.DEVICE-PLACE" },
        { Q35, "<devices><controller type='usb' index='0' model='qemu-xhci'/>" + Repeat(2, "<input type='tablet' bus='usb'><address type='usb' bus='0' port='1'/></input>") + "</devices>", "CFG.DEVICE-PLACE" },
        { Q35, "<devices><controller type='virtio-serial' index='0'/>" + Repeat(2, "<channel type='unix'><target type='virtio' name='a'/><address type='virtio-serial' controller='0' bus='0' port='1'/></channel>") + "</devices>", "CFG.DEVICE-PLACE" },
        { Pc, Random("slot='010'") + Random("slot='0x08'"), "C2.PCI" },
        { Pc, Random("domain='1' slot='5'"), "C2.PCI" },
        { Pc, Random("slot='5' function='0' multifunction='off'") + Random("slot='5' function='1'"), "C2.PCI" },
        { Pc, Random("slot='5' function='0'") + Random("slot='5' function='1'"), "" },
        { Pc, Random("slot='1' function='2'"), "C2.PCI" },
        { Pc, "<devices><controller type='ide' index='0'><address type='pci' slot='7'/></controller></devices>", "C2.PCI" },
        { Pc, "<devices><controller type='usb' index='0' model='piix3-uhci'><address type='pci' slot='1' function='2'/></controller></devices>", "" },
        { Q35, "<devices><controller type='sata' index='0'><address type='pci' slot='7'/></controller></devices>", "C2.PCI" },
        { Q35, "<devices><controller type='pci' index='0' model='pci-root'/></devices>", "CFG.CONTROLLER-MODEL" },
        { Pc, "<devices><controller type='pci' index='0' model='pcie-root'/></devices>", "CFG.CONTROLLER-MODEL" },
        { Q35, "<devices><controller type='pci' index='1' model='pcie-expander-bus'><target busNr='200'/></controller></devices>" + Random("bus='1' slot='0'"), "C2.PCI C2.PCINUMA" },
        { Q35, "<devices>" + Repeat(2, "<hostdev mode='subsystem' type='pci'><source><address bus='3' slot='0' function='0'/></source></hostdev>") + "</devices>", "CFG.DUPLICATE" },
        { Q35, "<cpu><numa><cell id='0' cpus='0' memory='1' unit='GiB'/><cell id='2' cpus='1' memory='1' unit='GiB'/></numa></cpu>", "CFG.NUMA-NODE" },
        { Q35, "<cpu><numa><cell id='0' cpus='0-1' memory='1' unit='GiB'/></numa></cpu>", "TRAP.NUMA-MEMORY" },
        { Q35, "<memoryBacking><access mode='shared'/></memoryBacking><cpu><numa><cell id='0' cpus='0-1' memory='2' unit='GiB' memAccess='private'/></numa></cpu><devices><interface type='vhostuser'><source type='unix' path='/s' mode='client'/><model type='virtio'/></interface></devices>", "C2.VHOSTUSER TRAP.VHOST-USER-WITHOUT-SHARED-MEMORY" },

        // What libvirt writes, or takes.
        { Q35, "<devices><controller type='usb' index='0' model='ich9-ehci1'><alias name='usb'/></controller><controller type='usb' index='0' model='ich9-uhci1'><alias name='usb'/><master startport='0'/></controller></devices>", "" },
        { Q35, "<devices><controller type='usb' index='0' model='ich9-ehci1'/><controller type='usb' index='0' model='ich9-uhci1'/><controller type='usb' index='0' model='ich9-uhci2'/></devices>", "" },
        { Q35, Repeat(2, "<devices><controller type='usb' index='0' model='qemu-xhci'/></devices>"), "CFG.TARGET-NAME" },
        { Q35, Random("domain='0' bus='0' slot='0' function='0'"), "" },
        { Q35, "<title></title><uuid/><pm/><devices><emulator/></devices>", "" },
        { Q35, "<devices><disk type='file' device='cdrom'><source file=''/><target dev='sda' bus='sata'/></disk></devices>", "" },
        { Q35, "<cputune><vcpusched vcpus='0' scheduler='fifo' priority='0'/></cputune>", "C2.RT" },
        { Q35, "<devices><controller type='pci' index='0' model='pcie-root'/><controller type='pci' index='1' model='dmi-to-pci-bridge'/><controller type='pci' index='2' model='pci-bridge'><address type='pci' bus='1' slot='0'/></controller></devices>", "" },
        { Pc, "<devices><serial type='pty'><target type='pci-serial' port='0'/><address type='pci' slot='4'/></serial><console type='pty'><target type='serial' port='0'/><address type='pci' slot='4'/></console></devices>", "" },
    };

    [Theory]
    [MemberData(nameof(Machines))]
    public void A_machine_breaks_these_rules_of_rhel7_and_no_others(string board, string parts, string rules)
    {
        // Several <devices> in a row are one.
        string text = parts.Replace("</devices><devices>", "", StringComparison.Ordinal);
        string memory = "<memory unit='GiB'>2</memory>";
        MachineDocument document = MachineDocument.Read(Encoding.UTF8.GetBytes(
            $"<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>t</name>{memory}<vcpu>2</vcpu><os><type machine='{board}'>hvm</type></os>{text}</domain>"));
        Assert.True(document.Configuration is not null, string.Join("\n", document.Problems) + "\n" + text);
        Assert.Empty(document.Unknown);
        Finding[] findings = [.. RuleChecker.Check(new RuleContext { Document = document }, RestrictionProfile.Get("rhel7"))];
        Assert.True(
            string.Join(' ', findings.Select(finding => finding.RuleId).Order(StringComparer.Ordinal)) == rules,
            $"expected '{rules}' of\n{text}\n{string.Join("\n", findings.AsEnumerable())}");
    }

    [Theory]
    [InlineData("q35,accel=kvm:tcg", "C2.TCG")]
    [InlineData("q35,accel=kvm", "")]
    public void A_list_that_ends_in_translation_allows_it(string machine, string rules)
    {
        MachineDocument document = QemuArgumentsDocument.Read(["-machine", machine, "-nodefaults"]);
        Assert.Equal(rules, string.Join(' ', RuleChecker.Check(new RuleContext { Document = document }, RestrictionProfile.Get("rhel7")).Select(finding => finding.RuleId)));
    }

    [Theory]
    [InlineData("-machine pc,accel=kvm -nodefaults -device virtio-rng-pci,addr=5.0 -device virtio-balloon-pci,addr=5.1", "C2.PCI")]
    [InlineData("-machine pc,accel=kvm -nodefaults -device virtio-rng-pci,addr=5.0,multifunction=on -device virtio-balloon-pci,addr=5.1", "")]
    [InlineData("-machine pc,accel=kvm -device virtio-rng-pci,addr=2", "C2.PCI")]
    [InlineData("-machine pc,accel=kvm -device virtio-rng-pci,addr=3", "C2.PCI")]
    [InlineData("-machine pc,accel=kvm -device virtio-rng-pci,addr=4", "")]
    [InlineData("-machine q35,accel=kvm -drive file=/a,if=virtio,format=raw,discard=on", "")]
    public void Arguments_are_judged_as_QEMU_takes_them(string arguments, string rules)
    {
        MachineDocument document = QemuArgumentsDocument.Read(arguments.Split(' '));
        Assert.True(document.Configuration is not null, string.Join("\n", document.Problems));
        Assert.Equal(rules, string.Join(' ', RuleChecker.Check(new RuleContext { Document = document }, RestrictionProfile.Get("none"))
            .Where(finding => finding.RuleId != "TRAP.NUMA-MEMORY").Select(finding => finding.RuleId)));
    }

    [Theory]
    [InlineData("""{"name":"a","rules":{"C2.VCPU":{}}}""", "profile 'x': C2.VCPU compares with a limit, and none is given: add \"limit\"")]
    [InlineData("""{"name":"rhel7","basis":"none"}""", "profile 'x': the name 'rhel7' is that of a profile of this program: give it a name of its own")]
    public void A_profile_that_would_say_nothing_or_pass_for_another_is_refused(string text, string message) =>
        Assert.Equal(message, Assert.Throws<ConfigurationException>(() => RestrictionProfile.Parse(Encoding.UTF8.GetBytes(text), "x")).Message);

    [Fact]
    public void Translation_is_not_corrected_away()
    {
        MachineDocument document = MachineDocument.Read("<domain type='qemu'><name>t</name><memory>65536</memory><os><type machine='q35'>hvm</type></os></domain>"u8.ToArray());
        Assert.False(Assert.Single(RuleChecker.Check(new RuleContext { Document = document }, RestrictionProfile.Get("rhel7"))).IsCorrectable);
    }

    private static string Disk(string type, string source, string more = "") =>
        $"<devices><disk type='{type}' device='disk'><driver name='qemu' type='raw' cache='none'/><source {source}/><target dev='vda' bus='virtio'/>{more}</disk></devices>";

    private static string Ide(string name, int controller, int bus, int unit) => Drive("ide", name, "disk", controller, bus, unit);

    private static string Place(string kind, int controller, int bus, int unit, string name = "sda", string device = "disk") => Drive(kind, name, device, controller, bus, unit);

    private static string Drive(string kind, string name, string device, int controller, int bus, int unit) =>
        $"<devices><disk type='file' device='{device}'><source file='/{name}'/><target dev='{name}' bus='{kind}'/><address type='drive' controller='{controller}' bus='{bus}' target='0' unit='{unit}'/></disk></devices>";

    private static string Random(string address) =>
        $"<devices><rng model='virtio'><backend model='random'>/dev/urandom</backend><address type='pci' {address}/></rng></devices>";

    private static string Arguments(params string[] arguments) =>
        $"<qemu:commandline>{string.Concat(arguments.Select(argument => $"<qemu:arg value='{argument}'/>"))}</qemu:commandline>";

    private static string Repeat(int count, string text) => string.Concat(Enumerable.Repeat(text, count));
}
