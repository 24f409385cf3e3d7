using System.Globalization;
using System.Text.RegularExpressions;

namespace Nacelle.Cli.Tests;

/// <summary>Linux with little room for translated code, or with code given up at random while it runs.</summary>
public sealed class CodeCacheBootTests
{
    // Processes, pipes and files whose results are known or checked against each other.
    private const string Work =
        "for n in $(seq 1 20); do "
        + "a=$(seq 1 400 | sort -rn | md5sum | cut -c1-32); b=$(seq 400 -1 1 | md5sum | cut -c1-32); test $a = $b || exit 7; "
        + "dd if=/dev/urandom of=/tmp/f bs=4k count=16 2>/dev/null; gzip -c /tmp/f | gunzip -c | cmp - /tmp/f || exit 8; "
        + "done; echo checked $n";

    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(5);

    [Theory]
    [Trait("Duration", "Long")]
    [InlineData(1)]
    [InlineData(2)]
    public void A_guest_survives_ten_thousand_forced_evictions(int cpus)
    {
        ProcessEnd end = Run("translator,code-cache=4M,evict-every=200", cpus);
        Assert.True(Counter(end, "forced evictions") >= 10_000, end.ToString());
        Assert.True(Counter(end, "code flushes") >= 10, end.ToString());
    }

    [Fact]
    [Trait("Duration", "Long")]
    public void A_guest_runs_in_the_smallest_code_cache()
    {
        ProcessEnd end = Run("translator,code-cache=1M", cpus: 1);
        Assert.True(Counter(end, "regions evicted") >= 1_000, end.ToString());
    }

    [Fact]
    [Trait("Duration", "Long")]
    public void Sixty_four_vcpus_come_up()
    {
        ProcessEnd end = NacelleProcess.Run(
            s_patience, LinuxGuest.Arguments("cloud", "nproc", "", "--cpus", "64", "--memory", "2G"));
        Assert.True(end.Code == 0 && end.Output.Contains("\n64\r\nnacelle-guest: exit 0", StringComparison.Ordinal), end.ToString());
    }

    private static ProcessEnd Run(string accelerator, int cpus)
    {
        ProcessEnd end = NacelleProcess.Run(
            s_patience,
            LinuxGuest.TranslatorArguments(accelerator, "cloud", Work, "panic=-1", "--no-reboot", "--cpus", $"{cpus}", "--translator-stats"));
        Assert.True(
            end.Code == 0 && end.Output.Contains("checked 20\r\nnacelle-guest: exit 0", StringComparison.Ordinal), end.ToString());
        return end;
    }

    private static int Counter(ProcessEnd end, string name)
    {
        string value = Regex.Match(end.Error, $"(?m)^  {name} +([0-9,]+) ").Groups[1].Value;
        return int.Parse(value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture);
    }
}
