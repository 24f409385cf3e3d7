using System.Diagnostics;

namespace Nacelle.Configuration.Tests.Qemu;

/// <summary>Configurations written as arguments for QEMU.</summary>
public sealed class QemuArgumentsWriteTests
{
    private const string Emulator = "/usr/bin/qemu-system-x86_64";

    /// <summary>Files of arguments.</summary>
    public static TheoryData<string> Files => QemuArgumentsCorpusTests.Files;

    /// <summary>Files of domain XML.</summary>
    public static TheoryData<string> XmlFiles => [.. CorpusFiles.Xml];

    /// <summary>What was read from arguments is written and read as the same.</summary>
    [Theory]
    [MemberData(nameof(Files))]
    public void WritingIsTheInverseOfReading(string name)
    {
        MachineConfiguration first = QemuArgumentsCorpusTests.Read(name).Configuration!;
        IReadOnlyList<string> arguments = QemuArgumentsDocument.Write(first);
        MachineDocument second = QemuArgumentsDocument.Read(arguments);
        Assert.True(second.Problems.IsEmpty, string.Join('\n', second.Problems));
        Assert.True(second.Unknown.IsEmpty, string.Join('\n', second.Unknown));
        Assert.Equal(MachineConfigurationJson.Write(WithFormats(first)), MachineConfigurationJson.Write(second.Configuration!));
    }

    /// <summary>A disk whose format nobody gave is raw once it is written: QEMU is not to look at what a guest wrote.</summary>
    private static MachineConfiguration WithFormats(MachineConfiguration machine) => machine with
    {
        Devices = machine.Devices with
        {
            Disks =
            [
                .. machine.Devices.Disks.Select(disk => disk.Source is { File: null, Device: null, Protocol: null } or null || disk.Driver?.Type is not null
                    ? disk
                    : disk with { Driver = (disk.Driver ?? new()) with { Type = "raw" } }),
            ],
        },
    };

    /// <summary>Each domain is written whole, or refused with what is in the way; what is written is understood whole.</summary>
    [Theory]
    [MemberData(nameof(XmlFiles))]
    public void DomainsAreWrittenWholeOrRefused(string name)
    {
        MachineConfiguration configuration = DomainXmlDocument.Read(CorpusFiles.Read(name)).Configuration!;
        IReadOnlyList<string> arguments;
        try
        {
            arguments = QemuArgumentsDocument.Write(configuration);
        }
        catch (ConfigurationException error)
        {
            Assert.StartsWith("QEMU has no argument for ", error.Message, StringComparison.Ordinal);
            return;
        }

        MachineDocument document = QemuArgumentsDocument.Read(arguments);
        Assert.True(document.Problems.IsEmpty, string.Join('\n', document.Problems) + "\n" + string.Join('\n', arguments));
        Assert.True(document.Unknown.IsEmpty, string.Join('\n', document.Unknown) + "\n" + string.Join('\n', arguments));
        Assert.Equal(configuration.Devices.Disks.Length, document.Configuration!.Devices.Disks.Length);
        Assert.Equal(configuration.Vcpu.Maximum, document.Configuration.Vcpu.Maximum);

        // A guest with nodes has the memory of its nodes.
        ulong nodes = configuration.Devices.MemoryModules.Length != 0 ? 0 : configuration.Cpu?.NumaCells.Aggregate(0UL, (sum, cell) => sum + cell.Memory) ?? 0;
        Assert.Equal(nodes == 0 ? configuration.Memory : nodes, document.Configuration.Memory);
    }

    /// <summary>What QEMU has no word for is refused by name.</summary>
    [Fact]
    public void WhatQemuCannotSayIsRefused()
    {
        MachineConfiguration machine = new() { Memory = 1 << 30, BlockTuning = new BlockTuningConfiguration { Weight = 500 } };
        ConfigurationException error = Assert.Throws<ConfigurationException>(() => QemuArgumentsDocument.Write(machine));
        Assert.Contains("<blkiotune><weight> 500", error.Message, StringComparison.Ordinal);
    }

