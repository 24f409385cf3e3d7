using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>
/// The machine that arguments for QEMU describe, as the elements of domain XML that say the same: so there is one vocabulary and one
/// place where values are checked. Each element keeps the place of the argument. For one thread.
/// </summary>
internal sealed class QemuMachineTree
{
    private readonly ShapeReading _reading;
    private readonly Dictionary<SourcePosition, string> _labels = [];

    /// <summary>Begins a machine.</summary>
    /// <param name="position">The first argument.</param>
    /// <param name="reading">Takes what is wrong.</param>
    public QemuMachineTree(SourcePosition position, ShapeReading reading)
    {
        _reading = reading;
        Root = new XmlTreeElement("", "domain", position);
        Devices = new XmlTreeElement("", "devices", position);
        Root.Children.Add(Devices);
    }

    /// <summary>The domain.</summary>
    public XmlTreeElement Root { get; }

    /// <summary>Its devices.</summary>
    public XmlTreeElement Devices { get; }

    /// <summary>What stands at places.</summary>
    public IReadOnlyDictionary<SourcePosition, string> Labels => _labels;

    /// <summary>Adds an element.</summary>
    public XmlTreeElement Add(XmlTreeElement parent, string name, SourcePosition position, string label)
    {
        XmlTreeElement element = new("", name, position);
        parent.Children.Add(element);
        _labels.TryAdd(position, label);
        return element;
    }

    /// <summary>Adds a device.</summary>
    public XmlTreeElement AddDevice(string name, QemuSettings settings) => Add(Devices, name, settings.Position, settings.Label);

    /// <summary>The first element of a name in another, made where there is none.</summary>
    public XmlTreeElement Get(XmlTreeElement parent, string name, SourcePosition position, string label) =>
        parent.Children.Find(child => child.Name == name) ?? Add(parent, name, position, label);

    /// <summary>Writes a value.</summary>
    /// <param name="from">Where the path begins.</param>
    /// <param name="path">Elements with slashes between, an attribute after @ at the end; empty for the element's own text.</param>
    /// <param name="value">The value.</param>
    /// <param name="position">Where it was said.</param>
    /// <param name="label">What stands there.</param>
    public void Put(XmlTreeElement from, string path, string value, SourcePosition position, string label)
    {
        XmlTreeElement element = from;
        foreach (string step in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (step.StartsWith('@'))
            {
                string name = step[1..];
                element.Attributes.RemoveAll(attribute => attribute.Name == name);
                element.Attributes.Add(new XmlTreeAttribute("", name, value, position));
                _labels.TryAdd(position, label);
                return;
            }

            element = Get(element, step, position, label);
        }

        element.Text = value;
    }

    /// <summary>Writes a value that a setting has.</summary>
    public void Put(XmlTreeElement from, string path, string value, QemuSettings settings, QemuSetting? setting = null) =>
        Put(from, path, value, setting?.Position ?? settings.Position, setting is null ? settings.Label : $"{setting} of {settings.Option}");

    /// <summary>Takes a setting where it is given and writes its value.</summary>
    public void Move(QemuSettings settings, string name, XmlTreeElement to, string path, QemuValueKind kind = QemuValueKind.Text)
    {
        if (settings.Take(name) is QemuSetting setting)
        {
            PutAs(kind, to, path, setting, settings);
        }
    }

    /// <summary>Writes a size in bytes.</summary>
    public void PutSize(XmlTreeElement to, string path, ulong bytes, QemuSettings settings, QemuSetting? setting = null)
    {
        Put(to, path, QemuNumbers.Format(bytes), settings, setting);
        Put(to, path + "/@unit", "b", settings, setting);
    }

    /// <summary>Says that a setting's value is not valid.</summary>
    public void Refuse(QemuSettings settings, QemuSetting setting, string expected) =>
        _reading.Refuse(setting.Position, $"{settings.Option} {setting} is not valid: give {expected}");

    /// <summary>Takes a number.</summary>
    /// <returns>Null where it is not given or not valid, which is said.</returns>
    public ulong? TakeNumber(QemuSettings settings, string name, ulong most)
    {
        if (settings.Take(name) is not QemuSetting setting)
        {
            return null;
        }

        if (QemuNumbers.TryWhole(setting.Value, out ulong number) && number <= most)
        {
            return number;
        }

        Refuse(settings, setting, string.Create(CultureInfo.InvariantCulture, $"a number from 0 to {most}"));
        return null;
    }

    /// <summary>Takes a size in bytes.</summary>
    /// <returns>Null where it is not given or not valid, which is said.</returns>
    public ulong? TakeSize(QemuSettings settings, string name, ulong unit = 1)
    {
        if (settings.Take(name) is not QemuSetting setting)
        {
            return null;
        }

        if (QemuNumbers.TrySize(setting.Value, unit, out ulong bytes))
        {
            return bytes;
        }

        Refuse(settings, setting, "a size such as 512M");
        return null;
    }

    /// <summary>Takes a switch.</summary>
    /// <returns>Null where it is not given or not valid, which is said.</returns>
    public bool? TakeSwitch(QemuSettings settings, string name)
    {
        if (settings.Take(name) is not QemuSetting setting)
        {
            return null;
        }

        if (QemuNumbers.Switch(setting.Value) is bool value)
        {
            return value;
        }

        Refuse(settings, setting, "on or off");
        return null;
    }

    /// <summary>Writes a setting's value in the way of domain XML.</summary>
    public void PutAs(QemuValueKind kind, XmlTreeElement to, string path, QemuSetting setting, QemuSettings settings)
    {
        string text = setting.Value;
        switch (kind)
        {
            case QemuValueKind.Text:
                Put(to, path, text, settings, setting);
                break;
            case QemuValueKind.OnOff or QemuValueKind.YesNo or QemuValueKind.Flag:
                PutSwitch(kind, to, path, setting, settings);
                break;
            case QemuValueKind.Number or QemuValueKind.Hexadecimal when QemuNumbers.TryWhole(text, out ulong number):
                Put(to, path, kind == QemuValueKind.Number ? QemuNumbers.Format(number) : $"0x{number:x}", settings, setting);
                break;
            case QemuValueKind.Size when QemuNumbers.TrySize(text, 1, out ulong bytes):
                PutSize(to, path, bytes, settings, setting);
                break;
            case QemuValueKind.Bytes when QemuNumbers.TrySize(text, 1, out ulong bytes):
                Put(to, path, QemuNumbers.Format(bytes), settings, setting);
                break;
            case QemuValueKind.Kibibytes when QemuNumbers.TrySize(text, 1, out ulong bytes):
                Put(to, path, QemuNumbers.Format(bytes >> 10), settings, setting);
                break;
            case QemuValueKind.Mebibytes when QemuNumbers.TryWhole(text, out ulong number) && number < 1 << 22:
                Put(to, path, QemuNumbers.Format(number << 10), settings, setting);
                break;
            default:
                Refuse(settings, setting, kind is QemuValueKind.Number or QemuValueKind.Hexadecimal ? "a whole number" : "a size");
                break;
        }
    }

    private void PutSwitch(QemuValueKind kind, XmlTreeElement to, string path, QemuSetting setting, QemuSettings settings)
    {
        if (QemuNumbers.Switch(setting.Value) is not bool value)
        {
            Refuse(settings, setting, "on or off");
        }
        else if (kind != QemuValueKind.Flag)
        {
            Put(to, path, kind == QemuValueKind.OnOff ? (value ? "on" : "off") : value ? "yes" : "no", settings, setting);
        }
        else if (value)
        {
            Put(to, path, "", settings, setting);
        }
    }
}
