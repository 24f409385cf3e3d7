using System.CommandLine;

namespace Nacelle.Cli;

/// <summary><c>nacelle reference</c>: writes a document of docs/ that is made from the code. For those who work on Nacelle.</summary>
internal sealed class ReferenceCommand : Command
{
    /// <summary>Makes the command.</summary>
    internal ReferenceCommand() : base("reference", "Write docs/command-line.md or docs/exit-codes.md to standard output.")
    {
        Hidden = true;
        Argument<string> document = new("document");
        document.AcceptOnlyFromAmong("command-line", "exit-codes");
        Add(document);
        SetAction(result => CommandLine.Print(result.GetValue(document) == "exit-codes"
            ? ExitCodeReference.Write()
            : ReferenceWriter.Write(new NacelleCommand())));
    }
}
