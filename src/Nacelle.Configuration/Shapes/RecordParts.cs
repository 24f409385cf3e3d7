using System.Collections.Immutable;
using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>A child element whose attributes and children are properties of the same record. Immutable.</summary>
/// <param name="body">Its parts.</param>
/// <param name="whenEmpty">What it means with nothing in it; null for nothing.</param>
/// <param name="property">The list that it is there for; null where it is there for several properties.</param>
internal sealed class GroupPart<T>(XmlShape<T> body, Func<T, T>? whenEmpty, string? property = null) : ShapePart<T> where T : class
{
    /// <inheritdoc/>
    public override T ReadElement(T target, XmlTreeElement element, string pointer, string path, ShapeReading reading)
    {
        if (property is not null)
        {
            reading.Place($"{pointer}/{property}", element.Position, $"<{element.Name}>");
        }

        // One that must be there says what it lacks.
        if (!element.IsEmpty || (IsRequired && whenEmpty is null))
        {
            return body.Read(target, element, pointer, path, reading);
        }

        // One with nothing in it says nothing, to libvirt as here.
        return whenEmpty is null ? target : whenEmpty(target);
    }

    /// <inheritdoc/>
    public override void Write(T source, XmlTreeElement element)
    {
        XmlTreeElement child = new(Namespace, ElementName!, default);
        body.Write(source, child);
        if (!child.IsEmpty)
        {
            element.Children.Add(child);
        }
    }

    /// <inheritdoc/>
    public override void Walk(T source, string pointer, IShapeVisitor visitor) => body.Walk(source, pointer, visitor);

    /// <inheritdoc/>
    public override T Complete(T target, T defaults, string pointer, IReadOnlyDictionary<string, SourcePlace> given) =>
        body.Complete(target, defaults, pointer, given);

    /// <inheritdoc/>
    public override void Describe(ShapeCatalogue catalogue) => body.Describe(catalogue);
}

/// <summary>A child element that is a record of its own. Immutable.</summary>
internal sealed class ChildPart<T, TChild>(
    Func<XmlShape<TChild>> shape, Func<TChild> create, Func<T, TChild?> get, Func<T, TChild, T> set, string property) : ShapePart<T>
    where T : class
    where TChild : class
{
    /// <inheritdoc/>
    public override T ReadElement(T target, XmlTreeElement element, string pointer, string path, ShapeReading reading)
    {
        string child = $"{pointer}/{property}";
        reading.Place(child, element.Position, $"<{element.Name}>");
        return set(target, shape().Read(create(), element, child, path, reading));
    }

    /// <inheritdoc/>
    public override void Write(T source, XmlTreeElement element)
    {
        if (get(source) is TChild value)
        {
            XmlTreeElement child = new(Namespace, ElementName!, default);
            shape().Write(value, child);
            element.Children.Add(child);
        }
    }

    /// <inheritdoc/>
    public override void Walk(T source, string pointer, IShapeVisitor visitor)
    {
        if (get(source) is TChild value)
        {
            string child = $"{pointer}/{property}";
            visitor.Record(child);
            shape().Walk(value, child, visitor);
        }
    }

    /// <inheritdoc/>
    public override T Complete(T target, T defaults, string pointer, IReadOnlyDictionary<string, SourcePlace> given)
    {
        TChild? value = get(target);
        return value is not null ? set(target, shape().Complete(value, create(), $"{pointer}/{property}", given))
            : get(defaults) is TChild other ? set(target, other)
            : target;
    }

    /// <inheritdoc/>
    public override void Describe(ShapeCatalogue catalogue) => shape().Describe(catalogue);
}

/// <summary>Child elements that are records of their own. Immutable.</summary>
internal sealed class ManyPart<T, TChild>(
    Func<XmlShape<TChild>> shape, Func<TChild> create, Func<T, ImmutableArray<TChild>> get, Func<T, ImmutableArray<TChild>, T> set, string property)
    : ShapePart<T>
    where T : class
    where TChild : class
{
    /// <inheritdoc/>
    public override bool IsRepeatable => true;

    /// <inheritdoc/>
    public override T ReadElements(T target, IReadOnlyList<XmlTreeElement> elements, string pointer, string path, ShapeReading reading)
    {
        ImmutableArray<TChild> before = get(target);
        ImmutableArray<TChild>.Builder items = ImmutableArray.CreateBuilder<TChild>(before.Length + elements.Count);
        items.AddRange(before);
        foreach (XmlTreeElement element in elements)
        {
            string child = Pointer(pointer, items.Count);
            reading.Place(child, element.Position, $"<{element.Name}>");
            items.Add(shape().Read(create(), element, child, path, reading));
        }

        return set(target, items.MoveToImmutable());
    }

    /// <inheritdoc/>
    public override void Write(T source, XmlTreeElement element)
    {
        foreach (TChild value in get(source))
        {
            XmlTreeElement child = new(Namespace, ElementName!, default);
            shape().Write(value, child);
            element.Children.Add(child);
        }
    }

    /// <inheritdoc/>
    public override void Walk(T source, string pointer, IShapeVisitor visitor)
    {
        ImmutableArray<TChild> values = get(source);
        for (int i = 0; i < values.Length; i++)
        {
            string child = Pointer(pointer, i);
            visitor.Record(child);
            shape().Walk(values[i], child, visitor);
        }
    }

    /// <inheritdoc/>
    public override T Complete(T target, T defaults, string pointer, IReadOnlyDictionary<string, SourcePlace> given)
    {
        ImmutableArray<TChild> values = get(target);
        return set(target, values.IsDefault
            ? []
            : [.. values.Select((value, index) => Complete(value, Pointer(pointer, index), given))]);
    }

    /// <inheritdoc/>
    public override void Describe(ShapeCatalogue catalogue) => shape().Describe(catalogue);

    private TChild Complete(TChild? value, string pointer, IReadOnlyDictionary<string, SourcePlace> given) => value is null
        ? throw new ConfigurationSyntaxException($"{pointer}: null is no element of a list", given[pointer].Position)
        : shape().Complete(value, create(), pointer, given);

    private string Pointer(string pointer, int index) => string.Create(CultureInfo.InvariantCulture, $"{pointer}/{property}/{index}");
}
