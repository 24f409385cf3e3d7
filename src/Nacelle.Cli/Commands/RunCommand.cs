using System.Collections.Immutable;
using System.CommandLine;
using System.CommandLine.Parsing;
using Nacelle.Configuration;
using Nacelle.Cpu;
using Nacelle.Machine;

namespace Nacelle.Cli;

/// <summary><c>nacelle run</c>: boots a kernel and stays until the machine has ended.</summary>
internal sealed class RunCommand : Command, IDocumentedCommand
{
    private static readonly string[] s_switch = ["on", "off"];

    private readonly Argument<string?> _file = new("FILE")
    {
        Arity = ArgumentArity.ZeroOrOne,
        Description = "A file that describes the machine: libvirt's domain XML, or JSON as 'nacelle convert' writes it. It takes the place of --kernel and the other options that describe a machine.",
    };

    private readonly Option<string?> _kernel = OptionFactory.Single(
        "--kernel", "FILE", "Kernel to boot: a bzImage, a PVH ELF or a multiboot ELF32 file.",
        text => MachineOptions.ParsePath("kernel", text));

    private readonly Option<string?> _initrd = OptionFactory.Single(
        "--initrd", "FILE", "Initial RAM disk.", text => MachineOptions.ParsePath("initrd", text));

    private readonly Option<string?> _append = OptionFactory.Single(
        "--append", "TEXT", "The kernel's command line.", text => text);

    private readonly Option<int> _cpus = OptionFactory.Single(
        "--cpus", "N", $"Number of vCPUs, 1 to {MachineDescription.MaximumVirtualCpus}.", MachineOptions.ParseVirtualCpus, "1");

    private readonly Option<ulong> _memory = OptionFactory.Single(
        "--memory", "SIZE", "Guest memory: a number with K, M, G or T, a multiple of 2M.", MachineOptions.ParseMemory, "512M");

    private readonly Option<AcceleratorOption?> _accelerator = OptionFactory.Single(
        "--accel", "auto|kvm|translator[,option=value…]",
        "What runs the guest: KVM, the dynamic translator, or KVM where it runs guest kernel code at hardware speed.",
        AcceleratorOption.Parse, "auto", [.. AcceleratorOption.Kinds]).Completing(("code-cache", []), ("evict-every", []));

    private readonly Option<CpuModelSpecification?> _cpu = OptionFactory.Single(
        "--cpu", "host|max|MODEL[,+FEATURE|-FEATURE…]",
        "The processor that the guest sees: all that host and accelerator can do, or a model; then features added or taken away.",
        CpuOption.Parse, "host", [.. CpuOption.Models]);

    private readonly Option<ImmutableArray<DiskDescription>> _disks = OptionFactory.Many<DiskDescription>(
        "--disk", "FILE[,option=value…]",
        "A virtio-blk disk over a raw file or block device; may be given many times. A comma in FILE is written twice.",
        DiskOption.Parse).Completing(
            ("cache", DiskOption.CacheModes), ("discard", s_switch), ("on-error", DiskOption.ErrorPolicies), ("packed", s_switch),
            ("queues", []), ("readonly", s_switch), ("serial", []));

    private readonly Option<ImmutableArray<NetworkDescription>> _networks = OptionFactory.Many(
        "--net", "tap:NAME|user|none[,option=value…]",
        "A virtio-net interface on a tap of the host or on user-mode networking; may be given many times.",
        NetworkOption.Parse, [.. NetworkOption.Kinds]).Completing(("forward", []), ("mac", []), ("packed", s_switch), ("queues", []));

    private readonly Option<SerialDescription?> _serial = OptionFactory.Single(
        "--serial", "stdio|none|pty[:LINK]|file:PATH|socket:PATH",
        "What the first serial port is connected to. A file is overwritten; a socket serves one client at a time; pty makes a pseudo-terminal, prints its path and links LINK to it.",
        SerialOption.Parse, "stdio", [.. SerialOption.Kinds]);

    private readonly Option<string?> _name = OptionFactory.Single(
        "--name", "NAME", "A name for people, which the guest finds in its SMBIOS tables.", MachineOptions.ParseName, "nacelle");

    private readonly Option<bool> _noReboot = new("--no-reboot")
    {
        Description = "A reset or triple fault ends the machine instead of starting it again.",
    };

    private readonly Option<byte?> _escape = OptionFactory.Single(
        "--escape", "KEY", "Key that speaks to the monitor when the serial port is on a terminal: ctrl- and a letter, or none.",
        EscapeKeyOption.Parse, "ctrl-]", "ctrl-]", "ctrl-a", "none");

    private readonly Option<string?> _bootMarker = OptionFactory.Single(
        "--boot-marker", "TEXT", "Say how long it took until the guest wrote this text to a serial port on stdio.",
        MachineOptions.ParseBootMarker);

    private readonly Option<bool> _translatorStatistics = new("--translator-stats")
    {
        Description = "Print to standard error what the translator has counted and how long its slow paths took when the machine has ended. Refused on KVM.",
    };

    private readonly Option<TranslatorListingOption?> _translatorListing = OptionFactory.Single(
        "--translator-listing", "FILE[,range=START-END]",
        "Write what guest code was translated to, in a range of linear addresses, when the machine has ended; 'nacelle debug blocks' shows it. Refused on KVM.",
        TranslatorListingOption.Parse);

    private readonly Option<GdbOption?> _gdb = OptionFactory.Single(
        "--gdb", "tcp:PORT|socket:PATH[,wait]",
        "Let gdb debug the guest, from this host alone; with wait the guest does not begin before gdb lets it.",
        GdbOption.Parse, null, [.. GdbOption.Kinds]);

