using System.Text;
using System.Xml;

namespace Nacelle.Configuration;

/// <summary>
/// Reads XML that nobody vouches for. No document type, entity or external reference is followed, and size, depth and number of
/// elements are bounded, so that time and memory are as well. Stateless.
/// </summary>
internal static class XmlTreeReader
{
    /// <summary>Longest document in bytes. Domain XML of libvirt has some kilobytes; 4 MiB is its own bound for one RPC string.</summary>
    internal const int LongestDocument = 4 << 20;

    /// <summary>Deepest nesting of elements.</summary>
    internal const int DeepestNesting = 64;

    /// <summary>Most elements and attributes together.</summary>
    internal const int MostNodes = 200_000;

    /// <summary>Reads a document.</summary>
    /// <exception cref="ConfigurationSyntaxException">It is not well-formed XML, or beyond the bounds.</exception>
    internal static XmlTreeElement Read(byte[] document)
    {
        if (document.Length > LongestDocument)
        {
            throw new ConfigurationSyntaxException(
                $"the document has {document.Length} bytes: domain XML may have {LongestDocument}", new SourcePosition(1, 1));
        }

        XmlReaderSettings settings = new()
        {
            DtdProcessing = DtdProcessing.Prohibit,
            XmlResolver = null,
            IgnoreComments = true,
            IgnoreProcessingInstructions = true,
            MaxCharactersInDocument = LongestDocument,
            CloseInput = true,
        };
        using XmlReader reader = XmlReader.Create(new MemoryStream(document, writable: false), settings);
        try
        {
            return Read(reader);
        }
        catch (XmlException error)
        {
            SourcePosition position = error.LineNumber > 0 ? new(error.LineNumber, error.LinePosition) : Locate(document, error);
            throw new ConfigurationSyntaxException(Explain(error), position, error);
        }
        catch (Exception error) when (error is DecoderFallbackException or ArgumentException)
        {
            throw new ConfigurationSyntaxException(
                "the bytes are not text in the encoding that the document declares: save it as UTF-8", Position((IXmlLineInfo)reader), error);
        }
    }

    private static XmlTreeElement Read(XmlReader reader)
    {
        IXmlLineInfo lines = (IXmlLineInfo)reader;
        Stack<XmlTreeElement> open = new();
        Stack<StringBuilder?> texts = new();
        XmlTreeElement? root = null;
        int nodes = 0;
        while (reader.Read())
        {
            switch (reader.NodeType)
            {
                case XmlNodeType.Element:
                    XmlTreeElement element = new(reader.NamespaceURI, reader.LocalName, Position(lines)) { Prefix = reader.Prefix };
                    bool isEmpty = reader.IsEmptyElement;
                    nodes += 1 + ReadAttributes(reader, lines, element);
                    if (nodes > MostNodes)
                    {
                        throw new ConfigurationSyntaxException($"the document has more than {MostNodes} elements and attributes", element.Position);
                    }

                    if (open.TryPeek(out XmlTreeElement? parent))
                    {
                        parent.Children.Add(element);
                    }

                    root ??= element;
                    if (!isEmpty)
                    {
                        open.Push(element);
                        texts.Push(null);
                        if (open.Count > DeepestNesting)
                        {
                            throw new ConfigurationSyntaxException($"elements are nested more than {DeepestNesting} deep", element.Position);
                        }
                    }

                    break;
                case XmlNodeType.EndElement:
                    XmlTreeElement closed = open.Pop();
                    closed.Text = texts.Pop()?.ToString() ?? "";
                    if (string.IsNullOrWhiteSpace(closed.Text))
                    {
                        closed.Text = "";
                    }

                    break;
                case XmlNodeType.Text or XmlNodeType.CDATA or XmlNodeType.SignificantWhitespace:
                    StringBuilder text = texts.Pop() ?? new StringBuilder();
                    text.Append(reader.Value);
                    texts.Push(text);
                    break;
                default:
                    break;
            }
        }

        return root!;
    }

    private static int ReadAttributes(XmlReader reader, IXmlLineInfo lines, XmlTreeElement element)
    {
        int count = 0;
        while (reader.MoveToNextAttribute())
        {
            count++;
            if (reader.NamespaceURI != "http://www.w3.org/2000/xmlns/")
            {
                element.Attributes.Add(new XmlTreeAttribute(reader.NamespaceURI, reader.LocalName, reader.Value, Position(lines)));
            }
        }

        return count;
    }

    private static SourcePosition Position(IXmlLineInfo lines) => new(lines.LineNumber, lines.LinePosition);

    /// <summary>The place of what the parser gives none for: a document type, an encoding that is not the document's, the end.</summary>
    private static SourcePosition Locate(byte[] document, XmlException error)
    {
        ReadOnlySpan<byte> text = document;
        int at = IsDocumentType(error) ? After(text, "<!DOCTYPE"u8, " \t\r\n"u8) : After(text, "encoding="u8, "'\""u8);
        if (at < 0 || (!IsDocumentType(error) && !error.Message.Contains("Unicode", StringComparison.Ordinal)))
        {
            at = text.Length;
        }

        int line = text[..at].Count((byte)'\n');
        return new SourcePosition(line + 1, at - text[..at].LastIndexOf((byte)'\n'));
    }

    private static int After(ReadOnlySpan<byte> text, ReadOnlySpan<byte> word, ReadOnlySpan<byte> between)
    {
        int at = text.IndexOf(word);
        if (at < 0)
        {
            return -1;
        }

        at += word.Length;
        int rest = text[at..].IndexOfAnyExcept(between);
        return rest < 0 ? text.Length : at + rest;
    }

    private static bool IsDocumentType(XmlException error) => error.Message.Contains("DTD is prohibited", StringComparison.Ordinal);

    /// <summary>The parser's sentence, without the place, which stands before it.</summary>
    private static string Explain(XmlException error)
    {
        if (IsDocumentType(error))
        {
            return "a document type (<!DOCTYPE …>) is not taken: domain XML has none, and entities can be used to exhaust memory or to read files; leave it out";
        }

        int place = error.Message.IndexOf(" Line ", StringComparison.Ordinal);
        string sentence = place < 0 ? error.Message : error.Message[..place];
        return "not well-formed XML: " + sentence.TrimEnd('.');
    }
}
