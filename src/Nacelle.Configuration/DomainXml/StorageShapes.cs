using static Nacelle.Configuration.TextTypes;

namespace Nacelle.Configuration;

/// <summary>Where bytes of disks are, and how they are reached.</summary>
internal static class StorageShapes
{
    internal static XmlShape<AuthenticationConfiguration> Authentication { get; } = new XmlShape<AuthenticationConfiguration>()
        .Attribute("username", Text, auth => auth.UserName, (auth, value) => auth with { UserName = value })
        .Group("secret", group => group
            .Attribute("type", Text, auth => auth.SecretType, (auth, value) => auth with { SecretType = value })
            .Attribute("uuid", Uuid, auth => auth.SecretUuid, (auth, value) => auth with { SecretUuid = value })
            .Attribute("usage", Text, auth => auth.SecretUsage, (auth, value) => auth with { SecretUsage = value }));

    internal static XmlShape<EncryptionConfiguration> Encryption { get; } = new XmlShape<EncryptionConfiguration>()
        .Attribute("format", Word("default", "qcow", "luks", "luks2", "luks-any"), encryption => encryption.Format, (encryption, value) => encryption with { Format = value }, required: true)
        .Attribute("engine", Word("qemu", "librbd"), encryption => encryption.Engine, (encryption, value) => encryption with { Engine = value })
        .Many("secret", () => EncryptionSecret!, () => new EncryptionSecretConfiguration(), encryption => encryption.Secrets, (encryption, value) => encryption with { Secrets = value });

    internal static XmlShape<StorageHostConfiguration> Host { get; } = new XmlShape<StorageHostConfiguration>()
        .Attribute("name", Text, host => host.Name, (host, value) => host with { Name = value })
        .Attribute("port", Number(0, 65535), host => host.Port, (host, value) => host with { Port = value })
        .Attribute("transport", Word("tcp", "rdma", "unix"), host => host.Transport, (host, value) => host with { Transport = value })
        .Attribute("socket", FilePath, host => host.Socket, (host, value) => host with { Socket = value });

    internal static XmlShape<StorageSourceConfiguration> Source { get; } = new XmlShape<StorageSourceConfiguration>()
        .With(SourceParts);

    /// <summary>A source whose format stands beside it.</summary>
    internal static XmlShape<BackingStoreConfiguration> BackingStore { get; } = new XmlShape<BackingStoreConfiguration>()
        .Attribute("type", ConfigurationWords.StorageType, store => store.Type, (store, value) => store with { Type = value })
        .Attribute("index", Number(), store => store.Index, (store, value) => store with { Index = value })
        .Group("format", group => group
            .Attribute("type", Text, store => store.Format, (store, value) => store with { Format = value })
            .Group("metadata_cache", cache => cache
                .Size("max_size", store => store.MetadataCacheSize, (store, value) => store with { MetadataCacheSize = value }, defaultUnit: "bytes")))
        .Child("source", () => Source, () => new StorageSourceConfiguration(), store => store.Source, (store, value) => store with { Source = value })
        .Child("backingStore", () => BackingStore!, () => new BackingStoreConfiguration(), store => store.BackingStore, (store, value) => store with { BackingStore = value });

    internal static XmlShape<MirrorConfiguration> Mirror { get; } = new XmlShape<MirrorConfiguration>()
        .Attribute("type", ConfigurationWords.StorageType, mirror => mirror.Type, (mirror, value) => mirror with { Type = value })
        .Attribute("file", FilePath, mirror => mirror.File, (mirror, value) => mirror with { File = value })
        .Attribute("format", Text, mirror => mirror.OldFormat, (mirror, value) => mirror with { OldFormat = value })
        .Attribute("job", Word("copy", "active-commit"), mirror => mirror.Job, (mirror, value) => mirror with { Job = value })
        .Attribute("ready", Word("yes", "abort", "pivot"), mirror => mirror.Ready, (mirror, value) => mirror with { Ready = value })
        .Group("format", group => group
            .Attribute("type", Text, mirror => mirror.Format, (mirror, value) => mirror with { Format = value }))
        .Child("source", () => Source, () => new StorageSourceConfiguration(), mirror => mirror.Source, (mirror, value) => mirror with { Source = value })
        .Child("backingStore", () => BackingStore, () => new BackingStoreConfiguration(), mirror => mirror.BackingStore, (mirror, value) => mirror with { BackingStore = value });

    private static XmlShape<EncryptionSecretConfiguration> EncryptionSecret { get; } = new XmlShape<EncryptionSecretConfiguration>()
        .Attribute("type", Text, secret => secret.Type, (secret, value) => secret with { Type = value }, required: true)
        .Attribute("uuid", Uuid, secret => secret.Uuid, (secret, value) => secret with { Uuid = value })
        .Attribute("usage", Text, secret => secret.Usage, (secret, value) => secret with { Usage = value });

    private static XmlShape<ReservationsConfiguration> Reservations { get; } = new XmlShape<ReservationsConfiguration>()
        .Attribute("managed", YesNo, reservations => reservations.Managed, (reservations, value) => reservations with { Managed = value })
        .Group("source", group => group
            .Attribute("type", Text, reservations => reservations.Type, (reservations, value) => reservations with { Type = value })
            .Attribute("path", FilePath, reservations => reservations.Path, (reservations, value) => reservations with { Path = value })
            .Attribute("mode", Text, reservations => reservations.Mode, (reservations, value) => reservations with { Mode = value }));

