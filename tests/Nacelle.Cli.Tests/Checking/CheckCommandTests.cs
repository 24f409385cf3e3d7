using System.Text;
using System.Text.Json;

namespace Nacelle.Cli.Tests;

/// <summary><c>nacelle check</c> as a process: what it prints, what it ends with, what it leaves.</summary>
public sealed class CheckCommandTests : IDisposable
{
    private const string Guest = """
        <domain type='kvm'>
          <name>web</name>
          <memory unit='KiB'>1048576</memory>
          <vcpu>2</vcpu>
          <iothreads>1</iothreads>
          <os><type arch='x86_64' machine='q35'>hvm</type></os>
          <devices>
            <disk type='file' device='disk'>
              <driver name='qemu' type='raw' cache='none' iothread='1'/>
              <source file='/srv/web.raw'/>
              <target dev='vda' bus='virtio'/>
            </disk>
          </devices>
        </domain>

        """;

    private readonly TemporaryDirectory _directory = new();

    private string GuestFile => Write("guest.xml", Guest);

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Nothing_to_say_is_success_and_one_line()
    {
        ProcessEnd end = NacelleProcess.Run("check", GuestFile, "--quiet");
        Assert.True(end.Code == 0, end.ToString());
        Assert.Equal($"{GuestFile}: no findings under profile none\n", end.Output);
        Assert.Equal("", end.Error);
    }

