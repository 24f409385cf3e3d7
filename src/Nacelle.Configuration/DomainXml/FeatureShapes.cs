using static Nacelle.Configuration.TextTypes;

namespace Nacelle.Configuration;

/// <summary>Features of board and hypervisor, clock and timers.</summary>
internal static class FeatureShapes
{
    internal static XmlShape<FeaturesConfiguration> Features { get; } = new XmlShape<FeaturesConfiguration>()
        .Flag("acpi", features => features.Acpi, (features, value) => features with { Acpi = value })
        .Child("apic", () => Apic!, () => new ApicConfiguration(), features => features.Apic, (features, value) => features with { Apic = value })
        .Flag("pae", features => features.Pae, (features, value) => features with { Pae = value })
        .Group("hap", group => group
            .Attribute("state", OnOff, features => features.Hap, (features, value) => features with { Hap = value }), features => features with { Hap = true })
        .Flag("viridian", features => features.Viridian, (features, value) => features with { Viridian = value })
        .Flag("privnet", features => features.PrivateNetwork, (features, value) => features with { PrivateNetwork = value })
        .Child("hyperv", () => HyperV!, () => new HyperVConfiguration(), features => features.HyperV, (features, value) => features with { HyperV = value })
        .Child("kvm", () => Kvm!, () => new KvmFeaturesConfiguration(), features => features.Kvm, (features, value) => features with { Kvm = value })
        .Group("pvspinlock", group => group
            .Attribute("state", OnOff, features => features.ParavirtualSpinLocks, (features, value) => features with { ParavirtualSpinLocks = value }), features => features with { ParavirtualSpinLocks = true })
        .Group("pmu", group => group
            .Attribute("state", OnOff, features => features.PerformanceCounters, (features, value) => features with { PerformanceCounters = value }), features => features with { PerformanceCounters = true })
        .Group("vmport", group => group
            .Attribute("state", OnOff, features => features.VmPort, (features, value) => features with { VmPort = value }), features => features with { VmPort = true })
        .Group(
            "smm",
            group => group
                .Attribute("state", OnOff, features => features.SystemManagementMode, (features, value) => features with { SystemManagementMode = value })
                .Size("tseg", features => features.SystemManagementMemory, (features, value) => features with { SystemManagementMemory = value }, defaultUnit: "MiB"),
            features => features with { SystemManagementMode = true })
        .Group("ioapic", group => group
            .Attribute("driver", Word("kvm", "qemu"), features => features.IoapicDriver, (features, value) => features with { IoapicDriver = value }))
        .Group("vmcoreinfo", group => group
            .Attribute("state", OnOff, features => features.VmCoreInfo, (features, value) => features with { VmCoreInfo = value }), features => features with { VmCoreInfo = true })
        .Group("msrs", group => group
            .Attribute("unknown", Word("ignore", "fault"), features => features.UnknownMsrs, (features, value) => features with { UnknownMsrs = value }))
        .Raw("capabilities", features => features.Capabilities, (features, value) => features with { Capabilities = value })
        .Group("tcg", group => group
            .Size("tb-cache", features => features.TranslationCache, (features, value) => features with { TranslationCache = value }));

    internal static XmlShape<ClockConfiguration> Clock { get; } = new XmlShape<ClockConfiguration>()
        .Attribute("offset", Word("utc", "localtime", "timezone", "variable", "absolute"), clock => clock.Offset, (clock, value) => clock with { Offset = value }, required: true)
        .Attribute("timezone", Text, clock => clock.TimeZone, (clock, value) => clock with { TimeZone = value })
        .Attribute("adjustment", Text, clock => clock.Adjustment, (clock, value) => clock with { Adjustment = value })
        .Attribute("basis", Word("utc", "localtime"), clock => clock.Basis, (clock, value) => clock with { Basis = value })
        .Attribute("start", Signed, clock => clock.Start, (clock, value) => clock with { Start = value })
        .Many("timer", () => Timer!, () => new TimerConfiguration(), clock => clock.Timers, (clock, value) => clock with { Timers = value });

    private static XmlShape<ApicConfiguration> Apic { get; } = new XmlShape<ApicConfiguration>()
        .Attribute("eoi", OnOff, apic => apic.Eoi, (apic, value) => apic with { Eoi = value });

