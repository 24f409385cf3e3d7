namespace Nacelle.Configuration;

/// <summary>An attribute of a text, with its place.</summary>
/// <param name="Name">Its name as it stands there.</param>
/// <param name="Start">Offset of its name.</param>
/// <param name="ValueStart">Offset of its value, behind the quote.</param>
/// <param name="ValueEnd">Offset of the quote behind its value.</param>
internal readonly record struct XmlSourceAttribute(string Name, int Start, int ValueStart, int ValueEnd);

/// <summary>An element of a text that was read without a problem, with its places. For one thread.</summary>
internal sealed class XmlSourceElement
{
    /// <summary>Its name as it stands there, prefix included.</summary>
    public required string Tag { get; init; }

    /// <summary>Its namespace; empty for none.</summary>
    public required string Namespace { get; init; }

    /// <summary>Offset of its "&lt;".</summary>
    public required int Start { get; init; }

    /// <summary>Offset behind its start tag.</summary>
    public required int TagEnd { get; init; }

    /// <summary>Whether it is one tag.</summary>
    public required bool IsEmptyTag { get; init; }

    /// <summary>Offset of its end tag; of one tag, behind it.</summary>
    public int CloseStart { get; set; }

    /// <summary>Offset behind it.</summary>
    public int End { get; set; }

    /// <summary>Its attributes, declarations of namespaces included.</summary>
    public List<XmlSourceAttribute> Attributes { get; } = [];

    /// <summary>Its child elements.</summary>
    public List<XmlSourceElement> Children { get; } = [];

    /// <summary>Its name without the prefix.</summary>
    public string Name => Tag[(Tag.IndexOf(':', StringComparison.Ordinal) + 1)..];

    /// <summary>Finds the places of all elements.</summary>
    /// <param name="text">Well-formed XML without a document type.</param>
    /// <returns>The root; null where there is none.</returns>
    internal static XmlSourceElement? Read(string text)
    {
        Stack<(XmlSourceElement Element, Dictionary<string, string> Prefixes)> open = new();
        XmlSourceElement? root = null;
        int at = 0;
        while ((at = text.IndexOf('<', at)) >= 0)
        {
            ReadOnlySpan<char> rest = text.AsSpan(at);
            string? end = rest.StartsWith("<!--") ? "-->" : rest.StartsWith("<![CDATA[") ? "]]>" : rest.StartsWith("<?") ? "?>" : rest.StartsWith("</") ? ">" : null;
            if (end is not null)
            {
                int behind = text.IndexOf(end, at, StringComparison.Ordinal) + end.Length;
                if (rest.StartsWith("</"))
                {
                    XmlSourceElement closed = open.Pop().Element;
                    closed.CloseStart = at;
                    closed.End = behind;
                }

                at = behind;
                continue;
            }

            Dictionary<string, string> prefixes = open.TryPeek(out var parent) ? parent.Prefixes : [];
            XmlSourceElement element = ReadTag(text, at, ref prefixes);
            if (parent.Element is not null)
            {
                parent.Element.Children.Add(element);
            }

            root ??= element;
            at = element.TagEnd;
            if (!element.IsEmptyTag)
            {
                open.Push((element, prefixes));
            }
        }

        return root;
    }

    private static XmlSourceElement ReadTag(string text, int start, ref Dictionary<string, string> prefixes)
    {
        int at = start + 1;
        int nameEnd = EndOfName(text, at);
        string tag = text[at..nameEnd];
        List<XmlSourceAttribute> attributes = [];
        at = nameEnd;
        while (true)
        {
            at = SkipBlanks(text, at);
            if (text[at] is '>' or '/')
            {
                break;
            }

            int name = at;
            int end = EndOfName(text, at);
            int quote = SkipBlanks(text, SkipBlanks(text, end) + 1);
            int close = text.IndexOf(text[quote], quote + 1);
            attributes.Add(new XmlSourceAttribute(text[name..end], name, quote + 1, close));
            at = close + 1;
        }

        if (attributes.Exists(attribute => attribute.Name.StartsWith("xmlns", StringComparison.Ordinal)))
        {
            prefixes = new Dictionary<string, string>(prefixes);
            foreach (XmlSourceAttribute attribute in attributes)
            {
                if (attribute.Name == "xmlns" || attribute.Name.StartsWith("xmlns:", StringComparison.Ordinal))
                {
                    prefixes[attribute.Name.Length > 5 ? attribute.Name[6..] : ""] = text[attribute.ValueStart..attribute.ValueEnd];
                }
            }
        }

        bool isEmpty = text[at] == '/';
        int behind = text.IndexOf('>', at) + 1;
        int colon = tag.IndexOf(':', StringComparison.Ordinal);
        XmlSourceElement element = new()
        {
            Tag = tag,
            Namespace = prefixes.GetValueOrDefault(colon < 0 ? "" : tag[..colon], ""),
            Start = start,
            TagEnd = behind,
            IsEmptyTag = isEmpty,
            CloseStart = behind,
            End = behind,
        };
        element.Attributes.AddRange(attributes);
        return element;
    }

    private static int EndOfName(string text, int at)
    {
        while (text[at] is not ('>' or '/' or '=') && !char.IsWhiteSpace(text[at]))
        {
            at++;
        }

        return at;
    }

    private static int SkipBlanks(string text, int at)
    {
        while (char.IsWhiteSpace(text[at]))
        {
            at++;
        }

        return at;
    }
}
