using System.Globalization;
using System.Text;

namespace Nacelle.Configuration;

/// <summary>An option's value in the form HEAD[,name=value…]; a comma inside a part is written twice.</summary>
/// <param name="what">What is configured, such as "disk"; begins each message.</param>
/// <param name="head">What stands before the first comma.</param>
/// <param name="settings">The named values in order.</param>
internal sealed class OptionValue(string what, string head, IReadOnlyList<KeyValuePair<string, string>> settings)
{
    private static readonly string[] s_switch = ["on", "off"];

    /// <summary>What stands before the first comma.</summary>
    public string Head { get; } = head;

    /// <summary>The named values in order.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Settings { get; } = settings;

    /// <summary>Splits a value.</summary>
    /// <param name="what">What is configured, such as "disk".</param>
    /// <param name="text">The value as typed.</param>
    /// <param name="names">Names that are valid in it.</param>
    /// <param name="repeatable">Those that may come more than once.</param>
    /// <exception cref="ConfigurationException">A part has no name or no value, or the name is unknown or repeated.</exception>
    public static OptionValue Split(string what, string text, IReadOnlyCollection<string> names, params string[] repeatable)
    {
        ArgumentNullException.ThrowIfNull(text);
        List<string> parts = SplitAtCommas(text);
        List<KeyValuePair<string, string>> settings = [];
        foreach (string part in parts.Skip(1))
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            string name = equals < 0 ? part : part[..equals];
            if (!names.Contains(name))
            {
                throw new ConfigurationException(NearestName.Refusal($"{what} option", name, names));
            }

            if (equals < 0)
            {
                throw new ConfigurationException($"{what} option '{name}' has no value: write {name}=VALUE");
            }

            if (!repeatable.Contains(name) && settings.Exists(setting => setting.Key == name))
            {
                throw new ConfigurationException($"{what} option '{name}' is given twice: leave one out");
            }

            settings.Add(new(name, part[(equals + 1)..]));
        }

        return new OptionValue(what, parts[0], settings);
    }

    /// <summary>Writes the parts in the form that <see cref="Split"/> reads.</summary>
    public static string Join(string head, IEnumerable<KeyValuePair<string, string>> settings)
    {
        StringBuilder text = new(Escape(head));
        foreach ((string name, string value) in settings)
        {
            text.Append(',').Append(name).Append('=').Append(Escape(value));
        }

        return text.ToString();
    }

    /// <summary>Reads "on" or "off".</summary>
    /// <exception cref="ConfigurationException">It is neither.</exception>
    public bool Switch(KeyValuePair<string, string> setting) => Choice(setting, s_switch) == 0;

    /// <summary>Reads one of some words.</summary>
    /// <returns>Its place among them.</returns>
    /// <exception cref="ConfigurationException">It is none of them.</exception>
    public int Choice(KeyValuePair<string, string> setting, IReadOnlyList<string> words)
    {
        for (int i = 0; i < words.Count; i++)
        {
            if (words[i] == setting.Value)
            {
                return i;
            }
        }

        throw new ConfigurationException(NearestName.Refusal($"value of {what} option {setting.Key}", setting.Value, words));
    }

    /// <summary>Reads a whole number.</summary>
    /// <exception cref="ConfigurationException">It is not one or outside the range.</exception>
    public int Number(KeyValuePair<string, string> setting, int least, int most) =>
        int.TryParse(setting.Value, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
        && number >= least
        && number <= most
            ? number
            : throw new ConfigurationException(string.Create(
                CultureInfo.InvariantCulture,
                $"{what} option {setting.Key}={setting.Value} is out of range: give a number from {least} to {most}"));

    private static string Escape(string text) => text.Replace(",", ",,", StringComparison.Ordinal);

    private static List<string> SplitAtCommas(string text)
    {
        List<string> parts = [];
        StringBuilder part = new();
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] != ',')
            {
                part.Append(text[i]);
            }
            else if (i + 1 < text.Length && text[i + 1] == ',')
            {
                part.Append(',');
                i++;
            }
            else
            {
                parts.Add(part.ToString());
                part.Clear();
            }
        }

        parts.Add(part.ToString());
        return parts;
    }
}
