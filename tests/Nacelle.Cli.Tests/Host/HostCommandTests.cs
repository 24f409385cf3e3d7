using System.Text.Json;

namespace Nacelle.Cli.Tests;

/// <summary><c>nacelle host</c> against what the host itself says.</summary>
public sealed class HostCommandTests
{
    [Fact]
    public void The_facts_are_what_the_host_says()
    {
        ProcessEnd end = NacelleProcess.Run("host", "--json");
        Assert.True(end.Code == 0, end.ToString());
        JsonElement facts = JsonDocument.Parse(end.Output).RootElement;
        Assert.Equal(HostTool.Run("uname", "-r").Trim(), facts.GetProperty("kernel").GetProperty("release").GetString());
        Assert.Equal(HostTool.Run("uname", "-n").Trim(), facts.GetProperty("hostName").GetString());
        Assert.Equal(HostTool.Run("uname", "-v").Trim(), facts.GetProperty("kernel").GetProperty("build").GetString());

        JsonElement cpu = facts.GetProperty("cpu");
        Dictionary<string, string> lscpu = HostTool.Run("lscpu").Split('\n').Where(line => line.Contains(':', StringComparison.Ordinal))
            .Select(line => line.Split(':', 2)).GroupBy(pair => pair[0].Trim()).ToDictionary(group => group.Key, group => group.First()[1].Trim());
        Assert.Equal(lscpu["Vendor ID"], cpu.GetProperty("vendor").GetString()!.Trim());
        Assert.Equal(lscpu["CPU family"], cpu.GetProperty("family").GetRawText());
        Assert.Equal(lscpu["Model"], cpu.GetProperty("model").GetRawText());
        Assert.Equal(lscpu["Stepping"], cpu.GetProperty("stepping").GetRawText());
        Assert.Equal(Nacelle.Configuration.CpuSet.TryParse(lscpu["On-line CPU(s) list"])!.ToString(), cpu.GetProperty("onlineCpus").GetString());
        Assert.StartsWith($"{cpu.GetProperty("physicalAddressBits").GetRawText()} bits physical", lscpu["Address sizes"], StringComparison.Ordinal);
        Assert.Equal(lscpu["Flags"].Split(' '), cpu.GetProperty("kernelFlags").EnumerateArray().Select(flag => flag.GetString()));
        Assert.Equal(File.Exists("/dev/kvm"), facts.GetProperty("kvm").GetProperty("availability").GetString() is not "absent");

        string[] devices = HostTool.Run("lsblk", "-n", "-r", "-o", "NAME,SIZE", "-b").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Dictionary<string, string> sizes = facts.GetProperty("blockDevices").EnumerateArray()
            .ToDictionary(device => device.GetProperty("path").GetString()![5..], device => device.GetProperty("sizeBytes").GetRawText());
        foreach (string[] device in devices.Select(line => line.Split(' ')).Where(device => device[1] != "0"))
        {
            Assert.True(sizes.GetValueOrDefault(device[0]) == device[1], $"{device[0]} of {device[1]} bytes: {string.Join(", ", sizes)}");
        }
    }

    [Fact]
    public void What_is_saved_is_shown_as_it_was()
    {
        using TemporaryDirectory directory = new();
        string file = directory.Combine("host.json");
        ProcessEnd saved = NacelleProcess.Run("host", "--save", file);
        Assert.True(saved.Code == 0, saved.ToString());
        Assert.Matches("^nacelle: saved the facts of host '.+' to '.+/host.json'$", Assert.Single(saved.ErrorLines));
        Assert.Equal(["host.json"], Directory.EnumerateFileSystemEntries(directory.FullName).Select(Path.GetFileName));
        Assert.Equal(File.ReadAllText(file), NacelleProcess.Run("host", file, "--json").Output);
        string page = NacelleProcess.Run("host", file).Output;
        Assert.Equal(HostPage.Write(HostFactsFile.Read(file)), page);
        Assert.Matches("(?m)^processor +.+$", page);
        Assert.Matches("(?m)^node +processors", page);
    }

    [Theory]
    [InlineData("host /none/such.json", ExitCode.HostResource, "/none/such.json")]
    [InlineData("host /proc/self/status", ExitCode.Configuration, "'/proc/self/status' is not valid")]
    [InlineData("host /dev/zero", ExitCode.Configuration, "'/dev/zero' has more than 16 MiB")]
    [InlineData("host /tmp", ExitCode.HostResource, "/tmp")]
    [InlineData("host --save /proc/none/x", ExitCode.HostResource, "/proc/none")]
    [InlineData("host --save /tmp", ExitCode.HostResource, "'/tmp' is a directory: name a file")]
    [InlineData("host a --save b", ExitCode.Usage, "leave out --save or the file")]
    [InlineData("host a b", ExitCode.Usage, "'b'")]
    public void What_is_in_the_way_is_said_in_one_line(string line, object code, string expected)
    {
        ProcessEnd end = NacelleProcess.Run(line.Split(' '));
        Assert.True(end.Code == (int)(ExitCode)code, end.ToString());
        Assert.Contains(expected, Assert.Single(end.ErrorLines), StringComparison.Ordinal);
        Assert.Equal("", end.Output);
    }
}
