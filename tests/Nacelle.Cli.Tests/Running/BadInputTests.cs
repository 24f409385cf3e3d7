namespace Nacelle.Cli.Tests;

/// <summary>What is in the way on the host or in a file: one line, the documented exit code, nothing left behind.</summary>
public sealed class BadInputTests
{
    private const string Nobody = "exec setpriv --reuid 65534 --regid 65534 --clear-groups \"$NACELLE\" \"$@\"";

    [Theory]
    [InlineData("missing", "no such file")]
    [InlineData("directory", "it is a directory")]
    [InlineData("empty", "it is empty")]
    [InlineData("odd", "no multiple of 512")]
    [InlineData("fifo", "neither a file nor a block device")]
    public void A_disk_that_is_none_is_refused(string kind, string reason)
    {
        using TemporaryDirectory directory = new();
        string disk = directory.Combine("disk");
        switch (kind)
        {
            case "directory":
                Directory.CreateDirectory(disk);
                break;
            case "empty":
                directory.MakeFile("disk", 0);
                break;
            case "odd":
                directory.MakeFile("disk", 1000);
                break;
            case "fifo":
                HostTool.Run("mkfifo", disk);
                break;
            default:
                break;
        }

        AssertRefused(RunWithDisk(directory, disk), ExitCode.HostResource, disk, reason);
    }

    [Fact]
    public void A_disk_that_another_machine_has_is_refused_until_that_one_has_ended()
    {
        using TemporaryDirectory directory = new();
        string disk = directory.MakeFile("disk", 1 << 20);
        string kernel = GuestProgram.Write(directory.Combine("spinner"), GuestProgram.Print("running"), GuestProgram.Spin);
        using (NacelleProcess owner = NacelleProcess.Start(MinimalMachine.Arguments(kernel, "--disk", disk)))
        {
            owner.WaitForOutput("running");
            ProcessEnd refused = RunWithDisk(directory, disk);
            AssertRefused(refused, ExitCode.HostResource, disk, $"process {owner.Id} has it locked");
            owner.Signal("KILL");
            Assert.True(SpinWait.SpinUntil(() => owner.HasEnded, NacelleProcess.Patience));
        }

        ProcessEnd end = RunWithDisk(directory, disk);
        Assert.True(end.Code == 0, end.ToString());
    }

