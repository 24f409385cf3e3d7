namespace Nacelle.Configuration;

/// <summary>Finds devices of the host that the guest has. Stateless.</summary>
internal static class AssignedDevices
{
    /// <summary>All but USB devices, which are not tied to the hardware as others are, and those that the guest is not given.</summary>
    internal static IEnumerable<PlacedDevice> Find(DevicesConfiguration devices) =>
    [
        .. devices.HostDevices.Indexed()
            .Where(pair => pair.Item.Type != HostDeviceType.Usb && pair.Item.Address?.Type != DeviceAddressType.Unassigned)
            .Select(pair => new PlacedDevice(ConfigurationChange.Pointer("hostDevices", pair.Index), pair.Item, MachineDevices.NameOf(pair.Item))),
        .. devices.Interfaces.Indexed()
            .Where(pair => pair.Item.Type == InterfaceType.HostDevice)
            .Select(pair => new PlacedDevice(ConfigurationChange.Pointer("interfaces", pair.Index), pair.Item, NameOf(pair.Item))),
        .. devices.Disks.Indexed()
            .Where(pair => pair.Item.Type == StorageType.Nvme)
            .Select(pair => new PlacedDevice(ConfigurationChange.Pointer("disks", pair.Index), pair.Item, $"NVMe disk {pair.Item.TargetName}")),
    ];

    /// <summary>Those that are PCI devices.</summary>
    internal static IEnumerable<PlacedDevice> FindPci(DevicesConfiguration devices) =>
        Find(devices).Where(found => found.Device is not HostDeviceConfiguration device || device.Type == HostDeviceType.Pci);

    private static string NameOf(InterfaceConfiguration network) => network.Source?.HostDevice is { } address
        ? $"network interface {MachineDevices.PciName(address.Domain, address.Bus, address.Slot, address.Function)}"
        : $"network interface {network.MacAddress}".TrimEnd();
}
