using System.Collections;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization.Metadata;

namespace Nacelle.Configuration;

/// <summary>The JSON form of a configuration, and its schema. Stateless.</summary>
public static class MachineConfigurationJson
{
    /// <summary>The version of the form. One that is higher is refused.</summary>
    public const int Version = 1;

    /// <summary>The schema's name.</summary>
    public const string SchemaId = "https://nacelle.dev/schemas/machine-configuration-1.json";

    private static readonly JsonSerializerOptions s_options = MakeOptions();

    private static JsonTypeInfo<MachineConfiguration> TypeInfo =>
        (JsonTypeInfo<MachineConfiguration>)s_options.GetTypeInfo(typeof(MachineConfiguration));

    /// <summary>Writes a configuration. Equal configurations make equal texts.</summary>
    public static string Write(MachineConfiguration configuration) => JsonSerializer.Serialize(configuration, TypeInfo) + "\n";

    /// <summary>Reads a text that nobody vouches for.</summary>
    /// <param name="text">Its bytes, UTF-8; a byte-order mark may lead (RFC 8259, 8.1).</param>
    public static MachineDocument Read(byte[] text)
    {
        ArgumentNullException.ThrowIfNull(text);
        try
        {
            ReadOnlySpan<byte> mark = "\uFEFF"u8;
            return ReadChecked(text.AsSpan().StartsWith(mark) ? text[mark.Length..] : text);
        }
        catch (ConfigurationSyntaxException error)
        {
            return MachineDocument.Broken(MachineDocumentForm.Json, error);
        }
    }

    /// <summary>The schema (JSON Schema, draft 2020-12) that each text which is written conforms to.</summary>
    public static string WriteSchema()
    {
        ShapeCatalogue catalogue = new();
        DomainShape.Domain.Describe(catalogue);
        NacelleShape.Shape.Describe(catalogue);
        JsonSchemaExporterOptions exporter = new()
        {
            TreatNullObliviousAsNonNullable = true,
            TransformSchemaNode = (context, node) => Describe(context, node, catalogue),
        };
        JsonObject schema = (JsonObject)s_options.GetJsonSchemaAsNode(typeof(MachineConfiguration), exporter);
        JsonObject named = new()
        {
            ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
            ["$id"] = SchemaId,
            ["title"] = "Nacelle machine configuration",
        };
        foreach (KeyValuePair<string, JsonNode?> member in schema)
        {
            named[member.Key] = member.Value?.DeepClone();
        }

        return named.ToJsonString(new JsonSerializerOptions { WriteIndented = true, TypeInfoResolver = s_options.TypeInfoResolver }) + "\n";
    }

    private static MachineDocument ReadChecked(byte[] text)
    {
        if (text.Length > XmlTreeReader.LongestDocument)
        {
            throw new ConfigurationSyntaxException(
                $"the text has {text.Length} bytes: a configuration may have {XmlTreeReader.LongestDocument}", new SourcePosition(1, 1));
        }

        Dictionary<string, SourcePlace> places;
        MachineConfiguration? configuration;
        try
        {
            places = JsonPlaces.Find(text);
            configuration = JsonSerializer.Deserialize(text, TypeInfo);
        }
        catch (JsonException error)
        {
            // The line counts from 0, and the place in it is a number of bytes.
            SourcePosition position = new((int)(error.LineNumber ?? 0) + 1, (int)(error.BytePositionInLine ?? 0) + 1);
            throw new ConfigurationSyntaxException(JsonErrors.Explain(error, TypeInfo), position, error);
        }
        catch (Exception error) when (error is InvalidOperationException or DecoderFallbackException)
        {
            throw new ConfigurationSyntaxException($"not valid JSON: {error.Message}", new SourcePosition(1, 1), error);
        }

        MachineDocument document = new() { Form = MachineDocumentForm.Json, Places = places };
        if (configuration is null)
        {
            return document with { Problems = [new ConfigurationProblem(new SourcePosition(1, 1), "the text is null: a machine is an object")] };
        }

        MachineConfiguration defaults = new();
        configuration = DomainShape.Domain.Complete(configuration, defaults, "", places) with
        {
            FormatVersion = places.ContainsKey("/formatVersion") ? configuration.FormatVersion : Version,
        };
        if (configuration.FormatVersion != Version)
        {
            return document with
            {
                Problems =
                [
                    new ConfigurationProblem(
                        document.Find("/formatVersion")!.Position,
                        $"format version {configuration.FormatVersion} is not known: this version of the program reads {Version}"),
                ],
            };
        }

        ValueCheck check = new(document);
        DomainShape.Domain.Walk(configuration, "", check);
        if (configuration.Nacelle is NacelleConfiguration nacelle)
        {
            NacelleShape.Shape.Walk(nacelle, "/nacelle", check);
        }

        return check.Problems.Count == 0
            ? document with { Configuration = configuration }
            : document with { Problems = [.. check.Problems] };
    }

