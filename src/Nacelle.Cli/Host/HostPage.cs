using System.Globalization;
using System.Text;
using Nacelle.Configuration;

namespace Nacelle.Cli;

/// <summary>Host facts for people: aligned lines, then a table for each kind of thing that a host has many of.</summary>
internal static class HostPage
{
    private const int Width = 120;
    private const int NameWidth = 16;

    /// <summary>The whole page.</summary>
    internal static string Write(HostFacts facts)
    {
        StringBuilder text = new();
        foreach ((string name, string value) in Rows(facts))
        {
            WriteRow(text, name, value);
        }

        return text.Append(HostTables.Write(facts)).ToString();
    }

    private static IEnumerable<(string Name, string Value)> Rows(HostFacts facts)
    {
        CultureInfo invariant = CultureInfo.InvariantCulture;
        HostCpuFacts cpu = facts.Cpu;
        yield return ("host", string.Create(invariant, $"{facts.HostName}, gathered {facts.GatheredAt.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC by {facts.GatheredBy}"));
        yield return ("kernel", $"{facts.Kernel.Release}, {facts.Kernel.Build}");
        yield return ("real time", RealTime(facts.Kernel));
        yield return ("limits", Limits(facts.Limits));
        yield return ("processor", cpu.Name);
        yield return ("", string.Create(
            invariant, $"{cpu.Vendor.Trim()} family {cpu.Family} model {cpu.Model} stepping {cpu.Stepping}, microcode {cpu.Microcode ?? "not known"}"));
        yield return ("", string.Create(
            invariant, $"{cpu.OnlineCpus.Count} logical ({cpu.OnlineCpus}), addresses of {cpu.PhysicalAddressBits} bits physical, {cpu.LinearAddressBits} linear"));
        yield return ("no-execute", NoExecute(cpu.NoExecute));
        yield return ("extended state", cpu.ExtendedStateComponents == 0
            ? "none: no XSAVE"
            : string.Join(", ", ExtendedStateComponent.Names(cpu.ExtendedStateComponents)));
        yield return ("features", string.Join(' ', cpu.Features));
        yield return ("TSC", TimestampCounter(facts.TimestampCounter));
        yield return ("clock source", ClockSource(facts.TimestampCounter));
        yield return ("KVM", $"{(facts.Kvm.IsAvailable ? "yes" : "no")}: {facts.Kvm.Reason}");
        yield return ("", $"modules: {List(facts.Kvm.Modules)}; nested virtualisation: {YesNo(facts.Kvm.Nested)}");
        if (facts.Kvm.Features is { } offered)
        {
            yield return ("", Difference("offers", offered, cpu));
        }

        yield return ("translator", $"{(facts.Translator.IsAvailable ? "yes" : "no")}: {facts.Translator.Reason}");
        if (facts.Translator.Features is { } translated)
        {
            yield return ("", Difference("offers", translated, cpu));
        }

        yield return ("IOMMU", facts.Iommu.IsPresent
            ? string.Create(invariant, $"yes: {List(facts.Iommu.Units)}, {facts.Iommu.Groups.Length} groups")
            : "no: absent, or off in the firmware or on the kernel's command line");
        yield return ("memory", $"{Bytes(facts.Memory.TotalBytes)}, {Bytes(facts.Memory.AvailableBytes)} available; huge pages: {HugePages(facts.Memory.HugePages)}");
    }

    /// <summary>What an accelerator shows to guests, as a difference to the processor's own list.</summary>
    private static string Difference(string verb, IReadOnlyCollection<string> offered, HostCpuFacts cpu)
    {
        string[] without = [.. cpu.Features.Where(feature => !offered.Contains(feature))];
        string[] beyond = [.. offered.Where(feature => !cpu.Features.Contains(feature))];
        string less = without.Length == 0 ? "all of these features" : $"these features without {string.Join(' ', without)}";
        return $"{verb} {less}{(beyond.Length == 0 ? "" : $"; and {string.Join(' ', beyond)}")}";
    }

