using System.Text;
using System.Text.Json;

namespace Nacelle.Configuration;

/// <summary>Reads the JSON that some of QEMU's options take instead of name=value: objects become names with dots. Stateless.</summary>
internal static class QemuJsonSettings
{
    private const int DeepestNesting = 64;

    /// <summary>Reads an object.</summary>
    /// <exception cref="ConfigurationSyntaxException">It is not well-formed.</exception>
    internal static List<QemuSetting> Read(string text, int line)
    {
        try
        {
            return ReadChecked(Encoding.UTF8.GetBytes(text), line);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or EncoderFallbackException)
        {
            int column = error is JsonException json ? (int)(json.BytePositionInLine ?? 0) + 1 : 1;
            string message = error.Message;
            int end = message.IndexOf(" LineNumber: ", StringComparison.Ordinal);
            throw new ConfigurationSyntaxException(
                $"not valid JSON: {(end < 0 ? message : message[..end])}", new SourcePosition(line, column), error);
        }
    }

    private static List<QemuSetting> ReadChecked(byte[] bytes, int line)
    {
        List<QemuSetting> settings = [];
        Utf8JsonReader reader = new(bytes, new JsonReaderOptions { MaxDepth = DeepestNesting });
        Stack<(string Prefix, int Index)> open = new();
        string name = "";
        int column = 1;
        while (reader.Read())
        {
            if (reader.TokenType != JsonTokenType.PropertyName && open.TryPeek(out (string Prefix, int Index) list) && list.Index >= 0
                && reader.TokenType is not (JsonTokenType.EndArray or JsonTokenType.EndObject))
            {
                open.Pop();
                open.Push((list.Prefix, list.Index + 1));
                name = $"{list.Prefix}{list.Index}";
                column = (int)reader.TokenStartIndex + 1;
            }

            switch (reader.TokenType)
            {
                case JsonTokenType.PropertyName:
                    name = open.Peek().Prefix + reader.GetString();
                    column = (int)reader.TokenStartIndex + 1;
                    break;
                case JsonTokenType.StartObject or JsonTokenType.StartArray:
                    open.Push((open.Count == 0 ? "" : name + ".", reader.TokenType == JsonTokenType.StartArray ? 0 : -1));
                    break;
                case JsonTokenType.EndObject or JsonTokenType.EndArray:
                    open.Pop();
                    break;
                default:
                    QemuSettings.TooMany(settings, line);
                    settings.Add(new QemuSetting(name, Value(ref reader), new SourcePosition(line, column)));
                    break;
            }
        }

        return settings;
    }

    private static string Value(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.True => "on",
        JsonTokenType.False => "off",
        JsonTokenType.String => reader.GetString()!,
        JsonTokenType.Null => "",
        _ => Encoding.UTF8.GetString(reader.ValueSpan),
    };
}
