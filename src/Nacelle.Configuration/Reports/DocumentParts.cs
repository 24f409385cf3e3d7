using System.Text;
using System.Text.Json;

namespace Nacelle.Configuration;

/// <summary>Writes configurations, and parts of them, in the form that they were given in. Stateless.</summary>
public static class DocumentParts
{
    private static readonly JsonWriterOptions s_indented = new()
    {
        Indented = true,
        NewLine = "\n",
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Writes a configuration: JSON for what was JSON, domain XML for all else.</summary>
    public static string Write(MachineDocumentForm form, MachineConfiguration configuration) => form == MachineDocumentForm.Json
        ? MachineConfigurationJson.Write(configuration)
        : DomainXmlDocument.Write(configuration);

    /// <summary>Writes a part of a configuration.</summary>
    /// <param name="form">The form.</param>
    /// <param name="configuration">The configuration.</param>
    /// <param name="pointer">JSON pointer of a record in it, such as /devices/disks/0.</param>
    /// <returns>Null where there is no such part.</returns>
    public static string? Write(MachineDocumentForm form, MachineConfiguration configuration, string pointer)
    {
        ArgumentNullException.ThrowIfNull(pointer);
        configuration = MachineLists.Isolate(configuration, ref pointer) ?? configuration;
        return form == MachineDocumentForm.Json ? WriteJson(configuration, pointer) : DomainXmlDocument.WriteElement(configuration, pointer);
    }

    private static string? WriteJson(MachineConfiguration configuration, string pointer)
    {
        using JsonDocument document = JsonDocument.Parse(MachineConfigurationJson.Write(configuration));
        JsonElement part = document.RootElement;
        foreach (string step in pointer.Split('/').Skip(1))
        {
            if (part.ValueKind == JsonValueKind.Array && int.TryParse(step, out int index) && index < part.GetArrayLength())
            {
                part = part[index];
            }
            else if (part.ValueKind != JsonValueKind.Object || !part.TryGetProperty(step, out part))
            {
                return null;
            }
        }

        using MemoryStream text = new();
        using (Utf8JsonWriter writer = new(text, s_indented))
        {
            part.WriteTo(writer);
        }

        return Encoding.UTF8.GetString(text.GetBuffer(), 0, (int)text.Length) + "\n";
    }
}
