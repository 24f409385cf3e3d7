namespace Nacelle.Configuration;

/// <summary>How values of one type are written in text: attributes and elements of domain XML. Immutable.</summary>
/// <typeparam name="TValue">The type.</typeparam>
internal abstract class TextType<TValue>
{
    /// <summary>What is valid, to follow "give", such as "a number from 0 to 31".</summary>
    public abstract string Expectation { get; }

    /// <summary>All words that are valid; null where there is no list.</summary>
    public virtual IReadOnlyList<string>? Words => null;

    /// <summary>Least and greatest number; null where it is none.</summary>
    public virtual (ulong Least, ulong Most)? Range => null;

    /// <summary>Reads a value.</summary>
    /// <returns>False where it is not one.</returns>
    public abstract bool TryParse(string text, out TValue value);

    /// <summary>Writes a value.</summary>
    public abstract string Format(TValue value);

    /// <summary>Whether a value that did not come from text is valid.</summary>
    public virtual bool IsValid(TValue value) => true;

    /// <summary>Says why a text is not a value.</summary>
    public virtual string Refuse(string text) => Words is { Count: <= 60 } words
        ? NearestName.Refusal("value", text, words)
        : $"'{Shorten(text)}' is not valid: give {Expectation}";

    private static string Shorten(string text) => text.Length <= 80 ? text : string.Concat(text.AsSpan(0, 77), "...");
}
