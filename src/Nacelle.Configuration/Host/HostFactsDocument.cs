using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;

namespace Nacelle.Configuration;

/// <summary>Host facts as text: JSON of schema <see cref="HostFacts.SchemaName"/>. Pure. Text that comes in is taken for hostile.</summary>
public static class HostFactsDocument
{
    /// <summary>Bytes of a document at most: a host of thousands of devices has some megabytes.</summary>
    public const int LargestDocument = 16 << 20;

    internal const int LargestDepth = 16;

    // A path has 4096 characters of up to three bytes; lists of flags are arrays.
    private const int LongestString = 16384;
    private const int LongestArray = 16384;

    private static readonly HostFactsJson s_json = new(new JsonSerializerOptions(HostFactsJson.Default.Options)
    {
        // "<", ">" and "&" of device names stay readable; the document is no part of a page.
        Encoder = JavaScriptEncoder.Create(new TextEncoderSettings(UnicodeRanges.All)),
        NewLine = "\n",
    });

    /// <summary>Writes facts, indented, with a line end at the end.</summary>
    public static string Format(HostFacts facts)
    {
        ArgumentNullException.ThrowIfNull(facts);
        return JsonSerializer.Serialize(facts, s_json.HostFacts) + "\n";
    }

    /// <summary>Reads facts.</summary>
    /// <param name="utf8">The document; a byte-order mark may lead.</param>
    /// <param name="name">What messages call it, such as the file's name.</param>
    /// <exception cref="ConfigurationException">
    /// It is no such document, of another version, or a member is unknown, missing, twice there or out of range; the message says where.
    /// </exception>
    public static HostFacts Parse(ReadOnlyMemory<byte> utf8, string name)
    {
        if (utf8.Length > LargestDocument)
        {
            throw new ConfigurationException($"'{name}' has more than {LargestDocument >> 20} MiB: that is no file of host facts");
        }

        if (utf8.Span.StartsWith("\uFEFF"u8))
        {
            utf8 = utf8[3..];
        }

        try
        {
            CheckShape(utf8.Span, name);
            CheckVersion(utf8, name);
            HostFacts facts = JsonSerializer.Deserialize(utf8.Span, s_json.HostFacts) ?? throw NoFacts(name);
            HostFactsValidation.Check(facts, name);
            return facts;
        }
        catch (JsonException error)
        {
            throw new ConfigurationException(Explain(error, name));
        }
        catch (Exception error) when (error is InvalidOperationException or FormatException)
        {
            // Text that is no UTF-8, and numbers that no type holds.
            throw new ConfigurationException($"'{name}' is not valid: {error.Message}");
        }
    }

    private static ConfigurationException NoFacts(string name) =>
        new($"'{name}' holds no host facts: make it with 'nacelle host --save FILE' on the other host");

    /// <summary>Depth, and the length of each string and array, before anything of it is kept.</summary>
    private static void CheckShape(ReadOnlySpan<byte> utf8, string name)
    {
        Utf8JsonReader reader = new(utf8, new JsonReaderOptions { MaxDepth = LargestDepth });
        Span<int> items = stackalloc int[LargestDepth + 1];
        Span<bool> array = stackalloc bool[LargestDepth + 1];
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.EndArray or JsonTokenType.EndObject)
            {
                continue;
            }

            if (reader.TokenType != JsonTokenType.PropertyName && array[reader.CurrentDepth] && ++items[reader.CurrentDepth] > LongestArray)
            {
                throw new ConfigurationException($"'{name}' has a list of more than {LongestArray} items at byte {reader.TokenStartIndex}");
            }

            if (reader.TokenType is JsonTokenType.StartArray or JsonTokenType.StartObject)
            {
                items[reader.CurrentDepth + 1] = 0;
                array[reader.CurrentDepth + 1] = reader.TokenType == JsonTokenType.StartArray;
            }
            else if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName)
            {
                CheckText(ref reader, name);
            }
        }
    }

    private static void CheckText(ref Utf8JsonReader reader, string name)
    {
        if (reader.ValueSpan.Length > LongestString)
        {
            throw new ConfigurationException($"'{name}' has a text of more than {LongestString} bytes at byte {reader.TokenStartIndex}");
        }

        // They are printed for people, whose terminals obey.
        if (reader.GetString()!.Any(char.IsControl))
        {
            throw new ConfigurationException($"'{name}' has a control character in the text at byte {reader.TokenStartIndex}: take it out");
        }
    }

    private static void CheckVersion(ReadOnlyMemory<byte> utf8, string name)
    {
        using JsonDocument document = JsonDocument.Parse(utf8, new JsonDocumentOptions { MaxDepth = LargestDepth });
        JsonElement root = document.RootElement;
        if (root.ValueKind != JsonValueKind.Object
            || !root.TryGetProperty("schema", out JsonElement schema)
            || schema.ValueKind != JsonValueKind.String
            || schema.GetString() != HostFacts.SchemaName)
        {
            throw NoFacts(name);
        }

        if (!root.TryGetProperty("version", out JsonElement version) || version.ValueKind != JsonValueKind.Number)
        {
            throw new ConfigurationException($"'{name}' does not say which version of {HostFacts.SchemaName} it is: $.version is missing or no number");
        }

        if (!version.TryGetInt32(out int number) || number != HostFacts.CurrentVersion)
        {
            throw new ConfigurationException(
                $"'{name}' has version {version.GetRawText()} of {HostFacts.SchemaName}, and this program reads version {HostFacts.CurrentVersion}: "
                + "save it again with this program's 'nacelle host --save'");
        }
    }

    /// <summary>One line: what is wrong, and where in the document.</summary>
    private static string Explain(JsonException error, string name)
    {
        string place = error.Path is { Length: > 0 } path ? $" at {path}" : "";
        string line = error.LineNumber is long number
            ? string.Create(CultureInfo.InvariantCulture, $" (line {number + 1})")
            : "";

        // The message repeats path and line in words of its own.
        int repeated = error.Message.IndexOf(" Path: ", StringComparison.Ordinal);
        int located = error.Message.IndexOf(" LineNumber: ", StringComparison.Ordinal);
        int end = repeated >= 0 ? repeated : located >= 0 ? located : error.Message.Length;
        return $"'{name}' is not valid{place}{line}: {error.Message[..end].ReplaceLineEndings(" ")}";
    }
}
