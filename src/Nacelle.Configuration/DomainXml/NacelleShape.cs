using static Nacelle.Configuration.TextTypes;

namespace Nacelle.Configuration;

/// <summary>What only machines of this program have: an element in the domain's metadata, which libvirt keeps as it is.</summary>
internal static class NacelleShape
{
    /// <summary>Namespace of the element.</summary>
    internal const string Namespace = "https://nacelle.dev/xmlns/domain/1.0";

    private const string ElementName = "machine";

    internal static XmlShape<NacelleConfiguration> Shape { get; } = new XmlShape<NacelleConfiguration>()
        .Flag("automatic-accelerator", nacelle => nacelle.AutomaticAccelerator, (nacelle, value) => nacelle with { AutomaticAccelerator = value })
        .Size("code-cache", nacelle => nacelle.CodeCache, (nacelle, value) => nacelle with { CodeCache = value }, defaultUnit: "bytes")
        .Element("evict-every", Number(1), nacelle => nacelle.EvictEvery, (nacelle, value) => nacelle with { EvictEvery = value })
        .Group("debug-exit", group => group
            .Attribute("port", Number(0, 65535), nacelle => nacelle.DebugExitPort, (nacelle, value) => nacelle with { DebugExitPort = value }, required: true)
            .Attribute("length", Number(1, 4), nacelle => nacelle.DebugExitLength, (nacelle, value) => nacelle with { DebugExitLength = value }))
        .Flag("test-device", nacelle => nacelle.TestDevice, (nacelle, value) => nacelle with { TestDevice = value });

    /// <summary>Takes the element out of the metadata.</summary>
    /// <param name="configuration">With the whole metadata.</param>
    /// <param name="root">The domain.</param>
    /// <param name="reading">Takes problems.</param>
    internal static MachineConfiguration Take(MachineConfiguration configuration, XmlTreeElement root, ShapeReading reading)
    {
        XmlTreeElement? metadata = root.Children.Find(child => child is { Name: "metadata", Namespace: "" });
        XmlTreeElement? own = metadata?.Children.Find(child => child.Namespace == Namespace && child.Name == ElementName);
        if (metadata is null || own is null)
        {
            return configuration;
        }

        metadata.Children.Remove(own);
        const string pointer = "/nacelle";
        reading.Place(pointer, own.Position, $"<{own.Name}>");
        NacelleConfiguration nacelle = Shape.Read(new NacelleConfiguration(), StripNamespace(own), pointer, $"domain/metadata/{ElementName}", reading);
        return configuration with
        {
            Nacelle = nacelle,
            Accelerator = nacelle.AutomaticAccelerator ? Machine.AcceleratorChoice.Auto : configuration.Accelerator,
            Metadata = metadata.IsEmpty ? null : XmlTreeWriter.Write(metadata),
        };
    }

    /// <summary>Puts the element into the metadata.</summary>
    internal static void Put(MachineConfiguration configuration, XmlTreeElement root)
    {
        if (configuration.Nacelle is not NacelleConfiguration nacelle)
        {
            return;
        }

        XmlTreeElement? metadata = root.Children.Find(child => child.Name == "metadata");
        if (metadata is null)
        {
            metadata = new XmlTreeElement("", "metadata", default);
            root.Children.Insert(0, metadata);
        }

        XmlTreeElement plain = new("", ElementName, default);
        Shape.Write(nacelle, plain);
        metadata.Children.Add(InNamespace(plain));
    }

    private static XmlTreeElement StripNamespace(XmlTreeElement element) => Copy(element, "", "");

    private static XmlTreeElement InNamespace(XmlTreeElement element) => Copy(element, Namespace, "nacelle");

    private static XmlTreeElement Copy(XmlTreeElement element, string ns, string prefix)
    {
        XmlTreeElement copy = new(ns, element.Name, element.Position) { Text = element.Text, Prefix = prefix };
        copy.Attributes.AddRange(element.Attributes);
        copy.Children.AddRange(element.Children.Select(child => Copy(child, ns, prefix)));
        return copy;
    }
}
