using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>
/// Numbers that domain XML gives to controllers, by the names that QEMU's buses have: found before any device is read, so that a
/// device may refer to a controller. For one thread.
/// </summary>
/// <param name="reading">What is read.</param>
internal sealed class QemuControllers(QemuReading reading)
{
    private const string DefaultUsb = "usb-bus";

    // The board's own controllers have numbers too.
    private readonly Dictionary<(string Type, int Index), string> _taken = new() { [("pci", 0)] = "" };
    private readonly Dictionary<string, (string Type, int Index, string Model)> _byId = new(StringComparer.Ordinal);
    private readonly Dictionary<QemuSettings, int> _byDevice = [];
    private readonly List<(string Type, int Index)> _unnamed = [];
    private readonly Dictionary<int, HashSet<uint>> _slots = [];
    private readonly Dictionary<int, string> _pciModels = [];

    /// <summary>Numbers of I/O threads by their names.</summary>
    public Dictionary<string, int> IoThreads { get; } = new(StringComparer.Ordinal);

    /// <summary>Places of drives that are taken, as bus.unit.</summary>
    public HashSet<string> TakenDrives { get; } = new(StringComparer.Ordinal);

    /// <summary>Notes the I/O threads and numbers them: by the number at the end of the name, or the next one.</summary>
    public void NoteIoThreads(IEnumerable<string> names)
    {
        string[] all = [.. names.Distinct(StringComparer.Ordinal)];
        foreach (string name in all)
        {
            string digits = name[(name.LastIndexOfAny([.. "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_."]) + 1)..];
            if (int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0 && !IoThreads.ContainsValue(number))
            {
                IoThreads[name] = number;
            }
        }

        int next = 1;
        foreach (string name in all.Where(name => !IoThreads.ContainsKey(name)))
        {
            while (IoThreads.ContainsValue(next))
            {
                next++;
            }

            IoThreads[name] = next;
        }
    }

    /// <summary>Notes what the board has by itself.</summary>
    public void NoteBoard() => _taken[(reading.IsQ35 ? "sata" : "ide", 0)] = "";

    /// <summary>Notes a controller.</summary>
    public void Note(QemuSettings settings, QemuDevice device)
    {
        string type = device.FixedValues.First(pair => pair.Path == "@type").Value;
        string model = device.FixedValues.FirstOrDefault(pair => pair.Path == "@model").Value ?? "";
        string? id = settings.Find("id")?.Value;

        // A companion of USB 2.0 is the same controller.
        if (settings.Find("masterbus")?.Value is string master && _byId.TryGetValue(BusName(master), out (string Type, int Index, string Model) first))
        {
            _byDevice[settings] = first.Index;
            return;
        }

        int index = WantedIndex(type, id) is int wanted && !_taken.ContainsKey((type, wanted)) ? wanted : Next(type);
        _taken[(type, index)] = id ?? "";
        _byDevice[settings] = index;
        if (id is null)
        {
            _unnamed.Add((type, index));
        }
        else
        {
            _byId.TryAdd(id, (type, index, model));
        }

        if (type == "pci")
        {
            _pciModels[index] = model;
        }
    }

    /// <summary>A controller's number.</summary>
    public int IndexOf(QemuSettings settings) => _byDevice.GetValueOrDefault(settings);

