using static Nacelle.Configuration.TextTypes;

namespace Nacelle.Configuration;

/// <summary>The processor that the guest sees, and its NUMA nodes.</summary>
internal static class CpuShapes
{
    private const int MostPlaces = 1 << 20;

    internal static XmlShape<CpuConfiguration> Cpu { get; } = new XmlShape<CpuConfiguration>()
        .Attribute("mode", ConfigurationWords.CpuMode, cpu => cpu.Mode, (cpu, value) => cpu with { Mode = value })
        .Attribute("match", Word("minimum", "exact", "strict"), cpu => cpu.Match, (cpu, value) => cpu with { Match = value })
        .Attribute("check", Word("none", "partial", "full"), cpu => cpu.Check, (cpu, value) => cpu with { Check = value })
        .Attribute("migratable", OnOff, cpu => cpu.Migratable, (cpu, value) => cpu with { Migratable = value })
        .Group("model", group => group
            .Attribute("fallback", Word("allow", "forbid"), cpu => cpu.Fallback, (cpu, value) => cpu with { Fallback = value })
            .Attribute("vendor_id", Text, cpu => cpu.VendorId, (cpu, value) => cpu with { VendorId = value })
            .Content(Text, cpu => cpu.Model, (cpu, value) => cpu with { Model = value }))
        .Element("vendor", Text, cpu => cpu.Vendor, (cpu, value) => cpu with { Vendor = value })
        .Child("topology", () => Topology!, () => new CpuTopologyConfiguration(), cpu => cpu.Topology, (cpu, value) => cpu with { Topology = value })
        .Child("cache", () => Cache!, () => new CpuCacheConfiguration(), cpu => cpu.Cache, (cpu, value) => cpu with { Cache = value })
        .Group("maxphysaddr", group => group
            .Attribute("mode", Word("emulate", "passthrough"), cpu => cpu.PhysicalAddressMode, (cpu, value) => cpu with { PhysicalAddressMode = value }, required: true)
            .Attribute("bits", Number(32, 64), cpu => cpu.PhysicalAddressBits, (cpu, value) => cpu with { PhysicalAddressBits = value })
            .Attribute("limit", Number(32, 64), cpu => cpu.PhysicalAddressLimit, (cpu, value) => cpu with { PhysicalAddressLimit = value }))
        .Many("feature", () => Feature!, () => new CpuFeatureConfiguration(), cpu => cpu.Features, (cpu, value) => cpu with { Features = value })
        .Group("numa", group => group
            .Many("cell", () => NumaCell!, () => new NumaCellConfiguration(), cpu => cpu.NumaCells, (cpu, value) => cpu with { NumaCells = value })
            .Child("interconnects", () => NumaInterconnects!, () => new NumaInterconnectsConfiguration(), cpu => cpu.NumaInterconnects, (cpu, value) => cpu with { NumaInterconnects = value }));

    private static XmlShape<CpuTopologyConfiguration> Topology { get; } = new XmlShape<CpuTopologyConfiguration>()
        .Attribute("sockets", Number(1, MostPlaces), topology => topology.Sockets, (topology, value) => topology with { Sockets = value }, required: true)
        .Attribute("dies", Number(1, MostPlaces), topology => topology.Dies, (topology, value) => topology with { Dies = value })
        .Attribute("clusters", Number(1, MostPlaces), topology => topology.Clusters, (topology, value) => topology with { Clusters = value })
        .Attribute("cores", Number(1, MostPlaces), topology => topology.Cores, (topology, value) => topology with { Cores = value }, required: true)
        .Attribute("threads", Number(1, MostPlaces), topology => topology.Threads, (topology, value) => topology with { Threads = value }, required: true);

    private static XmlShape<CpuCacheConfiguration> Cache { get; } = new XmlShape<CpuCacheConfiguration>()
        .Attribute("level", Number(1, 3), cache => cache.Level, (cache, value) => cache with { Level = value })
        .Attribute("mode", Word("emulate", "passthrough", "disable"), cache => cache.Mode, (cache, value) => cache with { Mode = value }, required: true);

    private static XmlShape<CpuFeatureConfiguration> Feature { get; } = new XmlShape<CpuFeatureConfiguration>()
        .Attribute("policy", ConfigurationWords.CpuFeaturePolicy, feature => feature.Policy, (feature, value) => feature with { Policy = value })
        .Attribute("name", Text, feature => feature.Name, (feature, value) => feature with { Name = value }, required: true);

