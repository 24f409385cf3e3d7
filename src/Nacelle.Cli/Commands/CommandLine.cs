using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Text;
using Nacelle.Linux;

namespace Nacelle.Cli;

/// <summary>The whole command line: parse, refuse in one line, or run.</summary>
internal static class CommandLine
{
    /// <summary>"@file" stays what it is, since file names may begin so; "-qh" is no two options.</summary>
    private static readonly ParserConfiguration s_parser = new() { EnablePosixBundling = false, ResponseFileTokenReplacer = null };

    /// <summary>Reads arguments without doing anything.</summary>
    internal static ParseResult Parse(IReadOnlyList<string> arguments)
    {
        const string separator = "--";
        IReadOnlyList<string> words = CheckCommand.SetApart(arguments);
        int literal = words.SkipWhile(word => word != separator).Skip(1).Count();
        return new NacelleCommand(literal).Parse(words, s_parser);
    }

    /// <summary>Does what the arguments ask.</summary>
    /// <returns>The exit code.</returns>
    internal static async Task<int> RunAsync(IReadOnlyList<string> arguments)
    {
        try
        {
            return await DispatchAsync(arguments).ConfigureAwait(false);
        }
        catch (OutOfMemoryException)
        {
            new Notices().Error("no memory of the host is left: raise 'ulimit -v', or free memory");
            return (int)ExitCode.HostResource;
        }
        catch (Exception error)
        {
            new Notices().Error($"a defect of Nacelle, please report it: {error}");
            return (int)ExitCode.InternalError;
        }
    }

    private static Task<int> DispatchAsync(IReadOnlyList<string> arguments)
    {
        if (InvokedName() == QemuCommand.ProgramName)
        {
            return QemuCommand.RunAsync(arguments);
        }

        // QEMU's options begin with one dash and would be taken apart.
        if (arguments is [QemuCommand.CommandName, ..])
        {
            return QemuCommand.RunAsync([.. arguments.Skip(1)]);
        }

        ParseResult result = Parse(arguments);
        if (result.Action is ParseErrorAction)
        {
            new Notices().Error(UsageError.Describe(result));
            return Task.FromResult((int)ExitCode.Usage);
        }

        return result.InvokeAsync(new InvocationConfiguration
        {
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
        });
    }

    /// <summary>The name by which the program was called, such as that of a link to it.</summary>
    private static string InvokedName()
    {
        try
        {
            byte[] line = File.ReadAllBytes("/proc/self/cmdline");
            int end = line.AsSpan().IndexOf((byte)0);
            return Path.GetFileName(Encoding.UTF8.GetString(line, 0, Math.Max(end, 0)));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    /// <summary>Writes to standard output.</summary>
    /// <returns>The exit code.</returns>
    internal static int Print(string text) =>
        HostDescriptor.WriteAll(HostDescriptor.Output, Encoding.UTF8.GetBytes(text)) == 0
            ? (int)ExitCode.Success
            : (int)ExitCode.OutputClosed;

    /// <summary>Prints a text about the command that was named, whatever else is wrong with the command line.</summary>
    internal sealed class PrintAction(Func<Command, string> text, Func<Command, string, string?>? topic = null) : SynchronousCommandLineAction
    {
        /// <inheritdoc/>
        public override bool ClearsParseErrors => true;

        /// <inheritdoc/>
        public override int Invoke(ParseResult parseResult)
        {
            Command command = parseResult.CommandResult.Command;
            string? word = parseResult.CommandResult.Tokens.Concat(parseResult.CommandResult.Children.OfType<ArgumentResult>().SelectMany(argument => argument.Tokens))
                .FirstOrDefault()?.Value;
            return Print((word is null ? null : topic?.Invoke(command, word)) ?? text(command));
        }
    }
}