    /// <summary>Finds the controller that has a bus.</summary>
    /// <param name="type">Its type.</param>
    /// <param name="bus">The bus; null for the first of the type.</param>
    /// <returns>Its number and the bus's number in it; null where there is none of the name.</returns>
    public (int Index, int Bus)? Find(string type, string? bus)
    {
        if (bus is null)
        {
            return (0, 0);
        }

        if (_byId.TryGetValue(bus, out (string Type, int Index, string Model) found) && found.Type == type)
        {
            return (found.Index, 0);
        }

        string name = BusName(bus);
        int number = name.Length < bus.Length && int.TryParse(bus.AsSpan(name.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : 0;
        if (_byId.TryGetValue(name, out found) && found.Type == type)
        {
            return (found.Index, number);
        }

        string common = type switch { "virtio-serial" => "virtio-serial-bus", "usb" => DefaultUsb, "sata" or "ide" => "ide", _ => type };
        if (name != common)
        {
            return null;
        }

        (string Type, int Index)[] unnamed = [.. _unnamed.Where(entry => entry.Type == type)];
        return type is "sata" or "ide" ? (0, number) : number < unnamed.Length ? (unnamed[number].Index, 0) : (0, 0);
    }

    /// <summary>The number of a PCI bus; null where there is none of the name.</summary>
    public int? FindPci(string bus) => bus is "pci.0" or "pcie.0" or "pci" ? 0
        : _byId.TryGetValue(bus, out (string Type, int Index, string Model) found) && found.Type == "pci" ? found.Index
        : bus.EndsWith(".0", StringComparison.Ordinal) && _byId.TryGetValue(bus[..^2], out found) && found.Type == "pci" ? found.Index : null;

    /// <summary>Notes that a slot has a device.</summary>
    public void TakeSlot(int bus, uint slot) => Slots(bus).Add(slot);

    /// <summary>The slot that QEMU chooses on a bus that was named: the first one that is free.</summary>
    public uint? ChooseSlot(int bus)
    {
        string model = _pciModels.GetValueOrDefault(bus, "");
        uint slot = model is "pci-bridge" or "pcie-to-pci-bridge" ? 1U : 0U;
        bool isPort = model is "pcie-root-port" or "pcie-switch-downstream-port";
        while (!isPort && !Slots(bus).Add(slot))
        {
            slot++;
        }

        return slot < 32 ? slot : null;
    }

    /// <summary>The place of a drive that is a device itself.</summary>
    public (int Bus, int Unit) PlaceDrive(string kind, int units, int? index, int? bus, int? unit, QemuSettings settings)
    {
        (int Bus, int Unit) place = index is int given ? (given / units, given % units) : (bus ?? 0, unit ?? 0);
        string prefix = kind == "ide" ? "" : kind + ":";
        if (index is null && unit is null)
        {
            while (TakenDrives.Contains(Key(place)))
            {
                place = place.Unit + 1 < units ? (place.Bus, place.Unit + 1) : (place.Bus + 1, 0);
            }
        }

        if (!TakenDrives.Add(Key(place)))
        {
            reading.Shapes.Refuse(settings.Position, $"{settings.Label}: its place has a drive already: give another index");
        }

        return place;

        string Key((int Bus, int Unit) at) => string.Create(CultureInfo.InvariantCulture, $"{prefix}{at.Bus}.{at.Unit}");
    }

    /// <summary>The USB controllers that the board adds by itself.</summary>
    public void AddBoardUsb(QemuSettings settings)
    {
        if (_taken.TryGetValue(("usb", 0), out string? id) && id == DefaultUsb)
        {
            return;
        }

        QemuMachineTree tree = reading.Tree;
        int index = Next("usb");
        _taken[("usb", index)] = DefaultUsb;
        _byId.TryAdd(DefaultUsb, ("usb", index, ""));
        (string Model, string Slot, string Function, string? Port)[] parts = reading.IsQ35
            ? [("ich9-ehci1", "0x1d", "0x7", null), ("ich9-uhci1", "0x1d", "0x0", "0"), ("ich9-uhci2", "0x1d", "0x1", "2"), ("ich9-uhci3", "0x1d", "0x2", "4")]
            : [("piix3-uhci", "0x01", "0x2", null)];
        foreach ((string model, string slot, string function, string? port) in parts)
        {
            XmlTreeElement controller = tree.AddDevice("controller", settings);
            tree.Put(controller, "@type", "usb", settings);
            tree.Put(controller, "@index", QemuNumbers.Format(index), settings);
            tree.Put(controller, "@model", model, settings);
            if (port is not null)
            {
                tree.Put(controller, "master/@startport", port, settings);
            }

            (string Name, string Value)[] address =
                [("type", "pci"), ("domain", "0x0000"), ("bus", "0x00"), ("slot", slot), ("function", function)];
            foreach ((string name, string value) in address)
            {
                tree.Put(controller, $"address/@{name}", value, settings);
            }

            if (function == "0x0" && parts.Length > 1)
            {
                tree.Put(controller, "address/@multifunction", "on", settings);
            }
        }
    }

    private static string BusName(string bus)
    {
        int dot = bus.LastIndexOf('.');
        return dot > 0 && bus.AsSpan(dot + 1).IndexOfAnyExceptInRange('0', '9') < 0 ? bus[..dot] : bus;
    }

    private HashSet<uint> Slots(int bus) => _slots.TryGetValue(bus, out HashSet<uint>? slots) ? slots : _slots[bus] = [];

    private int Next(string type)
    {
        int index = 0;
        while (_taken.ContainsKey((type, index)))
        {
            index++;
        }

        return index;
    }

    /// <summary>The number that a name such as pci.3, scsi1 or usb says.</summary>
    private static int? WantedIndex(string type, string? id)
    {
        id = id is not null && id.StartsWith(QemuDeviceOption.MadePrefix, StringComparison.Ordinal) ? id[QemuDeviceOption.MadePrefix.Length..] : id;
        if (id is null || !id.StartsWith(type, StringComparison.Ordinal))
        {
            return null;
        }

        string rest = id[type.Length..].TrimStart('.');
        return rest.Length == 0 && type != "pci" ? 0
            : int.TryParse(rest, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number <= 255 && (number > 0 || type != "pci") ? number : null;
    }
}
