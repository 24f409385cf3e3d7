using System.CommandLine;
using System.CommandLine.Invocation;

namespace Nacelle.Cli;

/// <summary>The whole command line: parse, refuse in one line, or run.</summary>
internal static class CommandLine
{
    /// <summary>Makes the commands.</summary>
    internal static RootCommand Create() => new("Run virtual machines on KVM or on a dynamic translator.")
    {
        new RunCommand(),
    };

    /// <summary>Does what the arguments ask.</summary>
    /// <returns>The exit code.</returns>
    internal static async Task<int> RunAsync(IReadOnlyList<string> arguments)
    {
        // "@file" stays what it is: file names may begin so.
        ParserConfiguration parser = new() { EnablePosixBundling = false, ResponseFileTokenReplacer = null };
        ParseResult result = Create().Parse(arguments, parser);
        if (result.Action is ParseErrorAction)
        {
            new Notices().Error(UsageError.Describe(result));
            return (int)ExitCode.Usage;
        }

        return await result.InvokeAsync(new InvocationConfiguration
        {
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
        }).ConfigureAwait(false);
    }
}
