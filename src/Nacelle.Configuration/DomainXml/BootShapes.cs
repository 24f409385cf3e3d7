using static Nacelle.Configuration.TextTypes;

namespace Nacelle.Configuration;

/// <summary>What is booted, and what firmware and guest are told of the system.</summary>
internal static class BootShapes
{
    internal static XmlShape<BootConfiguration> Boot { get; } = new XmlShape<BootConfiguration>()
        .Attribute("firmware", Word("bios", "efi"), boot => boot.Firmware, (boot, value) => boot with { Firmware = value })
        .Group(
            "type",
            group => group
                .Attribute("arch", Word("x86_64", "i686"), boot => boot.Architecture, (boot, value) => boot with { Architecture = value })
                .Attribute("machine", BoardName, boot => boot.Machine, (boot, value) => boot with { Machine = value })
                .Content(Word("hvm"), boot => boot.Type, (boot, value) => boot with { Type = value }, required: true),
            required: true)
        .List("firmware", "feature", () => FirmwareFeature!, () => new FirmwareFeatureConfiguration(), boot => boot.FirmwareFeatures, (boot, value) => boot with { FirmwareFeatures = value })
        .Child("loader", () => Loader!, () => new LoaderConfiguration(), boot => boot.Loader, (boot, value) => boot with { Loader = value })
        .Child("nvram", () => VariableStore!, () => new VariableStoreConfiguration(), boot => boot.VariableStore, (boot, value) => boot with { VariableStore = value })
        .Element("kernel", FilePath, boot => boot.Kernel, (boot, value) => boot with { Kernel = value })
        .Element("initrd", FilePath, boot => boot.Initrd, (boot, value) => boot with { Initrd = value })
        .Element("cmdline", AnyText, boot => boot.CommandLine, (boot, value) => boot with { CommandLine = value })
        .Element("dtb", FilePath, boot => boot.DeviceTree, (boot, value) => boot with { DeviceTree = value })
        .Group("acpi", group => group
            .Group("table", table => table
                .Attribute("type", Text, boot => boot.AcpiTableType, (boot, value) => boot with { AcpiTableType = value })
                .Content(FilePath, boot => boot.AcpiTable, (boot, value) => boot with { AcpiTable = value })))
        .Many("boot", () => BootDevice!, () => new BootDeviceConfiguration(), boot => boot.Devices, (boot, value) => boot with { Devices = value })
        .Group("bootmenu", group => group
            .Attribute("enable", YesNo, boot => boot.Menu, (boot, value) => boot with { Menu = value })
            .Attribute("timeout", Number(0, 65535), boot => boot.MenuTimeout, (boot, value) => boot with { MenuTimeout = value }))
        .Group("smbios", group => group
            .Attribute("mode", Word("emulate", "host", "sysinfo"), boot => boot.SmbiosMode, (boot, value) => boot with { SmbiosMode = value }))
        .Group("bios", group => group
            .Attribute("useserial", YesNo, boot => boot.UseSerial, (boot, value) => boot with { UseSerial = value })
            .Attribute("rebootTimeout", Number(-1, 65535), boot => boot.RebootTimeout, (boot, value) => boot with { RebootTimeout = value }));

    internal static XmlShape<SystemInformationConfiguration> SystemInformation { get; } = new XmlShape<SystemInformationConfiguration>()
        .Attribute("type", Word("smbios", "fwcfg"), information => information.Type, (information, value) => information with { Type = value }, required: true)
        .List("bios", "entry", () => Entry!, () => new SystemInformationEntryConfiguration(), information => information.Bios, (information, value) => information with { Bios = value })
        .List("system", "entry", () => Entry!, () => new SystemInformationEntryConfiguration(), information => information.System, (information, value) => information with { System = value })
        .Many("baseBoard", () => BaseBoard!, () => new SystemInformationBoardConfiguration(), information => information.BaseBoards, (information, value) => information with { BaseBoards = value })
        .List("chassis", "entry", () => Entry!, () => new SystemInformationEntryConfiguration(), information => information.Chassis, (information, value) => information with { Chassis = value })
        .List("oemStrings", "entry", () => Entry!, () => new SystemInformationEntryConfiguration(), information => information.OemStrings, (information, value) => information with { OemStrings = value })
        .Many("entry", () => Entry!, () => new SystemInformationEntryConfiguration(), information => information.Entries, (information, value) => information with { Entries = value });

    private static XmlShape<SystemInformationBoardConfiguration> BaseBoard { get; } = new XmlShape<SystemInformationBoardConfiguration>()
        .Many("entry", () => Entry!, () => new SystemInformationEntryConfiguration(), board => board.Entries, (board, value) => board with { Entries = value });

    private static XmlShape<SystemInformationEntryConfiguration> Entry { get; } = new XmlShape<SystemInformationEntryConfiguration>()
        .Attribute("name", Text, entry => entry.Name, (entry, value) => entry with { Name = value })
        .Attribute("file", FilePath, entry => entry.File, (entry, value) => entry with { File = value })
        .Content(AnyText, entry => entry.Value, (entry, value) => entry with { Value = value });

    private static XmlShape<FirmwareFeatureConfiguration> FirmwareFeature { get; } = new XmlShape<FirmwareFeatureConfiguration>()
        .Attribute("enabled", YesNo, feature => feature.Enabled, (feature, value) => feature with { Enabled = value }, required: true)
        .Attribute("name", Word("enrolled-keys", "secure-boot"), feature => feature.Name, (feature, value) => feature with { Name = value }, required: true);

    private static XmlShape<LoaderConfiguration> Loader { get; } = new XmlShape<LoaderConfiguration>()
        .Attribute("readonly", YesNo, loader => loader.ReadOnly, (loader, value) => loader with { ReadOnly = value })
        .Attribute("secure", YesNo, loader => loader.Secure, (loader, value) => loader with { Secure = value })
        .Attribute("type", Word("rom", "pflash"), loader => loader.Type, (loader, value) => loader with { Type = value })
        .Attribute("stateless", YesNo, loader => loader.Stateless, (loader, value) => loader with { Stateless = value })
        .Attribute("format", Word("raw", "qcow2"), loader => loader.Format, (loader, value) => loader with { Format = value })
        .Content(FilePath, loader => loader.Path, (loader, value) => loader with { Path = value });

    private static XmlShape<VariableStoreConfiguration> VariableStore { get; } = new XmlShape<VariableStoreConfiguration>()
        .Attribute("template", FilePath, store => store.Template, (store, value) => store with { Template = value })
        .Attribute("type", Word("file", "block", "network"), store => store.Type, (store, value) => store with { Type = value })
        .Attribute("format", Word("raw", "qcow2"), store => store.Format, (store, value) => store with { Format = value })
        .Content(FilePath, store => store.Path, (store, value) => store with { Path = value })
        .Child("source", () => StorageShapes.Source, () => new StorageSourceConfiguration(), store => store.Source, (store, value) => store with { Source = value });

    private static XmlShape<BootDeviceConfiguration> BootDevice { get; } = new XmlShape<BootDeviceConfiguration>()
        .Attribute("dev", Word("hd", "cdrom", "network", "fd"), device => device.Device, (device, value) => device with { Device = value }, required: true);
}
