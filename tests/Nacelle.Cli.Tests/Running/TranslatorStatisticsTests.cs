using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using Nacelle.Kvm;
using Nacelle.Translation;

namespace Nacelle.Cli.Tests;

/// <summary>What --translator-stats prints, and when it is refused.</summary>
public sealed class TranslatorStatisticsTests
{
    [Fact]
    public void Each_counter_has_one_row()
    {
        FieldInfo[] fields = typeof(TranslatorCounters).GetFields(BindingFlags.Public | BindingFlags.Instance);
        object counters = default(TranslatorCounters);
        for (int i = 0; i < fields.Length; i++)
        {
            fields[i].SetValue(counters, 1000UL + (ulong)i);
        }

        ulong[] read = [.. TranslatorCounterTable.Counters.Select(row => row.Read((TranslatorCounters)counters)).Order()];
        Assert.Equal(Enumerable.Range(0, fields.Length).Select(i => 1000UL + (ulong)i), read);
        string[] names = [.. TranslatorCounterTable.Counters.Select(row => row.Name), .. TranslatorCounterTable.Rates.Select(row => row.Name)];
        Assert.Equal(names.Distinct(), names);
    }

    [Fact]
    public void Rates_come_from_counters_and_time()
    {
        TranslatorCounters counters = new() { TlbMisses = 3000, Blocks = 4, Instructions = 10, EmittedBytes = 75, LinkExits = 6, OperationExits = 2 };
        string report = TranslatorReport.Write(counters, TimeSpan.FromSeconds(2));
        Assert.Matches(@"(?m)^  run time +2\.00 s ", report);
        Assert.Matches(@"(?m)^  TLB misses +3,000 ", report);
        Assert.Matches(@"(?m)^  TLB misses per second +1,500 ", report);
        Assert.Matches(@"(?m)^  exits per second +4\.00 ", report);
        Assert.Matches(@"(?m)^  instructions per block +2\.50 ", report);
        Assert.Matches(@"(?m)^  bytes emitted per instruction +7\.50 ", report);
        Assert.Matches(@"(?m)^  operation exits per exit +0\.25 ", report);
        Assert.Matches(@"(?m)^  ns per TLB miss +- ", report);
        Assert.Matches(@"(?m)^  monitor time per second +- ", report);
        Assert.Matches(@"(?m)^  bytes emitted per instruction +- ", TranslatorReport.Write(default, default));
    }

    [Fact]
    public void Costs_come_from_times_and_counts()
    {
        TranslatorCounters counters = new()
        {
            TlbMisses = 4,
            TlbMissNanoseconds = 1000,
            LinkExits = 2,
            LinkNanoseconds = 3000,
            LookupExits = 3,
            LookupNanoseconds = 600,
            OperationExits = 5,
            OperationNanoseconds = 400_000_000,
            FaultExits = 1,
            AttentionExits = 3,
            OtherExitNanoseconds = 100_000_000,
            Blocks = 1,
            BlocksFound = 3,
            TranslationNanoseconds = 9000,
        };
        string report = TranslatorReport.Write(counters, TimeSpan.FromSeconds(2));
        Assert.Matches(@"(?m)^  ns per TLB miss +250 ", report);
        Assert.Matches(@"(?m)^  ns per link exit +1,500 ", report);
        Assert.Matches(@"(?m)^  ns per lookup exit +200 ", report);
        Assert.Matches(@"(?m)^  ns per operation exit +80,000,000 ", report);
        Assert.Matches(@"(?m)^  ns per other exit +25,000,000 ", report);
        Assert.Matches(@"(?m)^  ns per block translated +9,000 ", report);
        Assert.Matches(@"(?m)^  monitor time per second +0\.25 ", report);
        Assert.Matches(@"(?m)^  block cache hit rate +0\.75 ", report);
    }

    [Fact]
    public void A_run_ends_with_the_counters_on_standard_error()
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.Print("here\n"), GuestProgram.PowerOff);
        ProcessEnd end = NacelleProcess.Run(MinimalMachine.Arguments(kernel, "--translator-stats", "--quiet"));
        Assert.True(end.Code == 0, end.ToString());
        Assert.Equal("here\n", end.Output);
        foreach (string name in TranslatorCounterTable.Counters.Select(row => row.Name))
        {
            Assert.True(Regex.IsMatch(end.Error, $@"(?m)^  {name} +[0-9,]+ "), end.ToString());
        }

        // Five letters and a power-off are six writes to ports, each of which the monitor carries out.
        string operations = Regex.Match(end.Error, "(?m)^  operation exits +([0-9,]+) ").Groups[1].Value;
        Assert.True(int.Parse(operations, NumberStyles.AllowThousands, CultureInfo.InvariantCulture) >= 6, end.ToString());
        Assert.Matches("(?m)^  ns per operation exit +[1-9]", end.Error);
        Assert.Matches("(?m)^  ns per block translated +[1-9]", end.Error);
    }

    [Fact]
    public void Kvm_refuses_it_before_the_guest_runs()
    {
        KvmProbe probe = KvmHost.Probe();
        Assert.SkipUnless(probe.Availability == KvmAvailability.Available, probe.Reason);
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.Print("here\n"), GuestProgram.PowerOff);
        ProcessEnd end = NacelleProcess.Run("run", "--kernel", kernel, "--accel", "kvm", "--memory", "4M", "--translator-stats");
        Assert.True(end.Code == (int)ExitCode.Configuration, end.ToString());
        Assert.Empty(end.Output);
        Assert.Contains("runs on kvm", Assert.Single(end.ErrorLines), StringComparison.Ordinal);
        Assert.Contains("--accel translator", end.ErrorLines[0], StringComparison.Ordinal);
    }
}
