using Nacelle.Machine;

namespace Nacelle.Configuration;

/// <summary>Domain XML of libvirt, read and written. Stateless.</summary>
/// <remarks>
/// Reading takes a document that nobody vouches for. Writing gives what libvirt's schema accepts, with elements in libvirt's order;
/// what is written reads back as the same configuration.
/// </remarks>
public static class DomainXmlDocument
{
    private const string RootName = "domain";

    /// <summary>Reads a document.</summary>
    /// <param name="document">Its bytes.</param>
    public static MachineDocument Read(byte[] document)
    {
        ArgumentNullException.ThrowIfNull(document);
        XmlTreeElement root;
        try
        {
            root = XmlTreeReader.Read(document);
        }
        catch (ConfigurationSyntaxException error)
        {
            return MachineDocument.Broken(MachineDocumentForm.DomainXml, error);
        }

        ShapeReading reading = new();
        if (root.Name != RootName || root.Namespace.Length != 0)
        {
            string hint = root.Name switch
            {
                "domainsnapshot" => ": it is a snapshot; the domain in it can be checked on its own",
                "domstatus" => ": it is libvirt's own status file; 'virsh dumpxml' prints the domain in it",
                _ => "",
            };
            if (root.Name == RootName)
            {
                hint = $": it is one of the namespace '{root.Namespace}', and libvirt's has none: leave the prefix or xmlns out";
            }

            reading.Refuse(root.Position, $"the root element is <{root.Name}>, and <{RootName}> is read here{hint}");
            return new MachineDocument { Form = MachineDocumentForm.DomainXml, Problems = [.. reading.Problems] };
        }

        reading.Place("", root.Position, $"<{RootName}>");
        MachineConfiguration configuration = DomainShape.Domain.Read(new MachineConfiguration(), root, "", RootName, reading);
        configuration = NacelleShape.Take(configuration, root, reading);
        return new MachineDocument
        {
            Form = MachineDocumentForm.DomainXml,
            Configuration = reading.Problems.Count == 0 ? configuration : null,
            Problems = [.. reading.Problems.OrderBy(problem => problem.Position.Line).ThenBy(problem => problem.Position.Column)],
            Unknown = [.. reading.Unknown.OrderBy(part => part.Place.Position.Line).ThenBy(part => part.Place.Position.Column)],
            Places = reading.Places,
        };
    }

    /// <summary>Writes a configuration.</summary>
    /// <returns>The document, with a line end at its end.</returns>
    public static string Write(MachineConfiguration configuration) =>
        XmlTreeWriter.Write(ToTree(configuration), new KeyValuePair<string, string>("qemu", DomainShape.QemuNamespace));

    /// <summary>The elements that a configuration is.</summary>
    internal static XmlTreeElement ToTree(MachineConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        if (configuration.Accelerator == AcceleratorChoice.Auto)
        {
            configuration = configuration with { Nacelle = (configuration.Nacelle ?? new()) with { AutomaticAccelerator = true } };
        }

        XmlTreeElement root = new("", RootName, default);
        DomainShape.Domain.Write(configuration, root);
        NacelleShape.Put(configuration, root);
        return root;
    }

    /// <summary>Writes the element that a part of a configuration is.</summary>
    /// <param name="configuration">The configuration.</param>
    /// <param name="pointer">JSON pointer of a record in it, such as /devices/disks/0.</param>
    /// <returns>Null where there is no such part.</returns>
    public static string? WriteElement(MachineConfiguration configuration, string pointer)
    {
        ArgumentNullException.ThrowIfNull(pointer);
        byte[] text = System.Text.Encoding.UTF8.GetBytes(Write(configuration));
        return Read(text).Places.TryGetValue(pointer, out SourcePlace? place) && Find(XmlTreeReader.Read(text), place.Position) is XmlTreeElement element
            ? XmlTreeWriter.Write(element)
            : null;
    }

    private static XmlTreeElement? Find(XmlTreeElement element, SourcePosition position)
    {
        if (element.Position == position || element.Attributes.Exists(attribute => attribute.Position == position))
        {
            return element;
        }

        foreach (XmlTreeElement child in element.Children)
        {
            if (Find(child, position) is XmlTreeElement found)
            {
                return found;
            }
        }

        return null;
    }
}
