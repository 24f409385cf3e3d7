using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text;
using Nacelle.Configuration;

namespace Nacelle.Cli;

/// <summary><c>nacelle host</c>: the facts of a host that rules need, shown or saved.</summary>
internal sealed class HostCommand : Command, IDocumentedCommand
{
    private readonly Argument<string?> _file = new("FILE")
    {
        Description = "Facts that were saved on this host or another, to show in place of this host's.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> _save = OptionFactory.Single(
        "--save", "FILE", "Write the facts to a file, for 'nacelle check' on another host.", text => MachineOptions.ParsePath("save", text));

    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON object for programs, as --save writes it." };

    /// <summary>Makes the command.</summary>
    internal HostCommand() : base("host", "Print or save what rules and migrations need to know of a host: processor, clock, KVM, devices and disks.")
    {
        Add(_file);
        Add(_save);
        Add(_json);
        Validators.Add(Check);
        SetAction(Show);
    }

    /// <inheritdoc/>
    public CommandPage Page { get; } = new(
        "nacelle host [FILE] [--json]\n       nacelle host --save FILE",
        [
            new("See what rules know of this host", "nacelle host"),
            new("Save that, to check guests for it elsewhere", "nacelle host --save alpha.json"),
            new("Look at what was saved", "nacelle host alpha.json"),
            new("List the disks that no label was recognised on", "nacelle host --json | jq -r '.blockDevices[] | select(.contents.signatures == []) | .path'"),
        ],
        [
            new("What is shown",
            [
                ("not known", "Nobody told: the kernel, the firmware, or this user may not ask. Rules that need it say so."),
                ("no-execute", "in force; or why not: disabled by the kernel or the firmware, or absent."),
                ("what is on it", "Labels that hosts recognise on a device, with the partitions of its table. 'nothing recognised' is no promise that it is empty."),
            ]),
        ]);

    private void Check(CommandResult result)
    {
        if (result.GetValue(_file) is not null && result.GetResult(_save) is { Implicit: false })
        {
            result.AddError("a saved file is shown, not saved again: leave out --save or the file");
        }
    }

    private int Show(ParseResult result)
    {
        try
        {
            HostFacts facts = result.GetValue(_file) is string file ? HostFactsFile.Read(file) : HostFactsGatherer.Gather();
            bool json = result.GetValue(_json);
            if (result.GetValue(_save) is string path)
            {
                OutputFile.Write(path, Encoding.UTF8.GetBytes(HostFactsDocument.Format(facts)));
                new Notices().Say($"saved the facts of host '{facts.HostName}' to '{path}'");
                return json ? CommandLine.Print(HostFactsDocument.Format(facts)) : (int)ExitCode.Success;
            }

            return CommandLine.Print(json ? HostFactsDocument.Format(facts) : HostPage.Write(facts));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            new Notices().Error(error.Message);
            return (int)ExitCode.HostResource;
        }
        catch (ConfigurationException error)
        {
            new Notices().Error(error.Message);
            return (int)ExitCode.Configuration;
        }
    }
}
