using static Nacelle.Configuration.TextTypes;

namespace Nacelle.Configuration;

/// <summary>Devices of the board: TPM, watchdog, balloon, random numbers, memory modules, panic, vsock, IOMMU.</summary>
internal static class PlatformShapes
{
    internal static XmlShape<TpmConfiguration> Tpm { get; } = new XmlShape<TpmConfiguration>()
        .Attribute("model", Word("tpm-tis", "tpm-crb", "tpm-spapr", "spapr-tpm-proxy"), tpm => tpm.Model, (tpm, value) => tpm with { Model = value })
        .Group("backend", group => group
            .Attribute("type", Word("passthrough", "emulator", "external"), tpm => tpm.Backend, (tpm, value) => tpm with { Backend = value }, required: true)
            .Attribute("version", Word("1.2", "2.0"), tpm => tpm.Version, (tpm, value) => tpm with { Version = value })
            .Attribute("persistent_state", YesNo, tpm => tpm.PersistentState, (tpm, value) => tpm with { PersistentState = value })
            .Group("encryption", encryption => encryption
                .Attribute("secret", Uuid, tpm => tpm.EncryptionSecret, (tpm, value) => tpm with { EncryptionSecret = value }))
            .Group("device", device => device
                .Attribute("path", FilePath, tpm => tpm.DevicePath, (tpm, value) => tpm with { DevicePath = value }))
            .Group("source", source => source
                .Attribute("type", Text, tpm => tpm.SourceType, (tpm, value) => tpm with { SourceType = value })
                .Attribute("path", FilePath, tpm => tpm.SourcePath, (tpm, value) => tpm with { SourcePath = value })
                .Attribute("mode", Text, tpm => tpm.SourceMode, (tpm, value) => tpm with { SourceMode = value }))
            .Child("active_pcr_banks", () => Banks!, () => new TpmBanksConfiguration(), tpm => tpm.ActivePcrBanks, (tpm, value) => tpm with { ActivePcrBanks = value }))
        .Device();

    internal static XmlShape<WatchdogConfiguration> Watchdog { get; } = new XmlShape<WatchdogConfiguration>()
        .Attribute("model", Word("i6300esb", "ib700", "itco", "diag288"), watchdog => watchdog.Model, (watchdog, value) => watchdog with { Model = value }, required: true)
        .Attribute("action", Word("reset", "shutdown", "poweroff", "pause", "none", "dump", "inject-nmi"), watchdog => watchdog.Action, (watchdog, value) => watchdog with { Action = value })
        .Device(acpi: true);

    internal static XmlShape<BalloonConfiguration> Balloon { get; } = new XmlShape<BalloonConfiguration>()
        .Attribute("model", Word(["xen", "none", .. ConfigurationWords.VirtioModels]), balloon => balloon.Model, (balloon, value) => balloon with { Model = value }, required: true)
        .Attribute("autodeflate", OnOff, balloon => balloon.AutoDeflate, (balloon, value) => balloon with { AutoDeflate = value })
        .Attribute("freePageReporting", OnOff, balloon => balloon.FreePageReporting, (balloon, value) => balloon with { FreePageReporting = value })
        .Group("stats", group => group
            .Attribute("period", Number(), balloon => balloon.StatisticsPeriod, (balloon, value) => balloon with { StatisticsPeriod = value }))
        .Child("driver", () => DeviceShapes.VirtioDriverOnly, () => new VirtioDriverConfiguration(), balloon => balloon.Driver, (balloon, value) => balloon with { Driver = value })
        .Device(acpi: true);

    internal static XmlShape<RandomConfiguration> Random { get; } = new XmlShape<RandomConfiguration>()
        .Attribute("model", Word(ConfigurationWords.VirtioModels), random => random.Model, (random, value) => random with { Model = value }, required: true)
        .Group("rate", group => group
            .Attribute("bytes", Number(1), random => random.RateBytes, (random, value) => random with { RateBytes = value })
            .Attribute("period", Number(1), random => random.RatePeriod, (random, value) => random with { RatePeriod = value }))
        .Group("backend", group => group
            .Attribute("model", Word("random", "egd", "builtin"), random => random.Backend, (random, value) => random with { Backend = value }, required: true)
            .Attribute("type", Text, random => random.BackendType, (random, value) => random with { BackendType = value })
            .Content(FilePath, random => random.BackendPath, (random, value) => random with { BackendPath = value })
            .Many("source", () => CharacterDeviceShapes.Source, () => new CharacterSourceConfiguration(), random => random.BackendSources, (random, value) => random with { BackendSources = value })
            .Group("protocol", protocol => protocol
                .Attribute("type", Text, random => random.BackendProtocol, (random, value) => random with { BackendProtocol = value })))
        .Child("driver", () => DeviceShapes.VirtioDriverOnly, () => new VirtioDriverConfiguration(), random => random.Driver, (random, value) => random with { Driver = value })
        .Device(acpi: true);

