using System.Text;
using System.Xml;

namespace Nacelle.Configuration;

/// <summary>Writes elements as libvirt does: two spaces for each level, one attribute after the other. Stateless.</summary>
internal static class XmlTreeWriter
{
    /// <summary>Writes an element with all below it, without an XML declaration.</summary>
    /// <param name="element">What to write.</param>
    /// <param name="prefixes">Prefixes of namespaces that are declared at the element.</param>
    internal static string Write(XmlTreeElement element, params IReadOnlyList<KeyValuePair<string, string>> prefixes)
    {
        StringBuilder text = new();
        XmlWriterSettings settings = new()
        {
            Indent = true,
            IndentChars = "  ",
            NewLineChars = "\n",
            OmitXmlDeclaration = true,
            ConformanceLevel = ConformanceLevel.Fragment,
        };
        using (XmlWriter writer = XmlWriter.Create(text, settings))
        {
            Write(writer, element, prefixes);
        }

        return text.Append('\n').ToString();
    }

    private static void Write(XmlWriter writer, XmlTreeElement element, IReadOnlyList<KeyValuePair<string, string>> prefixes)
    {
        if (element.Prefix.Length != 0)
        {
            writer.WriteStartElement(element.Prefix, element.Name, element.Namespace);
        }
        else
        {
            writer.WriteStartElement(element.Name, element.Namespace);
        }

        if (prefixes.Count != 0 && element.Namespace.Length == 0)
        {
            foreach ((string name, string ns) in prefixes)
            {
                if (Uses(element, ns))
                {
                    writer.WriteAttributeString("xmlns", name, null, ns);
                }
            }
        }

        foreach (XmlTreeAttribute attribute in element.Attributes)
        {
            writer.WriteAttributeString(attribute.Name, attribute.Namespace.Length == 0 ? null : attribute.Namespace, attribute.Value);
        }

        if (element.Text.Length != 0)
        {
            writer.WriteString(element.Text);
        }

        foreach (XmlTreeElement child in element.Children)
        {
            Write(writer, child, []);
        }

        writer.WriteEndElement();
    }

    private static bool Uses(XmlTreeElement element, string ns) =>
        element.Children.Exists(child => child.Namespace == ns || Uses(child, ns));
}
