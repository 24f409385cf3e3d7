using System.Collections.Immutable;
using System.CommandLine;
using System.CommandLine.Parsing;
using Nacelle.Configuration;

namespace Nacelle.Cli;

/// <summary>Makes options whose values are read by a function of <c>Nacelle.Configuration</c>.</summary>
internal static class OptionFactory
{
    /// <summary>An option that has to come, once.</summary>
    internal static Option<T> Required<T>(string name, string value, string description, Func<string, T> parse) => new(name)
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
    /// <param name="fallback">The value when the option is not given.</param>
    internal static Option<T> Single<T>(string name, string value, string description, Func<string, T> parse, T fallback) => new(name)
    {
        HelpName = value,
        Description = description,
        Arity = ArgumentArity.ExactlyOne,
        DefaultValueFactory = _ => fallback,
        CustomParser = result => Read(result, result.Tokens[0].Value, parse),
    };

    /// <summary>An option that may come many times.</summary>
    internal static Option<ImmutableArray<T>> Many<T>(string name, string value, string description, Func<string, T?> parse)
        where T : class => new(name)
        {
            HelpName = value,
            Description = description,
            Arity = ArgumentArity.OneOrMore,
            AllowMultipleArgumentsPerToken = false,
            DefaultValueFactory = _ => [],
            CustomParser = result =>
            {
                ImmutableArray<T>.Builder values = ImmutableArray.CreateBuilder<T>();
                foreach (Token token in result.Tokens)
                {
                    if (Read(result, token.Value, parse) is T parsed)
                    {
                        values.Add(parsed);
                    }
                }

                return values.ToImmutable();
            },
        };

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
}
