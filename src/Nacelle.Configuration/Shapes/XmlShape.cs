using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Nacelle.Configuration;

/// <summary>
/// How a record is written as an element of domain XML: one line for each property serves reading, writing and checking, so that
/// what is read is what is written. Built once, then immutable.
/// </summary>
/// <typeparam name="T">The record.</typeparam>
internal sealed class XmlShape<T> where T : class
{
    private readonly List<ShapePart<T>> _parts = [];
    private readonly Dictionary<string, ShapePart<T>> _attributes = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Namespace, string Name), ShapePart<T>> _elements = [];
    private ShapePart<T>? _text;

    /// <summary>An attribute.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="type">How it is read and written.</param>
    /// <param name="get">Reads the property.</param>
    /// <param name="set">Gives the property a value.</param>
    /// <param name="required">Whether it must be there.</param>
    /// <param name="writing">How it is written where that depends on the record.</param>
    /// <param name="property">The property's getter as text.</param>
    public XmlShape<T> Attribute<TValue>(
        string name, TextType<TValue> type, Func<T, TValue?> get, Func<T, TValue, T> set, bool required = false,
        Func<T, TextType<TValue>>? writing = null, [CallerArgumentExpression(nameof(get))] string property = "") where TValue : struct =>
        Add(new ValuePart<T, TValue>(type, source => get(source) is TValue value ? (true, value) : default, set, PropertyName(property))
        {
            AttributeName = name,
            IsRequired = required,
            Writing = writing,
        });

    /// <summary>An attribute.</summary>
    public XmlShape<T> Attribute(
        string name, TextType<string> type, Func<T, string?> get, Func<T, string, T> set, bool required = false,
        [CallerArgumentExpression(nameof(get))] string property = "") =>
        Add(new ValuePart<T, string>(type, source => get(source) is string value ? (true, value) : default, set, PropertyName(property))
        {
            AttributeName = name,
            IsRequired = required,
        });

    /// <summary>The text of the element itself.</summary>
    public XmlShape<T> Content(
        TextType<string> type, Func<T, string?> get, Func<T, string, T> set, bool required = false,
        [CallerArgumentExpression(nameof(get))] string property = "") =>
        Add(new ValuePart<T, string>(type, source => get(source) is string value ? (true, value) : default, set, PropertyName(property))
        {
            IsText = true,
            IsRequired = required,
        });

    /// <summary>The number that is the text of the element itself.</summary>
    public XmlShape<T> Content<TValue>(
        TextType<TValue> type, Func<T, TValue?> get, Func<T, TValue, T> set, bool required = false,
        [CallerArgumentExpression(nameof(get))] string property = "") where TValue : struct =>
        Add(new ValuePart<T, TValue>(type, source => get(source) is TValue value ? (true, value) : default, set, PropertyName(property))
        {
            IsText = true,
            IsRequired = required,
        });

    /// <summary>A child element that has nothing but a text.</summary>
    public XmlShape<T> Element(
        string name, TextType<string> type, Func<T, string?> get, Func<T, string, T> set, bool required = false,
        [CallerArgumentExpression(nameof(get))] string property = "") =>
        Add(new ElementValuePart<T, string>(type, source => get(source) is string value ? (true, value) : default, set, PropertyName(property))
        {
            ElementName = name,
            IsRequired = required,
        });

    /// <summary>A child element that has nothing but a text.</summary>
    public XmlShape<T> Element<TValue>(
        string name, TextType<TValue> type, Func<T, TValue?> get, Func<T, TValue, T> set, bool required = false,
        [CallerArgumentExpression(nameof(get))] string property = "") where TValue : struct =>
        Add(new ElementValuePart<T, TValue>(type, source => get(source) is TValue value ? (true, value) : default, set, PropertyName(property))
        {
            ElementName = name,
            IsRequired = required,
        });

    /// <summary>An empty child element that means yes.</summary>
    public XmlShape<T> Flag(
        string name, Func<T, bool> get, Func<T, bool, T> set, [CallerArgumentExpression(nameof(get))] string property = "") =>
        Add(new FlagPart<T>(get, set, PropertyName(property)) { ElementName = name });

    /// <summary>A child element with a size in its text and the unit in an attribute.</summary>
    public XmlShape<T> Size(
        string name, Func<T, ulong?> get, Func<T, ulong, T> set, bool required = false, string defaultUnit = "KiB", string unitName = "unit",
        [CallerArgumentExpression(nameof(get))] string property = "") =>
        Add(new SizePart<T>(get, set, PropertyName(property), defaultUnit, unitName, null) { ElementName = name, IsRequired = required });

    /// <summary>A child element with a size in its text, the unit in an attribute and further attributes.</summary>
    public XmlShape<T> SizeWith(
        string name, Func<T, ulong?> get, Func<T, ulong, T> set, Action<XmlShape<T>> more, string defaultUnit = "KiB",
        [CallerArgumentExpression(nameof(get))] string property = "")
    {
        XmlShape<T> body = new();
        more(body);
        return Add(new SizePart<T>(get, set, PropertyName(property), defaultUnit, "unit", body) { ElementName = name });
    }

    /// <summary>A size in an attribute, the unit in another.</summary>
    public XmlShape<T> SizeAttribute(
        string name, string unitName, Func<T, ulong?> get, Func<T, ulong, T> set, string defaultUnit = "KiB",
        [CallerArgumentExpression(nameof(get))] string property = "")
    {
        SizeAttributePart<T> size = new(get, set, PropertyName(property), defaultUnit, unitName) { AttributeName = name };
        Add(size);

        // The unit is read with the size.
        _attributes.Add(unitName, size);
        return this;
    }

    /// <summary>A child element whose attributes and children are properties of the same record.</summary>
    /// <param name="name">The element.</param>
    /// <param name="build">Adds its parts.</param>
    /// <param name="whenEmpty">What the element means with nothing in it; null for nothing, which is said to whoever wrote it.</param>
    /// <param name="required">Whether the element must come.</param>
    public XmlShape<T> Group(string name, Action<XmlShape<T>> build, Func<T, T>? whenEmpty = null, bool required = false)
    {
        XmlShape<T> body = new();
        build(body);
        return Add(new GroupPart<T>(body, whenEmpty) { ElementName = name, IsRequired = required });
    }

    /// <summary>A child element that is a record of its own.</summary>
    public XmlShape<T> Child<TChild>(
        string name, Func<XmlShape<TChild>> shape, Func<TChild> create, Func<T, TChild?> get, Func<T, TChild, T> set, string ns = "",
        bool required = false, [CallerArgumentExpression(nameof(get))] string property = "") where TChild : class =>
        Add(new ChildPart<T, TChild>(shape, create, get, set, PropertyName(property)) { ElementName = name, Namespace = ns, IsRequired = required });

    /// <summary>Child elements that are records of their own.</summary>
    public XmlShape<T> Many<TChild>(
        string name, Func<XmlShape<TChild>> shape, Func<TChild> create, Func<T, ImmutableArray<TChild>> get,
        Func<T, ImmutableArray<TChild>, T> set, string ns = "", [CallerArgumentExpression(nameof(get))] string property = "") where TChild : class =>
        Add(new ManyPart<T, TChild>(shape, create, get, set, PropertyName(property)) { ElementName = name, Namespace = ns });

    /// <summary>A child element that contains nothing but child elements that are records of their own.</summary>
    public XmlShape<T> List<TChild>(
        string container, string name, Func<XmlShape<TChild>> shape, Func<TChild> create, Func<T, ImmutableArray<TChild>> get,
        Func<T, ImmutableArray<TChild>, T> set, [CallerArgumentExpression(nameof(get))] string property = "") where TChild : class
    {
        XmlShape<T> body = new();
        body.Many(name, shape, create, get, set, "", property);
        return Add(new GroupPart<T>(body, source => source, PropertyName(property)) { ElementName = container });
    }

    /// <summary>A child element with anything in it, kept as text.</summary>
    public XmlShape<T> Raw(
        string name, Func<T, string?> get, Func<T, string, T> set, string ns = "", [CallerArgumentExpression(nameof(get))] string property = "") =>
        Add(new RawPart<T>(get, set, PropertyName(property)) { ElementName = name, Namespace = ns });

    /// <summary>Parts that other records have as well.</summary>
    public XmlShape<T> With(Action<XmlShape<T>> add)
    {
        add(this);
        return this;
    }

    /// <summary>Reads an element into a record.</summary>
    /// <param name="target">The record with what is given so far.</param>
    /// <param name="element">The element.</param>
    /// <param name="pointer">The record's JSON pointer.</param>
    /// <param name="path">Names of the elements from the root to it.</param>
    /// <param name="reading">Takes places and problems.</param>
    public T Read(T target, XmlTreeElement element, string pointer, string path, ShapeReading reading)
    {
        HashSet<ShapePart<T>> seen = [];
        foreach (XmlTreeAttribute attribute in element.Attributes)
        {
            if (attribute is { Namespace: "", Value: "", Name: "file" or "dev" } && element.Name == "source")
            {
                // A path that is empty is none: so libvirt says that a drive has no medium.
                continue;
            }

            if (attribute.Namespace.Length == 0 && _attributes.TryGetValue(attribute.Name, out ShapePart<T>? part))
            {
                seen.Add(part);
                target = part is SizeAttributePart<T> size
                    ? size.ReadPair(target, attribute, element, pointer, reading)
                    : part.ReadText(target, attribute.Value, attribute.Position, $"attribute '{attribute.Name}' of <{element.Name}>", pointer, reading);
            }
            else
            {
                Unknown(reading, attribute.Position, $"attribute '{attribute.Name}' of <{element.Name}>", pointer, $"{path}/@{attribute.Name}");
            }
        }

        Dictionary<ShapePart<T>, List<XmlTreeElement>> repeated = [];
        foreach (XmlTreeElement child in element.Children)
        {
            string childPath = $"{path}/{child.Name}";
            if (!_elements.TryGetValue((child.Namespace, child.Name), out ShapePart<T>? part))
            {
                Unknown(reading, child.Position, $"<{child.Name}> in <{element.Name}>", pointer, childPath);
            }
            else if (part.IsRepeatable)
            {
                seen.Add(part);
                (CollectionsMarshal.GetValueRefOrAddDefault(repeated, part, out _) ??= []).Add(child);
            }
            else if (!seen.Add(part))
            {
                reading.Refuse(child.Position, $"<{element.Name}> has a second <{child.Name}>, and one is all that it may have: leave one out");
            }
            else
            {
                target = part.ReadElement(target, child, pointer, childPath, reading);
            }
        }

        foreach ((ShapePart<T> part, List<XmlTreeElement> children) in repeated)
        {
            target = part.ReadElements(target, children, pointer, $"{path}/{children[0].Name}", reading);
        }

        if (_text is not null && (element.Text.Length != 0 || _text.IsRequired))
        {
            seen.Add(_text);
            target = _text.ReadText(target, element.Text, element.Position, $"the text of <{element.Name}>", pointer, reading);
        }
        else if (element.Text.Length != 0)
        {
            Unknown(reading, element.Position, $"the text of <{element.Name}>", pointer, $"{path}/text()");
        }

        foreach (ShapePart<T> part in _parts)
        {
            if (part.IsRequired && !seen.Contains(part))
            {
                reading.Refuse(element.Position, part.AttributeName is string attribute
                    ? $"<{element.Name}> has no attribute '{attribute}', which it needs"
                    : $"<{element.Name}> has no <{part.ElementName}>, which it needs");
            }
        }

        return target;
    }

    /// <summary>Writes a record into an element.</summary>
    public void Write(T source, XmlTreeElement element)
    {
        foreach (ShapePart<T> part in _parts)
        {
            part.Write(source, element);
        }
    }

    /// <summary>Shows a visitor all that a record gives.</summary>
    public void Walk(T source, string pointer, IShapeVisitor visitor)
    {
        foreach (ShapePart<T> part in _parts)
        {
            part.Walk(source, pointer, visitor);
        }
    }

    /// <summary>Gives properties that JSON left out the values that a new record has.</summary>
    public T Complete(T target, T defaults, string pointer, IReadOnlyDictionary<string, SourcePlace> given)
    {
        foreach (ShapePart<T> part in _parts)
        {
            target = part.Complete(target, defaults, pointer, given);
        }

        return target;
    }

    /// <summary>Tells what values are valid.</summary>
    public void Describe(ShapeCatalogue catalogue)
    {
        if (catalogue.Enter(this))
        {
            foreach (ShapePart<T> part in _parts)
            {
                part.Describe(catalogue);
            }
        }
    }

    /// <summary>The JSON name of the property that a getter such as "disk => disk.Cache" reads.</summary>
    internal static string PropertyName(string getter) => JsonNamingPolicy.CamelCase.ConvertName(getter[(getter.LastIndexOf('.') + 1)..]);

    private XmlShape<T> Add(ShapePart<T> part)
    {
        _parts.Add(part);
        if (part.AttributeName is string attribute)
        {
            _attributes.Add(attribute, part);
        }
        else if (part.ElementName is string element)
        {
            _elements.Add((part.Namespace, element), part);
        }
        else
        {
            _text = part;
        }

        return this;
    }

    private static void Unknown(ShapeReading reading, SourcePosition position, string label, string parent, string path) =>
        reading.Unknown.Add(new UnknownPart(new SourcePlace(position, label), parent, path));
}
