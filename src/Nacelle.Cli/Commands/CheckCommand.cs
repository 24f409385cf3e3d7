using System.Collections.Immutable;
using System.CommandLine;
using System.CommandLine.Parsing;
using Nacelle.Configuration;

namespace Nacelle.Cli;

/// <summary><c>nacelle check</c>: all that rules say of machines, before anything starts.</summary>
internal sealed class CheckCommand : Command, IDocumentedCommand
{
    private const string CommandName = "check";
    private const string QemuWord = "--qemu";
    private const string Separator = "--";

    private readonly Argument<string[]> _files = new("FILE")
    {
        Description = "Domain XML of libvirt, JSON, or QEMU arguments one a line (*.args); - for standard input.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<bool> _qemu = new(QemuWord) { Description = "Everything behind it is an argument for QEMU." };

    private readonly ProfileOptions _profile = new();

    private readonly Option<bool> _host = new("--host") { Description = "The machine is to run on this host: look at it." };

    private readonly Option<string?> _hostFrom = OptionFactory.Single(
        "--host-from", "FILE", "The machine is to run on the host whose facts 'nacelle host --save' wrote to this file.",
        text => MachineOptions.ParsePath("host-from", text));

    private readonly Option<string?> _migrateTo = OptionFactory.Single(
        "--migrate-to", "FILE", "The machine is to be moved to the host whose facts are in this file.",
        text => MachineOptions.ParsePath("migrate-to", text));

    private readonly Option<ImmutableArray<string>> _operations = OptionFactory.Many(
        "--operation", "NAME", $"This is to be done to the machine while it runs: {string.Join(", ", ReportWords.Operations)}. May be given many times.",
        text => ReportWords.Of(ReportWords.ParseOperation(text)), [.. ReportWords.Operations]);

    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON object for programs." };

    private readonly Option<bool> _sarif = new("--sarif") { Description = "Print SARIF 2.1.0, which code hosts and editors show." };

    private readonly Option<string?> _html = OptionFactory.Single(
        "--html", "FILE", "Write the report as one page for a browser, which needs nothing else.", text => MachineOptions.ParsePath("html", text));

    private readonly Option<string?> _fix = OptionFactory.Single(
        "--fix", "FILE", "Write the machine with all corrections that need no decision, in the form in which it was given.",
        text => MachineOptions.ParsePath("fix", text));

    private readonly Option<bool> _force = new("--force") { Description = "Let --fix replace a file that is there, and leave out what is not understood." };

    private readonly Option<bool> _quiet = new("--quiet", "-q") { Description = "Print only a line for each text." };

    /// <summary>Makes the command.</summary>
    internal CheckCommand() : base(CommandName, "Check machines against the rules of a profile, each finding with its place, reason and remedy.")
    {
        Add(_files);
        Option[] options =
        [
            _profile.Profile, _profile.Overrides, _host, _hostFrom, _migrateTo, _operations, _json, _sarif,
            _html, _fix, _force, _quiet, _qemu,
        ];
        foreach (Option option in options)
        {
            Add(option);
        }

        Validators.Add(Check);
        SetAction(result => MachineCheck.Run(() => Settings(result)));
    }

    /// <inheritdoc/>
    public CommandPage Page => CheckPage.Page;

    /// <summary>Sets arguments for QEMU apart, whose single dashes would be taken for options of this program.</summary>
    /// <param name="arguments">All arguments of the program.</param>
    internal static IReadOnlyList<string> SetApart(IReadOnlyList<string> arguments)
    {
        if (arguments is not [CommandName, ..])
        {
            return arguments;
        }

        int word = arguments.TakeWhile(argument => argument is not (QemuWord or Separator)).Count();
        return word < arguments.Count && arguments[word] == QemuWord && (word + 1 == arguments.Count || arguments[word + 1] != Separator)
            ? [.. arguments.Take(word + 1), Separator, .. arguments.Skip(word + 1)]
            : arguments;
    }

    private void Check(CommandResult result)
    {
        string[] files = result.GetValue(_files) ?? [];
        bool qemu = result.GetValue(_qemu);
        bool Given(Option option) => result.GetResult(option) is { Implicit: false };
        if (files.Length == 0)
        {
            result.AddError(qemu ? "give QEMU's arguments after --qemu" : "nothing to check: name FILE, - for standard input, or give --qemu and arguments");
        }
        else if (!qemu && files.Count(file => file == "-") > 1)
        {
            result.AddError("give - once: standard input can be read only once");
        }
        else if (result.GetValue(_host) && Given(_hostFrom))
        {
            result.AddError("use either --host or --host-from: a check looks at one host");
        }
        else if (((Option<bool>[])[_json, _sarif, _quiet]).Where(option => result.GetValue(option)).ToArray() is [Option first, Option second, ..])
        {
            result.AddError($"use either {first.Name} or {second.Name}");
        }
        else if (Given(_fix) && (qemu || files.Length != 1))
        {
            result.AddError(qemu ? "--fix does not write arguments for QEMU: leave it out" : "--fix writes one machine: name one FILE");
        }
        else if (result.GetValue(_force) && !Given(_fix))
        {
            result.AddError("--force is only for --fix: leave it out");
        }
    }

    private CheckSettings Settings(ParseResult result)
    {
        // Files stand before --qemu, and arguments behind the separator that follows it.
        string[] words = result.GetValue(_files) ?? [];
        int arguments = result.GetValue(_qemu)
            ? result.Tokens.SkipWhile(token => token.Type != TokenType.DoubleDash).Count(token => token.Type == TokenType.Argument)
            : 0;
        ImmutableArray<string> operations = result.GetValue(_operations);
        return new CheckSettings
        {
            Files = [.. words.SkipLast(arguments)],
            QemuArguments = result.GetValue(_qemu) ? [.. words.TakeLast(arguments)] : null,
            Profile = _profile.Read(result),
            OnThisHost = result.GetValue(_host),
            HostFile = result.GetValue(_hostFrom),
            DestinationFile = result.GetValue(_migrateTo),
            Operations = [.. operations.Select(ReportWords.ParseOperation).Distinct().Order()],
            Format = result.GetValue(_json) ? CheckFormat.Json : result.GetValue(_sarif) ? CheckFormat.Sarif : CheckFormat.Text,
            HtmlFile = result.GetValue(_html),
            FixFile = result.GetValue(_fix),
            Force = result.GetValue(_force),
            Quiet = result.GetValue(_quiet),
        };
    }
}
