namespace Nacelle.Cli;

/// <summary>A command line that does something, and what it does.</summary>
/// <param name="Purpose">What it does, beginning with a verb.</param>
/// <param name="Line">The command line as typed.</param>
internal sealed record Example(string Purpose, string Line);

/// <summary>A table of a command's help beyond its options.</summary>
/// <param name="Title">What is in it.</param>
/// <param name="Rows">A word and what it means.</param>
/// <param name="Word">The word behind --help that shows the table alone; null for one that is part of the command's help.</param>
internal sealed record Topic(string Title, IReadOnlyList<(string Word, string Meaning)> Rows, string? Word = null);

/// <summary>What help says of a command beyond its name, description and options.</summary>
/// <param name="Usage">The form of the command line.</param>
/// <param name="Examples">From the plainest on.</param>
/// <param name="Topics">Further tables.</param>
internal sealed record CommandPage(string Usage, IReadOnlyList<Example> Examples, IReadOnlyList<Topic> Topics);

/// <summary>A command that knows its help.</summary>
internal interface IDocumentedCommand
{
    /// <summary>What help says of it.</summary>
    CommandPage Page { get; }
}

/// <summary>An option that knows what its default is called.</summary>
internal interface IDocumentedOption
{
    /// <summary>The default as it would be typed; null for none.</summary>
    string? Fallback { get; }

    /// <summary>Whether it may be given many times.</summary>
    bool Repeatable { get; }
}
