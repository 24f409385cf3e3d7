using Nacelle.Machine;

namespace Nacelle.Configuration;

/// <summary>
/// Reads the subset of QEMU's command line that <see cref="QemuOptions"/> lists. Each option either does what QEMU documents
/// of it or is refused by name; none is ignored.
/// </summary>
public sealed class QemuCommandLine
{
    private static readonly string[] s_accelerators = ["kvm", "tcg"];
    private static readonly string[] s_devices = ["isa-debug-exit", "pc-testdev"];
    private static readonly string[] s_onlyNone = ["-display", "-vga", "-vnc", "-parallel", "-monitor", "-net", "-nic"];
    private static readonly string[] s_statements = ["enforce", "enforce=on", "migratable=no", "migratable=off", "host-phys-bits", "host-phys-bits=on"];

    private readonly HashSet<string> _given = new(StringComparer.Ordinal);
    private readonly List<string> _accelerators = [];
    private readonly List<string> _machineAccelerators = [];
    private QemuQuestion _question;
    private string? _kernel;
    private MachineDescription _machine = new()
    {
        KernelPath = "",
        MemoryBytes = QemuOptions.DefaultMemory,
        DebugExit = null,
        Cpu = CpuOption.Parse("qemu64"),
    };

    private QemuCommandLine()
    {
    }

    /// <summary>Names of the devices that <c>-device</c> takes.</summary>
    public static IReadOnlyList<string> Devices => s_devices;

    /// <summary>Names of the accelerators that <c>-accel</c> takes.</summary>
    public static IReadOnlyList<string> Accelerators => s_accelerators;

    /// <summary>Reads the arguments after the program's name.</summary>
    /// <exception cref="ConfigurationException">Something is not understood, or not offered.</exception>
    public static QemuInvocation Parse(IReadOnlyList<string> arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        QemuCommandLine line = new();
        for (int i = 0; i < arguments.Count && line._question == QemuQuestion.None; i++)
        {
            string name = NameOf(arguments[i]);
            string? value = null;
            if (QemuOptions.All.First(option => option.Name == name).Value is not null)
            {
                value = ++i < arguments.Count ? arguments[i] : throw new ConfigurationException($"{name} needs a value");
            }

            line.Take(name, value);
        }

        return line.Finish();
    }

    private static string NameOf(string argument)
    {
        if (!argument.StartsWith('-'))
        {
            throw new ConfigurationException(
                $"'{argument}' is not offered: disk images without an option have no place here; 'nacelle run --disk {argument}' takes one");
        }

        string name = argument.StartsWith("--", StringComparison.Ordinal) ? argument[1..] : argument;
        name = name == "-h" ? "-help" : name;
        if (QemuOptions.All.Any(option => option.Name == name))
        {
            return name;
        }

        string hint = NearestName.Find(name, QemuOptions.All.Select(option => option.Name)) is string near ? $"did you mean '{near}'? " : "";
        throw new ConfigurationException($"option '{name}' is not offered: {hint}-help lists what is");
    }

    private void Take(string name, string? value)
    {
        if (name is not ("-device" or "-machine" or "-M" or "-accel" or "-enable-kvm" or "-global") && !_given.Add(name))
        {
            throw new ConfigurationException($"{name} is given twice: leave one out");
        }

        if (s_onlyNone.Contains(name))
        {
            _ = value == "none" ? value : throw new ConfigurationException($"{name} {value} is not offered: only {name} none is");
            return;
        }

        switch (name)
        {
            case "-kernel":
                _kernel = MachineOptions.ParsePath("kernel", value!);
                break;
            case "-initrd":
                _machine = _machine with { InitrdPath = MachineOptions.ParsePath("initrd", value!) };
                break;
            case "-append":
                _machine = _machine with { KernelCommandLine = value! };
                break;
            case "-m":
                TakeMemory(value!);
                break;
            case "-smp":
                TakeVirtualCpus(value!);
                break;
            case "-cpu":
                TakeProcessor(value!);
                break;
            case "-machine" or "-M":
                TakeMachine(name, value!);
                break;
            case "-accel":
                TakeAccelerator(value!);
                break;
            case "-enable-kvm":
                _accelerators.Add("kvm");
                break;
            case "-device":
                TakeDevice(value!);
                break;
            case "-serial":
                _machine = _machine with { Serial = Serial(value!) };
                break;
            case "-name":
                TakeName(value!);
                break;
            case "-no-reboot":
                _machine = _machine with { RestartOnReset = false };
                break;
            case "-global" when value != "kvm-pit.lost_tick_policy=discard":
                throw new ConfigurationException($"-global {value} is not offered: leave it out");
            case "-help":
                _question = QemuQuestion.Help;
                break;
            case "-version":
                _question = QemuQuestion.Version;
                break;
            default:
                // It states what is so.
                break;
        }
    }

    private QemuInvocation Finish()
    {
        if (_question != QemuQuestion.None)
        {
            return new QemuInvocation(_question, null);
        }

        if (_accelerators.Count != 0 && _machineAccelerators.Count != 0)
        {
            throw new ConfigurationException("-accel or -enable-kvm and -machine accel= are given together: leave one out");
        }

        AcceleratorChoice accelerator = _accelerators.Concat(_machineAccelerators).Distinct().ToArray() switch
        {
            [] or ["tcg"] => AcceleratorChoice.Translator,
            ["kvm"] => AcceleratorChoice.Kvm,
            _ => AcceleratorChoice.Auto,
        };
        string kernel = _kernel ?? throw new ConfigurationException("-kernel is required: there is no firmware that could boot from a disk");
        return new QemuInvocation(QemuQuestion.None, _machine with { KernelPath = kernel, Accelerator = accelerator });
    }

