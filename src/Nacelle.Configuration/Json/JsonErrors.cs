using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Nacelle.Configuration;

/// <summary>Says what is wrong with a JSON text, in words of the text and not of the program. Stateless.</summary>
internal static class JsonErrors
{
    /// <summary>Explains an error.</summary>
    /// <param name="error">What the reader says.</param>
    /// <param name="root">What was read.</param>
    internal static string Explain(JsonException error, JsonTypeInfo root)
    {
        string message = Message(error);
        if (string.IsNullOrEmpty(error.Path) || error.Path == "$")
        {
            return NamesType(message) ? $"{Expected(root)} is expected here" : message;
        }

        (JsonTypeInfo? holder, string member) = Locate(error.Path, root);
        if (message.Contains("could not be mapped", StringComparison.Ordinal))
        {
            string[] names = holder is null ? [] : [.. holder.Properties.Select(property => property.Name)];
            return names.Length == 0 ? $"unknown member '{member}'"
                : NearestName.Find(member, names) is string nearest ? $"unknown member '{member}': did you mean '{nearest}'?"
                : $"unknown member '{member}': use {NearestName.List(names)}";
        }

        if (!NamesType(message))
        {
            return $"{error.Path}: {message}";
        }

        JsonTypeInfo? value = holder is { Kind: JsonTypeInfoKind.Object }
            ? holder.Properties.Where(property => property.Name == member).Select(property => holder.Options.GetTypeInfo(property.PropertyType)).FirstOrDefault()
            : holder;
        return $"{error.Path}: {(value is null ? "another kind of value" : Expected(value))} is expected";
    }

    private static string Message(JsonException error)
    {
        string message = error.Message;
        foreach (string end in (ReadOnlySpan<string>)[" Path: ", " LineNumber: "])
        {
            int place = message.IndexOf(end, StringComparison.Ordinal);
            message = place < 0 ? message : message[..place];
        }

        return message.TrimEnd('.');
    }

    private static bool NamesType(string message) =>
        message.Contains("System.", StringComparison.Ordinal) || message.Contains("Nacelle.", StringComparison.Ordinal);

    /// <summary>Follows a path such as $.devices.disks[0].cache to the type that has its last name.</summary>
    private static (JsonTypeInfo? Holder, string Member) Locate(string path, JsonTypeInfo root)
    {
        string[] names = [.. path.Split('.').Skip(1)];
        JsonTypeInfo? holder = root;
        for (int i = 0; i < names.Length - 1 && holder is not null; i++)
        {
            holder = Step(holder, Bare(names[i]));
        }

        bool element = names[^1].EndsWith(']');
        return (element && holder is not null ? Step(holder, Bare(names[^1])) : holder, Bare(names[^1]));
    }

    /// <summary>The type of a property, or of the elements of a list that it is.</summary>
    private static JsonTypeInfo? Step(JsonTypeInfo holder, string name)
    {
        Type? type = holder.Properties.FirstOrDefault(property => property.Name == name)?.PropertyType;
        JsonTypeInfo? value = type is null ? null : holder.Options.GetTypeInfo(type);
        return value is { Kind: JsonTypeInfoKind.Enumerable, ElementType: Type element } ? holder.Options.GetTypeInfo(element) : value;
    }

    private static string Bare(string name) => name.Split('[')[0];

    private static string Expected(JsonTypeInfo type)
    {
        Type value = Nullable.GetUnderlyingType(type.Type) ?? type.Type;
        return type.Kind switch
        {
            JsonTypeInfoKind.Object => "an object",
            JsonTypeInfoKind.Enumerable => "a list",
            JsonTypeInfoKind.Dictionary => "an object",
            _ when value == typeof(bool) => "true or false",
            _ when value == typeof(string) => "a text in quotes",
            _ when value.IsPrimitive => "a whole number in range",
            _ => "another kind of value",
        };
    }
}