    private static XmlShape<NumaCellConfiguration> NumaCell { get; } = new XmlShape<NumaCellConfiguration>()
        .Attribute("id", Number(0, 255), cell => cell.Id, (cell, value) => cell with { Id = value })
        .Attribute("cpus", NumberSet, cell => cell.Cpus, (cell, value) => cell with { Cpus = value })
        .SizeAttribute("memory", "unit", cell => cell.Memory, (cell, value) => cell with { Memory = value })
        .Attribute("memAccess", Word("shared", "private"), cell => cell.MemoryAccess, (cell, value) => cell with { MemoryAccess = value })
        .Attribute("discard", YesNo, cell => cell.Discard, (cell, value) => cell with { Discard = value })
        .Many("cache", () => NumaCache!, () => new NumaCacheConfiguration(), cell => cell.Caches, (cell, value) => cell with { Caches = value })
        .List("distances", "sibling", () => Distance!, () => new NumaDistanceConfiguration(), cell => cell.Distances, (cell, value) => cell with { Distances = value });

    private static XmlShape<NumaDistanceConfiguration> Distance { get; } = new XmlShape<NumaDistanceConfiguration>()
        .Attribute("id", Number(0, 255), distance => distance.Id, (distance, value) => distance with { Id = value }, required: true)
        .Attribute("value", Number(10, 255), distance => distance.Value, (distance, value) => distance with { Value = value }, required: true);

    private static XmlShape<NumaCacheConfiguration> NumaCache { get; } = new XmlShape<NumaCacheConfiguration>()
        .Attribute("level", Number(1, 3), cache => cache.Level, (cache, value) => cache with { Level = value }, required: true)
        .Attribute("associativity", Word("none", "direct", "full"), cache => cache.Associativity, (cache, value) => cache with { Associativity = value }, required: true)
        .Attribute("policy", Word("none", "writeback", "writethrough"), cache => cache.Policy, (cache, value) => cache with { Policy = value }, required: true)
        .Group("size", group => group
            .SizeAttribute("value", "unit", cache => cache.Size, (cache, value) => cache with { Size = value }))
        .Group("line", group => group
            .SizeAttribute("value", "unit", cache => cache.Line, (cache, value) => cache with { Line = value }));

    private static XmlShape<NumaInterconnectsConfiguration> NumaInterconnects { get; } = new XmlShape<NumaInterconnectsConfiguration>()
        .Many("latency", () => NumaLatency!, () => new NumaLatencyConfiguration(), connects => connects.Latencies, (connects, value) => connects with { Latencies = value })
        .Many("bandwidth", () => NumaBandwidth!, () => new NumaBandwidthConfiguration(), connects => connects.Bandwidths, (connects, value) => connects with { Bandwidths = value });

    private static XmlShape<NumaLatencyConfiguration> NumaLatency { get; } = new XmlShape<NumaLatencyConfiguration>()
        .Attribute("initiator", Number(0, 255), latency => latency.Initiator, (latency, value) => latency with { Initiator = value }, required: true)
        .Attribute("target", Number(0, 255), latency => latency.Target, (latency, value) => latency with { Target = value }, required: true)
        .Attribute("cache", Number(1, 3), latency => latency.Cache, (latency, value) => latency with { Cache = value })
        .Attribute("type", Word("access", "read", "write"), latency => latency.Type, (latency, value) => latency with { Type = value }, required: true)
        .Attribute("value", Large(1), latency => latency.Value, (latency, value) => latency with { Value = value }, required: true);

    private static XmlShape<NumaBandwidthConfiguration> NumaBandwidth { get; } = new XmlShape<NumaBandwidthConfiguration>()
        .Attribute("initiator", Number(0, 255), bandwidth => bandwidth.Initiator, (bandwidth, value) => bandwidth with { Initiator = value }, required: true)
        .Attribute("target", Number(0, 255), bandwidth => bandwidth.Target, (bandwidth, value) => bandwidth with { Target = value }, required: true)
        .Attribute("cache", Number(1, 3), bandwidth => bandwidth.Cache, (bandwidth, value) => bandwidth with { Cache = value })
        .Attribute("type", Word("access", "read", "write"), bandwidth => bandwidth.Type, (bandwidth, value) => bandwidth with { Type = value }, required: true)
        .SizeAttribute("value", "unit", bandwidth => bandwidth.Value, (bandwidth, value) => bandwidth with { Value = value });
}
