using System.Globalization;
using Nacelle.Machine;

namespace Nacelle.Configuration;

/// <summary>Makes a document of a command line that was read. Stateless.</summary>
internal static class QemuDocumentBuilder
{
    /// <summary>Options that say nothing by themselves.</summary>
    private static readonly string[] s_definitions = ["-drive", "-blockdev", "-netdev", "-net", "-chardev", "-object", "-fsdev", "-tpmdev"];

    /// <summary>Makes it.</summary>
    internal static MachineDocument Build(QemuReading reading)
    {
        AcceleratorChoice accelerator = Accelerator(reading);
        BootOrders(reading.Tree);
        if (reading.Tree.Root.Children.Find(child => child.Name == "clock") is XmlTreeElement clock && !clock.Attributes.Exists(pair => pair.Name == "offset"))
        {
            reading.Tree.Put(clock, "@offset", "utc", clock.Position, "QEMU's default of -rtc base=");
        }


        // Of the machine as a whole the accelerator is said first, as the type of a domain is.
        SourcePosition whole = reading.Accelerators.Count == 0 ? reading.Start : reading.Accelerators[0].Settings.Position;
        reading.Shapes.Place("", whole, "the arguments");
        MachineConfiguration configuration = DomainShape.Domain.Read(new MachineConfiguration(), reading.Tree.Root, "", "domain", reading.Shapes);
        configuration = configuration with { Accelerator = accelerator, Nacelle = reading.Nacelle };
        Leave(reading);
        IReadOnlyDictionary<SourcePosition, string> labels = reading.Tree.Labels;
        Dictionary<string, SourcePlace> places = reading.Shapes.Places.ToDictionary(
            pair => pair.Key, pair => pair.Value with { Label = labels.GetValueOrDefault(pair.Value.Position, pair.Value.Label) }, StringComparer.Ordinal);
        Dictionary<int, string> owners = Owners(places);
        return new MachineDocument
        {
            Form = MachineDocumentForm.QemuArguments,
            Configuration = reading.Shapes.Problems.Count == 0 ? configuration : null,
            Problems =
            [
                .. reading.Shapes.Problems.Select(problem => Explain(problem, labels))
                    .OrderBy(problem => problem.Position.Line).ThenBy(problem => problem.Position.Column),
            ],
            Unknown =
            [
                .. reading.Shapes.Unknown.Select(part => part with { Parent = owners.GetValueOrDefault(part.Place.Position.Line, "") })
                    .OrderBy(part => part.Place.Position.Line).ThenBy(part => part.Place.Position.Column),
            ],
            Places = places,
        };
    }

    /// <summary>Of both, the first that the host can give is taken; QEMU takes TCG where none is named.</summary>
    private static AcceleratorChoice Accelerator(QemuReading reading)
    {
        string[] names = [.. reading.Accelerators.Select(item => item.Name).Distinct(StringComparer.Ordinal)];
        AcceleratorChoice choice = names switch
        {
            [] or ["tcg", ..] => AcceleratorChoice.Translator,
            ["kvm"] => AcceleratorChoice.Kvm,
            _ => AcceleratorChoice.Auto,
        };
        QemuSettings origin = reading.Accelerators.Count == 0
            ? QemuSettings.Of("QEMU's default accelerator, tcg", reading.Start)
            : reading.Accelerators[0].Settings;
        reading.Tree.Put(reading.Tree.Root, "@type", choice == AcceleratorChoice.Translator ? "qemu" : "kvm", origin);
        return choice;
    }

    /// <summary>QEMU counts from 0 where people want it to; the order of a configuration begins with 1.</summary>
    private static void BootOrders(QemuMachineTree tree)
    {
        XmlTreeElement[] boots =
        [
            .. tree.Devices.Children.SelectMany(device => device.Children)
                .Where(child => child.Name == "boot" && child.Attributes.Exists(pair => pair.Name == "order")),
        ];
        if (!boots.Any(boot => boot.Attributes.Exists(pair => pair is { Name: "order", Value: "0" })))
        {
            return;
        }

        foreach (XmlTreeElement boot in boots)
        {
            int at = boot.Attributes.FindIndex(pair => pair.Name == "order");
            if (int.TryParse(boot.Attributes[at].Value, NumberStyles.None, CultureInfo.InvariantCulture, out int order) && order < int.MaxValue)
            {
                boot.Attributes[at] = boot.Attributes[at] with { Value = QemuNumbers.Format(order + 1) };
            }
        }
    }

    /// <summary>What was not taken, and what nothing refers to, is not understood.</summary>
    private static void Leave(QemuReading reading)
    {
        foreach (QemuSettings settings in reading.Options)
        {
            if (!settings.IsUsed && s_definitions.Contains(settings.Option))
            {
                reading.Unknown(settings, null, $"{settings.Label}, which nothing refers to");
                continue;
            }

            foreach (QemuSetting setting in settings.Left)
            {
                reading.Unknown(settings, setting, settings.All.Count == 1 ? settings.Label : $"{setting} of {settings.Label}");
            }
        }
    }

    /// <summary>The parts that arguments are, by their lines: the shortest pointer.</summary>
    private static Dictionary<int, string> Owners(Dictionary<string, SourcePlace> places)
    {
        Dictionary<int, string> owners = [];
        foreach ((string pointer, SourcePlace place) in places)
        {
            int line = place.Position.Line;
            if (pointer.StartsWith("/devices/", StringComparison.Ordinal) && (!owners.TryGetValue(line, out string? other) || pointer.Length < other.Length))
            {
                owners[line] = pointer;
            }
        }

        return owners;
    }

    /// <summary>Values are checked as domain XML; what is said is of the argument.</summary>
    private static ConfigurationProblem Explain(ConfigurationProblem problem, IReadOnlyDictionary<SourcePosition, string> labels)
    {
        string message = problem.Message;
        bool isOfXml = message.StartsWith('<') || message.StartsWith("attribute '", StringComparison.Ordinal) || message.StartsWith("the text of <", StringComparison.Ordinal);
        if (!isOfXml || !labels.TryGetValue(problem.Position, out string? label))
        {
            return problem;
        }

        int colon = message.IndexOf(">: ", StringComparison.Ordinal);
        return problem with { Message = colon < 0 ? $"{label}: {message}" : $"{label}: {message[(colon + 3)..]}" };
    }
}
