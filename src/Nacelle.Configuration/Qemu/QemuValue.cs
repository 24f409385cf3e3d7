using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>A value of QEMU's command line in the form [head,]name=value…; a name alone means on, a comma is written twice.</summary>
/// <param name="option">The option, for messages.</param>
/// <param name="head">What stands first without a name; null for nothing.</param>
/// <param name="settings">The named values that were not taken yet.</param>
internal sealed class QemuValue(string option, string? head, Dictionary<string, string> settings)
{
    /// <summary>What stands first without a name, or under the name that is implied there; null for nothing.</summary>
    internal string? Head { get; } = head;

    /// <summary>Splits a value.</summary>
    /// <param name="option">The option, for messages.</param>
    /// <param name="text">As typed.</param>
    /// <param name="headName">The name that is implied for a first part without one.</param>
    /// <exception cref="ConfigurationException">A name is given twice.</exception>
    internal static QemuValue Split(string option, string text, string headName)
    {
        const char comma = '\u0001';
        Dictionary<string, string> settings = new(StringComparer.Ordinal);
        string[] parts = text.Replace(",,", comma.ToString(), StringComparison.Ordinal).Split(',');
        for (int i = 0; i < parts.Length; i++)
        {
            string part = parts[i].Replace(comma, ',');
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            (string name, string value) = equals >= 0 ? (part[..equals], part[(equals + 1)..])
                : i == 0 ? (headName, part)
                : (part, "on");
            if (!settings.TryAdd(name, value))
            {
                throw new ConfigurationException($"{option} gives '{name}' twice: leave one out");
            }
        }

        settings.Remove(headName, out string? head);
        return new QemuValue(option, head, settings);
    }

    /// <summary>Takes a named value.</summary>
    /// <returns>Null when it is not given.</returns>
    internal string? Take(string name) => settings.Remove(name, out string? value) ? value : null;

    /// <summary>Takes a switch.</summary>
    /// <exception cref="ConfigurationException">It is neither on nor off.</exception>
    internal bool? TakeSwitch(string name) => Take(name) switch
    {
        null => null,
        "on" => true,
        "off" => false,
        string other => throw new ConfigurationException($"{option} {name}={other} is neither on nor off"),
    };

    /// <summary>Takes a number, decimal or after 0x hexadecimal.</summary>
    /// <exception cref="ConfigurationException">It is not one or outside the range.</exception>
    internal int? TakeNumber(string name, int least, int most)
    {
        if (Take(name) is not string text)
        {
            return null;
        }

        bool hexadecimal = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        bool valid = hexadecimal
            ? int.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int number)
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
        return valid && number >= least && number <= most
            ? number
            : throw new ConfigurationException($"{option} {name}={text} is out of range: give a number from {least} to {most}");
    }

    /// <summary>Refuses what was not taken.</summary>
    /// <exception cref="ConfigurationException">Something was not.</exception>
    internal void End()
    {
        foreach ((string name, string value) in settings)
        {
            throw new ConfigurationException($"{option} {name}={value} is not offered: leave it out");
        }
    }
}
