using System.Collections.Immutable;
using System.CommandLine;
using System.CommandLine.Parsing;
using Nacelle.Configuration;

namespace Nacelle.Cli;

/// <summary>Makes options whose values are read by a function of <c>Nacelle.Configuration</c>.</summary>
internal static class OptionFactory
{
    /// <summary>An option that has to come, once.</summary>
    /// <param name="name">With its dashes.</param>
    /// <param name="value">What help calls the value.</param>
    /// <param name="description">One sentence.</param>
    /// <param name="parse">Reads the value.</param>
    internal static Option<T> Required<T>(string name, string value, string description, Func<string, T> parse) =>
        new DocumentedOption<T>(name, null, false)
        {
            HelpName = value,
            Description = description,
            Required = true,
            Arity = ArgumentArity.ExactlyOne,
            CustomParser = result => Read(result, result.Tokens[0].Value, parse),
        };

    /// <summary>An option that comes once at most.</summary>
    /// <param name="name">With its dashes.</param>
    /// <param name="value">What help calls the value.</param>
    /// <param name="description">One sentence.</param>
    /// <param name="parse">Reads the value.</param>
    /// <param name="fallback">What stands for the option when it is not given, read in the same way; null for nothing.</param>
    /// <param name="words">Values that the shell completes.</param>
    internal static Option<T?> Single<T>(
        string name, string value, string description, Func<string, T> parse, string? fallback = null, params string[] words)
    {
        DocumentedOption<T?> option = new(name, fallback, false)
        {
            HelpName = value,
            Description = description,
            Arity = ArgumentArity.ExactlyOne,
            DefaultValueFactory = _ => fallback is null ? default : parse(fallback),
            CustomParser = result => Read(result, result.Tokens[0].Value, parse),
        };
        option.CompletionSources.Add(context => OptionCompletion.Heads(words, context.WordToComplete));
        return option;
    }

    /// <summary>An option that may come many times.</summary>
    /// <param name="name">With its dashes.</param>
    /// <param name="value">What help calls the value.</param>
    /// <param name="description">One sentence.</param>
    /// <param name="parse">Reads the value of one; null adds nothing.</param>
    /// <param name="words">Values that the shell completes.</param>
    internal static Option<ImmutableArray<T>> Many<T>(
        string name, string value, string description, Func<string, T?> parse, params string[] words)
        where T : class
    {
        DocumentedOption<ImmutableArray<T>> option = new(name, null, true)
        {
            HelpName = value,
            Description = description,
            Arity = ArgumentArity.OneOrMore,
            AllowMultipleArgumentsPerToken = false,
            DefaultValueFactory = _ => [],
            CustomParser = result =>
                [.. result.Tokens.Select(token => Read(result, token.Value, parse)).OfType<T>()],
        };
        option.CompletionSources.Add(context => OptionCompletion.Heads(words, context.WordToComplete));
        return option;
    }

    /// <summary>Teaches the shell what may stand behind the commas of an option's value.</summary>
    /// <param name="option">The option.</param>
    /// <param name="settings">Names with the words that are valid for each; none where a person chooses.</param>
    internal static Option<T> Completing<T>(this Option<T> option, params (string Name, IReadOnlyList<string> Words)[] settings)
    {
        option.CompletionSources.Add(context => OptionCompletion.Settings(settings, context.WordToComplete));
        return option;
    }

    private static T? Read<T>(ArgumentResult result, string text, Func<string, T?> parse)
    {
        try
        {
            return parse(text);
        }
        catch (ConfigurationException error)
        {
            result.AddError(error.Message);
            return default;
        }
    }

    private sealed class DocumentedOption<T>(string name, string? fallback, bool repeatable) : Option<T>(name), IDocumentedOption
    {
        public string? Fallback { get; } = fallback;

        public bool Repeatable { get; } = repeatable;
    }
}
