using static Nacelle.Configuration.TextTypes;

namespace Nacelle.Configuration;

/// <summary>Memory and shares of the host.</summary>
internal static class MemoryShapes
{
    private static readonly TextType<string> s_mode = Word("interleave", "strict", "preferred", "restrictive");

    internal static XmlShape<MemoryBackingConfiguration> Backing { get; } = new XmlShape<MemoryBackingConfiguration>()
        .Child("hugepages", () => HugePages!, () => new HugePagesConfiguration(), backing => backing.HugePages, (backing, value) => backing with { HugePages = value })
        .Flag("nosharepages", backing => backing.NoSharePages, (backing, value) => backing with { NoSharePages = value })
        .Flag("locked", backing => backing.Locked, (backing, value) => backing with { Locked = value })
        .Group("source", group => group
            .Attribute("type", Word("anonymous", "file", "memfd"), backing => backing.Source, (backing, value) => backing with { Source = value }))
        .Group("access", group => group
            .Attribute("mode", Word("shared", "private"), backing => backing.Access, (backing, value) => backing with { Access = value }))
        .Group("allocation", group => group
            .Attribute("mode", Word("immediate", "ondemand"), backing => backing.Allocation, (backing, value) => backing with { Allocation = value })
            .Attribute("threads", Number(1), backing => backing.AllocationThreads, (backing, value) => backing with { AllocationThreads = value }))
        .Flag("discard", backing => backing.Discard, (backing, value) => backing with { Discard = value });

    internal static XmlShape<MemoryTuningConfiguration> Tuning { get; } = new XmlShape<MemoryTuningConfiguration>()
        .Size("hard_limit", tuning => tuning.HardLimit, (tuning, value) => tuning with { HardLimit = value })
        .Size("soft_limit", tuning => tuning.SoftLimit, (tuning, value) => tuning with { SoftLimit = value })
        .Size("swap_hard_limit", tuning => tuning.SwapHardLimit, (tuning, value) => tuning with { SwapHardLimit = value })
        .Size("min_guarantee", tuning => tuning.MinimumGuarantee, (tuning, value) => tuning with { MinimumGuarantee = value });

    internal static XmlShape<NumaTuningConfiguration> NumaTuning { get; } = new XmlShape<NumaTuningConfiguration>()
        .Group("memory", group => group
            .Attribute("mode", s_mode, tuning => tuning.Mode, (tuning, value) => tuning with { Mode = value })
            .Attribute("nodeset", NumberSet, tuning => tuning.NodeSet, (tuning, value) => tuning with { NodeSet = value })
            .Attribute("placement", Word("static", "auto"), tuning => tuning.Placement, (tuning, value) => tuning with { Placement = value }))
        .Many("memnode", () => NumaNode!, () => new NumaNodeTuningConfiguration(), tuning => tuning.Nodes, (tuning, value) => tuning with { Nodes = value });

    internal static XmlShape<BlockTuningConfiguration> BlockTuning { get; } = new XmlShape<BlockTuningConfiguration>()
        .Element("weight", Number(10, 1000), tuning => tuning.Weight, (tuning, value) => tuning with { Weight = value })
        .Many("device", () => BlockDevice!, () => new BlockDeviceTuningConfiguration(), tuning => tuning.Devices, (tuning, value) => tuning with { Devices = value });

    private static XmlShape<HugePagesConfiguration> HugePages { get; } = new XmlShape<HugePagesConfiguration>()
        .Many("page", () => HugePage!, () => new HugePageConfiguration(), pages => pages.Pages, (pages, value) => pages with { Pages = value });

    private static XmlShape<HugePageConfiguration> HugePage { get; } = new XmlShape<HugePageConfiguration>()
        .SizeAttribute("size", "unit", page => page.Size, (page, value) => page with { Size = value })
        .Attribute("nodeset", NumberSet, page => page.NodeSet, (page, value) => page with { NodeSet = value });

    private static XmlShape<NumaNodeTuningConfiguration> NumaNode { get; } = new XmlShape<NumaNodeTuningConfiguration>()
        .Attribute("cellid", Number(), node => node.CellId, (node, value) => node with { CellId = value }, required: true)
        .Attribute("mode", s_mode, node => node.Mode, (node, value) => node with { Mode = value })
        .Attribute("nodeset", NumberSet, node => node.NodeSet, (node, value) => node with { NodeSet = value });

    private static XmlShape<BlockDeviceTuningConfiguration> BlockDevice { get; } = new XmlShape<BlockDeviceTuningConfiguration>()
        .Element("path", FilePath, device => device.Path, (device, value) => device with { Path = value })
        .Element("weight", Number(10, 1000), device => device.Weight, (device, value) => device with { Weight = value })
        .Element("read_bytes_sec", Large(), device => device.ReadBytesPerSecond, (device, value) => device with { ReadBytesPerSecond = value })
        .Element("write_bytes_sec", Large(), device => device.WriteBytesPerSecond, (device, value) => device with { WriteBytesPerSecond = value })
        .Element("read_iops_sec", Large(), device => device.ReadOperationsPerSecond, (device, value) => device with { ReadOperationsPerSecond = value })
        .Element("write_iops_sec", Large(), device => device.WriteOperationsPerSecond, (device, value) => device with { WriteOperationsPerSecond = value });
}
