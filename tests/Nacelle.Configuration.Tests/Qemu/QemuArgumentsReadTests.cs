using Nacelle.Machine;

namespace Nacelle.Configuration.Tests.Qemu;

/// <summary>Single options of QEMU and the parts of a machine that they are.</summary>
public sealed class QemuArgumentsReadTests
{
    /// <summary>Adapters by libvirt's words.</summary>
    [Theory]
    [InlineData("lsi53c895a", "lsilogic")]
    [InlineData("lsi", "lsilogic")]
    [InlineData("mptsas1068", "lsisas1068")]
    [InlineData("megasas", "lsisas1078")]
    [InlineData("pvscsi", "vmpvscsi")]
    [InlineData("am53c974", "am53c974")]
    [InlineData("dc390", "dc390")]
    [InlineData("virtio-scsi-pci", "virtio-scsi")]
    [InlineData("virtio-scsi-pci-non-transitional", "virtio-non-transitional")]
    [InlineData("virtio-scsi-pci,disable-legacy=on", "virtio-non-transitional")]
    public void ScsiAdaptersHaveLibvirtsModels(string device, string model) =>
        Assert.Equal(model, Assert.Single(Machine("-nodefaults", "-device", device).Devices.Controllers).Model);

    /// <summary>-smp with all that follows from what is not given.</summary>
    [Theory]
    [InlineData("q35", "8", 8, null, null)]
    [InlineData("q35", "2,maxcpus=241", 241, 2, null)]
    [InlineData("q35", "8,sockets=2", 8, null, "2/4/1")]
    [InlineData("pc-q35-5.2", "8,cores=2", 8, null, "4/2/1")]
    [InlineData("q35", "sockets=2,cores=3,threads=2", 12, null, "2/3/2")]
    [InlineData("q35", "cpus=4,maxcpus=16,dies=2,cores=2,threads=2", 16, 4, "2/2/2")]
    public void TopologyFollowsFromWhatIsGiven(string machine, string smp, int maximum, int? current, string? topology)
    {
        MachineConfiguration read = Machine("-M", machine, "-smp", smp);
        Assert.Equal((maximum, current), (read.Vcpu.Maximum, read.Vcpu.Current));
        CpuTopologyConfiguration? places = read.Cpu?.Topology;
        Assert.Equal(topology, places is null ? null : $"{places.Sockets}/{places.Cores}/{places.Threads}");
    }

    /// <summary>What runs the guest.</summary>
    [Theory]
    [InlineData(AcceleratorChoice.Translator, "-m", "64")]
    [InlineData(AcceleratorChoice.Kvm, "-enable-kvm")]
    [InlineData(AcceleratorChoice.Kvm, "-machine", "q35,accel=kvm")]
    [InlineData(AcceleratorChoice.Auto, "-accel", "kvm", "-accel", "tcg")]
    [InlineData(AcceleratorChoice.Auto, "-machine", "accel=kvm:tcg")]
    [InlineData(AcceleratorChoice.Translator, "--accel", "tcg,thread=multi")]
    public void AcceleratorsAreChosen(AcceleratorChoice expected, params string[] arguments) =>
        Assert.Equal(expected, Machine(arguments).Accelerator);

    /// <summary>The processor with features, Hyper-V and the TSC.</summary>
    [Fact]
    public void ProcessorsHaveFeaturesUnderLibvirtsNames()
    {
        MachineConfiguration read = Machine(
            "-cpu", "Skylake-Server,+vmx,-pclmulqdq,sse4_2=on,hv-relaxed,hv_spinlocks=0x1fff,kvm=off,migratable=off,tsc-frequency=2400000000,pmu=off,host-phys-bits=on");
        Assert.Equal("Skylake-Server", read.Cpu!.Model);
        Assert.Equal(
            ["vmx=Require", "pclmuldq=Disable", "sse4.2=Require"], read.Cpu.Features.Select(feature => $"{feature.Name}={feature.Policy}"));
        Assert.Equal((true, 8191), (read.Features!.HyperV!.Relaxed, read.Features.HyperV.SpinLockRetries!.Value));
        Assert.True(read.Features.Kvm!.Hidden);
        Assert.False(read.Features.PerformanceCounters);
        Assert.Equal(2400000000UL, Assert.Single(read.Clock!.Timers).Frequency);
        Assert.Equal("passthrough", read.Cpu.PhysicalAddressMode);
    }

