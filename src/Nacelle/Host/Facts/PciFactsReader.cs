using System.Collections.Immutable;
using System.Globalization;
using Nacelle.Configuration;

namespace Nacelle;

/// <summary>Reads the facts of PCI functions and the IOMMU. Stateless.</summary>
internal static class PciFactsReader
{
    private const string Devices = "/sys/bus/pci/devices";
    private const string Groups = "/sys/kernel/iommu_groups";

    /// <summary>All functions.</summary>
    internal static ImmutableArray<HostPciDevice> ReadDevices(HostTree tree) =>
    [
        .. tree.Names(Devices).Select(address => new HostPciDevice
        {
            Address = address,
            VendorId = tree.Hexadecimal($"{Devices}/{address}/vendor") ?? 0,
            DeviceId = tree.Hexadecimal($"{Devices}/{address}/device") ?? 0,
            ClassCode = tree.Hexadecimal($"{Devices}/{address}/class") ?? 0,
            Driver = tree.LinkName($"{Devices}/{address}/driver"),
            IommuGroup = Number(tree.LinkName($"{Devices}/{address}/iommu_group")),
            NumaNode = Number(tree.Line($"{Devices}/{address}/numa_node")),
            HasReset = tree.Exists($"{Devices}/{address}/reset"),
        }),
    ];

    /// <summary>The IOMMU.</summary>
    internal static HostIommuFacts ReadIommu(HostTree tree)
    {
        List<HostIommuGroup> groups = [];
        foreach (string name in tree.Names(Groups))
        {
            if (Number(name) is int number)
            {
                groups.Add(new HostIommuGroup(number, tree.Line($"{Groups}/{name}/type"), [.. tree.Names($"{Groups}/{name}/devices")]));
            }
        }

        return new HostIommuFacts { Units = [.. tree.Names("/sys/class/iommu")], Groups = [.. groups.OrderBy(group => group.Number)] };
    }

    /// <summary>A number from 0 on; null for -1, which stands for no node, and for what is no number.</summary>
    private static int? Number(string? text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;
}
