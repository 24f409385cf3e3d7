using System.Globalization;
using System.Text;

namespace Nacelle.Configuration;

/// <summary>
/// The value of one option of QEMU's command line, split: name=value,… with a comma in a value written twice, or JSON. The last of
/// two equal names counts, as QEMU has it. For one thread.
/// </summary>
internal sealed class QemuSettings
{
    /// <summary>Most settings of one option; what many options have is found by looking at all of them.</summary>
    internal const int Most = 4096;

    private readonly List<QemuSetting> _all;

    private QemuSettings(string option, SourcePosition position, List<QemuSetting> all)
    {
        Option = option;
        Position = position;
        _all = all;
    }

    /// <summary>The option, such as -device.</summary>
    public string Option { get; }

    /// <summary>Where the value begins.</summary>
    public SourcePosition Position { get; }

    /// <summary>All of them, in order.</summary>
    public IReadOnlyList<QemuSetting> All => _all;

    /// <summary>Whether something refers to what the option defines, or it is the definition of a part by itself.</summary>
    public bool IsUsed { get; set; }

    /// <summary>The option with its first setting, for people.</summary>
    public string Label => _all.Count == 0 ? Option : $"{Option} {_all[0]}";

    /// <summary>What was not taken.</summary>
    public IEnumerable<QemuSetting> Left => _all.Where(setting => !setting.IsTaken);

    /// <summary>Splits a value.</summary>
    /// <param name="option">The option.</param>
    /// <param name="text">As typed.</param>
    /// <param name="line">The argument's number.</param>
    /// <param name="headName">The name that is implied for a first part without one; null where each part has one.</param>
    /// <exception cref="ConfigurationSyntaxException">It is JSON that is not well-formed, or has more than <see cref="Most"/> settings.</exception>
    internal static QemuSettings Split(string option, string text, int line, string? headName)
    {
        SourcePosition position = new(line, 1);
        if (text.StartsWith('{'))
        {
            return new QemuSettings(option, position, QemuJsonSettings.Read(text, line));
        }

        List<QemuSetting> all = [];
        int start = 0;
        StringBuilder part = new();
        for (int i = 0; i <= text.Length; i++)
        {
            if (i < text.Length && text[i] != ',')
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
                if (part.Length != 0 || all.Count == 0)
                {
                    TooMany(all, line);
                    all.Add(One(part.ToString(), new SourcePosition(line, start + 1), all.Count == 0 ? headName : null));
                }

                part.Clear();
                start = i + 1;
            }
        }

        return new QemuSettings(option, position, all);
    }

    /// <summary>Settings that nobody typed.</summary>
    internal static QemuSettings Of(string option, SourcePosition position, params (string Name, string Value)[] values) =>
        new(option, position, [.. values.Select(pair => new QemuSetting(pair.Name, pair.Value, position))]);

    /// <summary>Settings whose names begin with a prefix, without it; taking one takes the other.</summary>
    internal QemuSettings Below(string prefix)
    {
        List<QemuSetting> below = [];
        foreach (QemuSetting setting in _all.Where(setting => !setting.IsTaken && setting.Name.StartsWith(prefix, StringComparison.Ordinal)))
        {
            setting.IsTaken = true;
            below.Add(new QemuSetting(setting.Name[prefix.Length..], setting.Value, setting.Position));
        }

        return new QemuSettings($"{Option} {prefix.TrimEnd('.')}", below.Count == 0 ? Position : below[0].Position, below);
    }

    /// <summary>A setting by one of its names, without taking it.</summary>
    internal QemuSetting? Find(string name) => _all.FindLast(setting => setting.Name == name);

    /// <summary>Takes a setting.</summary>
    /// <returns>Null where it is not given.</returns>
    internal QemuSetting? Take(string name)
    {
        QemuSetting? found = null;
        foreach (QemuSetting setting in _all)
        {
            if (setting.Name == name)
            {
                setting.IsTaken = true;
                found = setting;
            }
            else if (setting.IsBare && setting.Name.Length == name.Length + 2 && setting.Name.StartsWith("no", StringComparison.Ordinal)
                && setting.Name.AsSpan(2).SequenceEqual(name))
            {
                setting.IsTaken = true;
                found = new QemuSetting(name, "off", setting.Position);
            }
        }

        return found;
    }

    /// <summary>Takes all settings of one name, for the options that add up.</summary>
    internal IReadOnlyList<QemuSetting> TakeAll(string name)
    {
        List<QemuSetting> found = _all.FindAll(setting => setting.Name == name);
        found.ForEach(setting => setting.IsTaken = true);
        return found;
    }

    /// <summary>Takes a setting's text.</summary>
    internal string? TakeText(string name) => Take(name)?.Value;

    /// <summary>Takes a setting where it has one of some values: what states what is so anyway.</summary>
    internal void TakeIf(string name, params ReadOnlySpan<string> values)
    {
        if (Find(name) is QemuSetting setting && values.Contains(setting.Value))
        {
            Take(name);
        }
    }

    /// <summary>Refuses one more setting than there may be.</summary>
    /// <exception cref="ConfigurationSyntaxException">There are <see cref="Most"/> already.</exception>
    internal static void TooMany(List<QemuSetting> all, int line)
    {
        if (all.Count >= Most)
        {
            throw new ConfigurationSyntaxException(
                string.Create(CultureInfo.InvariantCulture, $"the value has more than {Most} settings"), new SourcePosition(line, 1));
        }
    }

    private static QemuSetting One(string part, SourcePosition position, string? headName)
    {
        int equals = part.IndexOf('=', StringComparison.Ordinal);
        return equals >= 0 ? new QemuSetting(part[..equals], part[(equals + 1)..], position)
            : headName is not null ? new QemuSetting(headName, part, position)
            : new QemuSetting(part, "on", position) { IsBare = true };
    }
}