    /// <summary>QEMU itself takes what is written: it starts and answers over QMP.</summary>
    [Theory]
    [InlineData("virt-install-kernel-boot.xml")]
    [InlineData("rule-tcg.xml")]
    [InlineData("virt-install-four-ide.xml")]
    [InlineData("virt-install-scsi.xml")]
    [InlineData("qemu-slot-behind-port.args")]
    [InlineData("qemu-memory-hotplug.args")]
    [InlineData("qemu-iothread.args")]
    [InlineData("ganeti-scsi-lsi.args")]
    public void QemuTakesWhatIsWritten(string name)
    {
        Assert.SkipUnless(File.Exists(Emulator), $"{Emulator} is not installed");
        MachineConfiguration configuration = name.EndsWith(".args", StringComparison.Ordinal)
            ? QemuArgumentsCorpusTests.Read(name).Configuration!
            : DomainXmlDocument.Read(CorpusFiles.Read(name)).Configuration!;

        // Files, networks and processors of another host are not here; everything else is as it was.
        string folder = Directory.CreateTempSubdirectory("nacelle-qemu-").FullName;
        DevicesConfiguration devices = configuration.Devices with
        {
            Disks = [.. configuration.Devices.Disks.Select((disk, index) => disk with
            {
                Type = null,
                Source = disk.Source is null ? null : new StorageSourceConfiguration { File = Image(folder, index) },
                Driver = disk.Driver is null ? null : disk.Driver with { Cache = null, Io = null, Type = disk.Driver.Type is null ? null : "raw" },
                BackingStore = null,
                ReadOnly = disk.Device == "cdrom",
            })],
            Interfaces = [.. configuration.Devices.Interfaces.Select(network => new InterfaceConfiguration { Type = InterfaceType.User, Model = network.Model, Address = network.Address, MacAddress = network.MacAddress })],
            Serials = [.. configuration.Devices.Serials.Select(serial => serial with { Type = CharacterDeviceType.Null, Sources = [] })],
            Channels = [.. configuration.Devices.Channels.Select(channel => channel with { Type = CharacterDeviceType.Null, Sources = [] })],
            Graphics = [],
        };
        configuration = configuration with
        {
            Accelerator = Machine.AcceleratorChoice.Translator,
            Cpu = null,
            Memory = 256 << 20,
            CurrentMemory = null,
            Devices = devices,
            Boot = configuration.Boot with { Kernel = null, Initrd = null, CommandLine = null, Loader = null, VariableStore = null, Firmware = null, Machine = configuration.Boot.Machine!.Contains("q35", StringComparison.Ordinal) ? "q35" : "pc" },
        };
        (int code, string output) = Run([.. QemuArgumentsDocument.Write(configuration), "-S", "-display", "none", "-qmp", "stdio"]);
        Directory.Delete(folder, recursive: true);
        Assert.True(code == 0 && output.Contains("\"return\"", StringComparison.Ordinal), $"exit status {code}\n{output}\n{string.Join('\n', QemuArgumentsDocument.Write(configuration))}");
    }

    private static string Image(string folder, int index)
    {
        string path = Path.Combine(folder, $"disk{index}.raw");
        File.WriteAllBytes(path, new byte[1 << 20]);
        return path;
    }

    private static (int Code, string Output) Run(string[] arguments)
    {
        ProcessStartInfo start = new(Emulator, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        try
        {
            process.StandardInput.WriteLine("""{"execute":"qmp_capabilities"}""");
            process.StandardInput.WriteLine("""{"execute":"quit"}""");
            process.StandardInput.Flush();
        }
        catch (IOException)
        {
            // It has ended already; its exit status says why.
        }

        Task<string> output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(TimeSpan.FromMinutes(1)))
        {
            process.Kill();
            process.WaitForExit();
        }

        return (process.ExitCode, output.Result + errors.Result);
    }
}
