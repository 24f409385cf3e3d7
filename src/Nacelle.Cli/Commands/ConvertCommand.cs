using System.CommandLine;
using Nacelle.Configuration;

namespace Nacelle.Cli;

/// <summary><c>nacelle convert</c>: a machine in another form.</summary>
internal sealed class ConvertCommand : Command, IDocumentedCommand
{
    private static readonly string[] s_forms = ["xml", "json", "qemu"];

    private readonly Argument<string?> _file = new("FILE")
    {
        Description = "A machine as libvirt's domain XML, as JSON, or as QEMU arguments one a line (*.args); - for standard input.",
    };

    private readonly Option<string?> _to = OptionFactory.Single(
        "--to", "xml|json|qemu", "The form to write: domain XML, JSON, or QEMU arguments, one a line. Without it JSON, and XML for JSON.",
        text => s_forms.Contains(text) ? text : throw new ConfigurationException(NearestName.Refusal("form", text, s_forms)), null, s_forms);

    private readonly Option<bool> _drop = new("--drop-unknown")
    {
        Description = "Leave out elements that nothing is known of; without it they are an error, for they would be gone.",
    };

    private readonly Option<bool> _schema = new("--schema") { Description = "Print the JSON form's schema instead." };

    /// <summary>Makes the command.</summary>
    internal ConvertCommand() : base("convert", "Write a machine's description in another form.")
    {
        _file.Arity = ArgumentArity.ZeroOrOne;
        Add(_file);
        Add(_to);
        Add(_drop);
        Add(_schema);
        Validators.Add(result =>
        {
            if (result.GetValue(_file) is null && !result.GetValue(_schema))
            {
                result.AddError("no file is named: give FILE, or - for standard input");
            }
        });
        SetAction(Run);
    }

    /// <inheritdoc/>
    public CommandPage Page { get; } = new(
        "nacelle convert FILE [--to xml|json|qemu]",
        [
            new("Turn libvirt's XML into JSON", "virsh dumpxml guest | nacelle convert - > guest.json"),
            new("Turn it back", "nacelle convert guest.json > guest.xml"),
            new("See how QEMU would be called", "nacelle convert guest.xml --to qemu"),
            new("Bring XML into libvirt's order of elements", "nacelle convert guest.xml --to xml"),
            new("Let an editor complete the JSON form", "nacelle convert --schema > machine-configuration.json"),
        ],
        []);

    private int Run(ParseResult result)
    {
        Notices notices = new();
        try
        {
            if (result.GetValue(_schema))
            {
                return CommandLine.Print(MachineConfigurationJson.WriteSchema());
            }

            string file = result.GetValue(_file)!;
            byte[] text = DocumentFile.Read(file);
            MachineDocument document = file.EndsWith(".args", StringComparison.Ordinal) ? QemuArgumentsDocument.ReadFile(text) : MachineDocument.Read(text);
            if (document.Configuration is not MachineConfiguration machine)
            {
                foreach (ConfigurationProblem problem in document.Problems)
                {
                    notices.Error($"{file}:{problem.Position}: {problem.Message}");
                }

                return (int)ExitCode.Configuration;
            }

            bool drop = result.GetValue(_drop);
            foreach (UnknownPart part in document.Unknown)
            {
                notices.Error($"{file}:{part.Place.Position}: {part.Message}{(drop ? ": left out" : ": correct its name, or leave it out with --drop-unknown")}");
            }

            if (document.Unknown.Length != 0 && !drop)
            {
                return (int)ExitCode.Configuration;
            }

            string form = result.GetValue(_to) ?? (document.Form == MachineDocumentForm.Json ? "xml" : "json");
            return CommandLine.Print(form switch
            {
                "xml" => DomainXmlDocument.Write(machine),
                "qemu" => string.Concat(QemuArgumentsDocument.Write(machine).Select(argument => argument + "\n")),
                _ => MachineConfigurationJson.Write(machine),
            });
        }
        catch (ConfigurationException error)
        {
            notices.Error(error.Message);
            return (int)ExitCode.Usage;
        }
    }
}
