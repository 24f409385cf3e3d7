namespace Nacelle.Configuration;

/// <summary>Splits a command line into options and puts each into the machine. Stateless.</summary>
internal static class QemuCommandReader
{
    /// <summary>Reads a command line.</summary>
    internal static void Read(QemuReading reading, (string Text, int Line)[] arguments)
    {
        List<(QemuOptionRule Rule, QemuSettings Settings)> options = Split(reading, arguments);

        // The board decides what other options mean; what options define may be referred to before.
        Define(reading, options.Where(option => option.Rule.Name is "-machine" or "-M"));
        reading.Controllers.NoteBoard();
        reading.Controllers.NoteIoThreads(options
            .Where(option => option.Rule.Name == "-object" && option.Settings.Find("qom-type")?.Value == "iothread")
            .Select(option => option.Settings.Find("id")?.Value ?? ""));
        Define(reading, options.Where(option => option.Rule.Name is not ("-machine" or "-M")));
        foreach ((QemuOptionRule rule, QemuSettings settings) in options)
        {
            rule.Apply?.Invoke(reading, settings);
        }

        QemuDefaults.Add(reading);
        foreach (Action action in reading.AtEnd)
        {
            action();
        }
    }

    private static void Define(QemuReading reading, IEnumerable<(QemuOptionRule Rule, QemuSettings Settings)> options)
    {
        foreach ((QemuOptionRule rule, QemuSettings settings) in options)
        {
            rule.Define?.Invoke(reading, settings);
            settings.IsUsed |= rule.Define is null;
        }
    }

    private static List<(QemuOptionRule, QemuSettings)> Split(QemuReading reading, (string Text, int Line)[] arguments)
    {
        List<(QemuOptionRule, QemuSettings)> options = [];
        for (int i = 0; i < arguments.Length; i++)
        {
            (string text, int line) = arguments[i];
            SourcePosition position = new(line, 1);
            if (!text.StartsWith('-') || text == "-")
            {
                Bare(reading, options, text, position, isFirst: i == 0);
                continue;
            }

            string name = text.StartsWith("--", StringComparison.Ordinal) ? text[1..] : text;
            if (QemuOptionTable.Find(name) is not QemuOptionRule rule)
            {
                Refuse(reading, name, position);
                i += i + 1 < arguments.Length && !arguments[i + 1].Text.StartsWith('-') ? 1 : 0;
            }
            else if (rule.Value == QemuOptionValue.None)
            {
                Add(rule, QemuSettings.Of(name, position));
            }
            else if (i + 1 == arguments.Length)
            {
                reading.Shapes.Refuse(position, $"{name} needs a value");
            }
            else
            {
                One(rule, name, arguments[++i]);
            }
        }

        return options;

        void Add(QemuOptionRule rule, QemuSettings settings)
        {
            options.Add((rule, settings));
            reading.Options.Add(settings);
        }

        void One(QemuOptionRule rule, string name, (string Text, int Line) value)
        {
            SourcePosition position = new(value.Line, 1);
            if (rule.Value == QemuOptionValue.Text)
            {
                Add(rule, QemuSettings.Of(name, position, ("", value.Text)));
                return;
            }

            try
            {
                Add(rule, QemuSettings.Split(name, value.Text, value.Line, rule.Head));
            }
            catch (ConfigurationSyntaxException error)
            {
                reading.Shapes.Refuse(error.Position, $"{name}: {error.Message}");
            }
        }
    }

    /// <summary>An argument without an option: the program's name, or an image for the first disk.</summary>
    private static void Bare(
        QemuReading reading, List<(QemuOptionRule, QemuSettings)> options, string text, SourcePosition position, bool isFirst)
    {
        string file = text[(text.LastIndexOf('/') + 1)..];
        if (isFirst && (file.StartsWith("qemu", StringComparison.Ordinal) || file == "kvm") && !file.Contains('.', StringComparison.Ordinal))
        {
            reading.Tree.Put(reading.Tree.Devices, "emulator", text, position, text);
            return;
        }

        QemuSettings settings = QemuSettings.Of("-hda", position, ("", text));
        options.Add((QemuOptionTable.Find("-hda")!, settings));
        reading.Options.Add(settings);
    }

    private static void Refuse(QemuReading reading, string name, SourcePosition position)
    {
        if (name is "-help" or "-h" or "-version" or "-?" or "-audio-help")
        {
            reading.Shapes.Refuse(position, $"{name} asks a question, and describes no machine: leave it out");
            return;
        }

        string shown = name.Length <= 60 ? name : name[..57] + "...";
        string hint = NearestName.Find(shown, QemuOptionTable.Names) is string near ? $": did you mean '{near}'?" : "";
        reading.Shapes.Refuse(position, $"'{shown}' is no option of QEMU 7.2{hint}");
    }
}