    private void TakeMemory(string text)
    {
        QemuValue value = QemuValue.Split("-m", text, "size");
        value.End();
        string size = value.Head ?? "";

        // A number without a unit is of MiB, unlike everywhere else.
        bool plain = size.Length != 0 && size.All(char.IsAsciiDigit);
        _machine = _machine with { MemoryBytes = MachineOptions.ParseMemory(plain ? size + "M" : size) };
    }

    private void TakeVirtualCpus(string text)
    {
        QemuValue value = QemuValue.Split("-smp", text, "cpus");
        int count = MachineOptions.ParseVirtualCpus(value.Head ?? "1");
        Require(value, "maxcpus", count, "vCPUs cannot be added later");
        Require(value, "sockets", 1, "all vCPUs are in one socket");
        Require(value, "dies", 1, "all vCPUs are in one socket");
        Require(value, "cores", count, "each vCPU is a core");
        Require(value, "threads", 1, "each vCPU is a core");
        value.End();
        _machine = _machine with { VirtualCpus = count };

        static void Require(QemuValue value, string name, int expected, string reason)
        {
            if (value.TakeNumber(name, 1, int.MaxValue) is int given && given != expected)
            {
                throw new ConfigurationException($"-smp {name}={given} is not offered: {reason}; give {name}={expected} or leave it out");
            }
        }
    }

    private void TakeProcessor(string text)
    {
        if (text is "help" or "?")
        {
            _question = QemuQuestion.Processors;
            return;
        }

        _machine = _machine with { Cpu = CpuOption.Parse(string.Join(',', text.Split(',').Where(part => !s_statements.Contains(part)))) };
    }

    private void TakeMachine(string option, string text)
    {
        if (text is "help" or "?")
        {
            _question = QemuQuestion.Machines;
            return;
        }

        QemuValue value = QemuValue.Split(option, text, "type");
        if (value.Head is string type && type != "q35")
        {
            throw new ConfigurationException($"machine '{type}' is not offered: there is q35");
        }

        if (value.Take("accel") is string accelerators)
        {
            foreach (string accelerator in accelerators.Split(':'))
            {
                Choose(_machineAccelerators, accelerator);
            }
        }

        if (value.TakeSwitch("pit") is bool timer)
        {
            _machine = _machine with { IntervalTimer = timer };
        }

        value.End();
    }

    private void TakeAccelerator(string text)
    {
        if (text is "help" or "?")
        {
            _question = QemuQuestion.Accelerators;
            return;
        }

        QemuValue value = QemuValue.Split("-accel", text, "accel");
        Choose(_accelerators, value.Head ?? "");
        if (value.Take("thread") is string threads && (value.Head != "tcg" || threads != "multi"))
        {
            throw new ConfigurationException($"-accel thread={threads} is not offered: each vCPU has a thread of its own");
        }

        value.End();
    }

    private static void Choose(List<string> chosen, string name) => chosen.Add(s_accelerators.Contains(name)
        ? name
        : throw new ConfigurationException(NearestName.Refusal("accelerator", name, s_accelerators)));

    private void TakeDevice(string text)
    {
        if (text is "help" or "?")
        {
            _question = QemuQuestion.Devices;
            return;
        }

        QemuValue value = QemuValue.Split("-device", text, "driver");
        switch (value.Head)
        {
            case "isa-debug-exit" when _machine.DebugExit is null:
                int port = value.TakeNumber("iobase", 0, 0xFFFF) ?? 0x501;
                _machine = _machine with { DebugExit = new DebugExitDescription((ushort)port, value.TakeNumber("iosize", 1, 0x10000 - port) ?? 2) };
                break;
            case "pc-testdev" when !_machine.TestDevice:
                _machine = _machine with { TestDevice = true };
                break;
            case "isa-debug-exit" or "pc-testdev":
                throw new ConfigurationException($"-device {value.Head} is given twice: a machine has one");
            default:
                throw new ConfigurationException(NearestName.Refusal("device", value.Head ?? text, s_devices));
        }

        value.End();
    }

    private static SerialDescription Serial(string text)
    {
        int comma = text.IndexOf(',', StringComparison.Ordinal);
        if (text.StartsWith("unix:", StringComparison.Ordinal) && comma > 0)
        {
            QemuValue value = QemuValue.Split("-serial", text, "path");
            bool listens = value.TakeSwitch("server") == true & value.TakeSwitch("wait") == false;
            value.End();
            return listens
                ? SerialOption.Parse($"socket:{value.Head!["unix:".Length..]}")
                : throw new ConfigurationException("-serial unix:PATH is offered as a server that does not wait: add server=on,wait=off");
        }

        return text switch
        {
            "null" => SerialDescription.None,
            "stdio" or "none" => SerialOption.Parse(text),
            _ when text.StartsWith("file:", StringComparison.Ordinal) => SerialOption.Parse(text),
            _ => throw new ConfigurationException(
                $"-serial {text} is not offered: there are stdio, none, null, file:PATH and unix:PATH,server=on,wait=off"),
        };
    }

    private void TakeName(string text)
    {
        QemuValue value = QemuValue.Split("-name", text, "guest");
        value.End();
        _machine = _machine with { Name = MachineOptions.ParseName(value.Head ?? "") };
    }
}
