namespace Nacelle.Configuration;

/// <summary>A value in an attribute or in the text of the element itself. Immutable.</summary>
internal class ValuePart<T, TValue>(
    TextType<TValue> type, Func<T, (bool Given, TValue Value)> get, Func<T, TValue, T> set, string property) : ShapePart<T>
    where T : class
{
    /// <summary>How the value is written where that depends on the record; null where it does not.</summary>
    public Func<T, TextType<TValue>>? Writing { get; init; }

    /// <inheritdoc/>
    public override T ReadText(T target, string text, SourcePosition position, string label, string pointer, ShapeReading reading)
    {
        reading.Place($"{pointer}/{property}", position, label);
        if (type.TryParse(text, out TValue value))
        {
            return set(target, value);
        }

        reading.Refuse(position, $"{label}: {type.Refuse(text)}");
        return target;
    }

    /// <inheritdoc/>
    public override void Write(T source, XmlTreeElement element)
    {
        if (get(source) is (true, TValue value))
        {
            string text = (Writing?.Invoke(source) ?? type).Format(value);
            if (AttributeName is string name)
            {
                element.Attributes.Add(new XmlTreeAttribute("", name, text, default));
            }
            else
            {
                element.Text = text;
            }
        }
    }

    /// <inheritdoc/>
    public override void Walk(T source, string pointer, IShapeVisitor visitor)
    {
        if (get(source) is (true, TValue value))
        {
            bool valid = type.IsValid(value);
            visitor.Value($"{pointer}/{property}", valid ? type.Format(value) : "", valid ? null : type.Refuse(value!.ToString() ?? ""));
        }
    }

    /// <inheritdoc/>
    public override T Complete(T target, T defaults, string pointer, IReadOnlyDictionary<string, SourcePlace> given) =>
        get(defaults) is (true, TValue value) && !given.ContainsKey($"{pointer}/{property}") ? set(target, value) : target;

    /// <inheritdoc/>
    public override void Describe(ShapeCatalogue catalogue) =>
        catalogue.Add(typeof(T), property, new ShapeValues(type.Words, type.Range, type.Expectation));
}

/// <summary>A child element that has nothing but a text. Immutable.</summary>
internal sealed class ElementValuePart<T, TValue>(
    TextType<TValue> type, Func<T, (bool Given, TValue Value)> get, Func<T, TValue, T> set, string property)
    : ValuePart<T, TValue>(type, get, set, property) where T : class
{
    private readonly Func<T, (bool Given, TValue Value)> _get = get;
    private readonly TextType<TValue> _type = type;

    /// <inheritdoc/>
    public override T ReadElement(T target, XmlTreeElement element, string pointer, string path, ShapeReading reading)
    {
        PlainText.RefuseMore(element, pointer, path, reading, []);

        // To libvirt a text that is empty is as good as none.
        if (element.Text.Length == 0 && !IsRequired && typeof(TValue) == typeof(string) && !_type.TryParse("", out _))
        {
            return target;
        }

        return ReadText(target, element.Text, element.Position, $"<{element.Name}>", pointer, reading);
    }

    /// <inheritdoc/>
    public override void Write(T source, XmlTreeElement element)
    {
        if (_get(source) is (true, TValue value))
        {
            element.Children.Add(new XmlTreeElement(Namespace, ElementName!, default) { Text = _type.Format(value) });
        }
    }
}

/// <summary>An empty child element that means yes. Immutable.</summary>
internal sealed class FlagPart<T>(Func<T, bool> get, Func<T, bool, T> set, string property) : ShapePart<T> where T : class
{
    /// <inheritdoc/>
    public override T ReadElement(T target, XmlTreeElement element, string pointer, string path, ShapeReading reading)
    {
        PlainText.RefuseMore(element, pointer, path, reading, []);
        reading.Place($"{pointer}/{property}", element.Position, $"<{element.Name}>");
        return set(target, true);
    }

    /// <inheritdoc/>
    public override void Write(T source, XmlTreeElement element)
    {
        if (get(source))
        {
            element.Children.Add(new XmlTreeElement(Namespace, ElementName!, default));
        }
    }

    /// <inheritdoc/>
    public override void Walk(T source, string pointer, IShapeVisitor visitor)
    {
        if (get(source))
        {
            visitor.Value($"{pointer}/{property}", "", null);
        }
    }

    /// <inheritdoc/>
    public override T Complete(T target, T defaults, string pointer, IReadOnlyDictionary<string, SourcePlace> given) => target;

    /// <inheritdoc/>
    public override void Describe(ShapeCatalogue catalogue)
    {
        // A switch has no values but its own.
    }
}

/// <summary>A child element kept as text with all in it, such as metadata of other programs. Immutable.</summary>
internal sealed class RawPart<T>(Func<T, string?> get, Func<T, string, T> set, string property) : ShapePart<T> where T : class
{
    /// <inheritdoc/>
    public override T ReadElement(T target, XmlTreeElement element, string pointer, string path, ShapeReading reading)
    {
        reading.Place($"{pointer}/{property}", element.Position, $"<{element.Name}>");
        return set(target, XmlTreeWriter.Write(element));
    }

    /// <inheritdoc/>
    public override void Write(T source, XmlTreeElement element)
    {
        if (get(source) is string text)
        {
            element.Children.Add(XmlTreeReader.Read(System.Text.Encoding.UTF8.GetBytes(text)));
        }
    }

    /// <inheritdoc/>
    public override void Walk(T source, string pointer, IShapeVisitor visitor)
    {
        if (get(source) is string text)
        {
            string? refusal = null;
            try
            {
                XmlTreeElement element = XmlTreeReader.Read(System.Text.Encoding.UTF8.GetBytes(text));
                refusal = element.Name == ElementName ? null : $"it is <{element.Name}>, and <{ElementName}> belongs here";
            }
            catch (ConfigurationSyntaxException error)
            {
                refusal = error.Message;
            }

            visitor.Value($"{pointer}/{property}", text, refusal);
        }
    }

    /// <inheritdoc/>
    public override T Complete(T target, T defaults, string pointer, IReadOnlyDictionary<string, SourcePlace> given) => target;

    /// <inheritdoc/>
    public override void Describe(ShapeCatalogue catalogue) =>
        catalogue.Add(typeof(T), property, new ShapeValues(null, null, $"an element <{ElementName}> as XML"));
}

/// <summary>What may not be in an element that has a plain value.</summary>
internal static class PlainText
{
    /// <summary>Notes attributes and children as not understood.</summary>
    internal static void RefuseMore(XmlTreeElement element, string pointer, string path, ShapeReading reading, ReadOnlySpan<string> attributes)
    {
        foreach (XmlTreeAttribute attribute in element.Attributes)
        {
            if (!attributes.Contains(attribute.Name))
            {
                reading.Unknown.Add(new UnknownPart(
                    new SourcePlace(attribute.Position, $"attribute '{attribute.Name}' of <{element.Name}>"), pointer, $"{path}/@{attribute.Name}"));
            }
        }

        foreach (XmlTreeElement child in element.Children)
        {
            reading.Unknown.Add(new UnknownPart(
                new SourcePlace(child.Position, $"<{child.Name}> in <{element.Name}>"), pointer, $"{path}/{child.Name}"));
        }
    }
}
