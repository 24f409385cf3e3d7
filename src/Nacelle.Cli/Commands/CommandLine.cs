using System.CommandLine;
using System.CommandLine.Invocation;
using System.Text;
using Nacelle.Linux;

namespace Nacelle.Cli;

/// <summary>The whole command line: parse, refuse in one line, or run.</summary>
internal static class CommandLine
{
    /// <summary>"@file" stays what it is, since file names may begin so; "-qh" is no two options.</summary>
    private static readonly ParserConfiguration s_parser = new() { EnablePosixBundling = false, ResponseFileTokenReplacer = null };

    /// <summary>Reads arguments without doing anything.</summary>
    internal static ParseResult Parse(IReadOnlyList<string> arguments) => new NacelleCommand().Parse(arguments, s_parser);

    /// <summary>Does what the arguments ask.</summary>
    /// <returns>The exit code.</returns>
    internal static async Task<int> RunAsync(IReadOnlyList<string> arguments)
    {
        ParseResult result = Parse(arguments);
        if (result.Action is ParseErrorAction)
        {
            new Notices().Error(UsageError.Describe(result));
            return (int)ExitCode.Usage;
        }

        try
        {
            return await result.InvokeAsync(new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
            }).ConfigureAwait(false);
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            new Notices().Error($"a defect of Nacelle, please report it: {error}");
            return (int)ExitCode.InternalError;
        }
    }

    /// <summary>Writes to standard output.</summary>
    /// <returns>The exit code.</returns>
    internal static int Print(string text) =>
        HostDescriptor.WriteAll(HostDescriptor.Output, Encoding.UTF8.GetBytes(text)) == 0
            ? (int)ExitCode.Success
            : (int)ExitCode.OutputClosed;

    /// <summary>Prints a text about the command that was named, whatever else is wrong with the command line.</summary>
    internal sealed class PrintAction(Func<Command, string> text) : SynchronousCommandLineAction
    {
        /// <inheritdoc/>
        public override bool ClearsParseErrors => true;

        /// <inheritdoc/>
        public override int Invoke(ParseResult parseResult) => Print(text(parseResult.CommandResult.Command));
    }
}