    private static XmlShape<CookieConfiguration> Cookie { get; } = new XmlShape<CookieConfiguration>()
        .Attribute("name", Text, cookie => cookie.Name, (cookie, value) => cookie with { Name = value }, required: true)
        .Content(AnyText, cookie => cookie.Value, (cookie, value) => cookie with { Value = value });

    private static void SourceParts(XmlShape<StorageSourceConfiguration> shape) => shape
        .Attribute("file", FilePath, source => source.File, (source, value) => source with { File = value })
        .Attribute("dev", FilePath, source => source.Device, (source, value) => source with { Device = value })
        .Attribute("dir", FilePath, source => source.Directory, (source, value) => source with { Directory = value })
        .Attribute("protocol", Text, source => source.Protocol, (source, value) => source with { Protocol = value })
        .Attribute("name", Text, source => source.Name, (source, value) => source with { Name = value })
        .Attribute("query", Text, source => source.Query, (source, value) => source with { Query = value })
        .Attribute("tls", YesNo, source => source.Tls, (source, value) => source with { Tls = value })
        .Attribute("tlsHostname", Text, source => source.TlsHostname, (source, value) => source with { TlsHostname = value })
        .Attribute("pool", Text, source => source.Pool, (source, value) => source with { Pool = value })
        .Attribute("volume", Text, source => source.Volume, (source, value) => source with { Volume = value })
        .Attribute("mode", Text, source => source.Mode, (source, value) => source with { Mode = value })
        .Attribute("type", Text, source => source.Type, (source, value) => source with { Type = value })
        .Attribute("path", FilePath, source => source.Path, (source, value) => source with { Path = value })
        .Attribute("managed", YesNo, source => source.Managed, (source, value) => source with { Managed = value })
        .Attribute("namespace", Large(1, uint.MaxValue), source => source.NvmeNamespace, (source, value) => source with { NvmeNamespace = value })
        .Attribute("startupPolicy", Word("mandatory", "requisite", "optional"), source => source.StartupPolicy, (source, value) => source with { StartupPolicy = value })
        .Attribute("index", Number(), source => source.Index, (source, value) => source with { Index = value })
        .Many("host", () => Host, () => new StorageHostConfiguration(), source => source.Hosts, (source, value) => source with { Hosts = value })
        .Group("snapshot", group => group
            .Attribute("name", Text, source => source.Snapshot, (source, value) => source with { Snapshot = value }))
        .Group("config", group => group
            .Attribute("file", FilePath, source => source.ConfigurationFile, (source, value) => source with { ConfigurationFile = value }))
        .Child("auth", () => Authentication, () => new AuthenticationConfiguration(), source => source.Authentication, (source, value) => source with { Authentication = value })
        .Child("encryption", () => Encryption, () => new EncryptionConfiguration(), source => source.Encryption, (source, value) => source with { Encryption = value })
        .Child("reservations", () => Reservations, () => new ReservationsConfiguration(), source => source.Reservations, (source, value) => source with { Reservations = value })
        .Group("identity", group => group
            .Attribute("user", Text, source => source.IdentityUser, (source, value) => source with { IdentityUser = value })
            .Attribute("group", Text, source => source.IdentityGroup, (source, value) => source with { IdentityGroup = value }))
        .Group("initiator", group => group
            .Group("iqn", iqn => iqn
                .Attribute("name", Text, source => source.Initiator, (source, value) => source with { Initiator = value })))
        .Group("slices", group => group
            .Group("slice", slice => slice
                .Attribute("type", Word("storage"), source => source.SliceType, (source, value) => source with { SliceType = value })
                .Attribute("offset", Large(), source => source.SliceOffset, (source, value) => source with { SliceOffset = value })
                .Attribute("size", Large(1), source => source.SliceSize, (source, value) => source with { SliceSize = value })))
        .Group("ssl", group => group
            .Attribute("verify", YesNo, source => source.VerifyCertificate, (source, value) => source with { VerifyCertificate = value }))
        .List("cookies", "cookie", () => Cookie, () => new CookieConfiguration(), source => source.Cookies, (source, value) => source with { Cookies = value })
        .Group("readahead", group => group
            .Attribute("size", Large(), source => source.ReadAhead, (source, value) => source with { ReadAhead = value }))
        .Group("timeout", group => group
            .Attribute("seconds", Number(), source => source.Timeout, (source, value) => source with { Timeout = value }))
        .Group("reconnect", group => group
            .Attribute("delay", Number(), source => source.ReconnectDelay, (source, value) => source with { ReconnectDelay = value })
            .Attribute("enabled", YesNo, source => source.Reconnect, (source, value) => source with { Reconnect = value })
            .Attribute("timeout", Number(), source => source.ReconnectTimeout, (source, value) => source with { ReconnectTimeout = value }))
        .Child("address", () => SourceAddress, () => new DeviceAddress(), source => source.Address, (source, value) => source with { Address = value })
        .Many("seclabel", () => DeviceShapes.SecurityLabel, () => new SecurityLabelConfiguration(), source => source.SecurityLabels, (source, value) => source with { SecurityLabels = value });

    /// <summary>An address of the host's PCI, without a type.</summary>
    private static XmlShape<DeviceAddress> SourceAddress { get; } = new XmlShape<DeviceAddress>().With(DeviceShapes.AddressParts);
}
