namespace Nacelle.Configuration;

/// <summary>One attribute, child element or the text of an element, and the property that it stands for. Immutable.</summary>
/// <typeparam name="T">The record that has the property.</typeparam>
internal abstract class ShapePart<T> where T : class
{
    /// <summary>Name of the attribute that this is; null where it is none.</summary>
    public string? AttributeName { get; init; }

    /// <summary>Name of the child element that this is; null where it is none.</summary>
    public string? ElementName { get; init; }

    /// <summary>The child element's namespace.</summary>
    public string Namespace { get; init; } = "";

    /// <summary>Whether it is the element's text.</summary>
    public bool IsText { get; init; }

    /// <summary>Whether the element may come several times.</summary>
    public virtual bool IsRepeatable => false;

    /// <summary>Whether an element without it is not valid.</summary>
    public bool IsRequired { get; init; }

    /// <summary>Takes an attribute or the element's text.</summary>
    public virtual T ReadText(T target, string text, SourcePosition position, string label, string pointer, ShapeReading reading) => target;

    /// <summary>Takes a child element.</summary>
    public virtual T ReadElement(T target, XmlTreeElement element, string pointer, string path, ShapeReading reading) => target;

    /// <summary>Takes all child elements of a name that may come several times, in their order.</summary>
    public virtual T ReadElements(T target, IReadOnlyList<XmlTreeElement> elements, string pointer, string path, ShapeReading reading) =>
        elements.Aggregate(target, (current, element) => ReadElement(current, element, pointer, path, reading));

    /// <summary>Writes the property into an element where it is given.</summary>
    public abstract void Write(T source, XmlTreeElement element);

    /// <summary>Shows the property to a visitor where it is given.</summary>
    /// <param name="source">The record.</param>
    /// <param name="pointer">Its JSON pointer.</param>
    /// <param name="visitor">Who is shown.</param>
    public abstract void Walk(T source, string pointer, IShapeVisitor visitor);

    /// <summary>Gives a property that JSON left out the value that a new record has.</summary>
    /// <param name="target">The record.</param>
    /// <param name="defaults">A new record.</param>
    /// <param name="pointer">The record's JSON pointer.</param>
    /// <param name="given">What JSON gave.</param>
    public abstract T Complete(T target, T defaults, string pointer, IReadOnlyDictionary<string, SourcePlace> given);

    /// <summary>Tells what values are valid.</summary>
    public abstract void Describe(ShapeCatalogue catalogue);
}

/// <summary>Is shown all that a configuration gives.</summary>
internal interface IShapeVisitor
{
    /// <summary>A value.</summary>
    /// <param name="pointer">Its JSON pointer.</param>
    /// <param name="text">As domain XML has it.</param>
    /// <param name="refusal">Why it is not valid; null where it is.</param>
    void Value(string pointer, string text, string? refusal);

    /// <summary>A record, before what it contains.</summary>
    /// <param name="pointer">Its JSON pointer.</param>
    void Record(string pointer);
}
