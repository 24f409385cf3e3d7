namespace Nacelle.Configuration;

/// <summary>An attribute with its place.</summary>
/// <param name="Namespace">Its namespace; empty for none.</param>
/// <param name="Name">Its local name.</param>
/// <param name="Value">Its value.</param>
/// <param name="Position">Where its name begins.</param>
internal sealed record XmlTreeAttribute(string Namespace, string Name, string Value, SourcePosition Position);

/// <summary>An element of an XML document with places: what was read, or what is to be written. For one thread.</summary>
/// <param name="ns">Its namespace; empty for none.</param>
/// <param name="name">Its local name.</param>
/// <param name="position">Where its name begins.</param>
internal sealed class XmlTreeElement(string ns, string name, SourcePosition position)
{
    /// <summary>Its namespace; empty for none.</summary>
    public string Namespace { get; } = ns;

    /// <summary>Its local name.</summary>
    public string Name { get; } = name;

    /// <summary>Where its name begins.</summary>
    public SourcePosition Position { get; } = position;

    /// <summary>The prefix that its namespace was given; empty for none.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>Attributes in order, namespace declarations left out.</summary>
    public List<XmlTreeAttribute> Attributes { get; } = [];

    /// <summary>Child elements in order.</summary>
    public List<XmlTreeElement> Children { get; } = [];

    /// <summary>The text between its tags, child elements left out.</summary>
    public string Text { get; set; } = "";

    /// <summary>Whether it has neither attributes, children nor text.</summary>
    public bool IsEmpty => Attributes.Count == 0 && Children.Count == 0 && Text.Length == 0;
}