    internal static string Bytes(ulong bytes)
    {
        string[] units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];
        double value = bytes;
        int unit = 0;
        while (value >= 1024 && unit + 1 < units.Length)
        {
            value /= 1024;
            unit++;
        }

        return string.Create(CultureInfo.InvariantCulture, $"{value:0.#} {units[unit]}");
    }

    internal static string HugePages(IReadOnlyCollection<HostHugePages> pools) => pools.Count == 0
        ? "none"
        : string.Join(", ", pools.Select(pool => string.Create(CultureInfo.InvariantCulture, $"{pool.Total} of {Bytes(pool.PageBytes)} ({pool.Free} free)")));

    internal static string List(IReadOnlyCollection<string> words) => words.Count == 0 ? "none" : string.Join(' ', words);

    private static string YesNo(bool? value) => value switch { true => "on", false => "off", null => "not known" };

    private static string RealTime(HostKernelFacts kernel) =>
        $"{(kernel.IsRealTime ? "yes (PREEMPT_RT)" : "no")}; isolated processors: {Cpus(kernel.IsolatedCpus)}; without a tick: {Cpus(kernel.TicklessCpus)}";

    private static string Cpus(CpuSet cpus) => cpus.Count == 0 ? "none" : cpus.ToString();

    private static string Limits(HostLimitFacts limits)
    {
        string priority = limits.MaySetAnyPriority || limits.RealTimePriority is null
            ? "any real-time priority"
            : string.Create(CultureInfo.InvariantCulture, $"real-time priority up to {limits.RealTimePriority}");
        string memory = limits.MayLockAnyMemory || limits.LockedMemoryBytes is null ? "any amount" : Bytes(limits.LockedMemoryBytes.Value);
        return $"{priority}; locked memory: {memory}";
    }

    private static string NoExecute(NoExecuteState state) => state switch
    {
        NoExecuteState.InForce => "in force",
        NoExecuteState.DisabledByKernel => "disabled by the kernel: take noexec=off from its command line",
        NoExecuteState.DisabledByFirmware => "disabled by the firmware: switch on \"Execute Disable\" or \"No-Execute Memory Protection\" in its setup",
        _ => "absent: this processor has none",
    };

    private static string TimestampCounter(HostTimestampCounterFacts clock)
    {
        static string Has(bool has, string name) => has ? name : $"not {name}";
        string frequency = clock.FrequencyHertz is ulong hertz
            ? string.Create(CultureInfo.InvariantCulture, $"{hertz / 1e6:0.000} MHz ({Source(clock.FrequencySource)})")
            : "frequency not known";
        string scaling = clock.HasScaling switch { true => "yes", false => "no", null => "not known" };
        return $"{Has(clock.IsConstant, "constant")}, {Has(clock.IsNonstop, "nonstop")}, {Has(clock.IsInvariant, "invariant")}; {frequency}; scaling: {scaling}";
    }

    private static string Source(TscFrequencySource? source) => source switch
    {
        TscFrequencySource.Cpuid => "CPUID says",
        TscFrequencySource.Hypervisor => "the hypervisor says",
        _ => "measured",
    };

    private static string ClockSource(HostTimestampCounterFacts clock)
    {
        string trust = clock.IsTrustedByKernel == false ? "; the kernel found the TSC unstable" : "";
        return $"{clock.ClockSource ?? "not known"} (of {List(clock.AvailableClockSources)}){trust}";
    }

    /// <summary>A name and its value, wrapped with the lines of the value below each other.</summary>
    private static void WriteRow(StringBuilder text, string name, string value)
    {
        StringBuilder line = new(name.PadRight(NameWidth));
        foreach (string word in value.Split(' '))
        {
            if (line.Length > NameWidth && line.Length + 1 + word.Length > Width)
            {
                text.Append(line.ToString().TrimEnd()).Append('\n');
                line.Clear().Append(' ', NameWidth);
            }

            line.Append(line.Length > NameWidth ? " " : "").Append(word);
        }

        text.Append(line.ToString().TrimEnd()).Append('\n');
    }
}
