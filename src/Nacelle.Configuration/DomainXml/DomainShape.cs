using static Nacelle.Configuration.TextTypes;

namespace Nacelle.Configuration;

/// <summary>The root element of domain XML.</summary>
internal static class DomainShape
{
    /// <summary>The namespace of what is passed to QEMU as it is.</summary>
    internal const string QemuNamespace = "http://libvirt.org/schemas/domain/qemu/1.0";

    internal static XmlShape<MachineConfiguration> Domain { get; } = new XmlShape<MachineConfiguration>()
        .Attribute("type", new DomainTypeText(), machine => machine.Accelerator, (machine, value) => machine with { Accelerator = value }, required: true)
        .Attribute("id", Number(), machine => machine.Id, (machine, value) => machine with { Id = value })
        .Element("name", MachineName, machine => machine.Name, (machine, value) => machine with { Name = value }, required: true)
        .Element("uuid", Uuid, machine => machine.Uuid, (machine, value) => machine with { Uuid = value })
        .Element("genid", AnyText, machine => machine.GenerationId, (machine, value) => machine with { GenerationId = value })
        .Element("title", Text, machine => machine.Title, (machine, value) => machine with { Title = value })
        .Element("description", AnyText, machine => machine.Description, (machine, value) => machine with { Description = value })
        .Raw("metadata", machine => machine.Metadata, (machine, value) => machine with { Metadata = value })
        .SizeWith("maxMemory", machine => machine.MaximumMemory, (machine, value) => machine with { MaximumMemory = value }, more => more
            .Attribute("slots", Number(0, 256), machine => machine.MemorySlots, (machine, value) => machine with { MemorySlots = value }))
        .SizeWith("memory", machine => machine.Memory, (machine, value) => machine with { Memory = value }, more => more
            .Attribute("dumpCore", OnOff, machine => machine.MemoryInCoreDump, (machine, value) => machine with { MemoryInCoreDump = value }))
        .Size("currentMemory", machine => machine.CurrentMemory, (machine, value) => machine with { CurrentMemory = value })
        .Child("blkiotune", () => MemoryShapes.BlockTuning, () => new BlockTuningConfiguration(), machine => machine.BlockTuning, (machine, value) => machine with { BlockTuning = value })
        .Child("memtune", () => MemoryShapes.Tuning, () => new MemoryTuningConfiguration(), machine => machine.MemoryTuning, (machine, value) => machine with { MemoryTuning = value })
        .Child("memoryBacking", () => MemoryShapes.Backing, () => new MemoryBackingConfiguration(), machine => machine.MemoryBacking, (machine, value) => machine with { MemoryBacking = value })
        .Child("vcpu", () => VcpuShapes.Vcpu, () => new VcpuConfiguration(), machine => machine.Vcpu, (machine, value) => machine with { Vcpu = value })
        .List("vcpus", "vcpu", () => VcpuShapes.State, () => new VcpuStateConfiguration(), machine => machine.Vcpus, (machine, value) => machine with { Vcpus = value })
        .Element("iothreads", Number(0, 1024), machine => machine.IoThreads, (machine, value) => machine with { IoThreads = value })
        .List("iothreadids", "iothread", () => VcpuShapes.IoThread, () => new IoThreadConfiguration(), machine => machine.IoThreadIds, (machine, value) => machine with { IoThreadIds = value })
        .Child("defaultiothread", () => VcpuShapes.DefaultIoThread, () => new DefaultIoThreadConfiguration(), machine => machine.DefaultIoThread, (machine, value) => machine with { DefaultIoThread = value })
        .List("throttlegroups", "throttlegroup", () => DiskShapes.Throttle, () => new DiskThrottleConfiguration(), machine => machine.ThrottleGroups, (machine, value) => machine with { ThrottleGroups = value })
        .Child("cputune", () => VcpuShapes.Tuning, () => new CpuTuningConfiguration(), machine => machine.CpuTuning, (machine, value) => machine with { CpuTuning = value })
        .Child("numatune", () => MemoryShapes.NumaTuning, () => new NumaTuningConfiguration(), machine => machine.NumaTuning, (machine, value) => machine with { NumaTuning = value })
        .Group("resource", group => group
            .Element("partition", FilePath, machine => machine.ResourcePartition, (machine, value) => machine with { ResourcePartition = value }))
        .Many("sysinfo", () => BootShapes.SystemInformation, () => new SystemInformationConfiguration(), machine => machine.SystemInformation, (machine, value) => machine with { SystemInformation = value })
        .Child("os", () => BootShapes.Boot, () => new BootConfiguration(), machine => machine.Boot, (machine, value) => machine with { Boot = value }, required: true)
        .Child("features", () => FeatureShapes.Features, () => new FeaturesConfiguration(), machine => machine.Features, (machine, value) => machine with { Features = value })
        .Child("cpu", () => CpuShapes.Cpu, () => new CpuConfiguration(), machine => machine.Cpu, (machine, value) => machine with { Cpu = value })
        .Child("clock", () => FeatureShapes.Clock, () => new ClockConfiguration(), machine => machine.Clock, (machine, value) => machine with { Clock = value })
        .Element("on_poweroff", ConfigurationWords.LifecycleAction, machine => machine.OnPowerOff, (machine, value) => machine with { OnPowerOff = value })
        .Element("on_reboot", ConfigurationWords.LifecycleAction, machine => machine.OnReboot, (machine, value) => machine with { OnReboot = value })
        .Element("on_crash", ConfigurationWords.LifecycleAction, machine => machine.OnCrash, (machine, value) => machine with { OnCrash = value })
        .Element("on_lockfailure", ConfigurationWords.LockFailureAction, machine => machine.OnLockFailure, (machine, value) => machine with { OnLockFailure = value })
        .Group("pm", group => group
            .Group("suspend-to-mem", memory => memory
                .Attribute("enabled", YesNo, machine => machine.SuspendToMemory, (machine, value) => machine with { SuspendToMemory = value }))
            .Group("suspend-to-disk", disk => disk
                .Attribute("enabled", YesNo, machine => machine.SuspendToDisk, (machine, value) => machine with { SuspendToDisk = value })))
        .List("perf", "event", () => PerformanceEvent!, () => new PerformanceEventConfiguration(), machine => machine.PerformanceEvents, (machine, value) => machine with { PerformanceEvents = value })
        .Child("devices", () => DevicesShape.Devices, () => new DevicesConfiguration(), machine => machine.Devices, (machine, value) => machine with { Devices = value })
        .Many("seclabel", () => DeviceShapes.SecurityLabel, () => new SecurityLabelConfiguration(), machine => machine.SecurityLabels, (machine, value) => machine with { SecurityLabels = value })
        .Raw("launchSecurity", machine => machine.LaunchSecurity, (machine, value) => machine with { LaunchSecurity = value })
        .Raw("keywrap", machine => machine.KeyWrap, (machine, value) => machine with { KeyWrap = value })
        .Child("commandline", () => QemuPassthrough!, () => new QemuPassthroughConfiguration(), machine => machine.QemuPassthrough, (machine, value) => machine with { QemuPassthrough = value }, QemuNamespace)
        .Raw("capabilities", machine => machine.QemuCapabilities, (machine, value) => machine with { QemuCapabilities = value }, QemuNamespace)
        .Raw("override", machine => machine.QemuOverride, (machine, value) => machine with { QemuOverride = value }, QemuNamespace)
        .Raw("deprecation", machine => machine.QemuDeprecation, (machine, value) => machine with { QemuDeprecation = value }, QemuNamespace);

