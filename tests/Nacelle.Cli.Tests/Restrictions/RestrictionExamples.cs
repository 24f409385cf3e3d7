using static Nacelle.Cli.Tests.ExampleGuest;

namespace Nacelle.Cli.Tests;

/// <summary>An example for each rule.</summary>
internal static class RestrictionExamples
{
    private const string Assigned = """
        <hostdev mode='subsystem' type='pci' managed='yes'>
          <source>
            <address domain='0x0000' bus='0x3b' slot='0x00' function='0x0'/>
          </source>
        </hostdev>
        """;

    private const string Node = "<cpu>\n  <numa>\n    <cell id='0' cpus='0-1' memory='2' unit='GiB'/>\n  </numa>\n</cpu>";

    private const string Migrate = "--operation migrate";

    private static string Ide(params string[] names) => string.Join('\n', names.Select(name => $"""
        <disk type='file' device='cdrom'>
          <target dev='{name}' bus='ide'/>
        </disk>
        """));

    private static string Sata(int first, int second) => string.Join('\n', ((string Name, int Unit)[])[("sda", first), ("sdb", second)] switch
    {
        var disks => disks.Select(disk => $"""
            <disk type='file' device='cdrom'>
              <target dev='{disk.Name}' bus='sata'/>
              <address type='drive' controller='0' bus='0' target='0' unit='{disk.Unit}'/>
            </disk>
            """),
    });

    private static string Repeated(int count, Func<int, string> device) => string.Join('\n', Enumerable.Range(0, count).Select(device));

