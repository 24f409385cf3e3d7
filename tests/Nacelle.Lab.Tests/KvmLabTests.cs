using System.Text.RegularExpressions;

namespace Nacelle.Lab.Tests;

/// <summary>Nacelle under a real kvm_amd.</summary>
[Trait("Duration", "Long")]
public sealed partial class KvmLabTests(LabRun lab) : IClassFixture<LabRun>
{
    /// <summary>
    /// What the guest's kernel complains of in the lab alone: QEMU's processor has TSCs that are not in step, and errata of the
    /// first Zen. It does not intercept XSETBV either, so that KVM tells an old size of the XSAVE area.
    /// </summary>
    private static readonly string[] s_expectedInLog =
    [
        "Speculative Return Stack Overflow",
        "AMD Zen1 DIV0 bug detected",
        "AMD Zen1 FPDSS bug detected",
        "Marking TSC unstable",
        "Unstable clock detected",
        "\"trace_clock=local\"",
        "If you want to keep using the local clock",
        "on the kernel command line",
        "SMP vm created on host with unstable TSC",

        // Two processors share what the host leaves them.
        "hrtimer: interrupt took",

        // The guest looks for performance counters, which every KVM notes.
        "Unhandled WRMSR(0xc0010007)",
    ];

    [Fact]
    public void KvmIsChosenForItsSpeed()
    {
        Require();
        Assert.Contains(lab.Lines, line => HardwareSpeed().IsMatch(line));
    }

    [Fact]
    public void WithoutPermissionTheTranslatorIsChosenWithTheReason()
    {
        Require();
        Assert.Equal("35", lab.Value("nobody exit"));
        Assert.Contains(
            lab.Values("nobody"),
            line => line.Contains("translator", StringComparison.Ordinal)
                && line.Contains("this user may not open /dev/kvm", StringComparison.Ordinal));
    }

    [Fact]
    public void KvmWithoutPermissionIsRefusedWithTheWayOut()
    {
        Require();
        Assert.Equal("6", lab.Value("nobody-kvm exit"));
        Assert.Contains(
            lab.Values("nobody-kvm"),
            line => line.Contains("add the user to the group", StringComparison.Ordinal)
                && line.Contains("--accel translator", StringComparison.Ordinal));
    }

    [Fact]
    public void TheProbeEndsTheMachineWithItsValue()
    {
        Require();
        Assert.StartsWith("35 ", lab.Value("probe exit"), StringComparison.Ordinal);
    }

    [Fact]
    public void TheGuestRunsOnBothVcpusWithTheParavirtualClock()
    {
        Require();
        Assert.Equal("0-1", lab.Value("online"));
        Assert.Equal("kvm-clock", lab.Value("clocksource"));
    }

    [Fact]
    public void TheGuestReadsAndWritesItsDisk()
    {
        Require();
        Assert.Equal(lab.Value("disk"), lab.Value("read"));
        string written = lab.Value("written");
        Assert.Equal([written, written], lab.Values("readback"));
    }

    [Fact]
    public void TheNetworkWorksBothWays()
    {
        Require();
        List<string> pings = lab.Values("ping");
        Assert.Equal(2, pings.Count);
        Assert.All(pings, ping => Assert.EndsWith(" 0% packet loss", ping, StringComparison.Ordinal));
        Assert.Equal(lab.Value("message"), lab.Value("received"));
    }

    [Fact]
    public void InterruptsOfVirtioDevicesArrive()
    {
        Require();
        List<string> interrupts = lab.Values("interrupts");
        Assert.Contains(interrupts, line => Regex.IsMatch(line, "^virtio[0-9]+-req.*=[1-9]"));
        Assert.Contains(interrupts, line => Regex.IsMatch(line, "^virtio[0-9]+-input.*=[1-9]"));
    }

    [Fact]
    public void TheGuestRebootsAndPowersOff()
    {
        Require();
        Assert.Equal(["first", "second"], lab.Values("boot"));
        Assert.Equal("0", lab.Value("guest exit"));
    }

    [Fact]
    public void ARebootThatIsNotWantedEndsTheMachine()
    {
        Require();
        Assert.Equal("16", lab.Value("no-reboot exit"));
    }

    [Theory]
    [InlineData("Nacelle.Kvm.Tests")]
    [InlineData("Nacelle.Machine.Tests")]
    public void TheProjectsTestsPassOnThisKvm(string project)
    {
        Require();
        string outcome = lab.Value($"tests {project} exit");
        Assert.True(
            outcome.StartsWith("0 ", StringComparison.Ordinal),
            string.Join('\n', lab.Lines.Where(line => line.StartsWith(project + ":", StringComparison.Ordinal))));
        Assert.Contains(lab.Lines, line => PassedTests().IsMatch(line) && line.StartsWith(project + ":", StringComparison.Ordinal));
    }

    [Fact]
    public void TheKernelsComplainOfNothingElse()
    {
        Require();
        Assert.NotEmpty(lab.Values("done"));
        List<string> complaints = [.. WithoutXsaveReport(lab.Values("log"))
            .Where(line => !s_expectedInLog.Any(known => line.Contains(known, StringComparison.Ordinal)))];
        Assert.Empty(complaints);
    }

    /// <summary>Leaves out the trace about the XSAVE area from its first line to its last, and the dump of CPUID after it.</summary>
    private static IEnumerable<string> WithoutXsaveReport(List<string> log)
    {
        int begin = log.FindIndex(line => line.Contains("XSAVE consistency problem", StringComparison.Ordinal)) - 1;
        int end = begin < 0 ? -1 : log.FindIndex(begin, line => line.Contains("[ end trace ", StringComparison.Ordinal));
        return log.Where((line, index) =>
            (begin < 0 || index < begin || index > end) && !line.Contains("] CPUID[0d, ", StringComparison.Ordinal));
    }

    private void Require()
    {
        Assert.SkipWhen(lab.Missing is not null, lab.Missing ?? "");
        TestContext.Current.TestOutputHelper?.WriteLine($"the lab took {lab.Elapsed.TotalSeconds:0} s");
    }

    [GeneratedRegex("accelerator kvm: KVM runs guest kernel code at hardware speed")]
    private static partial Regex HardwareSpeed();

    [GeneratedRegex("Total: [1-9][0-9]*, Errors: 0, Failed: 0, Skipped: 0,")]
    private static partial Regex PassedTests();
}
