using System.Text.Json;

namespace Nacelle.Cli.Tests;

/// <summary><c>nacelle info</c> against what the host itself says.</summary>
public sealed class HostReportTests
{
    [Fact]
    public void The_report_is_what_the_host_says()
    {
        ProcessEnd end = NacelleProcess.Run("info", "--json");
        Assert.True(end.Code == 0, end.ToString());
        JsonElement report = JsonDocument.Parse(end.Output).RootElement;
        Assert.Equal(HostTool.Run("uname", "-r").Trim(), report.GetProperty("kernelRelease").GetString());
        Assert.Equal(HostTool.Run("nproc").Trim(), report.GetProperty("logicalProcessors").GetRawText());
        long total = long.Parse(HostTool.Run("free", "-b").Split('\n')[1].Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture);
        Assert.InRange(report.GetProperty("memoryBytes").GetInt64(), total - (1 << 20), total + (1 << 20));
        Assert.True(report.GetProperty("translator").GetProperty("available").GetBoolean(), end.Output);
        bool kvm = File.Exists("/dev/kvm") && report.GetProperty("kvm").GetProperty("available").GetBoolean();
        Assert.Equal(kvm, report.GetProperty("kvmFacts").ValueKind == JsonValueKind.Object);
    }

    [Fact]
    public void The_table_names_the_accelerator_and_the_reason()
    {
        ProcessEnd end = NacelleProcess.Run("info");
        Assert.True(end.Code == 0, end.ToString());
        Assert.Matches("--accel auto +(kvm|translator): .+", end.Output);
        Assert.DoesNotContain('\x1b', end.Output);
    }
}