    /// <summary>All of them.</summary>
    internal static RestrictionExample[] All { get; } =
    [
        new("C2.VCPU", "rhel7", Write(vcpu: "<vcpu>241</vcpu>"), Write(vcpu: "<vcpu>240</vcpu>")),
        new("C2.NESTED", "rhel7",
            Write(more: "<cpu mode='host-model'>\n  <feature policy='require' name='svm'/>\n</cpu>"),
            Write(more: "<cpu mode='host-model'>\n  <feature policy='disable' name='svm'/>\n</cpu>")),
        new("C2.TCG", "rhel7", Write(type: "qemu"), Write()),
        new("C2.TSC", "rhel7", Write(), Write(), "--host-from amd-opteron-248.json", "--host-from intel-xeon-8380.json"),
        new("C2.SCSI", "rhel7", Write("<controller type='scsi' model='lsilogic'/>"), Write("<controller type='scsi' model='virtio-scsi'/>")),
        new("C2.IDE", "none", Write(Ide("hda", "hdb", "hdc", "hdd", "hde"), machine: "pc-i440fx-7.2"), Write(Ide("hda", "hdb", "hdc", "hdd"), machine: "pc-i440fx-7.2")),
        new("C2.PCI", "none",
            Write(Disk(more: "<address type='pci' bus='0x00' slot='0x1f' function='0x0'/>")),
            Write(Disk(more: "<address type='pci' bus='0x00' slot='0x05' function='0x0'/>"))),
        new("C2.ASSIGN", "rhel7", Write(Assigned), Write(), Migrate),
        new("C2.MIG-CPU", "rhel7", Write(), Write(), "--host-from intel-xeon-8380.json --migrate-to amd-epyc-7742.json", "--host-from amd-epyc-7742.json --migrate-to amd-epyc-7742.json"),
        new("C2.MIG-NX", "rhel7", Write(), Write(), "--host-from intel-xeon-x5650.json --migrate-to intel-xeon-x5650-nx-off.json", "--host-from intel-xeon-x5650.json --migrate-to intel-xeon-x5650.json"),
        new("C2.MIG-CACHE", "rhel7", Write(Disk(driver: "cache='writeback'")), Write(Disk()), Migrate),
        new("C2.WHOLEDISK", "rhel7",
            Write("<disk type='block' device='disk'>\n  <source dev='/dev/sdb'/>\n  <target dev='vda' bus='virtio'/>\n</disk>"),
            Write("<disk type='block' device='disk'>\n  <source dev='/dev/vg0/guest'/>\n  <target dev='vda' bus='virtio'/>\n</disk>")),
        new("C2.SNAPSHOT", "rhel7", Write(Disk()), Write(Disk()), "--operation snapshot", ""),
        new("C2.BLOCKJOB", "rhel7", Write(Disk()), Write(Disk()), "--operation block-job", ""),
        new("C2.THROTTLE", "rhel7", Write(Disk(more: "<iotune>\n  <total_iops_sec>500</total_iops_sec>\n</iotune>")), Write(Disk())),
        new("C2.IOTHREAD", "rhel7", Write(Disk(driver: "cache='none' iothread='1'"), "<iothreads>1</iothreads>"), Write(Disk())),
        new("C2.MEMHOTPLUG", "rhel7",
            Write(more: Node, memory: "<maxMemory slots='16' unit='GiB'>8</maxMemory>\n  <memory unit='GiB'>2</memory>"), Write(more: Node)),
        new("C2.VHOSTUSER", "rhel7",
            Write("<filesystem type='mount'>\n  <driver type='virtiofs'/>\n  <source dir='/srv'/>\n  <target dir='srv'/>\n</filesystem>", "<memoryBacking>\n  <access mode='shared'/>\n</memoryBacking>"),
            Write("<filesystem type='mount'>\n  <source dir='/srv'/>\n  <target dir='srv'/>\n</filesystem>")),
        new("C2.CPUUNPLUG", "rhel7", Write(), Write(), "--operation unplug-vcpu", "--operation plug-vcpu"),
        new("C2.PCINUMA", "rhel7",
            Write("<controller type='pci' index='0' model='pcie-root'/>\n<controller type='pci' index='1' model='pcie-expander-bus'>\n  <target busNr='180'/>\n</controller>"),
            Write("<controller type='pci' index='0' model='pcie-root'/>\n<controller type='pci' index='1' model='pcie-root-port'/>")),
        new("C2.DUMP", "rhel7", Write(Assigned), Write(), "--operation dump"),
        new("C2.RT", "rhel7",
            Write(more: "<cputune>\n  <vcpusched vcpus='0-1' scheduler='fifo' priority='10'/>\n</cputune>"),
            Write(more: "<cputune>\n  <vcpusched vcpus='0-1' scheduler='batch'/>\n</cputune>")),
        new("C2.BACKENDS", "none", Write(), Write(type: "qemu"), "--host-from intel-pentium-d.json"),
        new("C2.NESTED-MIG", "rhel7-guide",
            Write(more: "<cpu mode='host-model'>\n  <feature policy='require' name='vmx'/>\n</cpu>"),
            Write(more: "<cpu mode='host-model'>\n  <feature policy='disable' name='vmx'/>\n</cpu>"),
            Migrate),
        new("C2.VIRTIO-LIMIT", "rhel7-guide",
            Write(Repeated(217, _ => "<rng model='virtio'>\n  <backend model='random'>/dev/urandom</backend>\n</rng>")),
            Write(Repeated(2, _ => "<rng model='virtio'>\n  <backend model='random'>/dev/urandom</backend>\n</rng>"))),
        new("C2.ASSIGN-LIMIT", "rhel7-guide", Write(Repeated(33, index => Assigned.Replace("bus='0x3b'", $"bus='0x{index + 1:x2}'", StringComparison.Ordinal))), Write(Assigned)),
        new("C2.PCI-HOTPLUG-MF", "rhel7-guide", Write(), Write(), "--operation plug-multifunction", ""),
        new("CFG.VCPU-COUNT", "none", Write(vcpu: "<vcpu current='4'>2</vcpu>"), Write(vcpu: "<vcpu current='2'>4</vcpu>")),
        new("CFG.TOPOLOGY", "none",
            Write(more: "<cpu>\n  <topology sockets='1' cores='3' threads='1'/>\n</cpu>"),
            Write(more: "<cpu>\n  <topology sockets='1' cores='2' threads='1'/>\n</cpu>")),
        new("CFG.NUMA-NODE", "none",
            Write(more: "<cpu>\n  <numa>\n    <cell id='0' cpus='0-3' memory='2' unit='GiB'/>\n  </numa>\n</cpu>"),
            Write(more: "<cpu>\n  <numa>\n    <cell id='0' cpus='0-1' memory='2' unit='GiB'/>\n  </numa>\n</cpu>")),
        new("CFG.MEMORY", "none",
            Write(memory: "<memory unit='GiB'>2</memory>\n  <currentMemory unit='GiB'>4</currentMemory>"),
            Write(memory: "<memory unit='GiB'>4</memory>\n  <currentMemory unit='GiB'>2</currentMemory>")),
        new("CFG.MEMORY-MODULE", "none",
            Write("<memory model='dimm'>\n  <target>\n    <size unit='GiB'>1</size>\n  </target>\n</memory>"),
            Write("<memory model='dimm'>\n  <target>\n    <size unit='GiB'>1</size>\n  </target>\n</memory>", Node, memory: "<maxMemory slots='1' unit='GiB'>8</maxMemory>\n  <memory unit='GiB'>2</memory>")),
        new("CFG.TARGET-NAME", "none", Write(Disk() + "\n" + Disk()), Write(Disk() + "\n" + Disk("vdb"))),
        new("CFG.IO-THREAD-ID", "none",
            Write(Disk(driver: "cache='none' iothread='3'"), "<iothreads>2</iothreads>"),
            Write(Disk(driver: "cache='none' iothread='2'"), "<iothreads>2</iothreads>")),
        new("CFG.THROTTLE", "none",
            Write(Disk(more: "<iotune>\n  <total_bytes_sec>1000000</total_bytes_sec>\n  <read_bytes_sec>500000</read_bytes_sec>\n</iotune>")),
            Write(Disk(more: "<iotune>\n  <read_bytes_sec>500000</read_bytes_sec>\n  <write_bytes_sec>500000</write_bytes_sec>\n</iotune>"))),
        new("CFG.SOURCE", "none",
            Write("<interface type='bridge'>\n  <model type='virtio'/>\n</interface>"),
            Write("<interface type='bridge'>\n  <source bridge='br0'/>\n  <model type='virtio'/>\n</interface>")),
        new("CFG.DISK-DRIVER", "none", Write(Disk(driver: "cache='writeback' io='native'")), Write(Disk(driver: "cache='none' io='native'"))),
        new("CFG.CONTROLLER-MODEL", "none", Write("<controller type='usb' model='qemu-xchi'/>"), Write("<controller type='usb' model='qemu-xhci'/>")),
        new("CFG.DUPLICATE", "none",
            Write(more: "<clock offset='utc'>\n  <timer name='rtc' tickpolicy='catchup'/>\n  <timer name='rtc' tickpolicy='delay'/>\n</clock>"),
            Write(more: "<clock offset='utc'>\n  <timer name='rtc' tickpolicy='catchup'/>\n</clock>")),
        new("MIG.STORAGE", "none", Write(Disk()), Write(), "--host-from amd-epyc-7742.json --migrate-to amd-epyc-7742.json"),
        new("MIG.MACHINE", "none", Write(machine: "q35"), Write(), "--host-from amd-epyc-7742.json --migrate-to amd-epyc-7742.json"),
        new("MIG.TSC", "none",
            Write(more: "<clock offset='utc'>\n  <timer name='tsc' frequency='2533000000'/>\n</clock>"), Write(),
            "--host-from intel-xeon-e5462.json --migrate-to intel-xeon-e5462.json"),
        new("TRAP.SLOT-BEHIND-PORT", "none",
            Write("<controller type='pci' index='1' model='pcie-root-port'/>\n" + Disk(more: "<address type='pci' bus='0x01' slot='0x01' function='0x0'/>")),
            Write("<controller type='pci' index='1' model='pcie-root-port'/>\n" + Disk(more: "<address type='pci' bus='0x01' slot='0x00' function='0x0'/>"))),
        new("TRAP.FUNCTION-0-ABSENT", "none",
            Write(Disk(more: "<address type='pci' bus='0x00' slot='0x05' function='0x1'/>")),
            Write(Disk(more: "<address type='pci' bus='0x00' slot='0x05' function='0x0'/>"))),
        new("TRAP.EXPANDER-BUS-0", "none",
            Write("<controller type='pci' index='1' model='pcie-expander-bus'>\n  <target busNr='0'/>\n</controller>"),
            Write("<controller type='pci' index='1' model='pcie-expander-bus'>\n  <target busNr='180'/>\n</controller>")),
        new("TRAP.BURST-WITHOUT-LIMIT", "none",
            Write(Disk(more: "<iotune>\n  <total_iops_sec_max>900</total_iops_sec_max>\n</iotune>")),
            Write(Disk(more: "<iotune>\n  <total_iops_sec>500</total_iops_sec>\n  <total_iops_sec_max>900</total_iops_sec_max>\n</iotune>"))),
        new("TRAP.VHOST-USER-WITHOUT-SHARED-MEMORY", "none",
            Write("<interface type='vhostuser'>\n  <source type='unix' path='/run/switch.sock' mode='client'/>\n  <model type='virtio'/>\n</interface>"),
            Write(
                "<interface type='vhostuser'>\n  <source type='unix' path='/run/switch.sock' mode='client'/>\n  <model type='virtio'/>\n</interface>",
                "<memoryBacking>\n  <source type='memfd'/>\n  <access mode='shared'/>\n</memoryBacking>")),
        new("TRAP.IMPLICIT-SCSI-HBA", "none", Write("<controller type='scsi'/>"), Write("<controller type='scsi' model='virtio-scsi'/>")),
        new("TRAP.APIC-ID-WITHOUT-X2APIC", "none",
            Write(more: "<cpu>\n  <topology sockets='80' cores='3' threads='1'/>\n</cpu>", vcpu: "<vcpu>240</vcpu>"),
            Write(more: "<cpu>\n  <topology sockets='60' cores='4' threads='1'/>\n</cpu>", vcpu: "<vcpu>240</vcpu>")),
        new("TRAP.INVARIANT-TSC-WITHOUT-FREQUENCY", "none",
            Write(more: "<cpu mode='host-model'>\n  <feature policy='require' name='invtsc'/>\n</cpu>"),
            Write(more: "<cpu mode='host-model'>\n  <feature policy='require' name='invtsc'/>\n</cpu>\n<clock offset='utc'>\n  <timer name='tsc' frequency='2533000000'/>\n</clock>"),
            Migrate),
        new("CFG.DEVICE-PLACE", "none", Write(Sata(1, 1)), Write(Sata(1, 2))),
        new("TRAP.QEMU-ARGUMENTS", "none",
            Write(more: "<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n  <qemu:arg value='-s'/>\n</qemu:commandline>"), Write()),
        new("TRAP.NUMA-MEMORY", "none", Write(more: Node.Replace("memory='2'", "memory='1'", StringComparison.Ordinal)), Write(more: Node)),
    ];
}
