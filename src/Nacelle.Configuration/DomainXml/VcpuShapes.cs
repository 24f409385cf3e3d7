using static Nacelle.Configuration.TextTypes;

namespace Nacelle.Configuration;

/// <summary>vCPUs, I/O threads and how they are scheduled.</summary>
internal static class VcpuShapes
{
    private static readonly TextType<string> s_scheduler = Word("batch", "idle", "fifo", "rr");
    private static readonly TextType<int> s_priority = Number(0, 99);

    internal static XmlShape<VcpuConfiguration> Vcpu { get; } = new XmlShape<VcpuConfiguration>()
        .Attribute("placement", Word("static", "auto"), vcpu => vcpu.Placement, (vcpu, value) => vcpu with { Placement = value })
        .Attribute("cpuset", NumberSet, vcpu => vcpu.CpuSet, (vcpu, value) => vcpu with { CpuSet = value })
        .Attribute("current", Number(1), vcpu => vcpu.Current, (vcpu, value) => vcpu with { Current = value })
        .Content(Number(1, 65535), vcpu => vcpu.Maximum, (vcpu, value) => vcpu with { Maximum = value }, required: true);

    internal static XmlShape<VcpuStateConfiguration> State { get; } = new XmlShape<VcpuStateConfiguration>()
        .Attribute("id", Number(), vcpu => vcpu.Id, (vcpu, value) => vcpu with { Id = value }, required: true)
        .Attribute("enabled", YesNo, vcpu => vcpu.Enabled, (vcpu, value) => vcpu with { Enabled = value })
        .Attribute("hotpluggable", YesNo, vcpu => vcpu.Hotpluggable, (vcpu, value) => vcpu with { Hotpluggable = value })
        .Attribute("order", Number(1), vcpu => vcpu.Order, (vcpu, value) => vcpu with { Order = value });

    internal static XmlShape<IoThreadConfiguration> IoThread { get; } = new XmlShape<IoThreadConfiguration>()
        .Attribute("id", Number(1), thread => thread.Id, (thread, value) => thread with { Id = value }, required: true)
        .Attribute("thread_pool_min", Number(), thread => thread.ThreadPoolMinimum, (thread, value) => thread with { ThreadPoolMinimum = value })
        .Attribute("thread_pool_max", Number(1), thread => thread.ThreadPoolMaximum, (thread, value) => thread with { ThreadPoolMaximum = value })
        .Group("poll", group => group
            .Attribute("max", Large(), thread => thread.PollMaximum, (thread, value) => thread with { PollMaximum = value })
            .Attribute("grow", Large(), thread => thread.PollGrow, (thread, value) => thread with { PollGrow = value })
            .Attribute("shrink", Large(), thread => thread.PollShrink, (thread, value) => thread with { PollShrink = value }));

    internal static XmlShape<DefaultIoThreadConfiguration> DefaultIoThread { get; } = new XmlShape<DefaultIoThreadConfiguration>()
        .Attribute("thread_pool_min", Number(), thread => thread.ThreadPoolMinimum, (thread, value) => thread with { ThreadPoolMinimum = value })
        .Attribute("thread_pool_max", Number(1), thread => thread.ThreadPoolMaximum, (thread, value) => thread with { ThreadPoolMaximum = value });

