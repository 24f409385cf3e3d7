using Nacelle.Machine;

namespace Nacelle.Configuration.Tests.Qemu;

/// <summary>Command lines of real tools and of people, read whole.</summary>
public sealed class QemuArgumentsCorpusTests
{
    private static readonly string s_folder = CorpusFiles.Folder;

    /// <summary>Names of the corpus's files with arguments.</summary>
    public static TheoryData<string> Files => [.. Directory.GetFiles(s_folder, "*.args").Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    /// <summary>All of a file is understood.</summary>
    [Theory]
    [MemberData(nameof(Files))]
    public void EachFileIsUnderstoodWhole(string name)
    {
        MachineDocument document = Read(name);
        Assert.True(document.Problems.IsEmpty, string.Join('\n', document.Problems));
        Assert.True(document.Unknown.IsEmpty, string.Join('\n', document.Unknown));
        Assert.NotNull(document.Configuration);
        Assert.Equal(MachineDocumentForm.QemuArguments, document.Form);
    }

    /// <summary>The JSON of what is read is valid, and reads as the same.</summary>
    [Theory]
    [MemberData(nameof(Files))]
    public void EachConfigurationIsValidJsonAndXml(string name)
    {
        MachineConfiguration configuration = Read(name).Configuration!;
        string json = MachineConfigurationJson.Write(configuration);
        MachineDocument again = MachineConfigurationJson.Read(System.Text.Encoding.UTF8.GetBytes(json));
        Assert.True(again.Problems.IsEmpty, string.Join('\n', again.Problems));
        Assert.Equal(json, MachineConfigurationJson.Write(again.Configuration!));
        MachineDocument xml = DomainXmlDocument.Read(System.Text.Encoding.UTF8.GetBytes(DomainXmlDocument.Write(configuration)));
        Assert.True(xml.Problems.IsEmpty, string.Join('\n', xml.Problems));
        Assert.Equal(json, MachineConfigurationJson.Write(xml.Configuration!));
    }

    /// <summary>Values and lines that rules look at.</summary>
    [Fact]
    public void PartsThatRulesLookAtHaveLibvirtsWordsAndTheirLines()
    {
        MachineDocument document = Read("ganeti-scsi-lsi.args");
        MachineConfiguration machine = document.Configuration!;
        Assert.Equal(AcceleratorChoice.Kvm, machine.Accelerator);
        Assert.Equal(1UL << 30, machine.Memory);
        Assert.Equal(2, machine.Vcpu.Maximum);
        Assert.Equal(CpuMode.HostPassthrough, machine.Cpu!.Mode);
        ControllerConfiguration controller = Assert.Single(machine.Devices.Controllers, item => item.Type == ControllerType.Scsi);
        Assert.Equal("lsilogic", controller.Model);
        Assert.Equal(37, document.Find("/devices/controllers/" + machine.Devices.Controllers.IndexOf(controller))!.Position.Line);
        DiskConfiguration disk = machine.Devices.Disks[1];
        Assert.Equal((DiskBus.Scsi, DiskCache.None, "native", "raw"), (disk.Bus!.Value, disk.Driver!.Cache!.Value, disk.Driver.Io, disk.Driver.Type));
        Assert.Equal("/var/run/ganeti/instance-disks/guest:1", disk.Source!.File);
        Assert.Equal((0, 0, 1, 0), (disk.Address!.Controller, (int)disk.Address.Bus!.Value, disk.Address.Target, disk.Address.Unit));
        Assert.Equal(InterfaceType.Ethernet, machine.Devices.Interfaces[0].Type);
        Assert.Equal("gnt.com.0", machine.Devices.Interfaces[0].Target);
        Assert.Equal(0xDUL, machine.Devices.Interfaces[0].Address!.Slot);
    }

    /// <summary>Where the parts stand that the corpus's findings blame.</summary>
    [Theory]
    [InlineData("ganeti-default-cache.args", "/devices/disks/0/driver", 43)]
    [InlineData("ganeti-default-cache.args", "/devices/disks/1/driver/cache", 47)]
    [InlineData("qemu-wholedisk.args", "/devices/disks/0/source", 12)]
    [InlineData("qemu-iothread.args", "/ioThreads", 12)]
    [InlineData("qemu-iothread.args", "/devices/disks/0/driver/ioThread", 18)]
    [InlineData("qemu-memory-hotplug.args", "/maximumMemory", 7)]
    [InlineData("qemu-memory-hotplug.args", "/devices/memoryModules/0", 14)]
    [InlineData("qemu-expander-bus-0.args", "/devices/controllers/0", 16)]
    [InlineData("qemu-vhostuser.args", "/devices/disks/0", 16)]
    [InlineData("qemu-tcg.args", "/accelerator", 3)]
    [InlineData("qemu-vcpu-241.args", "/vcpu", 9)]
    [InlineData("qemu-nested-vmx.args", "/cpu/features/0", 5)]
    [InlineData("qemu-throttle.args", "/devices/disks/0/throttle", 12)]
    [InlineData("ganeti-passthrough.args", "/devices/hostDevices/0", 33)]
    public void PlacesAreTheLinesOfTheArguments(string name, string pointer, int line)
    {
        MachineDocument document = Read(name);
        Assert.True(document.Find(pointer)?.Position.Line == line, $"{pointer} stands at {document.Find(pointer)}");
    }

    internal static MachineDocument Read(string name) => QemuArgumentsDocument.ReadFile(File.ReadAllBytes(Path.Combine(s_folder, name)));
}