    private static JsonNode Describe(JsonSchemaExporterContext context, JsonNode node, ShapeCatalogue catalogue)
    {
        JsonTypeInfo type = context.TypeInfo;
        if (type.Converter is IConfigurationWordConverter converter)
        {
            return new JsonObject { ["enum"] = Words(converter.Words) };
        }

        if (Nullable.GetUnderlyingType(type.Type) is Type underlying && s_options.GetTypeInfo(underlying).Converter is IConfigurationWordConverter nullable)
        {
            return new JsonObject { ["enum"] = new JsonArray([.. Words(nullable.Words).Select(word => word!.DeepClone()), null]) };
        }

        if (node is not JsonObject schema)
        {
            return node;
        }

        if (type.Kind == JsonTypeInfoKind.Object)
        {
            schema["additionalProperties"] = false;
        }

        if (context.PropertyInfo is { } property && catalogue.Find(property.DeclaringType, property.Name) is ShapeValues values)
        {
            if (values.Words is not null && type.Type == typeof(string))
            {
                schema["enum"] = Words(values.Words);
            }
            else if (values.Range is (ulong least, ulong most))
            {
                schema["minimum"] = least;
                schema["maximum"] = most;
            }
            else
            {
                schema["description"] = values.Expectation;
            }
        }

        return schema;
    }

    private static JsonArray Words(IReadOnlyList<string> words) => [.. words.Select(word => (JsonNode)word)];

    private static JsonSerializerOptions MakeOptions()
    {
        JsonSerializerOptions options = new(MachineConfigurationContext.Default.Options)
        {
            TypeInfoResolver = MachineConfigurationContext.Default.WithAddedModifier(LeaveOutEmpty),
        };
        options.MakeReadOnly();
        return options;
    }

    /// <summary>No and none are what is meant by nothing.</summary>
    private static void LeaveOutEmpty(JsonTypeInfo type)
    {
        foreach (JsonPropertyInfo property in type.Properties)
        {
            if (property.PropertyType == typeof(bool))
            {
                property.ShouldSerialize = (_, value) => value is true;
            }
            else if (typeof(ICollection).IsAssignableFrom(property.PropertyType))
            {
                property.ShouldSerialize = (_, value) => value is ICollection { Count: > 0 };
            }
        }
    }

    private sealed class ValueCheck(MachineDocument document) : IShapeVisitor
    {
        public List<ConfigurationProblem> Problems { get; } = [];

        public void Value(string pointer, string text, string? refusal)
        {
            if (refusal is not null)
            {
                SourcePosition position = document.Find(pointer)?.Position ?? new SourcePosition(1, 1);
                Problems.Add(new ConfigurationProblem(position, $"{pointer}: {refusal}"));
            }
        }

        public void Record(string pointer)
        {
            // Records have no values of their own.
        }
    }
}
