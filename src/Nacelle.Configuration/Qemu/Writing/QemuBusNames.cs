using System.Globalization;
using static Nacelle.Configuration.QemuWriting;

namespace Nacelle.Configuration;

/// <summary>Names that controllers have in arguments, and addresses in them. For one thread.</summary>
internal sealed class QemuBusNames
{
    private readonly QemuWriting _writing;
    private readonly Dictionary<(string Type, string Index), string> _ids = [];
    private readonly Dictionary<XmlTreeElement, string> _byElement = [];
    private readonly Dictionary<XmlTreeElement, string> _numbers = [];
    private readonly HashSet<string> _narrow = new(StringComparer.Ordinal);

    /// <summary>Names all controllers: by their alias, or by type and number.</summary>
    internal QemuBusNames(QemuWriting writing, IEnumerable<XmlTreeElement> devices)
    {
        _writing = writing;
        XmlTreeElement[] controllers = [.. devices.Where(device => device.Name == "controller")];
        PortCount = controllers.Count(item => Peek(item, "@model") is "pcie-root-port" or "pcie-switch-downstream-port");
        HashSet<(string, string)> taken = [("pci", "0"), .. controllers.Select(item => (Peek(item, "@type") ?? "", Peek(item, "@index") ?? ""))];
        foreach (XmlTreeElement controller in controllers)
        {
            string type = Peek(controller, "@type") ?? "";
            string index = Peek(controller, "@index") ?? (Peek(controller, "@model") is "pci-root" or "pcie-root" ? "0" : Next(type));
            _numbers[controller] = index;
            if (type == "scsi" && Peek(controller, "@model") is "lsilogic" or "lsi53c810")
            {
                _narrow.Add(index);
            }

            bool isCompanion = Peek(controller, "master/@startport") is not null;
            if (Peek(controller, "alias/@name") is string alias)
            {
                _byElement[controller] = alias;
            }
            else if (!isCompanion)
            {
                _byElement[controller] = $"{QemuDeviceOption.MadePrefix}{type}{index}";
            }

            if (!isCompanion && _byElement.TryGetValue(controller, out string? id))
            {
                _ids[(type, index)] = id;
            }
        }

        string Next(string type)
        {
            int number = 0;
            while (!taken.Add((type, QemuNumbers.Format(number))))
            {
                number++;
            }

            return QemuNumbers.Format(number);
        }
    }

    /// <summary>How many ports of PCI Express there are.</summary>
    internal int PortCount { get; }

    /// <summary>A chassis number for a port that has none: its place among the controllers, from 1.</summary>
    internal string Chassis(XmlTreeElement element) => QemuNumbers.Format(_byElement.Keys.TakeWhile(other => other != element).Count() + 1);

    /// <summary>The number of a controller, given or taken.</summary>
    internal string NumberOf(XmlTreeElement element) => _numbers.GetValueOrDefault(element, "0");

    /// <summary>The name of a controller.</summary>
    internal string? IdOf(XmlTreeElement element) => _byElement.GetValueOrDefault(element);

