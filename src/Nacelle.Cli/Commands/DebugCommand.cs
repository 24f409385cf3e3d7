using System.CommandLine;

namespace Nacelle.Cli;

/// <summary><c>nacelle debug</c>: looks into Nacelle itself.</summary>
internal sealed class DebugCommand : Command, IDocumentedCommand
{
    /// <summary>Makes the command.</summary>
    internal DebugCommand() : base("debug", "Look at what Nacelle does inside.") => Add(new DebugBlocksCommand());

    /// <inheritdoc/>
    public CommandPage Page { get; } = new(
        "nacelle debug COMMAND [options]",
        [new("See what an instruction costs", "printf '\\x48\\x8b\\x07' | nacelle debug blocks --code - --mode 64")],
        []);
}
