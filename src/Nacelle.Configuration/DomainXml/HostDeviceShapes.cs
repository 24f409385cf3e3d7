using static Nacelle.Configuration.TextTypes;

namespace Nacelle.Configuration;

/// <summary>Devices of the host, and which of USB may be redirected.</summary>
internal static class HostDeviceShapes
{
    internal static XmlShape<HostDeviceConfiguration> HostDevice { get; } = new XmlShape<HostDeviceConfiguration>()
        .Attribute("mode", Word("subsystem", "capabilities"), device => device.Mode, (device, value) => device with { Mode = value })
        .Attribute("type", ConfigurationWords.HostDeviceType, device => device.Type, (device, value) => device with { Type = value }, required: true)
        .Attribute("managed", YesNo, device => device.Managed, (device, value) => device with { Managed = value })
        .Attribute("sgio", Word("unfiltered", "filtered"), device => device.SgIo, (device, value) => device with { SgIo = value })
        .Attribute("rawio", YesNo, device => device.RawIo, (device, value) => device with { RawIo = value })
        .Attribute("model", Text, device => device.Model, (device, value) => device with { Model = value })
        .Attribute("display", OnOff, device => device.Display, (device, value) => device with { Display = value })
        .Attribute("ramfb", OnOff, device => device.RamFb, (device, value) => device with { RamFb = value })
        .Group("driver", group => group
            .Attribute("name", Text, device => device.DriverName, (device, value) => device with { DriverName = value }))
        .Child("source", () => Source!, () => new HostDeviceSourceConfiguration(), device => device.Source, (device, value) => device with { Source = value })
        .Group("teaming", group => group
            .Attribute("type", Word("persistent", "transient"), device => device.TeamingType, (device, value) => device with { TeamingType = value })
            .Attribute("persistent", Text, device => device.TeamingPersistent, (device, value) => device with { TeamingPersistent = value }))
        .Child("rom", () => DeviceShapes.Rom, () => new RomConfiguration(), device => device.Rom, (device, value) => device with { Rom = value })
        .Flag("readonly", device => device.ReadOnly, (device, value) => device with { ReadOnly = value })
        .Flag("shareable", device => device.Shareable, (device, value) => device with { Shareable = value })
        .Device(bootable: true, acpi: true);

    internal static XmlShape<RedirectionFilterConfiguration> RedirectionFilter { get; } = new XmlShape<RedirectionFilterConfiguration>()
        .Many("usbdev", () => RedirectionRule!, () => new RedirectionRuleConfiguration(), filter => filter.Rules, (filter, value) => filter with { Rules = value });

    internal static XmlShape<HubConfiguration> Hub { get; } = new XmlShape<HubConfiguration>()
        .Attribute("type", Word("usb"), hub => hub.Type, (hub, value) => hub with { Type = value }, required: true)
        .Device();

    private static XmlShape<RedirectionRuleConfiguration> RedirectionRule { get; } = new XmlShape<RedirectionRuleConfiguration>()
        .Attribute("class", Text, rule => rule.Class, (rule, value) => rule with { Class = value })
        .Attribute("vendor", Text, rule => rule.Vendor, (rule, value) => rule with { Vendor = value })
        .Attribute("product", Text, rule => rule.Product, (rule, value) => rule with { Product = value })
        .Attribute("version", Text, rule => rule.Version, (rule, value) => rule with { Version = value })
        .Attribute("allow", YesNo, rule => rule.Allow, (rule, value) => rule with { Allow = value }, required: true);

    private static XmlShape<HostDeviceSourceConfiguration> Source { get; } = new XmlShape<HostDeviceSourceConfiguration>()
        .Attribute("startupPolicy", Word("mandatory", "requisite", "optional"), source => source.StartupPolicy, (source, value) => source with { StartupPolicy = value })
        .Attribute("guestReset", Word("off", "uninitialized", "on"), source => source.GuestReset, (source, value) => source with { GuestReset = value })
        .Attribute("writeFiltering", YesNo, source => source.WriteFiltering, (source, value) => source with { WriteFiltering = value })
        .Attribute("protocol", Text, source => source.Protocol, (source, value) => source with { Protocol = value })
        .Attribute("name", Text, source => source.Name, (source, value) => source with { Name = value })
        .Attribute("wwpn", Text, source => source.WorldWidePortName, (source, value) => source with { WorldWidePortName = value })
        .Group("vendor", group => group
            .Attribute("id", Hexadecimal(4, 0xFFFF), source => source.Vendor, (source, value) => source with { Vendor = value }))
        .Group("product", group => group
            .Attribute("id", Hexadecimal(4, 0xFFFF), source => source.Product, (source, value) => source with { Product = value }))
        .Group("adapter", group => group
            .Attribute("name", Text, source => source.Adapter, (source, value) => source with { Adapter = value }))
        .Group("address", group => group
            .Attribute("domain", Hexadecimal(4, 0xFFFF_FFFF), source => source.Domain, (source, value) => source with { Domain = value })
            .Attribute("bus", Hexadecimal(2, 0xFFFF), source => source.Bus, (source, value) => source with { Bus = value }, writing: source => source.Slot is null ? Large() : Hexadecimal(2, 0xFFFF))
            .Attribute("slot", Hexadecimal(2, 31), source => source.Slot, (source, value) => source with { Slot = value })
            .Attribute("function", Hexadecimal(1, 7), source => source.Function, (source, value) => source with { Function = value })
            .Attribute("device", Large(0, 255), source => source.Device, (source, value) => source with { Device = value })
            .Attribute("port", Text, source => source.Port, (source, value) => source with { Port = value })
            .Attribute("target", Number(), source => source.Target, (source, value) => source with { Target = value })
            .Attribute("unit", Large(), source => source.Unit, (source, value) => source with { Unit = value })
            .Attribute("uuid", Uuid, source => source.Uuid, (source, value) => source with { Uuid = value }))
        .Many("host", () => StorageShapes.Host, () => new StorageHostConfiguration(), source => source.Hosts, (source, value) => source with { Hosts = value })
        .Child("auth", () => StorageShapes.Authentication, () => new AuthenticationConfiguration(), source => source.Authentication, (source, value) => source with { Authentication = value })
        .Group("initiator", group => group
            .Group("iqn", iqn => iqn
                .Attribute("name", Text, source => source.Initiator, (source, value) => source with { Initiator = value })))
        .Element("block", FilePath, source => source.Block, (source, value) => source with { Block = value })
        .Element("char", FilePath, source => source.Character, (source, value) => source with { Character = value })
        .Element("interface", Text, source => source.Interface, (source, value) => source with { Interface = value });
}