    private readonly ProfileOptions _profile = new();

    private readonly Option<bool> _quiet = new("--quiet", "-q") { Description = "Say nothing but errors." };

    /// <summary>Makes the command.</summary>
    internal RunCommand() : base("run", "Start a machine and stay until it has ended.")
    {
        Add(_file);
        Option[] options =
        [
            _kernel, _initrd, _append, _cpus, _memory, _accelerator, _cpu, _disks, _networks, _serial, _name,
            _noReboot, _escape, _bootMarker, _gdb, _translatorStatistics,
            _translatorListing, _profile.Profile, _profile.Overrides, _quiet,
        ];
        foreach (Option option in options)
        {
            Add(option);
        }

        _cpu.CompletionSources.Add(context => OptionCompletion.Features(CpuFeatures.Names, context.WordToComplete));
        Validators.Add(Check);
        SetAction((result, _) => RunAsync(result));
    }

    /// <inheritdoc/>
    public CommandPage Page => RunPage.Page;

    /// <summary>One thing describes the machine.</summary>
    private void Check(CommandResult result)
    {
        string? file = result.GetValue(_file);
        if (file is null && result.GetResult(_kernel) is not { Implicit: false })
        {
            result.AddError("nothing to run: give --kernel FILE, or a FILE with domain XML or JSON");
        }

        Option[] describing = [_kernel, _initrd, _append, _cpus, _memory, _accelerator, _cpu, _disks, _networks, _name, _noReboot];
        if (file is not null && Array.Find(describing, option => result.GetResult(option) is { Implicit: false }) is Option both)
        {
            result.AddError($"{both.Name} cannot be combined with '{file}': change the file, or leave one out");
        }
    }

    private Task<int> RunAsync(ParseResult result)
    {
        RunSettings settings = Settings(result);
        Notices notices = new() { Quiet = settings.Quiet };
        try
        {
            string? file = result.GetValue(_file);
            MachineDocument document = file is null ? DescribedConfiguration.Write(Describe(result)) : Read(file, result);
            if (PreparedMachine.Prepare(document, file, _profile.Read(result), notices) is not MachineDescription description)
            {
                return Task.FromResult((int)ExitCode.Configuration);
            }

            HintAtConsole(description, file, notices);
            bool timed = result.GetValue(_translatorStatistics);
            return MachineRunner.RunAsync(description with { Translator = description.Translator with { IsTimed = timed } }, settings);
        }
        catch (ConfigurationException error)
        {
            notices.Error(error.Message);
            return Task.FromResult((int)ExitCode.Usage);
        }
        catch (MachineException error)
        {
            notices.Error(error.Message);
            return Task.FromResult(ExitCodes.Of(error.Kind));
        }
    }

    /// <summary>Linux is silent on the serial port unless told to speak there.</summary>
    private static void HintAtConsole(MachineDescription machine, string? file, Notices notices)
    {
        bool speaks = machine.KernelCommandLine.Contains("console=", StringComparison.Ordinal)
            || machine.KernelCommandLine.Contains("earlyprintk=", StringComparison.Ordinal)
            || machine.KernelCommandLine.Contains("earlycon", StringComparison.Ordinal);
        if (machine.Serial.Kind != SerialKind.None && !speaks && FileKind.IsLinux(machine.KernelPath))
        {
            string remedy = file is null ? "add --append console=ttyS0" : "add console=ttyS0 to the kernel's command line";
            notices.Say($"hint: to see Linux on the serial port, {remedy}");
        }
    }

    /// <summary>Reads a file, with what options may say beside it.</summary>
    private MachineDocument Read(string file, ParseResult result)
    {
        MachineDocument document = MachineDocument.ReadFile(file, DocumentFile.Read(file));
        return document.Configuration is { } machine && result.GetResult(_serial) is { Implicit: false }
            ? document with { Configuration = machine with { Devices = DescribedConfiguration.WithSerial(machine.Devices, result.GetRequiredValue(_serial)!) } }
            : document;
    }

    private MachineDescription Describe(ParseResult result)
    {
        AcceleratorOption accelerator = result.GetRequiredValue(_accelerator)!;
        return new MachineDescription
        {
            KernelPath = result.GetValue(_kernel) ?? "",
            InitrdPath = result.GetValue(_initrd),
            KernelCommandLine = result.GetValue(_append) ?? "",
            VirtualCpus = result.GetValue(_cpus),
            MemoryBytes = result.GetValue(_memory),
            Accelerator = accelerator.Choice,
            Translator = accelerator.Translator,
            Cpu = result.GetRequiredValue(_cpu)!,
            Disks = result.GetValue(_disks),
            Networks = result.GetValue(_networks),
            Serial = result.GetRequiredValue(_serial)!,
            Name = result.GetRequiredValue(_name)!,
            RestartOnReset = !result.GetValue(_noReboot),
        };
    }

    private RunSettings Settings(ParseResult result) => new(
        result.GetValue(_quiet),
        result.GetValue(_escape),
        result.GetValue(_bootMarker),
        result.GetValue(_gdb),
        result.GetValue(_translatorStatistics),
        result.GetValue(_translatorListing),
        ReadFiles(result));

    private List<MachineFile> ReadFiles(ParseResult result)
    {
        List<MachineFile> files = [];
        if (result.GetValue(_file) is string file and not "-")
        {
            files.Add(new MachineFile("description", file, MachineFileUse.Read));
        }

        if (_profile.FileOf(result) is string profile)
        {
            files.Add(new MachineFile("profile", profile, MachineFileUse.Read));
        }

        return files;
    }
}
