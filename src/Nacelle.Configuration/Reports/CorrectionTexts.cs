namespace Nacelle.Configuration;

/// <summary>
/// Writes parts of a configuration as they are and as corrections make them. What a correction of the whole gives is made once, and an
/// item of a list is written without the rest, so that many corrections take time that grows with their number. For one thread.
/// </summary>
/// <param name="form">The form.</param>
/// <param name="configuration">The configuration as it is.</param>
internal sealed class CorrectionTexts(MachineDocumentForm form, MachineConfiguration configuration)
{
    private readonly Dictionary<Delegate, MachineConfiguration> _wholes = [];
    private readonly Dictionary<(Delegate? Change, string Part), string?> _parts = [];

    /// <summary>A part as a correction makes it.</summary>
    /// <param name="correction">The correction; null for none.</param>
    /// <param name="part">JSON pointer of a record; empty for the whole.</param>
    /// <returns>Null where there is no correction, where the part is the whole, or where it is taken out.</returns>
    internal string? Corrected(Correction? correction, string part)
    {
        // The whole domain would be no snippet.
        if (correction is null || part.Length == 0)
        {
            return null;
        }

        if (correction.Whole is Delegate whole)
        {
            return Part(whole, part);
        }

        return correction.Alone(configuration, out string pointer) is { } alone ? DocumentParts.Write(form, alone, pointer) : null;
    }

    /// <summary>A part as it is; null where there is none.</summary>
    internal string? Before(Correction correction, string part) => correction.Whole is not null ? Part(null, part)
        : correction.Before(configuration) is { } alone && correction.Item is string item
            ? DocumentParts.Write(form, alone, item[..(item.LastIndexOf('/') + 1)] + "0")
            : null;

    /// <summary>All of the configuration as a correction of the whole makes it.</summary>
    internal MachineConfiguration After(Correction correction)
    {
        if (correction.Whole is not Delegate whole)
        {
            return Correction.Apply(configuration, [correction]);
        }

        if (!_wholes.TryGetValue(whole, out MachineConfiguration? after))
        {
            after = Correction.Apply(configuration, [correction]);
            _wholes.Add(whole, after);
        }

        return after;
    }

    private string? Part(Delegate? change, string part)
    {
        if (!_parts.TryGetValue((change, part), out string? text))
        {
            MachineConfiguration machine = change is Func<MachineConfiguration, MachineConfiguration> whole ? After(Correction.Of(whole)) : configuration;
            text = DocumentParts.Write(form, machine, part);
            _parts.Add((change, part), text);
        }

        return text;
    }
}
