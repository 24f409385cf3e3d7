using static Nacelle.Configuration.TextTypes;

namespace Nacelle.Configuration;

/// <summary>Serial and parallel ports, consoles, channels, smart cards and redirected USB devices.</summary>
internal static class CharacterDeviceShapes
{
    internal static XmlShape<SerialConfiguration> Serial { get; } = new XmlShape<SerialConfiguration>()
        .CharacterDevice()
        .Group("target", group => group
            .Attribute("type", Text, serial => serial.TargetType, (serial, value) => serial with { TargetType = value })
            .Attribute("port", Number(), serial => serial.Port, (serial, value) => serial with { Port = value })
            .Group("model", model => model
                .Attribute("name", Text, serial => serial.TargetModel, (serial, value) => serial with { TargetModel = value })))
        .Device();

    internal static XmlShape<ConsoleConfiguration> Console { get; } = new XmlShape<ConsoleConfiguration>()
        .CharacterDevice()
        .Group("target", group => group
            .Attribute("type", Text, console => console.TargetType, (console, value) => console with { TargetType = value })
            .Attribute("port", Number(), console => console.Port, (console, value) => console with { Port = value }))
        .Device();

    internal static XmlShape<ChannelConfiguration> Channel { get; } = new XmlShape<ChannelConfiguration>()
        .CharacterDevice()
        .Group("target", group => group
            .Attribute("type", Word("virtio", "guestfwd", "xen"), channel => channel.TargetType, (channel, value) => channel with { TargetType = value })
            .Attribute("name", Text, channel => channel.TargetName, (channel, value) => channel with { TargetName = value })
            .Attribute("state", Word("connected", "disconnected"), channel => channel.TargetState, (channel, value) => channel with { TargetState = value })
            .Attribute("address", Text, channel => channel.TargetAddress, (channel, value) => channel with { TargetAddress = value })
            .Attribute("port", Number(0, 65535), channel => channel.TargetPort, (channel, value) => channel with { TargetPort = value }))
        .Device();

    internal static XmlShape<RedirectedDeviceConfiguration> RedirectedDevice { get; } = new XmlShape<RedirectedDeviceConfiguration>()
        .Attribute("bus", Word("usb"), device => device.Bus, (device, value) => device with { Bus = value })
        .CharacterDevice()
        .Device(bootable: true);

    internal static XmlShape<SmartcardConfiguration> Smartcard { get; } = new XmlShape<SmartcardConfiguration>()
        .Attribute("mode", Word("host", "host-certificates", "passthrough"), card => card.Mode, (card, value) => card with { Mode = value })
        .Attribute("type", Text, card => card.Type, (card, value) => card with { Type = value })
        .Many("certificate", () => Certificate!, () => new CertificateConfiguration(), card => card.Certificates, (card, value) => card with { Certificates = value })
        .Element("database", FilePath, card => card.Database, (card, value) => card with { Database = value })
        .Child("source", () => Source!, () => new CharacterSourceConfiguration(), card => card.Source, (card, value) => card with { Source = value })
        .Device();

    internal static XmlShape<CharacterSourceConfiguration> Source { get; } = new XmlShape<CharacterSourceConfiguration>()
        .Attribute("path", FilePath, source => source.Path, (source, value) => source with { Path = value })
        .Attribute("mode", Word("bind", "connect"), source => source.Mode, (source, value) => source with { Mode = value })
        .Attribute("append", OnOff, source => source.Append, (source, value) => source with { Append = value })
        .Attribute("host", Text, source => source.Host, (source, value) => source with { Host = value })
        .Attribute("service", Service, source => source.Service, (source, value) => source with { Service = value })
        .Attribute("tls", YesNo, source => source.Tls, (source, value) => source with { Tls = value })
        .Attribute("channel", Text, source => source.Channel, (source, value) => source with { Channel = value })
        .Attribute("master", FilePath, source => source.Master, (source, value) => source with { Master = value })
        .Attribute("slave", FilePath, source => source.Slave, (source, value) => source with { Slave = value })
        .Group("reconnect", group => group
            .Attribute("enabled", YesNo, source => source.Reconnect, (source, value) => source with { Reconnect = value })
            .Attribute("timeout", Number(), source => source.ReconnectTimeout, (source, value) => source with { ReconnectTimeout = value }))
        .Group("clipboard", group => group
            .Attribute("copypaste", YesNo, source => source.ClipboardCopyPaste, (source, value) => source with { ClipboardCopyPaste = value }))
        .Group("mouse", group => group
            .Attribute("mode", Word("client", "server"), source => source.MouseMode, (source, value) => source with { MouseMode = value }))
        .Many("seclabel", () => DeviceShapes.SecurityLabel, () => new SecurityLabelConfiguration(), source => source.SecurityLabels, (source, value) => source with { SecurityLabels = value });

    private static XmlShape<CertificateConfiguration> Certificate { get; } = new XmlShape<CertificateConfiguration>()
        .Content(Text, certificate => certificate.Name, (certificate, value) => certificate with { Name = value }, required: true);

    /// <summary>What all character devices have.</summary>
    private static XmlShape<T> CharacterDevice<T>(this XmlShape<T> shape) where T : CharacterDeviceConfiguration => shape
        .Attribute("type", ConfigurationWords.CharacterDeviceType, device => device.Type, (device, value) => device with { Type = value }, required: true)
        .Attribute("tty", FilePath, device => device.Tty, (device, value) => device with { Tty = value })
        .Many("source", () => Source, () => new CharacterSourceConfiguration(), device => device.Sources, (device, value) => device with { Sources = value })
        .Group("protocol", group => group
            .Attribute("type", Word("raw", "telnet", "telnets", "tls"), device => device.Protocol, (device, value) => device with { Protocol = value }))
        .Group("log", group => group
            .Attribute("file", FilePath, device => device.LogFile, (device, value) => device with { LogFile = value })
            .Attribute("append", OnOff, device => device.LogAppend, (device, value) => device with { LogAppend = value }));
}
