using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>
/// The state of reading one command line: the options in order, what they define by name, and the machine so far. For one thread.
/// </summary>
internal sealed class QemuReading
{
    /// <summary>Longest chain of block nodes or back ends that refer to each other.</summary>
    internal const int LongestChain = 32;

    private readonly Dictionary<(string Group, string Id), QemuSettings> _definitions = [];
    private readonly HashSet<string> _disks = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _nextDisk = new(StringComparer.Ordinal);

    /// <summary>Begins.</summary>
    /// <param name="start">The first argument.</param>
    public QemuReading(SourcePosition start)
    {
        Start = start;
        Tree = new QemuMachineTree(start, Shapes);
        Controllers = new QemuControllers(this);
    }

    /// <summary>The first argument: where stands what nobody said.</summary>
    public SourcePosition Start { get; }

    /// <summary>Places, problems and what was not understood.</summary>
    public ShapeReading Shapes { get; } = new();

    /// <summary>The machine so far.</summary>
    public QemuMachineTree Tree { get; }

    /// <summary>All options in order.</summary>
    public List<QemuSettings> Options { get; } = [];

    /// <summary>Controllers by the names of their buses.</summary>
    public QemuControllers Controllers { get; }

    /// <summary>The board's name.</summary>
    public string Machine { get; set; } = "pc";

    /// <summary>Whether the board has PCI Express and SATA.</summary>
    public bool IsQ35 => Machine.Contains("q35", StringComparison.Ordinal);

    /// <summary>Accelerators that were named, in order.</summary>
    public List<(string Name, QemuSettings Settings)> Accelerators { get; } = [];

    /// <summary>Whether devices come that nobody asked for.</summary>
    public bool HasDefaults { get; set; } = true;

    /// <summary>The option that asks for a machine without a window; null where there is none.</summary>
    public QemuSettings? NoGraphic { get; set; }

    /// <summary>What has no element in domain XML of libvirt; null for nothing.</summary>
    public NacelleConfiguration? Nacelle { get; set; }

    /// <summary>What is left until all devices are there.</summary>
    public List<Action> AtEnd { get; } = [];

    /// <summary>Kinds of default devices that something else stands for.</summary>
    public HashSet<string> WithoutDefault { get; } = new(StringComparer.Ordinal);

    /// <summary>Notes what an option defines.</summary>
    public void Define(string group, QemuSettings settings, string name = "id")
    {
        if (settings.Take(name) is not QemuSetting id)
        {
            Shapes.Refuse(settings.Position, $"{settings.Label} has no {name}, which it needs");
        }
        else if (!_definitions.TryAdd((group, id.Value), settings))
        {
            Shapes.Refuse(id.Position, $"{settings.Option} {id} is taken by another {settings.Option}: give it another name");
        }
    }

    /// <summary>Finds a definition and notes that it is used.</summary>
    /// <returns>Null where there is none, which is said.</returns>
    public QemuSettings? Use(string group, QemuSettings user, QemuSetting reference, string option)
    {
        if (_definitions.TryGetValue((group, reference.Value), out QemuSettings? found))
        {
            found.IsUsed = true;
            return found;
        }

        Shapes.Refuse(reference.Position, $"{user.Option} {reference} refers to what is not there: add a {option} of that name");
        return null;
    }

    /// <summary>Whether a definition is there.</summary>
    public bool IsDefined(string group, string id) => _definitions.ContainsKey((group, id));

    /// <summary>Takes a reference and finds what it means.</summary>
    public QemuSettings? UseNamed(string group, QemuSettings user, string name, string option) =>
        user.Take(name) is QemuSetting reference ? Use(group, user, reference, option) : null;

    /// <summary>A name for a disk that none has yet, such as vda.</summary>
    public string NameDisk(string prefix, int? wanted = null)
    {
        if (wanted is int index && _disks.Add(prefix + Letters(index)))
        {
            return prefix + Letters(index);
        }

        int next = _nextDisk.GetValueOrDefault(prefix);
        while (!_disks.Add(prefix + Letters(next)))
        {
            next++;
        }

        _nextDisk[prefix] = next + 1;
        return prefix + Letters(next);
    }

    /// <summary>Says that a part is not understood.</summary>
    public void Unknown(QemuSettings settings, QemuSetting? setting, string label) => Shapes.Unknown.Add(new UnknownPart(
        new SourcePlace(setting?.Position ?? settings.Position, label), "", setting is null ? settings.Option : $"{settings.Option}/{setting.Name}"));

    private static string Letters(int index)
    {
        string letters = "";
        for (int rest = index; rest >= 0; rest = (rest / 26) - 1)
        {
            letters = string.Create(CultureInfo.InvariantCulture, $"{(char)('a' + (rest % 26))}{letters}");
        }

        return letters;
    }
}