    internal static XmlShape<MemoryModuleConfiguration> MemoryModule { get; } = new XmlShape<MemoryModuleConfiguration>()
        .Attribute("model", ConfigurationWords.MemoryModuleModel, module => module.Model, (module, value) => module with { Model = value }, required: true)
        .Attribute("access", Word("shared", "private"), module => module.Access, (module, value) => module with { Access = value })
        .Attribute("discard", YesNo, module => module.Discard, (module, value) => module with { Discard = value })
        .Element("uuid", Uuid, module => module.Uuid, (module, value) => module with { Uuid = value })
        .Group("source", group => group
            .Element("path", FilePath, module => module.SourcePath, (module, value) => module with { SourcePath = value })
            .Size("alignsize", module => module.AlignSize, (module, value) => module with { AlignSize = value })
            .Flag("pmem", module => module.SourcePersistent, (module, value) => module with { SourcePersistent = value })
            .Size("pagesize", module => module.PageSize, (module, value) => module with { PageSize = value })
            .Element("nodemask", NumberSet, module => module.NodeMask, (module, value) => module with { NodeMask = value }))
        .Group("target", group => group
            .Size("size", module => module.Size, (module, value) => module with { Size = value }, required: true)
            .Element("node", Number(), module => module.Node, (module, value) => module with { Node = value })
            .Group("label", label => label
                .Size("size", module => module.LabelSize, (module, value) => module with { LabelSize = value }))
            .Size("block", module => module.BlockSize, (module, value) => module with { BlockSize = value })
            .Size("requested", module => module.RequestedSize, (module, value) => module with { RequestedSize = value })
            .Size("current", module => module.CurrentSize, (module, value) => module with { CurrentSize = value })
            .Group("address", address => address
                .Attribute("base", Hexadecimal(1, ulong.MaxValue), module => module.TargetAddress, (module, value) => module with { TargetAddress = value }))
            .Flag("readonly", module => module.ReadOnly, (module, value) => module with { ReadOnly = value }))
        .Device(acpi: true);

    internal static XmlShape<PanicConfiguration> Panic { get; } = new XmlShape<PanicConfiguration>()
        .Attribute("model", Word("isa", "pseries", "hyperv", "s390", "pvpanic"), panic => panic.Model, (panic, value) => panic with { Model = value })
        .Device();

    internal static XmlShape<SharedMemoryConfiguration> SharedMemory { get; } = new XmlShape<SharedMemoryConfiguration>()
        .Attribute("name", Text, memory => memory.Name, (memory, value) => memory with { Name = value }, required: true)
        .Attribute("role", Word("peer", "master"), memory => memory.Role, (memory, value) => memory with { Role = value })
        .Group("model", group => group
            .Attribute("type", Word("ivshmem", "ivshmem-plain", "ivshmem-doorbell"), memory => memory.Model, (memory, value) => memory with { Model = value }))
        .Size("size", memory => memory.Size, (memory, value) => memory with { Size = value }, defaultUnit: "bytes")
        .Group("server", group => group
            .Attribute("path", FilePath, memory => memory.Server, (memory, value) => memory with { Server = value }))
        .Group("msi", group => group
            .Attribute("enabled", OnOff, memory => memory.MsiEnabled, (memory, value) => memory with { MsiEnabled = value })
            .Attribute("vectors", Number(1), memory => memory.MsiVectors, (memory, value) => memory with { MsiVectors = value })
            .Attribute("ioeventfd", OnOff, memory => memory.MsiIoEventFd, (memory, value) => memory with { MsiIoEventFd = value }))
        .Device();

    internal static XmlShape<VsockConfiguration> Vsock { get; } = new XmlShape<VsockConfiguration>()
        .Attribute("model", Word(ConfigurationWords.VirtioModels), vsock => vsock.Model, (vsock, value) => vsock with { Model = value })
        .Group("cid", group => group
            .Attribute("auto", YesNo, vsock => vsock.AutoCid, (vsock, value) => vsock with { AutoCid = value })
            .Attribute("address", Large(3, uint.MaxValue), vsock => vsock.Cid, (vsock, value) => vsock with { Cid = value }))
        .Child("driver", () => DeviceShapes.VirtioDriverOnly, () => new VirtioDriverConfiguration(), vsock => vsock.Driver, (vsock, value) => vsock with { Driver = value })
        .Device(acpi: true);

    internal static XmlShape<IommuConfiguration> Iommu { get; } = new XmlShape<IommuConfiguration>()
        .Attribute("model", Word("intel", "smmuv3", "virtio"), iommu => iommu.Model, (iommu, value) => iommu with { Model = value }, required: true)
        .Group("driver", group => group
            .Attribute("intremap", OnOff, iommu => iommu.InterruptRemapping, (iommu, value) => iommu with { InterruptRemapping = value })
            .Attribute("caching_mode", OnOff, iommu => iommu.CachingMode, (iommu, value) => iommu with { CachingMode = value })
            .Attribute("eim", OnOff, iommu => iommu.ExtendedInterruptMode, (iommu, value) => iommu with { ExtendedInterruptMode = value })
            .Attribute("iotlb", OnOff, iommu => iommu.DeviceIotlb, (iommu, value) => iommu with { DeviceIotlb = value })
            .Attribute("aw_bits", Number(1, 64), iommu => iommu.AddressWidth, (iommu, value) => iommu with { AddressWidth = value }))
        .Device();

    internal static XmlShape<LeaseConfiguration> Lease { get; } = new XmlShape<LeaseConfiguration>()
        .Element("lockspace", Text, lease => lease.LockSpace, (lease, value) => lease with { LockSpace = value })
        .Element("key", Text, lease => lease.Key, (lease, value) => lease with { Key = value })
        .Group("target", group => group
            .Attribute("path", FilePath, lease => lease.Path, (lease, value) => lease with { Path = value })
            .Attribute("offset", Large(), lease => lease.Offset, (lease, value) => lease with { Offset = value }));

    private static XmlShape<TpmBanksConfiguration> Banks { get; } = new XmlShape<TpmBanksConfiguration>()
        .Flag("sha1", banks => banks.Sha1, (banks, value) => banks with { Sha1 = value })
        .Flag("sha256", banks => banks.Sha256, (banks, value) => banks with { Sha256 = value })
        .Flag("sha384", banks => banks.Sha384, (banks, value) => banks with { Sha384 = value })
        .Flag("sha512", banks => banks.Sha512, (banks, value) => banks with { Sha512 = value });
}
