using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Nacelle.Configuration;

/// <summary>Finds where the values of a JSON text stand. Stateless.</summary>
internal static class JsonPlaces
{
    /// <summary>Notes the place of each value.</summary>
    /// <exception cref="JsonException">It is no JSON.</exception>
    internal static Dictionary<string, SourcePlace> Find(ReadOnlySpan<byte> text)
    {
        Dictionary<string, SourcePlace> places = new(StringComparer.Ordinal);
        Utf8JsonReader reader = new(text, new JsonReaderOptions { MaxDepth = XmlTreeReader.DeepestNesting });
        Stack<(string Pointer, int Index)> open = new();
        string name = "";
        int line = 1;
        int lineStart = 0;
        int scanned = 0;
        while (reader.Read())
        {
            int start = (int)reader.TokenStartIndex;
            for (; scanned < start; scanned++)
            {
                if (text[scanned] == (byte)'\n')
                {
                    line++;
                    lineStart = scanned + 1;
                }
            }

            if (reader.TokenType is JsonTokenType.EndObject or JsonTokenType.EndArray)
            {
                open.Pop();
                continue;
            }

            SourcePosition position = new(line, Encoding.UTF8.GetCharCount(text[lineStart..start]) + 1);
            if (reader.TokenType == JsonTokenType.PropertyName)
            {
                name = reader.GetString()!;
                string member = $"{open.Peek().Pointer}/{name}";
                places.TryAdd(member, new SourcePlace(position, $"'{name}'"));
                continue;
            }

            string pointer = Pointer(open, name);
            places.TryAdd(pointer, new SourcePlace(position, pointer.Length == 0 ? "the machine" : pointer));
            if (reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray)
            {
                open.Push((pointer, reader.TokenType == JsonTokenType.StartArray ? 0 : -1));
            }
        }

        return places;
    }

    private static string Pointer(Stack<(string Pointer, int Index)> open, string name)
    {
        if (!open.TryPop(out (string Pointer, int Index) parent))
        {
            return "";
        }

        open.Push(parent.Index < 0 ? parent : (parent.Pointer, parent.Index + 1));
        return parent.Index < 0
            ? $"{parent.Pointer}/{name}"
            : string.Create(CultureInfo.InvariantCulture, $"{parent.Pointer}/{parent.Index}");
    }
}
