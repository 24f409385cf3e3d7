namespace Nacelle.Configuration;

/// <summary>A device behind vhost-user.</summary>
/// <param name="Pointer">JSON pointer.</param>
/// <param name="Label">What it is called.</param>
/// <param name="Remedy">What to have instead.</param>
internal sealed record VhostUserDevice(string Pointer, string Label, string Remedy);

/// <summary>Finds devices behind vhost-user. Stateless.</summary>
internal static class VhostUserDevices
{
    internal static IEnumerable<VhostUserDevice> Find(DevicesConfiguration devices) =>
    [
        .. devices.Disks.Indexed().Where(pair => pair.Item.Type == StorageType.VhostUser).Select(pair => new VhostUserDevice(
            ConfigurationChange.Pointer("disks", pair.Index), $"vhost-user disk {pair.Item.TargetName}", "give the disk as a file, a block device or over NBD")),
        .. devices.Filesystems.Indexed().Where(pair => pair.Item.Driver?.Type == "virtiofs").Select(pair => new VhostUserDevice(
            ConfigurationChange.Pointer("filesystems", pair.Index), $"virtiofs file system {pair.Item.Target}", "share the directory over NFS")),
        .. devices.Interfaces.Indexed().Where(pair => pair.Item.Type == InterfaceType.VhostUser).Select(pair => new VhostUserDevice(
            ConfigurationChange.Pointer("interfaces", pair.Index), $"vhost-user network interface {pair.Item.MacAddress}".TrimEnd(),
            "connect it to a bridge or network")),
        .. devices.Videos.Indexed().Where(pair => pair.Item.Driver?.Name == "vhostuser").Select(pair => new VhostUserDevice(
            ConfigurationChange.Pointer("videos", pair.Index), "vhost-user display adapter", "let the monitor draw: leave the driver's name out")),
    ];
}