    /// <summary>A graph of nodes in JSON, as libvirt writes it.</summary>
    [Fact]
    public void BlockNodesInJsonAreOneDisk()
    {
        MachineConfiguration read = Machine(
            "-M", "q35", "-nodefaults",
            "-blockdev", """{"driver":"file","filename":"/srv/base.qcow2","node-name":"n1-s","cache":{"direct":true,"no-flush":false},"auto-read-only":true,"discard":"unmap"}""",
            "-blockdev", """{"node-name":"n1-f","read-only":true,"driver":"qcow2","file":"n1-s","backing":null,"cache":{"direct":true,"no-flush":false}}""",
            "-blockdev", """{"driver":"host_device","filename":"/dev/vg0/top","node-name":"n0-s","cache":{"direct":true,"no-flush":false},"aio":"io_uring"}""",
            "-blockdev", """{"node-name":"n0-f","driver":"qcow2","file":"n0-s","backing":"n1-f","cache":{"direct":true,"no-flush":false}}""",
            "-device", """{"driver":"virtio-blk-pci","drive":"n0-f","id":"virtio-disk0","bootindex":1,"num-queues":4,"write-cache":"on"}""");
        DiskConfiguration disk = Assert.Single(read.Devices.Disks);
        Assert.Equal((StorageType.Block, "/dev/vg0/top", "qcow2", "io_uring"), (disk.Type!.Value, disk.Source!.Device, disk.Driver!.Type, disk.Driver.Io));
        Assert.Equal((DiskCache.None, 4, 1), (disk.Driver.Cache!.Value, disk.Driver.Queues!.Value, disk.BootOrder!.Value));
        Assert.Equal(("/srv/base.qcow2", "qcow2"), (disk.BackingStore!.Source!.File, disk.BackingStore.Format));
        Assert.NotNull(disk.BackingStore.BackingStore);
    }

    /// <summary>Throttling by a filter node counts as limits of the disk.</summary>
    [Fact]
    public void ThrottleNodesAreLimits()
    {
        MachineConfiguration read = Machine(
            "-nodefaults", "-object", "throttle-group,id=tg0,x-iops-total=100,limits.bps-read=1M", "-blockdev",
            "driver=throttle,node-name=d0,throttle-group=tg0,file.driver=raw,file.file.driver=file,file.file.filename=/srv/a", "-device", "virtio-blk,drive=d0");
        DiskThrottleConfiguration throttle = Assert.Single(read.Devices.Disks).Throttle!;
        Assert.Equal((100UL, 1UL << 20, "tg0"), (throttle.TotalOperations!.Value, throttle.ReadBytes!.Value, throttle.Group));
    }

    /// <summary>Addresses on buses that are named by ids.</summary>
    [Fact]
    public void AddressesNameControllersByNumber()
    {
        MachineConfiguration read = Machine(
            "-M", "q35", "-nodefaults", "-device", "pcie-root-port,id=rp7,chassis=7,addr=0x3.1,multifunction=on", "-device", "pcie-pci-bridge,id=br,bus=rp7",
            "-device", "e1000,bus=br", "-device", "rtl8139,bus=br,addr=10", "-device", "virtio-rng,bus=pcie.0,addr=5.1");
        Assert.Equal([1, 2], read.Devices.Controllers.Select(controller => controller.Index!.Value));
        Assert.Equal((3UL, 1UL, true), (read.Devices.Controllers[0].Address!.Slot!.Value, read.Devices.Controllers[0].Address!.Function!.Value, read.Devices.Controllers[0].Address!.Multifunction!.Value));
        Assert.Equal((1UL, 0UL), (read.Devices.Controllers[1].Address!.Bus!.Value, read.Devices.Controllers[1].Address!.Slot!.Value));
        Assert.Equal((2UL, 1UL), (read.Devices.Interfaces[0].Address!.Bus!.Value, read.Devices.Interfaces[0].Address!.Slot!.Value));
        Assert.Equal(0x10UL, read.Devices.Interfaces[1].Address!.Slot!.Value);
        Assert.Equal((5UL, 1UL), (read.Devices.Randoms[0].Address!.Slot!.Value, read.Devices.Randoms[0].Address!.Function!.Value));
    }

    /// <summary>Devices that QEMU adds by itself, and their absence.</summary>
    [Fact]
    public void DefaultDevicesAreThereUnlessSwitchedOff()
    {
        DevicesConfiguration devices = Machine("-M", "pc").Devices;
        Assert.Equal(("e1000", InterfaceType.User), (Assert.Single(devices.Interfaces).Model, devices.Interfaces[0].Type));
        Assert.Equal(["cdrom", "floppy"], devices.Disks.Select(disk => disk.Device));
        Assert.Equal("vga", Assert.Single(devices.Videos).Model);
        Assert.Single(devices.Serials);
        devices = Machine("-M", "pc", "-nodefaults").Devices;
        Assert.Empty(devices.Interfaces);
        Assert.Empty(devices.Disks);
        Assert.Empty(devices.Videos);
    }