    [Fact]
    public void A_disk_that_this_user_may_not_read_is_refused()
    {
        RequireRoot();
        using TemporaryDirectory directory = new();
        string disk = directory.MakeFile("disk", 1 << 20);
        File.SetUnixFileMode(disk, UnixFileMode.None);
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.PowerOff);
        using NacelleProcess process = NacelleProcess.StartShell(Nobody, MinimalMachine.Arguments(kernel, "--disk", $"{disk},readonly=on"));
        AssertRefused(process.WaitForEnd(), ExitCode.HostResource, disk, "this user may not read it");
    }

    [Fact]
    public void Kvm_without_permission_is_refused_and_auto_takes_the_translator()
    {
        RequireRoot();
        Assert.SkipUnless(File.Exists("/dev/kvm"), "this host has no /dev/kvm");
        Assert.SkipUnless((File.GetUnixFileMode("/dev/kvm") & UnixFileMode.OtherWrite) == 0, "anybody may use /dev/kvm here");
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.PowerOff);
        using NacelleProcess asked = NacelleProcess.StartShell(Nobody, "run", "--kernel", kernel, "--accel", "kvm");
        AssertRefused(asked.WaitForEnd(), ExitCode.HostResource, "/dev/kvm", "add the user to the group");
        using NacelleProcess automatic = NacelleProcess.StartShell(Nobody, "run", "--kernel", kernel, "--accel", "auto");
        ProcessEnd end = automatic.WaitForEnd();
        Assert.True(end.Code == 0, end.ToString());
        Assert.Contains("accelerator translator: this user may not open /dev/kvm", end.ErrorLines[0], StringComparison.Ordinal);
    }

    [Fact]
    public void A_tap_without_permission_is_refused()
    {
        RequireRoot();
        Assert.SkipUnless(
            File.Exists("/dev/net/tun") && (File.GetUnixFileMode("/dev/net/tun") & UnixFileMode.OtherWrite) == 0,
            "anybody may open /dev/net/tun here, or nobody");
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.PowerOff);
        Assert.SkipUnless(HostTool.Try("ip", "tuntap", "add", "dev", "nacelle-t0", "mode", "tap") is not null, "this host lets root make no taps");
        try
        {
            using NacelleProcess process = NacelleProcess.StartShell(Nobody, MinimalMachine.Arguments(kernel, "--net", "tap:nacelle-t0"));
            AssertRefused(process.WaitForEnd(), ExitCode.HostResource, "tap 'nacelle-t0'", "/dev/net/tun", "change its permissions");
        }
        finally
        {
            HostTool.Run("ip", "tuntap", "del", "dev", "nacelle-t0", "mode", "tap");
        }
    }

    [Fact]
    public void A_machine_that_is_refused_late_leaves_no_socket_behind()
    {
        using TemporaryDirectory directory = new();
        string kernel = directory.Combine("kernel");
        File.WriteAllText(kernel, "no kernel");
        string socket = directory.Combine("socket");
        ProcessEnd end = NacelleProcess.Run(MinimalMachine.Arguments(kernel, "--serial", $"socket:{socket}"));
        AssertRefused(end, ExitCode.GuestImage, kernel);
        Assert.False(File.Exists(socket), "the socket was left behind");
    }

    [Fact]
    public void A_tap_that_does_not_exist_is_not_made_in_silence()
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.PowerOff);
        ProcessEnd end = NacelleProcess.Run(MinimalMachine.Arguments(kernel, "--net", "tap:nacelle-typo"));
        AssertRefused(end, ExitCode.HostResource, "there is no tap 'nacelle-typo'", "make it as root: ip tuntap add dev nacelle-typo mode tap");
        Assert.False(Directory.Exists("/sys/class/net/nacelle-typo"), "the tap was made");
    }

    [Theory]
    [InlineData("missing", ExitCode.HostResource, "no such file")]
    [InlineData("directory", ExitCode.HostResource, "it is a directory")]
    [InlineData("empty", ExitCode.GuestImage, "is empty")]
    [InlineData("text", ExitCode.GuestImage, "not a bzImage, a PVH ELF file or a multiboot ELF32 file")]
    [InlineData("truncated", ExitCode.GuestImage, "kernel")]
    public void A_kernel_that_is_none_is_refused(string kind, object code, string reason)
    {
        using TemporaryDirectory directory = new();
        string kernel = directory.Combine("kernel");
        switch (kind)
        {
            case "directory":
                Directory.CreateDirectory(kernel);
                break;
            case "empty":
                directory.MakeFile("kernel", 0);
                break;
            case "text":
                File.WriteAllText(kernel, "#!/bin/sh\n");
                break;
            case "truncated":
                GuestProgram.Write(kernel, GuestProgram.Print(new string('x', 1000)));
                using (FileStream file = File.OpenWrite(kernel))
                {
                    file.SetLength(200);
                }

                break;
            default:
                break;
        }

        AssertRefused(NacelleProcess.Run(MinimalMachine.Arguments(kernel)), (ExitCode)code, kernel, reason);
    }

    [Fact]
    public void An_initrd_larger_than_memory_is_refused()
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.PowerOff);
        string initrd = directory.MakeFile("initrd", 5 << 20);
        ProcessEnd end = NacelleProcess.Run(MinimalMachine.Arguments(kernel, "--initrd", initrd));
        AssertRefused(end, ExitCode.GuestImage, initrd, "give the machine more memory");
    }

    [Fact]
    public void More_memory_than_the_host_has_is_refused()
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.PowerOff);
        ProcessEnd end = NacelleProcess.Run("run", "--kernel", kernel, "--accel", "translator", "--memory", "512T");
        AssertRefused(end, ExitCode.HostResource, "536870912 MiB", "ask for less");
    }

    [Fact]
    public void A_serial_file_that_cannot_be_written_is_refused()
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.PowerOff);
        string file = directory.Combine("none/serial");
        ProcessEnd end = NacelleProcess.Run(MinimalMachine.Arguments(kernel, "--serial", $"file:{file}"));
        AssertRefused(end, ExitCode.HostResource, file, "its directory does not exist");
    }

    private static void RequireRoot()
    {
        Assert.SkipUnless(Environment.UserName == "root", "only root can become another user");
        for (string? folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            Assert.SkipUnless(
                (File.GetUnixFileMode(folder) & UnixFileMode.OtherExecute) != 0,
                $"another user cannot run what lies in '{folder}'");
        }
    }

    private static ProcessEnd RunWithDisk(TemporaryDirectory directory, string disk)
    {
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.PowerOff);
        return NacelleProcess.Run(MinimalMachine.Arguments(kernel, "--disk", disk));
    }

    private static void AssertRefused(ProcessEnd end, ExitCode code, params ReadOnlySpan<string> parts)
    {
        Assert.True(end.Code == (int)code, end.ToString());
        Assert.Equal("", end.Output);
        string line = Assert.Single(end.ErrorLines);
        Assert.StartsWith("nacelle: ", line, StringComparison.Ordinal);
        foreach (string part in parts)
        {
            Assert.Contains(part, line, StringComparison.Ordinal);
        }
    }
}
