using System.CommandLine;
using System.CommandLine.Parsing;
using Nacelle.Configuration;

namespace Nacelle.Cli;

/// <summary>Says in one line why a command line is not understood.</summary>
internal static class UsageError
{
    private const string UnknownOption = "unknown option ";

    /// <summary>The first error, with the nearest valid word, and where to read on.</summary>
    internal static string Describe(ParseResult result)
    {
        Command command = result.CommandResult.Command;
        return $"{Reason(result, command)} (see '{PathOf(command)} --help')";
    }

    /// <summary>Refuses options that are not known where a command takes arguments, for which the parser would take them.</summary>
    /// <param name="result">The command.</param>
    /// <param name="literal">How many arguments at the end stand behind "--" and are taken as they are.</param>
    internal static void RefuseUnknownOptions(CommandResult result, int literal)
    {
        // "-" alone is standard input.
        Token? unknown = result.Children.OfType<ArgumentResult>().SelectMany(argument => argument.Tokens).SkipLast(literal)
            .FirstOrDefault(token => token.Value.Length > 1 && token.Value[0] == '-');
        if (unknown is not null)
        {
            result.AddError(Unknown(unknown.Value, result.Command));
        }
    }

    private static string PathOf(Command command) => command.Parents.OfType<Command>().FirstOrDefault() is { } parent
        ? $"{PathOf(parent)} {command.Name}"
        : "nacelle";

    private static string Reason(ParseResult result, Command command)
    {
        if (result.Errors.FirstOrDefault(error => error.Message.StartsWith(UnknownOption, StringComparison.Ordinal)) is { } option)
        {
            return option.Message;
        }

        if (result.UnmatchedTokens.Count != 0)
        {
            return Unknown(result.UnmatchedTokens[0], command);
        }

        if (command.Action is null && command.Subcommands.Count != 0)
        {
            return $"name a command: {string.Join(", ", command.Subcommands.Select(sub => sub.Name))}";
        }

        return result.Errors[0].Message.TrimEnd('.');
    }

    private static string Unknown(string word, Command command)
    {
        bool option = word.StartsWith('-');
        int equals = word.IndexOf('=', StringComparison.Ordinal);
        string name = option && equals > 0 ? word[..equals] : word;
        IEnumerable<string> valid = option
            ? command.Options.Concat(command.Parents.OfType<Command>().SelectMany(parent => parent.Options)).Select(o => o.Name)
            : command.Subcommands.Select(sub => sub.Name);
        string hint = NearestName.Find(name, valid) is string nearest ? $": did you mean '{nearest}'?" : "";
        string kind = option ? "option" : command.Subcommands.Count != 0 ? "command" : "argument";
        return $"unknown {kind} '{name}'{hint}";
    }
}
