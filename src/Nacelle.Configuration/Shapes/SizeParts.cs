namespace Nacelle.Configuration;

/// <summary>A child element with a size in its text and the unit in an attribute. Immutable.</summary>
internal sealed class SizePart<T>(
    Func<T, ulong?> get, Func<T, ulong, T> set, string property, string defaultUnit, string unitName, XmlShape<T>? more) : ShapePart<T>
    where T : class
{
    /// <inheritdoc/>
    public override T ReadElement(T target, XmlTreeElement element, string pointer, string path, ShapeReading reading)
    {
        reading.Place($"{pointer}/{property}", element.Position, $"<{element.Name}>");
        XmlTreeAttribute? unit = element.Attributes.Find(attribute => attribute.Name == unitName);
        if (SizeText.Read(element.Text, unit, defaultUnit, element.Position, $"<{element.Name}>", reading) is ulong bytes)
        {
            target = set(target, bytes);
        }

        if (more is null)
        {
            PlainText.RefuseMore(element, pointer, path, reading, [unitName]);
            return target;
        }

        XmlTreeElement rest = new(element.Namespace, element.Name, element.Position);
        rest.Attributes.AddRange(element.Attributes.Where(attribute => attribute != unit));
        rest.Children.AddRange(element.Children);
        return more.Read(target, rest, pointer, path, reading);
    }

    /// <inheritdoc/>
    public override void Write(T source, XmlTreeElement element)
    {
        if (get(source) is ulong bytes)
        {
            (string number, string unit) = ScaledSize.Format(bytes);
            XmlTreeElement child = new(Namespace, ElementName!, default) { Text = number };
            more?.Write(source, child);
            child.Attributes.Add(new XmlTreeAttribute("", unitName, unit, default));
            element.Children.Add(child);
        }
    }

    /// <inheritdoc/>
    public override void Walk(T source, string pointer, IShapeVisitor visitor)
    {
        if (get(source) is ulong bytes)
        {
            visitor.Value($"{pointer}/{property}", SizeText.Describe(bytes), SizeText.Refuse(bytes));
            more?.Walk(source, pointer, visitor);
        }
    }

    /// <inheritdoc/>
    public override T Complete(T target, T defaults, string pointer, IReadOnlyDictionary<string, SourcePlace> given) =>
        more?.Complete(target, defaults, pointer, given) ?? target;

    /// <inheritdoc/>
    public override void Describe(ShapeCatalogue catalogue)
    {
        catalogue.Add(typeof(T), property, new ShapeValues(null, (0, long.MaxValue), "a number of bytes"));
        more?.Describe(catalogue);
    }
}

/// <summary>A size in an attribute with the unit in another. Immutable.</summary>
internal sealed class SizeAttributePart<T>(Func<T, ulong?> get, Func<T, ulong, T> set, string property, string defaultUnit, string unitName)
    : ShapePart<T> where T : class
{
    /// <summary>Reads the size with the unit that stands beside it.</summary>
    public T ReadPair(T target, XmlTreeAttribute attribute, XmlTreeElement element, string pointer, ShapeReading reading)
    {
        if (attribute.Name == unitName)
        {
            return target;
        }

        string label = $"attribute '{attribute.Name}' of <{element.Name}>";
        reading.Place($"{pointer}/{property}", attribute.Position, label);
        XmlTreeAttribute? unit = element.Attributes.Find(candidate => candidate.Name == unitName);
        return SizeText.Read(attribute.Value, unit, defaultUnit, attribute.Position, label, reading) is ulong bytes ? set(target, bytes) : target;
    }

    /// <inheritdoc/>
    public override void Write(T source, XmlTreeElement element)
    {
        if (get(source) is ulong bytes)
        {
            (string number, string unit) = ScaledSize.Format(bytes);
            element.Attributes.Add(new XmlTreeAttribute("", AttributeName!, number, default));
            element.Attributes.Add(new XmlTreeAttribute("", unitName, unit, default));
        }
    }

    /// <inheritdoc/>
    public override void Walk(T source, string pointer, IShapeVisitor visitor)
    {
        if (get(source) is ulong bytes)
        {
            visitor.Value($"{pointer}/{property}", SizeText.Describe(bytes), SizeText.Refuse(bytes));
        }
    }

    /// <inheritdoc/>
    public override T Complete(T target, T defaults, string pointer, IReadOnlyDictionary<string, SourcePlace> given) => target;

    /// <inheritdoc/>
    public override void Describe(ShapeCatalogue catalogue) =>
        catalogue.Add(typeof(T), property, new ShapeValues(null, (0, long.MaxValue), "a number of bytes"));
}

/// <summary>Sizes with their unit beside them. Stateless.</summary>
internal static class SizeText
{
    internal static ulong? Read(string text, XmlTreeAttribute? unit, string defaultUnit, SourcePosition position, string label, ShapeReading reading)
    {
        ulong scale = ScaledSize.BytesOf(unit?.Value ?? defaultUnit);
        if (scale == 0)
        {
            reading.Refuse(unit!.Position, $"{label}: {NearestName.Refusal("unit", unit.Value, ScaledSize.Units)}");
            return null;
        }

        if (ScaledSize.TryParse(text, scale) is not ulong bytes)
        {
            string shown = text.Length <= 40 ? text : text[..37] + "...";
            reading.Refuse(position, $"{label}: '{shown}' is not a size: give a whole number of {unit?.Value ?? defaultUnit}, below 8 EiB in all");
            return null;
        }

        return bytes;
    }

    internal static string Describe(ulong bytes)
    {
        (string number, string unit) = ScaledSize.Format(bytes);
        return $"{number} {unit}";
    }

    internal static string? Refuse(ulong bytes) => bytes <= long.MaxValue ? null : $"{bytes} is more than 8 EiB";
}
