using static Nacelle.Configuration.TextTypes;

namespace Nacelle.Configuration;

/// <summary>The devices element.</summary>
internal static class DevicesShape
{
    internal static XmlShape<DevicesConfiguration> Devices { get; } = new XmlShape<DevicesConfiguration>()
        .Element("emulator", FilePath, devices => devices.Emulator, (devices, value) => devices with { Emulator = value })
        .Many("disk", () => DiskShapes.Disk, () => new DiskConfiguration(), devices => devices.Disks, (devices, value) => devices with { Disks = value })
        .Many("controller", () => ControllerShapes.Controller, () => new ControllerConfiguration(), devices => devices.Controllers, (devices, value) => devices with { Controllers = value })
        .Many("filesystem", () => FilesystemShapes.Filesystem, () => new FilesystemConfiguration(), devices => devices.Filesystems, (devices, value) => devices with { Filesystems = value })
        .Many("interface", () => InterfaceShapes.Interface, () => new InterfaceConfiguration(), devices => devices.Interfaces, (devices, value) => devices with { Interfaces = value })
        .Many("smartcard", () => CharacterDeviceShapes.Smartcard, () => new SmartcardConfiguration(), devices => devices.Smartcards, (devices, value) => devices with { Smartcards = value })
        .Many("serial", () => CharacterDeviceShapes.Serial, () => new SerialConfiguration(), devices => devices.Serials, (devices, value) => devices with { Serials = value })
        .Many("parallel", () => CharacterDeviceShapes.Serial, () => new SerialConfiguration(), devices => devices.Parallels, (devices, value) => devices with { Parallels = value })
        .Many("console", () => CharacterDeviceShapes.Console, () => new ConsoleConfiguration(), devices => devices.Consoles, (devices, value) => devices with { Consoles = value })
        .Many("channel", () => CharacterDeviceShapes.Channel, () => new ChannelConfiguration(), devices => devices.Channels, (devices, value) => devices with { Channels = value })
        .Many("input", () => DisplayShapes.Input, () => new InputConfiguration(), devices => devices.Inputs, (devices, value) => devices with { Inputs = value })
        .Many("tpm", () => PlatformShapes.Tpm, () => new TpmConfiguration(), devices => devices.Tpms, (devices, value) => devices with { Tpms = value })
        .Many("graphics", () => DisplayShapes.Graphics, () => new GraphicsConfiguration(), devices => devices.Graphics, (devices, value) => devices with { Graphics = value })
        .Many("sound", () => DisplayShapes.Sound, () => new SoundConfiguration(), devices => devices.Sounds, (devices, value) => devices with { Sounds = value })
        .Many("audio", () => DisplayShapes.Audio, () => new AudioConfiguration(), devices => devices.Audios, (devices, value) => devices with { Audios = value })
        .Many("video", () => DisplayShapes.Video, () => new VideoConfiguration(), devices => devices.Videos, (devices, value) => devices with { Videos = value })
        .Many("hostdev", () => HostDeviceShapes.HostDevice, () => new HostDeviceConfiguration(), devices => devices.HostDevices, (devices, value) => devices with { HostDevices = value })
        .Many("redirdev", () => CharacterDeviceShapes.RedirectedDevice, () => new RedirectedDeviceConfiguration(), devices => devices.RedirectedDevices, (devices, value) => devices with { RedirectedDevices = value })
        .Child("redirfilter", () => HostDeviceShapes.RedirectionFilter, () => new RedirectionFilterConfiguration(), devices => devices.RedirectionFilter, (devices, value) => devices with { RedirectionFilter = value })
        .Many("lease", () => PlatformShapes.Lease, () => new LeaseConfiguration(), devices => devices.Leases, (devices, value) => devices with { Leases = value })
        .Many("hub", () => HostDeviceShapes.Hub, () => new HubConfiguration(), devices => devices.Hubs, (devices, value) => devices with { Hubs = value })
        .Many("watchdog", () => PlatformShapes.Watchdog, () => new WatchdogConfiguration(), devices => devices.Watchdogs, (devices, value) => devices with { Watchdogs = value })
        .Child("memballoon", () => PlatformShapes.Balloon, () => new BalloonConfiguration(), devices => devices.Balloon, (devices, value) => devices with { Balloon = value })
        .Many("rng", () => PlatformShapes.Random, () => new RandomConfiguration(), devices => devices.Randoms, (devices, value) => devices with { Randoms = value })
        .Many("memory", () => PlatformShapes.MemoryModule, () => new MemoryModuleConfiguration(), devices => devices.MemoryModules, (devices, value) => devices with { MemoryModules = value })
        .Many("panic", () => PlatformShapes.Panic, () => new PanicConfiguration(), devices => devices.Panics, (devices, value) => devices with { Panics = value })
        .Many("shmem", () => PlatformShapes.SharedMemory, () => new SharedMemoryConfiguration(), devices => devices.SharedMemories, (devices, value) => devices with { SharedMemories = value })
        .Child("vsock", () => PlatformShapes.Vsock, () => new VsockConfiguration(), devices => devices.Vsock, (devices, value) => devices with { Vsock = value })
        .Child("iommu", () => PlatformShapes.Iommu, () => new IommuConfiguration(), devices => devices.Iommu, (devices, value) => devices with { Iommu = value });
}
