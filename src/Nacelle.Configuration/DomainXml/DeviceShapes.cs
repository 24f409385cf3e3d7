using static Nacelle.Configuration.TextTypes;

namespace Nacelle.Configuration;

/// <summary>Parts that many devices have.</summary>
internal static class DeviceShapes
{
    private const int HighestPort = 65535;

    internal static XmlShape<DeviceAddress> Address { get; } = new XmlShape<DeviceAddress>()
        .Attribute("type", ConfigurationWords.DeviceAddressType, address => address.Type, (address, value) => address with { Type = value }, required: true)
        .With(AddressParts);

    internal static XmlShape<VirtioDriverConfiguration> VirtioDriverOnly { get; } = new XmlShape<VirtioDriverConfiguration>().VirtioDriver();

    internal static XmlShape<RomConfiguration> Rom { get; } = new XmlShape<RomConfiguration>()
        .Attribute("bar", OnOff, rom => rom.Bar, (rom, value) => rom with { Bar = value })
        .Attribute("enabled", YesNo, rom => rom.Enabled, (rom, value) => rom with { Enabled = value })
        .Attribute("file", FilePath, rom => rom.File, (rom, value) => rom with { File = value });

    internal static XmlShape<SecurityLabelConfiguration> SecurityLabel { get; } = new XmlShape<SecurityLabelConfiguration>()
        .Attribute("type", Word("dynamic", "static", "none"), label => label.Type, (label, value) => label with { Type = value })
        .Attribute("model", Text, label => label.Model, (label, value) => label with { Model = value })
        .Attribute("relabel", YesNo, label => label.Relabel, (label, value) => label with { Relabel = value })
        .Element("label", Text, label => label.Label, (label, value) => label with { Label = value })
        .Element("baselabel", Text, label => label.BaseLabel, (label, value) => label with { BaseLabel = value })
        .Element("imagelabel", Text, label => label.ImageLabel, (label, value) => label with { ImageLabel = value });

    /// <summary>Numbers of PCI addresses are hexadecimal, others decimal: libvirt's schema knows no other way.</summary>
    private static TextType<ulong> AddressNumber(DeviceAddress address, int digits) =>
        address.Type == DeviceAddressType.Pci ? Hexadecimal(digits, uint.MaxValue) : Large();

    /// <summary>Attributes of addresses, whatever the type.</summary>
    internal static void AddressParts(XmlShape<DeviceAddress> shape) => shape
        .Attribute("domain", Hexadecimal(4, 0xFFFF), address => address.Domain, (address, value) => address with { Domain = value })
        .Attribute("controller", Number(), address => address.Controller, (address, value) => address with { Controller = value })
        .Attribute("bus", Hexadecimal(2, 0xFF), address => address.Bus, (address, value) => address with { Bus = value }, writing: address => AddressNumber(address, 2))
        .Attribute("target", Number(), address => address.Target, (address, value) => address with { Target = value })
        .Attribute("unit", Number(), address => address.Unit, (address, value) => address with { Unit = value })
        .Attribute("slot", Hexadecimal(2, 0xFFFF_FFFF), address => address.Slot, (address, value) => address with { Slot = value }, writing: address => AddressNumber(address, 2))
        .Attribute("function", Hexadecimal(1, 0xFF), address => address.Function, (address, value) => address with { Function = value })
        .Attribute("multifunction", OnOff, address => address.Multifunction, (address, value) => address with { Multifunction = value })
        .Attribute("port", Text, address => address.Port, (address, value) => address with { Port = value })
        .Attribute("iobase", Hexadecimal(1, HighestPort), address => address.IoPort, (address, value) => address with { IoPort = value })
        .Attribute("irq", Hexadecimal(1, 255), address => address.Interrupt, (address, value) => address with { Interrupt = value })
        .Attribute("base", Hexadecimal(1, ulong.MaxValue), address => address.Base, (address, value) => address with { Base = value })
        .Attribute("reg", Hexadecimal(1, ulong.MaxValue), address => address.Register, (address, value) => address with { Register = value });

    /// <summary>What every device can have.</summary>
    internal static XmlShape<T> Device<T>(this XmlShape<T> shape, bool bootable = false, bool acpi = false) where T : DeviceConfiguration
    {
        shape.Child("address", () => Address, () => new DeviceAddress(), device => device.Address, (device, value) => device with { Address = value });
        shape.Group("alias", group => group
            .Attribute("name", Text, device => device.Alias, (device, value) => device with { Alias = value }));
        if (bootable)
        {
            shape.Group("boot", group => group
                .Attribute("order", Number(1), device => device.BootOrder, (device, value) => device with { BootOrder = value })
                .Attribute("loadparm", Text, device => device.LoadParameter, (device, value) => device with { LoadParameter = value }));
        }

        if (acpi)
        {
            shape.Group("acpi", group => group
                .Attribute("index", Number(), device => device.AcpiIndex, (device, value) => device with { AcpiIndex = value }));
        }

        return shape;
    }

    /// <summary>Attributes of the driver element that all virtio devices have.</summary>
    internal static XmlShape<T> VirtioDriver<T>(this XmlShape<T> shape) where T : VirtioDriverConfiguration => shape
        .Attribute("iommu", OnOff, driver => driver.Iommu, (driver, value) => driver with { Iommu = value })
        .Attribute("ats", OnOff, driver => driver.Ats, (driver, value) => driver with { Ats = value })
        .Attribute("packed", OnOff, driver => driver.Packed, (driver, value) => driver with { Packed = value })
        .Attribute("page_per_vq", OnOff, driver => driver.PagePerQueue, (driver, value) => driver with { PagePerQueue = value });
}
