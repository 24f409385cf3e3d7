namespace Nacelle.Configuration;

/// <summary>
/// The elements of a machine that are still to be said in arguments for QEMU, and the arguments so far. What is said is taken out of
/// the tree, so that what is left is what cannot be said. For one thread.
/// </summary>
internal sealed class QemuWriting
{
    private int _made;

    /// <summary>Begins.</summary>
    /// <param name="root">The domain, which is used up.</param>
    public QemuWriting(XmlTreeElement root)
    {
        Root = root;
        Devices = Child(root, "devices") ?? new XmlTreeElement("", "devices", default);
        Machine = Child(root, "os") is XmlTreeElement os && Child(os, "type") is XmlTreeElement type ? Peek(type, "@machine") ?? "pc" : "pc";
    }

    /// <summary>The domain.</summary>
    public XmlTreeElement Root { get; }

    /// <summary>Its devices.</summary>
    public XmlTreeElement Devices { get; }

    /// <summary>The board's name.</summary>
    public string Machine { get; }

    /// <summary>Whether the board has PCI Express and SATA.</summary>
    public bool IsQ35 => Machine.Contains("q35", StringComparison.Ordinal);

    /// <summary>The arguments so far.</summary>
    public List<string> Arguments { get; } = [];

    /// <summary>What is wrong beside what is left, in words.</summary>
    public List<string> Refusals { get; } = [];

    /// <summary>Adds an option.</summary>
    public void Add(string option, params ReadOnlySpan<string> value)
    {
        Arguments.Add(option);
        if (value.Length != 0)
        {
            Arguments.Add(string.Join(',', value));
        }
    }

    /// <summary>A name for something that nobody else names.</summary>
    public string Make(string kind) => $"{QemuDeviceOption.MadePrefix}{kind}-{QemuNumbers.Format(_made++)}";

    /// <summary>A setting; a comma is written twice.</summary>
    public static string Setting(string name, string value) => $"{name}={value.Replace(",", ",,", StringComparison.Ordinal)}";

    /// <summary>The first child of a name.</summary>
    public static XmlTreeElement? Child(XmlTreeElement element, string name) => element.Children.Find(child => child.Name == name);

    /// <summary>A value without taking it.</summary>
    public static string? Peek(XmlTreeElement element, string path) => Find(element, path) switch
    {
        (XmlTreeElement found, string name) => found.Attributes.Find(attribute => attribute.Name == name)?.Value,
        (XmlTreeElement found, null) => found.Text.Length == 0 && !found.IsEmpty ? null : found.Text,
        _ => null,
    };

    /// <summary>Takes a value.</summary>
    /// <param name="element">Where the path begins.</param>
    /// <param name="path">Elements with slashes between, an attribute after @ at the end.</param>
    /// <returns>Null where there is none.</returns>
    public static string? Take(XmlTreeElement element, string path)
    {
        string? value = Peek(element, path);
        if (value is null || Find(element, path) is not (XmlTreeElement found, string or null) at)
        {
            return null;
        }

        if (at.Attribute is string name)
        {
            found.Attributes.RemoveAll(attribute => attribute.Name == name);
        }
        else
        {
            found.Text = "";
        }

        Prune(element, path);
        return value;
    }

    /// <summary>Takes a value where it is one of some.</summary>
    public static bool TakeIf(XmlTreeElement element, string path, params ReadOnlySpan<string> values) =>
        Peek(element, path) is string value && values.Contains(value) && Take(element, path) is not null;

    /// <summary>Takes a size in bytes.</summary>
    public static ulong? TakeSize(XmlTreeElement element, string path)
    {
        string? unit = Peek(element, path + "/@unit");
        if (unit is null || Peek(element, path) is not string number || ScaledSize.TryParse(number, ScaledSize.BytesOf(unit)) is not ulong bytes)
        {
            return null;
        }

        Take(element, path + "/@unit");
        Take(element, path);
        return bytes;
    }

    /// <summary>Takes a value and writes it as a setting where it is given.</summary>
    public static void Move(XmlTreeElement element, string path, List<string> to, string name, QemuValueKind kind = QemuValueKind.Text)
    {
        string? text = kind == QemuValueKind.Size ? (TakeSize(element, path) is ulong bytes ? QemuNumbers.Format(bytes) : null) : Take(element, path);
        string? value = kind switch
        {
            _ when text is null => null,
            QemuValueKind.YesNo => text == "yes" ? "on" : "off",
            QemuValueKind.Flag => "on",
            QemuValueKind.Kibibytes => QemuNumbers.Format(ulong.Parse(text, System.Globalization.CultureInfo.InvariantCulture) << 10),
            QemuValueKind.Mebibytes => QemuNumbers.Format(ulong.Parse(text, System.Globalization.CultureInfo.InvariantCulture) >> 10),
            _ => text,
        };
        if (value is not null)
        {
            to.Add(Setting(name, value));
        }
    }

    /// <summary>Paths of all that is left.</summary>
    public IReadOnlyList<string> Left()
    {
        List<string> left = [.. Refusals];
        Collect(Root, "", left);
        return left;
    }

    private static void Collect(XmlTreeElement element, string path, List<string> left)
    {
        string at = $"{path}<{element.Name}>";
        left.AddRange(element.Attributes.Select(attribute => $"{at} {attribute.Name}='{attribute.Value}'"));
        if (element.Text.Length != 0)
        {
            left.Add($"{at} {element.Text}");
        }

        foreach (XmlTreeElement child in element.Children)
        {
            if (child.IsEmpty)
            {
                left.Add($"{at}<{child.Name}>");
            }

            Collect(child, element.Name is "domain" or "devices" ? "" : at, left);
        }
    }

    private static (XmlTreeElement Element, string? Attribute)? Find(XmlTreeElement element, string path)
    {
        foreach (string step in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (step.StartsWith('@'))
            {
                return (element, step[1..]);
            }

            if (Child(element, step) is not XmlTreeElement child)
            {
                return null;
            }

            element = child;
        }

        return (element, null);
    }

    /// <summary>Takes out what became empty on a path.</summary>
    private static void Prune(XmlTreeElement element, string path)
    {
        int slash = path.IndexOf('/', StringComparison.Ordinal);
        string step = slash < 0 ? path : path[..slash];
        if (step.Length == 0 || step.StartsWith('@') || Child(element, step) is not XmlTreeElement child)
        {
            return;
        }

        if (slash >= 0)
        {
            Prune(child, path[(slash + 1)..]);
        }

        if (child.IsEmpty)
        {
            element.Children.Remove(child);
        }
    }
}