    /// <summary>Writes where a device sits.</summary>
    internal void Address(QemuDevice device, XmlTreeElement element, List<string> settings)
    {
        if (element.Name == "controller" && Peek(element, "@type") is null && Peek(element, "master/@startport") is null && device.Driver.Contains("uhci", StringComparison.Ordinal) && settings.Exists(setting => setting.StartsWith("firstport=", StringComparison.Ordinal)))
        {
            settings.Add(Setting("masterbus", $"{_ids.GetValueOrDefault(("usb", "0"), "usb")}.0"));
        }

        if (Child(element, "address") is not XmlTreeElement address)
        {
            return;
        }

        switch (Take(address, "@type"))
        {
            case "pci":
                Pci(address, settings);
                break;
            case "drive" when device.Bus == QemuBus.Scsi && _narrow.Contains(Peek(address, "@controller") ?? "0"):
                // An LSI adapter has no units but 0: to libvirt a unit is one of its eight ids.
                settings.Add(Setting("bus", $"{Name("scsi", Take(address, "@controller"))}.0"));
                string target = Take(address, "@target") ?? "0";
                string unit = Take(address, "@unit") ?? "0";
                Take(address, "@bus");
                settings.Add(Setting("scsi-id", unit == "0" ? target : unit));
                break;
            case "drive" when device.Bus == QemuBus.Scsi:
                settings.Add(Setting("bus", $"{Name("scsi", Take(address, "@controller"))}.0"));
                Move(address, "@bus", settings, "channel");
                Move(address, "@target", settings, "scsi-id");
                Move(address, "@unit", settings, "lun");
                break;
            case "drive" when device.Bus == QemuBus.Ide:
                Ide(element, address, settings);
                break;
            case "drive":
                TakeIf(address, "@controller", "0");
                Take(address, "@bus");
                Take(address, "@target");
                Move(address, "@unit", settings, "unit");
                break;
            case "usb":
                settings.Add(Setting("bus", $"{Name("usb", Decimal(Take(address, "@bus")))}.0"));
                Move(address, "@port", settings, "port");
                break;
            case "virtio-serial":
                if (Take(address, "@controller") is string serial)
                {
                    settings.Add(Setting("bus", $"{Name("virtio-serial", serial)}.{Decimal(Take(address, "@bus"))}"));
                }

                Move(address, "@port", settings, "nr");
                break;
            case "ccid":
                settings.Add(Setting("bus", $"{Name("ccid", Take(address, "@controller"))}.0"));
                TakeIf(address, "@slot", "0x00");
                break;
            case "isa":
                Move(address, "@iobase", settings, device.Driver == "pvpanic" ? "ioport" : "iobase");
                Move(address, "@irq", settings, "irq");
                break;
            case "dimm":
                Move(address, "@slot", settings, "slot", QemuValueKind.Number);
                Move(address, "@base", settings, "addr");
                break;
            default:
                break;
        }

        if (address.IsEmpty)
        {
            element.Children.Remove(address);
        }
    }

    private void Pci(XmlTreeElement address, List<string> settings)
    {
        ulong bus = Number(Take(address, "@bus"));
        ulong slot = Number(Take(address, "@slot"));
        ulong function = Number(Take(address, "@function"));
        TakeIf(address, "@domain", "0x0000");
        string name = bus == 0 ? (_writing.IsQ35 ? "pcie.0" : "pci.0") : Name("pci", QemuNumbers.Format(bus));
        settings.Add(Setting("bus", name));
        settings.Add(Setting("addr", string.Create(CultureInfo.InvariantCulture, $"0x{slot:x}{(function == 0 ? "" : $".0x{function:x}")}")));
        Move(address, "@multifunction", settings, "multifunction");
    }

    private void Ide(XmlTreeElement element, XmlTreeElement address, List<string> settings)
    {
        bool isSata = Peek(element, "target/@bus") == "sata";
        string controller = Take(address, "@controller") ?? "0";
        string bus = Decimal(Take(address, "@bus"));
        string unit = Take(address, "@unit") ?? "0";
        bool isBoard = controller == "0" && isSata == _writing.IsQ35;
        string name = isBoard ? "ide" : Name(isSata ? "sata" : "ide", controller);
        settings.Add(Setting("bus", $"{name}.{(isSata ? unit : bus)}"));
        if (!isSata)
        {
            settings.Add(Setting("unit", unit));
        }

        TakeIf(address, "@target", "0");
    }

    private string Name(string type, string? index) =>
        _ids.TryGetValue((type, index ?? "0"), out string? id) ? id : Missing(type, index ?? "0");

    private string Missing(string type, string index)
    {
        _writing.Refusals.Add($"controller {index} of type {type}, to which an address refers, is not there: add it");
        return $"{QemuDeviceOption.MadePrefix}{type}{index}";
    }

    private static string Decimal(string? text) => QemuNumbers.Format(Number(text));

    private static ulong Number(string? text) => text is not null && QemuNumbers.TryWhole(text, out ulong number) ? number : 0;
}