    private static XmlShape<PerformanceEventConfiguration> PerformanceEvent { get; } = new XmlShape<PerformanceEventConfiguration>()
        .Attribute("name", Text, item => item.Name, (item, value) => item with { Name = value }, required: true)
        .Attribute("enabled", YesNo, item => item.Enabled, (item, value) => item with { Enabled = value });

    private static XmlShape<QemuPassthroughConfiguration> QemuPassthrough { get; } = new XmlShape<QemuPassthroughConfiguration>()
        .Many("arg", () => QemuArgument!, () => new QemuArgumentConfiguration(), qemu => qemu.Arguments, (qemu, value) => qemu with { Arguments = value }, QemuNamespace)
        .Many("env", () => QemuVariable!, () => new QemuVariableConfiguration(), qemu => qemu.Environment, (qemu, value) => qemu with { Environment = value }, QemuNamespace);

    private static XmlShape<QemuArgumentConfiguration> QemuArgument { get; } = new XmlShape<QemuArgumentConfiguration>()
        .Attribute("value", AnyText, argument => argument.Value, (argument, value) => argument with { Value = value }, required: true);

    private static XmlShape<QemuVariableConfiguration> QemuVariable { get; } = new XmlShape<QemuVariableConfiguration>()
        .Attribute("name", Text, variable => variable.Name, (variable, value) => variable with { Name = value }, required: true)
        .Attribute("value", AnyText, variable => variable.Value, (variable, value) => variable with { Value = value });
}