    [Fact]
    public void Refusals_have_their_code_and_are_shown_with_the_line()
    {
        ProcessEnd end = NacelleProcess.Run("check", GuestFile, "--profile", "rhel7");
        Assert.True(end.Code == (int)ExitCode.Refusals, end.ToString());
        Assert.StartsWith($"{GuestFile}:5:4: refusal C2.IOTHREAD  I/O threads\n    5 |   <iothreads>1</iothreads>\n      |    ^~~~~~~~~\n  asked   ", end.Output, StringComparison.Ordinal);
        Assert.Contains($"\n{GuestFile}: 2 refusals under profile rhel7; --fix corrects 2\n", end.Output, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', end.Output);
    }

    [Fact]
    public void Warnings_have_their_code()
    {
        string file = Write("unknown.xml", Guest.Replace("<vcpu>", "<sparkle/><vcpu>", StringComparison.Ordinal));
        ProcessEnd end = NacelleProcess.Run("check", file);
        Assert.True(end.Code == (int)ExitCode.Warnings, end.ToString());
        Assert.Contains("warning TEXT.UNKNOWN  not understood", end.Output, StringComparison.Ordinal);
        Assert.Contains("unknown element <sparkle> in <domain>; a start refuses it", end.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_worst_of_several_files_counts_and_one_that_is_not_there_keeps_none_from_being_checked()
    {
        string broken = Write("broken.xml", "<domain>\n<vcpu>2</vcpu>\n</domian>");
        ProcessEnd end = NacelleProcess.Run("check", GuestFile, broken, "--profile", "rhel7", "--quiet");
        Assert.True(end.Code == (int)ExitCode.Configuration, end.ToString());
        Assert.Contains("broken.xml: 1 error: the text cannot be used", end.Output, StringComparison.Ordinal);
        Assert.Contains("2 texts: 1 error, 2 refusals", end.Output, StringComparison.Ordinal);

        end = NacelleProcess.Run("check", "/none/such.xml", GuestFile, "--quiet");
        Assert.True(end.Code == (int)ExitCode.HostResource, end.ToString());
        Assert.Contains("cannot read '/none/such.xml': there is no such file", Assert.Single(end.ErrorLines), StringComparison.Ordinal);
        Assert.Contains("no findings", end.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Standard_input_without_an_end_is_given_up()
    {
        using NacelleProcess process = NacelleProcess.StartShell("yes '<a>' | \"$NACELLE\" check - --quiet");
        ProcessEnd end = process.WaitForEnd();
        Assert.True(end.Code == (int)ExitCode.Configuration, end.ToString());
        Assert.Contains("standard input: 1 error", end.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Json_and_sarif_are_whole_documents()
    {
        ProcessEnd json = NacelleProcess.Run("check", GuestFile, "--profile", "rhel7", "--json", "--operation", "snapshot");
        Assert.True(json.Code == (int)ExitCode.Refusals, json.ToString());
        JsonElement root = JsonDocument.Parse(json.Output).RootElement;
        Assert.Equal(3, root.GetProperty("summary").GetProperty("refusals").GetInt32());
        Assert.Equal("snapshot", root.GetProperty("operations")[0].GetString());

        ProcessEnd sarif = NacelleProcess.Run("check", GuestFile, "--profile", "rhel7", "--sarif");
        Assert.True(sarif.Code == (int)ExitCode.Refusals, sarif.ToString());
        Assert.Equal(2, JsonDocument.Parse(sarif.Output).RootElement.GetProperty("runs")[0].GetProperty("results").GetArrayLength());
    }

    [Fact]
    public void Hosts_are_told_in_the_report_and_rules_that_look_at_them_are_asked()
    {
        string facts = _directory.Combine("host.json");
        Assert.Equal(0, NacelleProcess.Run("host", "--save", facts).Code);
        ProcessEnd end = NacelleProcess.Run("check", GuestFile, "--profile", "rhel7", "--host", "--migrate-to", facts, "--json");
        JsonElement root = JsonDocument.Parse(end.Output).RootElement;
        string name = HostTool.Run("uname", "-n").Trim();
        Assert.Equal(name, root.GetProperty("host").GetProperty("name").GetString());
        Assert.Equal(name, root.GetProperty("destination").GetProperty("name").GetString());
        Assert.Empty(root.GetProperty("rulesWithoutHost").EnumerateArray());
        string[] rules = [.. root.GetProperty("documents")[0].GetProperty("findings").EnumerateArray().Select(finding => finding.GetProperty("ruleId").GetString()!)];
        Assert.Contains("MIG.MACHINE", rules);
        Assert.DoesNotContain("C2.MIG-CPU", rules);
    }

    [Fact]
    public void The_environment_gives_a_profile_and_the_command_line_another()
    {
        using (NacelleProcess process = NacelleProcess.StartShell("NACELLE_PROFILE=rhel7 \"$NACELLE\" check \"$@\" --quiet", GuestFile))
        {
            Assert.Contains("under profile rhel7", process.WaitForEnd().Output, StringComparison.Ordinal);
        }

        using (NacelleProcess process = NacelleProcess.StartShell("NACELLE_PROFILE=rhel7 \"$NACELLE\" check \"$@\" --profile rhev --quiet", GuestFile))
        {
            Assert.Contains("under profile rhev", process.WaitForEnd().Output, StringComparison.Ordinal);
        }

        using (NacelleProcess process = NacelleProcess.StartShell("NACELLE_PROFILE=rhle7 \"$NACELLE\" check \"$@\"", GuestFile))
        {
            ProcessEnd end = process.WaitForEnd();
            Assert.True(end.Code == (int)ExitCode.Configuration, end.ToString());
            Assert.Contains("NACELLE_PROFILE: unknown profile 'rhle7': did you mean 'rhel7'?", Assert.Single(end.ErrorLines), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_profile_of_a_site_narrows_another()
    {
        string profile = Write("site.json", """{ "name": "site", "basis": "rhev", "rules": { "C2.IOTHREAD": { "severity": "refusal" } } }""");
        ProcessEnd end = NacelleProcess.Run("check", GuestFile, "--profile", profile, "--quiet");
        Assert.True(end.Code == (int)ExitCode.Refusals, end.ToString());
        Assert.Contains("2 refusals under profile site", end.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Arguments_for_qemu_are_checked_as_they_are()
    {
        ProcessEnd end = NacelleProcess.Run("check", "--profile", "rhel7", "--qemu", "-machine", "q35,accel=kvm", "-nodefaults", "-m", "1024", "-smp", "300", "--no-reboot");
        Assert.True(end.Code == (int)ExitCode.Refusals, end.ToString());
        Assert.Matches("(?m)^QEMU arguments:7:\\d+: refusal C2\\.VCPU ", end.Output);
        Assert.Matches("(?m)^    7 \\| 300$", end.Output);

        end = NacelleProcess.Run("check", Write("guest.args", "-machine\nq35,accel=kvm\n-smp\n300\n"), GuestFile, "--profile", "rhel7", "--quiet", "--qemu", "-smp", "2");
        Assert.Contains("3 texts: ", end.Output, StringComparison.Ordinal);
        Assert.Contains("guest.args: ", end.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_page_is_written_to_a_file()
    {
        string page = _directory.Combine("report.html");
        string hostile = Write("<script>alert(1)<.xml", Guest.Replace(">web<", ">&lt;script>alert(1)<", StringComparison.Ordinal));
        ProcessEnd end = NacelleProcess.Run("check", hostile, "--profile", "rhel7", "--html", page, "--quiet");
        Assert.True(end.Code == (int)ExitCode.Refusals, end.ToString());
        string text = File.ReadAllText(page);
        Assert.Contains("&lt;script&gt;alert(1)", text, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", text, StringComparison.Ordinal);
        Assert.Equal((int)ExitCode.HostResource, NacelleProcess.Run("check", GuestFile, "--html", "/proc/none/x", "--quiet").Code);
    }

    [Fact]
    public void A_device_that_is_written_to_stays_what_it_is()
    {
        ProcessEnd end = NacelleProcess.Run("check", GuestFile, "--html", "/dev/null", "--quiet");
        Assert.True(end.Code == 0, end.ToString());
        Assert.Equal(Nacelle.Linux.HostFileKind.Other, Nacelle.Linux.HostFile.KindOf("/dev/null"));
    }

    [Fact]
    public void Corrections_are_written_and_told_and_the_input_stays_as_it_is()
    {
        string file = Write("commented.xml", Guest.Replace("<devices>", "<devices><!-- mine -->", StringComparison.Ordinal));
        string before = File.ReadAllText(file);
        string corrected = _directory.Combine("corrected.xml");
        ProcessEnd end = NacelleProcess.Run("check", file, "--profile", "rhel7", "--quiet", "--fix", corrected);
        Assert.True(end.Code == 0, end.ToString());
        Assert.Equal([$"nacelle: wrote '{corrected}': corrected C2.IOTHREAD (2 times); left: no findings"], end.ErrorLines);
        Assert.DoesNotContain("iothread", File.ReadAllText(corrected), StringComparison.Ordinal);
        Assert.Contains("<devices><!-- mine -->", File.ReadAllText(corrected), StringComparison.Ordinal);
        Assert.Equal(0, NacelleProcess.Run("check", corrected, "--profile", "rhel7", "--quiet").Code);

        end = NacelleProcess.Run("check", file, "--profile", "rhel7", "--quiet", "--fix", file);
        Assert.True(end.Code == (int)ExitCode.HostResource, end.ToString());
        Assert.Contains("is there already, and --fix does not replace it", end.Error, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllText(file));

        end = NacelleProcess.Run("check", file, "--profile", "rhel7", "--quiet", "--fix", file, "--force");
        Assert.True(end.Code == 0, end.ToString());
        Assert.Equal(File.ReadAllText(corrected), File.ReadAllText(file));
        Assert.Equal(2, Directory.EnumerateFileSystemEntries(_directory.FullName).Count());
    }

    [Fact]
    public void What_is_not_understood_stays()
    {
        string file = Write("unknown.xml", Guest.Replace("<vcpu>", "<sparkle/><vcpu>", StringComparison.Ordinal));
        string corrected = _directory.Combine("corrected.xml");
        ProcessEnd end = NacelleProcess.Run("check", file, "--quiet", "--fix", corrected);
        Assert.True(end.Code == (int)ExitCode.Warnings, end.ToString());
        Assert.Contains("left in '", end.Error, StringComparison.Ordinal);
        Assert.Equal(File.ReadAllText(file), File.ReadAllText(corrected));
    }

    [Fact]
    public void A_terminal_gets_colours_unless_it_wants_none()
    {
        using PseudoTerminal terminal = new();
        terminal.Start([("TERM", "xterm"), ("NO_COLOR", "")], ["check", GuestFile, "--profile", "rhel7"]);
        terminal.WaitFor("--fix corrects 2");
        terminal.WaitForEnd();
        Assert.Contains("\e[1;31mrefusal C2.IOTHREAD\e[0m", terminal.Seen, StringComparison.Ordinal);

        using PseudoTerminal plain = new();
        plain.Start([("TERM", "xterm"), ("NO_COLOR", "1")], ["check", GuestFile, "--profile", "rhel7"]);
        plain.WaitFor("--fix corrects 2");
        plain.WaitForEnd();
        Assert.DoesNotContain('\e', plain.Seen);
    }

    [Theory]
    [InlineData(50, "looks at  configuration: It looks at the\r\n            configuration alone.")]
    [InlineData(100, "looks at  configuration: It looks at the configuration alone.")]
    public void Pages_are_as_wide_as_the_terminal(int columns, string expected)
    {
        using PseudoTerminal terminal = new();
        terminal.SetColumns(columns);
        terminal.Start([("NO_COLOR", "1")], ["rules", "C2.VCPU"]);
        terminal.WaitFor("rhel7-guide: ");
        terminal.WaitForEnd();
        Assert.Contains(expected, terminal.Seen, StringComparison.Ordinal);
        Assert.All(terminal.Seen.Split("\r\n"), line => Assert.True(line.Length <= columns, line));
    }

    [Fact]
    public void A_reader_that_goes_away_is_told_by_the_code()
    {
        using NacelleProcess process = NacelleProcess.StartShell("\"$NACELLE\" check \"$@\" --json >/dev/full; echo \"code $?\"", GuestFile);
        Assert.Contains($"code {(int)ExitCode.OutputClosed}", process.WaitForEnd().Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("check", ExitCode.Usage, "nothing to check: name FILE")]
    [InlineData("check - -", ExitCode.Usage, "standard input can be read only once")]
    [InlineData("check g --json --sarif", ExitCode.Usage, "use either --json or --sarif")]
    [InlineData("check g --host --host-from h", ExitCode.Usage, "use either --host or --host-from")]
    [InlineData("check g --operation snapshto", ExitCode.Usage, "unknown operation 'snapshto': did you mean 'snapshot'?")]
    [InlineData("check g h --fix f", ExitCode.Usage, "--fix writes one machine")]
    [InlineData("check g --force", ExitCode.Usage, "--force is only for --fix")]
    [InlineData("check --qemu", ExitCode.Usage, "give QEMU's arguments after --qemu")]
    [InlineData("check g -profile rhel7", ExitCode.Usage, "unknown option '-profile': did you mean '--profile'?")]
    [InlineData("check g --profle rhel7", ExitCode.Usage, "unknown option '--profle': did you mean '--profile'?")]
    [InlineData("check g --profile rhle7", ExitCode.Configuration, "unknown profile 'rhle7': did you mean 'rhel7'?")]
    [InlineData("check g --profile /none/such", ExitCode.Configuration, "'/none/such'")]
    [InlineData("check g --host-from /none/such", ExitCode.HostResource, "/none/such")]
    [InlineData("check g --migrate-to /proc/self/status", ExitCode.Configuration, "'/proc/self/status' is not valid")]
    [InlineData("rules C2.IOTHRAED", ExitCode.Configuration, "unknown rule 'C2.IOTHRAED': did you mean 'C2.IOTHREAD'?")]
    public void What_is_in_the_way_is_said_in_one_line(string line, object code, string expected)
    {
        ProcessEnd end = NacelleProcess.Run(line.Split(' '));
        Assert.True(end.Code == (int)(ExitCode)code, end.ToString());
        Assert.Contains(expected, Assert.Single(end.ErrorLines), StringComparison.Ordinal);
        Assert.Equal("", end.Output);
    }

    [Fact]
    public void A_rule_that_cannot_be_overridden_is_not()
    {
        ProcessEnd end = NacelleProcess.Run("check", GuestFile, "--profile", "rhel7", "--override", "C2.IOTHREAD");
        Assert.True(end.Code == (int)ExitCode.Configuration, end.ToString());
        Assert.Contains("rule C2.IOTHREAD cannot be overridden", Assert.Single(end.ErrorLines), StringComparison.Ordinal);
        end = NacelleProcess.Run("check", GuestFile, "--override", "C2.IOTHRAED");
        Assert.Contains("did you mean 'C2.IOTHREAD'?", Assert.Single(end.ErrorLines), StringComparison.Ordinal);
    }

    [Fact]
    public void Rules_are_listed_and_told()
    {
        ProcessEnd list = NacelleProcess.Run("rules", "--profile", "rhel7");
        Assert.True(list.Code == 0, list.ToString());
        Assert.Contains("C2.IOTHREAD  I/O threads\n  Separate threads for virtio disks are not supported.\n  absent, configuration; refusal under rhel7\n", list.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("C2.VIRTIO-LIMIT", list.Output, StringComparison.Ordinal);
        ProcessEnd page = NacelleProcess.Run("rules", "c2.vcpu");
        Assert.Contains("rhel7.0: refusal, at most 160", page.Output, StringComparison.Ordinal);
        Assert.Equal("nacelle-rules", JsonDocument.Parse(NacelleProcess.Run("rules", "--json").Output).RootElement.GetProperty("schema").GetString());
    }

    private string Write(string name, string text)
    {
        string path = _directory.Combine(name);
        if (!File.Exists(path))
        {
            File.WriteAllText(path, text, new UTF8Encoding(false));
        }

        return path;
    }
}
