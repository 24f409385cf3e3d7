using System.CommandLine;
using System.Text;
using Nacelle.Configuration;
using Nacelle.Cpu;

namespace Nacelle.Cli;

/// <summary>
/// <c>nacelle qemu</c>, and the whole program where it is called by QEMU's name: a machine described in the words of QEMU's
/// command line.
/// </summary>
/// <remarks>Its arguments are read by <see cref="QemuCommandLine"/> before the parser of the other commands sees them.</remarks>
internal sealed class QemuCommand : Command, IDocumentedCommand
{
    /// <summary>The name of the command.</summary>
    internal const string CommandName = "qemu";

    /// <summary>A link of this name to the executable makes it take QEMU's command line.</summary>
    internal const string ProgramName = "qemu-system-x86_64";

    /// <summary>Makes the command.</summary>
    internal QemuCommand() : base(CommandName, $"Run a machine described by a QEMU command line; so does a link named {ProgramName}.")
    {
        TreatUnmatchedTokensAsErrors = false;
        SetAction((result, _) => RunAsync([.. result.UnmatchedTokens]));
    }

    /// <inheritdoc/>
    public CommandPage Page { get; } = new(
        "nacelle qemu -kernel FILE [QEMU options]",
        [
            new("Boot a kernel with its console on this terminal", "nacelle qemu -kernel vmlinuz -initrd initrd.img -append console=ttyS0 -m 512 -serial stdio"),
            new("Run a test kernel and take its exit status", "nacelle qemu -kernel test.flat -device isa-debug-exit,iobase=0xf4,iosize=4 -serial stdio -no-reboot"),
            new("Let a program that calls QEMU take Nacelle", $"ln -s \"$(command -v nacelle)\" ~/bin/{ProgramName}"),
        ],
        [
            new("Options of QEMU that are understood", [.. QemuOptions.All.Select(option => (option.Value is null ? option.Name : $"{option.Name} {option.Value}", option.Meaning))]),
            new("Environment", [(ProfileOptions.Variable, "The profile whose rules hold; without it none holds anything back. Rules are overridden with 'nacelle run' alone.")]),
            new("Exit status",
            [
                ("0", "The guest powered off, or with -no-reboot asked for a reset or met a triple fault."),
                ("odd", "The guest wrote V to isa-debug-exit: 2V+1, in 8 bits."),
                ("other", "As of 'nacelle run'; an option that is not understood or not offered gives 2."),
            ]),
        ]);

    /// <summary>Does what a QEMU command line asks.</summary>
    /// <param name="arguments">Those after the program's name.</param>
    /// <returns>The exit code.</returns>
    internal static Task<int> RunAsync(IReadOnlyList<string> arguments)
    {
        QemuInvocation invocation;
        try
        {
            invocation = QemuCommandLine.Parse(arguments);
        }
        catch (ConfigurationException error)
        {
            new Notices().Error($"{error.Message} (see 'nacelle {CommandName} -help')");
            return Task.FromResult((int)ExitCode.Usage);
        }

        // QEMU says nothing while all goes well, and its escape key is the monitor's, which is not here.
        if (invocation.Machine is not { } machine)
        {
            return Task.FromResult(CommandLine.Print(Answer(invocation.Question)));
        }

        ChosenProfile profile;
        try
        {
            profile = ProfileOptions.FromEnvironment();
        }
        catch (ConfigurationException error)
        {
            new Notices().Error(error.Message);
            return Task.FromResult((int)ExitCode.Configuration);
        }

        MachineDocument document = DescribedConfiguration.Write(machine, MachineDocumentForm.QemuArguments);
        return PreparedMachine.Prepare(document, null, profile, new Notices { Quiet = true }) is { } prepared
            ? MachineRunner.RunAsync(prepared, new RunSettings(
                Quiet: true, EscapeKey: null, BootMarker: null, Gdb: null, TranslatorStatistics: false, TranslatorListing: null, QemuExitStatus: true))
            : Task.FromResult((int)ExitCode.Configuration);
    }

    private static string Answer(QemuQuestion question)
    {
        StringBuilder text = new();
        switch (question)
        {
            case QemuQuestion.Version:
                text.AppendLine($"nacelle {HostReport.ProgramVersion}, with the command line of QEMU");
                break;
            case QemuQuestion.Devices:
                foreach (string device in QemuCommandLine.Devices)
                {
                    text.AppendLine($"name \"{device}\", bus ISA");
                }

                break;
            case QemuQuestion.Processors:
                text.AppendLine("Models:").AppendLine($"  {string.Join("\n  ", CpuOption.Models)}");
                text.AppendLine("Features:").AppendLine($"  {string.Join(' ', CpuFeatures.Names)}");
                break;
            case QemuQuestion.Machines:
                text.AppendLine("q35 (default)");
                break;
            case QemuQuestion.Accelerators:
                text.AppendLine(string.Join('\n', QemuCommandLine.Accelerators));
                break;
            default:
                return HelpWriter.Write(new NacelleCommand().Subcommands.OfType<QemuCommand>().Single());
        }

        return text.ToString();
    }
}
