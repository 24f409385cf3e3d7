using System.CommandLine;
using System.Text;

namespace Nacelle.Cli;

/// <summary>Writes a command's help for a terminal.</summary>
internal static class HelpWriter
{
    private const int Width = 100;
    private const int WordWidth = 16;
    private const int WidestWord = 32;
    private const int MoreWidth = 42;

    /// <summary>All of a command's help.</summary>
    internal static string Write(Command command)
    {
        StringBuilder text = new();
        text.AppendLine(command.Description).AppendLine();
        CommandPage? page = (command as IDocumentedCommand)?.Page;
        text.AppendLine($"Usage: {page?.Usage ?? command.Name}");
        WriteExamples(text, page?.Examples ?? []);
        WriteCommands(text, command);
        WriteArguments(text, command);
        WriteOptions(text, command);
        Topic[] apart = [.. page?.Topics.Where(topic => topic.Word is not null) ?? []];
        foreach (Topic topic in page?.Topics.Except(apart) ?? [])
        {
            WriteTopic(text, topic);
        }

        if (apart.Length != 0)
        {
            text.AppendLine().AppendLine("More:");
            foreach (Topic topic in apart)
            {
                WriteRow(text, $"nacelle {command.Name} --help {topic.Word}", MoreWidth, topic.Title + ".");
            }
        }

        return text.ToString();
    }

    /// <summary>A table of a command that its help leaves to a page of its own.</summary>
    /// <returns>Null where there is none of that name.</returns>
    internal static string? WriteTopic(Command command, string word)
    {
        if ((command as IDocumentedCommand)?.Page.Topics.FirstOrDefault(topic => topic.Word == word) is not { } topic)
        {
            return null;
        }

        StringBuilder text = new();
        WriteTopic(text, topic);
        return text.ToString().TrimStart();
    }

    /// <summary>Arguments that say what they are.</summary>
    internal static IEnumerable<(string Word, string Meaning)> ArgumentsOf(Command command) => command.Arguments
        .Where(argument => !argument.Hidden && argument.Description is not null)
        .Select(argument => (argument.Name, argument.Description!));

    /// <summary>An option as it is typed, with the name of its value.</summary>
    internal static string Form(Option option)
    {
        string alias = option.Aliases.FirstOrDefault(a => a.Length == 2 && a[0] == '-') is string letter ? $"{letter}, " : "";
        return option.HelpName is string value ? $"{alias}{option.Name} {value}" : $"{alias}{option.Name}";
    }

    /// <summary>What an option does, with its default.</summary>
    internal static string Meaning(Option option)
    {
        string fallback = option is IDocumentedOption { Fallback: string text } ? $" Default: {text}." : "";
        string need = option.Required ? " Required." : "";
        return $"{option.Description}{need}{fallback}";
    }

    /// <summary>A command's own options, then those that every command has.</summary>
    internal static IEnumerable<Option> OptionsOf(Command command) => command.Options
        .Concat(command.Parents.OfType<Command>().SelectMany(parent => parent.Options).Where(option => option.Recursive))
        .Where(option => !option.Hidden);

    private static void WriteCommands(StringBuilder text, Command command)
    {
        if (command.Subcommands.Count == 0)
        {
            return;
        }

        text.AppendLine().AppendLine("Commands:");
        foreach (Command subcommand in command.Subcommands)
        {
            WriteRow(text, subcommand.Name, WordWidth, subcommand.Description ?? "");
        }
    }

    private static void WriteArguments(StringBuilder text, Command command)
    {
        (string Word, string Meaning)[] arguments = [.. ArgumentsOf(command)];
        if (arguments.Length != 0)
        {
            text.AppendLine().AppendLine("Arguments:");
            foreach ((string word, string meaning) in arguments)
            {
                text.AppendLine($"  {word}");
                WriteRow(text, "", 6, meaning);
            }
        }
    }

    private static void WriteTopic(StringBuilder text, Topic topic)
    {
        text.AppendLine().AppendLine($"{topic.Title}:");
        int width = Math.Max(WordWidth, topic.Rows.Max(row => row.Word.Length) + 4);
        foreach ((string word, string meaning) in topic.Rows)
        {
            if (width > WidestWord)
            {
                text.AppendLine($"  {word}");
                WriteRow(text, "", 6, meaning);
            }
            else
            {
                WriteRow(text, word, width, meaning);
            }
        }
    }

    private static void WriteOptions(StringBuilder text, Command command)
    {
        text.AppendLine().AppendLine("Options:");
        foreach (Option option in OptionsOf(command))
        {
            text.AppendLine($"  {Form(option)}");
            WriteRow(text, "", 6, Meaning(option));
        }
    }

    private static void WriteExamples(StringBuilder text, IReadOnlyList<Example> examples)
    {
        if (examples.Count == 0)
        {
            return;
        }

        text.AppendLine().AppendLine("Examples:");
        foreach (Example example in examples)
        {
            text.AppendLine($"  {example.Purpose}:").AppendLine($"      {example.Line}");
        }
    }

    /// <summary>A word and its meaning, wrapped at the width with the meaning's lines below each other.</summary>
    private static void WriteRow(StringBuilder text, string word, int width, string meaning)
    {
        StringBuilder line = new("  ");
        line.Append(word.PadRight(width - 2));
        int indent = line.Length;
        foreach (string part in meaning.Split(' '))
        {
            if (line.Length > indent && line.Length + 1 + part.Length > Width)
            {
                text.AppendLine(line.ToString().TrimEnd());
                line.Clear().Append(' ', indent);
            }

            line.Append(line.Length > indent ? " " : "").Append(part);
        }

        text.AppendLine(line.ToString().TrimEnd());
    }
}