    private static XmlShape<HyperVConfiguration> HyperV { get; } = new XmlShape<HyperVConfiguration>()
        .Attribute("mode", Word("custom", "passthrough"), hyperv => hyperv.Mode, (hyperv, value) => hyperv with { Mode = value })
        .Group("relaxed", group => group
            .Attribute("state", OnOff, hyperv => hyperv.Relaxed, (hyperv, value) => hyperv with { Relaxed = value }))
        .Group("vapic", group => group
            .Attribute("state", OnOff, hyperv => hyperv.VirtualApic, (hyperv, value) => hyperv with { VirtualApic = value }))
        .Group("vpindex", group => group
            .Attribute("state", OnOff, hyperv => hyperv.VpIndex, (hyperv, value) => hyperv with { VpIndex = value }))
        .Group("runtime", group => group
            .Attribute("state", OnOff, hyperv => hyperv.VpRuntime, (hyperv, value) => hyperv with { VpRuntime = value }))
        .Group("synic", group => group
            .Attribute("state", OnOff, hyperv => hyperv.SynIc, (hyperv, value) => hyperv with { SynIc = value }))
        .Group("reset", group => group
            .Attribute("state", OnOff, hyperv => hyperv.Reset, (hyperv, value) => hyperv with { Reset = value }))
        .Group("frequencies", group => group
            .Attribute("state", OnOff, hyperv => hyperv.Frequencies, (hyperv, value) => hyperv with { Frequencies = value }))
        .Group("reenlightenment", group => group
            .Attribute("state", OnOff, hyperv => hyperv.Reenlightenment, (hyperv, value) => hyperv with { Reenlightenment = value }))
        .Group("tlbflush", group => group
            .Attribute("state", OnOff, hyperv => hyperv.TlbFlush, (hyperv, value) => hyperv with { TlbFlush = value }))
        .Group("ipi", group => group
            .Attribute("state", OnOff, hyperv => hyperv.Ipi, (hyperv, value) => hyperv with { Ipi = value }))
        .Group("evmcs", group => group
            .Attribute("state", OnOff, hyperv => hyperv.Evmcs, (hyperv, value) => hyperv with { Evmcs = value }))
        .Group("avic", group => group
            .Attribute("state", OnOff, hyperv => hyperv.Avic, (hyperv, value) => hyperv with { Avic = value }))
        .Group("emsr_bitmap", group => group
            .Attribute("state", OnOff, hyperv => hyperv.EmsrBitmap, (hyperv, value) => hyperv with { EmsrBitmap = value }))
        .Group("xmm_input", group => group
            .Attribute("state", OnOff, hyperv => hyperv.XmmInput, (hyperv, value) => hyperv with { XmmInput = value }))
        .Group("spinlocks", group => group
            .Attribute("state", OnOff, hyperv => hyperv.SpinLocks, (hyperv, value) => hyperv with { SpinLocks = value })
            .Attribute("retries", Number(4095), hyperv => hyperv.SpinLockRetries, (hyperv, value) => hyperv with { SpinLockRetries = value }))
        .Group("stimer", group => group
            .Attribute("state", OnOff, hyperv => hyperv.SyntheticTimers, (hyperv, value) => hyperv with { SyntheticTimers = value })
            .Group("direct", direct => direct
                .Attribute("state", OnOff, hyperv => hyperv.DirectSyntheticTimers, (hyperv, value) => hyperv with { DirectSyntheticTimers = value })))
        .Group("vendor_id", group => group
            .Attribute("state", OnOff, hyperv => hyperv.VendorId, (hyperv, value) => hyperv with { VendorId = value })
            .Attribute("value", AnyText, hyperv => hyperv.VendorIdValue, (hyperv, value) => hyperv with { VendorIdValue = value }));

    private static XmlShape<KvmFeaturesConfiguration> Kvm { get; } = new XmlShape<KvmFeaturesConfiguration>()
        .Group("hidden", group => group
            .Attribute("state", OnOff, kvm => kvm.Hidden, (kvm, value) => kvm with { Hidden = value }))
        .Group("hint-dedicated", group => group
            .Attribute("state", OnOff, kvm => kvm.HintDedicated, (kvm, value) => kvm with { HintDedicated = value }))
        .Group("poll-control", group => group
            .Attribute("state", OnOff, kvm => kvm.PollControl, (kvm, value) => kvm with { PollControl = value }))
        .Group("pv-ipi", group => group
            .Attribute("state", OnOff, kvm => kvm.PvIpi, (kvm, value) => kvm with { PvIpi = value }))
        .Group("dirty-ring", group => group
            .Attribute("state", OnOff, kvm => kvm.DirtyRing, (kvm, value) => kvm with { DirtyRing = value })
            .Attribute("size", Number(1024, 65536), kvm => kvm.DirtyRingSize, (kvm, value) => kvm with { DirtyRingSize = value }));

    private static XmlShape<TimerConfiguration> Timer { get; } = new XmlShape<TimerConfiguration>()
        .Attribute("name", Word("platform", "hpet", "kvmclock", "pit", "rtc", "tsc", "hypervclock", "armvtimer"), timer => timer.Name, (timer, value) => timer with { Name = value }, required: true)
        .Attribute("present", YesNo, timer => timer.Present, (timer, value) => timer with { Present = value })
        .Attribute("track", Word("boot", "guest", "wall", "realtime"), timer => timer.Track, (timer, value) => timer with { Track = value })
        .Attribute("tickpolicy", Word("delay", "catchup", "merge", "discard"), timer => timer.TickPolicy, (timer, value) => timer with { TickPolicy = value })
        .Attribute("frequency", Large(1), timer => timer.Frequency, (timer, value) => timer with { Frequency = value })
        .Attribute("mode", Word("auto", "native", "emulate", "paravirt", "smpsafe"), timer => timer.Mode, (timer, value) => timer with { Mode = value })
        .Group("catchup", group => group
            .Attribute("threshold", Number(1), timer => timer.CatchUpThreshold, (timer, value) => timer with { CatchUpThreshold = value })
            .Attribute("slew", Number(1), timer => timer.CatchUpSlew, (timer, value) => timer with { CatchUpSlew = value })
            .Attribute("limit", Number(1), timer => timer.CatchUpLimit, (timer, value) => timer with { CatchUpLimit = value }));
}