    internal static XmlShape<CpuTuningConfiguration> Tuning { get; } = new XmlShape<CpuTuningConfiguration>()
        .Element("shares", Large(), tuning => tuning.Shares, (tuning, value) => tuning with { Shares = value })
        .Element("period", Large(), tuning => tuning.Period, (tuning, value) => tuning with { Period = value })
        .Element("quota", Signed, tuning => tuning.Quota, (tuning, value) => tuning with { Quota = value })
        .Element("global_period", Large(), tuning => tuning.GlobalPeriod, (tuning, value) => tuning with { GlobalPeriod = value })
        .Element("global_quota", Signed, tuning => tuning.GlobalQuota, (tuning, value) => tuning with { GlobalQuota = value })
        .Element("emulator_period", Large(), tuning => tuning.EmulatorPeriod, (tuning, value) => tuning with { EmulatorPeriod = value })
        .Element("emulator_quota", Signed, tuning => tuning.EmulatorQuota, (tuning, value) => tuning with { EmulatorQuota = value })
        .Element("iothread_period", Large(), tuning => tuning.IoThreadPeriod, (tuning, value) => tuning with { IoThreadPeriod = value })
        .Element("iothread_quota", Signed, tuning => tuning.IoThreadQuota, (tuning, value) => tuning with { IoThreadQuota = value })
        .Many("vcpupin", () => VcpuPin!, () => new VcpuPinConfiguration(), tuning => tuning.VcpuPins, (tuning, value) => tuning with { VcpuPins = value })
        .Group("emulatorpin", group => group
            .Attribute("cpuset", NumberSet, tuning => tuning.EmulatorPin, (tuning, value) => tuning with { EmulatorPin = value }))
        .Many("iothreadpin", () => IoThreadPin!, () => new IoThreadPinConfiguration(), tuning => tuning.IoThreadPins, (tuning, value) => tuning with { IoThreadPins = value })
        .Many("vcpusched", () => VcpuSchedule!, () => new VcpuScheduleConfiguration(), tuning => tuning.VcpuSchedules, (tuning, value) => tuning with { VcpuSchedules = value })
        .Many("iothreadsched", () => IoThreadSchedule!, () => new IoThreadScheduleConfiguration(), tuning => tuning.IoThreadSchedules, (tuning, value) => tuning with { IoThreadSchedules = value })
        .Child("emulatorsched", () => EmulatorSchedule!, () => new EmulatorScheduleConfiguration(), tuning => tuning.EmulatorSchedule, (tuning, value) => tuning with { EmulatorSchedule = value });

    private static XmlShape<VcpuPinConfiguration> VcpuPin { get; } = new XmlShape<VcpuPinConfiguration>()
        .Attribute("vcpu", Number(), pin => pin.Vcpu, (pin, value) => pin with { Vcpu = value }, required: true)
        .Attribute("cpuset", NumberSet, pin => pin.CpuSet, (pin, value) => pin with { CpuSet = value }, required: true);

    private static XmlShape<IoThreadPinConfiguration> IoThreadPin { get; } = new XmlShape<IoThreadPinConfiguration>()
        .Attribute("iothread", Number(1), pin => pin.IoThread, (pin, value) => pin with { IoThread = value }, required: true)
        .Attribute("cpuset", NumberSet, pin => pin.CpuSet, (pin, value) => pin with { CpuSet = value }, required: true);

    private static XmlShape<VcpuScheduleConfiguration> VcpuSchedule { get; } = new XmlShape<VcpuScheduleConfiguration>()
        .Attribute("vcpus", NumberSet, schedule => schedule.Vcpus, (schedule, value) => schedule with { Vcpus = value }, required: true)
        .Attribute("scheduler", s_scheduler, schedule => schedule.Scheduler, (schedule, value) => schedule with { Scheduler = value }, required: true)
        .Attribute("priority", s_priority, schedule => schedule.Priority, (schedule, value) => schedule with { Priority = value });

    private static XmlShape<IoThreadScheduleConfiguration> IoThreadSchedule { get; } = new XmlShape<IoThreadScheduleConfiguration>()
        .Attribute("iothreads", NumberSet, schedule => schedule.IoThreads, (schedule, value) => schedule with { IoThreads = value }, required: true)
        .Attribute("scheduler", s_scheduler, schedule => schedule.Scheduler, (schedule, value) => schedule with { Scheduler = value }, required: true)
        .Attribute("priority", s_priority, schedule => schedule.Priority, (schedule, value) => schedule with { Priority = value });

    private static XmlShape<EmulatorScheduleConfiguration> EmulatorSchedule { get; } = new XmlShape<EmulatorScheduleConfiguration>()
        .Attribute("scheduler", s_scheduler, schedule => schedule.Scheduler, (schedule, value) => schedule with { Scheduler = value }, required: true)
        .Attribute("priority", s_priority, schedule => schedule.Priority, (schedule, value) => schedule with { Priority = value });
}
