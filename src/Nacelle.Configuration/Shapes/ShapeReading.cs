namespace Nacelle.Configuration;

/// <summary>What reading a document leaves beside the configuration: places, problems and what was not understood. For one thread.</summary>
internal sealed class ShapeReading
{
    /// <summary>Most problems that are collected; a document with more is not worth more.</summary>
    private const int MostProblems = 100;

    /// <summary>Where the values of the configuration stand, by JSON pointer.</summary>
    public Dictionary<string, SourcePlace> Places { get; } = new(StringComparer.Ordinal);

    /// <summary>What is wrong.</summary>
    public List<ConfigurationProblem> Problems { get; } = [];

    /// <summary>Elements and attributes that nothing is known of.</summary>
    public List<UnknownPart> Unknown { get; } = [];

    /// <summary>Notes where a value stands; the first place counts.</summary>
    public void Place(string pointer, SourcePosition position, string label) => Places.TryAdd(pointer, new SourcePlace(position, label));

    /// <summary>Notes something wrong.</summary>
    public void Refuse(SourcePosition position, string message)
    {
        if (Problems.Count < MostProblems)
        {
            Problems.Add(new ConfigurationProblem(position, message));
        }
    }
}

/// <summary>Where a part of a configuration stands in the text that it was read from.</summary>
/// <param name="Position">The place.</param>
/// <param name="Label">What stands there, such as "&lt;disk&gt;" or "attribute 'bus' of &lt;target&gt;".</param>
public sealed record SourcePlace(SourcePosition Position, string Label);

/// <summary>Something in a text that cannot be part of a configuration.</summary>
/// <param name="Position">Where it stands.</param>
/// <param name="Message">What is wrong and what is valid.</param>
public sealed record ConfigurationProblem(SourcePosition Position, string Message);

/// <summary>A part of domain XML that nothing is known of here. It is in no configuration.</summary>
/// <param name="Place">Where it stands.</param>
/// <param name="Parent">JSON pointer of what it stands in.</param>
/// <param name="Path">Names of the elements from the root to it, such as domain/devices/disk/@colour.</param>
public sealed record UnknownPart(SourcePlace Place, string Parent, string Path)
{
    /// <summary>What it is, such as "unknown element &lt;vcpus&gt;".</summary>
    public string Message
    {
        get
        {
            const string text = "the text of ";
            return Place.Label switch
            {
                ['<', ..] => $"unknown element {Place.Label}",
                string label when label.StartsWith(text, StringComparison.Ordinal) => $"unknown element {label[text.Length..]} with text",
                string label => $"unknown {label}",
            };
        }
    }
}
