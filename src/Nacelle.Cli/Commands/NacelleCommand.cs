using System.CommandLine;
using System.CommandLine.Help;

namespace Nacelle.Cli;

/// <summary><c>nacelle</c>: the root of the commands.</summary>
internal sealed class NacelleCommand : RootCommand, IDocumentedCommand
{
    /// <summary>Makes all commands.</summary>
    /// <param name="literal">How many words of the command line stand behind "--".</param>
    internal NacelleCommand(int literal = 0) : base("Nacelle runs virtual machines, on KVM or on its own dynamic translator.")
    {
        Add(new RunCommand());
        Add(new QemuCommand());
        Add(new InfoCommand());
        Add(new HostCommand());
        Add(new CheckCommand());
        Add(new RulesCommand());
        Add(new ConvertCommand());
        Add(new DebugCommand());
        Add(new CompletionCommand());
        Add(new ReferenceCommand());
        foreach (Command command in Subcommands.Concat(Subcommands.SelectMany(command => command.Subcommands)).Where(command => command.Arguments.Count != 0))
        {
            command.Validators.Add(result => UsageError.RefuseUnknownOptions(result, literal));
        }

        foreach (Option option in Options)
        {
            switch (option)
            {
                case HelpOption help:
                    help.Description = "Show help.";
                    help.Action = new CommandLine.PrintAction(HelpWriter.Write, HelpWriter.WriteTopic);

                    // Words of other systems, which completion would offer.
                    foreach (string alias in help.Aliases.Where(alias => alias != "-h").ToArray())
                    {
                        help.Aliases.Remove(alias);
                    }

                    break;
                case VersionOption version:
                    version.Description = "Show the version.";
                    version.Action = new CommandLine.PrintAction(_ => $"nacelle {HostReport.ProgramVersion}\n");
                    break;
                default:
                    break;
            }
        }
    }

    /// <inheritdoc/>
    public CommandPage Page { get; } = new(
        "nacelle COMMAND [options]",
        [
            new("Boot a kernel", "nacelle run --kernel vmlinuz --initrd initrd.img --append console=ttyS0"),
            new("Check a guest against the restrictions of a release", "nacelle check guest.xml --profile rhel7"),
            new("See what this host offers", "nacelle info"),
            new("Read all about a command", "nacelle run --help"),
        ],
        []);
}