    /// <summary>NUMA nodes with vCPUs by socket, shared memory and distances.</summary>
    [Fact]
    public void NumaNodesHaveVcpusMemoryAndDistances()
    {
        MachineConfiguration read = Machine(
            "-m", "2G", "-smp", "8,sockets=2,cores=4,threads=1", "-object", "memory-backend-memfd,id=m0,size=1G,share=on,host-nodes=0,policy=bind",
            "-object", "memory-backend-memfd,id=m1,size=1G,share=on", "-numa", "node,nodeid=0,memdev=m0", "-numa", "node,nodeid=1,memdev=m1,cpus=4-5,cpus=6-7",
            "-numa", "cpu,node-id=0,socket-id=0", "-numa", "dist,src=0,dst=1,val=21");
        Assert.Equal(["0,1,2,3", "4-5,6-7"], read.Cpu!.NumaCells.Select(cell => cell.Cpus));
        Assert.All(read.Cpu.NumaCells, cell => Assert.Equal((1UL << 30, "shared"), (cell.Memory, cell.MemoryAccess)));
        Assert.Equal(21, Assert.Single(read.Cpu.NumaCells[0].Distances).Value);
        Assert.Equal("0", Assert.Single(read.NumaTuning!.Nodes).NodeSet);
        Assert.Equal("memfd", read.MemoryBacking!.Source);
    }

    /// <summary>What has no place is said, with its place.</summary>
    [Fact]
    public void WhatHasNoPlaceIsListed()
    {
        MachineDocument document = QemuArgumentsDocument.Read(
            ["-nodefaults", "-device", "virtio-net-pci,colour=red,netdev=n", "-netdev", "l2tpv3,id=n,src=::1,dst=::2,txsession=1", "-icount", "shift=1", "-device", "nvme,drive=d,serial=1", "-drive", "if=none,id=d,file=/srv/n", "-object", "rng-builtin,id=unused"]);
        Assert.Empty(document.Problems);
        string[] found = [.. document.Unknown.Select(part => $"{part.Place.Position} {part.Path}")];
        Assert.Contains("3:16 -device/colour", found);
        Assert.Contains("5:1 -netdev/type", found);
        Assert.Contains("7:1 -icount", found);
        Assert.Contains("9:1 -device/driver", found);
        Assert.Contains(found, part => part.EndsWith(" -object", StringComparison.Ordinal));
        Assert.Equal("/devices/interfaces/0", document.Unknown.First(part => part.Path == "-device/colour").Parent);
    }

    /// <summary>Options about the process are parts of no machine.</summary>
    [Fact]
    public void OptionsAboutTheProcessAreNotListed()
    {
        MachineDocument document = QemuArgumentsDocument.Read(
            ["qemu-system-x86_64", "-S", "-daemonize", "-pidfile", "/run/a.pid", "-sandbox", "on,spawn=deny", "-msg", "timestamp=on", "-chardev", "socket,id=c,path=/run/m,server=on,wait=off", "-mon", "chardev=c,mode=control", "-incoming", "defer"]);
        Assert.Empty(document.Problems);
        Assert.Empty(document.Unknown);
        Assert.Equal("qemu-system-x86_64", document.Configuration!.Devices.Emulator);
    }

    /// <summary>Read and refused with a reason, at the argument.</summary>
    [Theory]
    [InlineData("2:1", "-readconfig", "guest.cfg")]
    [InlineData("1:1", "-nosuchoption")]
    [InlineData("1:1", "-m")]
    [InlineData("2:1", "-m", "lots")]
    [InlineData("2:1", "-m", "99999999999999999999999999")]
    [InlineData("2:1", "-smp", "99999999")]
    [InlineData("2:41", "-smp", "2,sockets=3,cores=1,threads=1,maxcpus=3,dies=0")]
    [InlineData("2:16", "-device", "virtio-blk-pci,drive=nowhere")]
    [InlineData("2:16", "-device", "virtio-rng-pci,bus=rp9")]
    [InlineData("2:5", "-machine", "q35,accel=xen")]
    [InlineData("2:16", "-device", "virtio-blk-pci,num-queues=5000")]
    [InlineData("2:9", "-blockdev", """{"a":1, """)]
    [InlineData("1:1", "-version")]
    public void WhatIsWrongIsRefusedAtItsPlace(string place, params string[] arguments)
    {
        MachineDocument document = QemuArgumentsDocument.Read(arguments);
        Assert.Null(document.Configuration);
        Assert.True(document.Problems.Any(problem => problem.Position.ToString() == place), string.Join('\n', document.Problems));
    }

    private static MachineConfiguration Machine(params string[] arguments)
    {
        MachineDocument document = QemuArgumentsDocument.Read(arguments);
        Assert.True(document.Problems.IsEmpty, string.Join('\n', document.Problems));
        Assert.True(document.Unknown.IsEmpty, string.Join('\n', document.Unknown));
        return document.Configuration!;
    }
}
