using System.Collections.Immutable;
using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>A device with its place in the configuration.</summary>
/// <param name="Pointer">JSON pointer.</param>
/// <param name="Device">The device.</param>
/// <param name="Label">What it is called, such as "disk vda".</param>
internal sealed record PlacedDevice(string Pointer, DeviceConfiguration Device, string Label);

/// <summary>Lists the devices of a configuration. Stateless.</summary>
internal static class MachineDevices
{
    /// <summary>All devices that can have an address.</summary>
    internal static IEnumerable<PlacedDevice> All(DevicesConfiguration devices) =>
    [
        .. Of(devices.Disks, "disks", disk => $"disk {disk.TargetName}"),
        .. Of(devices.Controllers, "controllers", NameOf),
        .. Of(devices.Filesystems, "filesystems", filesystem => $"file system {filesystem.Target}"),
        .. Of(devices.Interfaces, "interfaces", network => $"network interface {network.MacAddress}".TrimEnd()),
        .. Of(devices.Serials, "serials", _ => "serial port"),
        .. Of(devices.Parallels, "parallels", _ => "parallel port"),
        .. Of(devices.Consoles, "consoles", _ => "console"),
        .. Of(devices.Channels, "channels", channel => $"channel {channel.TargetName}".TrimEnd()),
        .. Of(devices.Smartcards, "smartcards", _ => "smart card reader"),
        .. Of(devices.Inputs, "inputs", input => input.Type),
        .. Of(devices.Tpms, "tpms", _ => "TPM"),
        .. Of(devices.Sounds, "sounds", sound => $"sound card {sound.Model}"),
        .. Of(devices.Videos, "videos", video => $"display adapter {video.Model}".TrimEnd()),
        .. Of(devices.HostDevices, "hostDevices", NameOf),
        .. Of(devices.RedirectedDevices, "redirectedDevices", _ => "redirected USB device"),
        .. Of(devices.Hubs, "hubs", _ => "hub"),
        .. Of(devices.Watchdogs, "watchdogs", watchdog => $"watchdog {watchdog.Model}"),
        .. devices.Balloon is { } balloon ? [new PlacedDevice("/devices/balloon", balloon, "memory balloon")] : Array.Empty<PlacedDevice>(),
        .. Of(devices.Randoms, "randoms", _ => "source of random numbers"),
        .. Of(devices.MemoryModules, "memoryModules", _ => "memory module"),
        .. Of(devices.Panics, "panics", _ => "panic device"),
        .. Of(devices.SharedMemories, "sharedMemories", memory => $"shared memory {memory.Name}"),
        .. devices.Vsock is { } vsock ? [new PlacedDevice("/devices/vsock", vsock, "vsock")] : Array.Empty<PlacedDevice>(),
        .. devices.Iommu is { } iommu ? [new PlacedDevice("/devices/iommu", iommu, "IOMMU")] : Array.Empty<PlacedDevice>(),
    ];

    /// <summary>What a controller is called.</summary>
    internal static string NameOf(ControllerConfiguration controller)
    {
        string type = ConfigurationWords.ControllerType.Format(controller.Type);
        string index = controller.Index is int number ? $" {number.ToString(CultureInfo.InvariantCulture)}" : "";
        return controller.Model is string model ? $"{type} controller{index} ({model})" : $"{type} controller{index}";
    }

    /// <summary>What a device of the host is called.</summary>
    internal static string NameOf(HostDeviceConfiguration device)
    {
        string type = ConfigurationWords.HostDeviceType.Format(device.Type);
        return device is { Type: HostDeviceType.Pci, Source: { } source }
            ? $"host device {PciName(source)}"
            : device.Source?.Uuid is string uuid ? $"host device {uuid}" : $"{type} host device";
    }

    /// <summary>A PCI address of the host as lspci writes it.</summary>
    internal static string PciName(HostDeviceSourceConfiguration source) => PciName(source.Domain, source.Bus, source.Slot, source.Function);

    /// <summary>A PCI address as lspci writes it.</summary>
    internal static string PciName(ulong? domain, ulong? bus, ulong? slot, ulong? function) => string.Create(
        CultureInfo.InvariantCulture, $"{domain ?? 0:x4}:{bus ?? 0:x2}:{slot ?? 0:x2}.{function ?? 0:x}");

    private static IEnumerable<PlacedDevice> Of<T>(ImmutableArray<T> devices, string property, Func<T, string> label)
        where T : DeviceConfiguration =>
        devices.Select((device, index) => new PlacedDevice(
            string.Create(CultureInfo.InvariantCulture, $"/devices/{property}/{index}"), device, label(device)));
}
