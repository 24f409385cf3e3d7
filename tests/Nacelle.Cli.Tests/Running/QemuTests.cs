namespace Nacelle.Cli.Tests;

/// <summary>The command line of QEMU, as a process.</summary>
public sealed class QemuTests
{
    [Theory]
    [InlineData("power-off", 0)]
    [InlineData("reset", 0)]
    [InlineData("triple-fault", 0)]
    [InlineData("exit-0", 1)]
    [InlineData("exit-63", 127)]
    [InlineData("exit-200", 145)]
    public void Each_end_has_the_exit_status_of_QEMU(string end, int code)
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.Print("here\r\n"), end switch
        {
            "power-off" => GuestProgram.PowerOff,
            "triple-fault" => GuestProgram.TripleFault,
            "reset" => GuestProgram.Reset,
            _ => GuestProgram.DebugExit(byte.Parse(end[5..], System.Globalization.CultureInfo.InvariantCulture)),
        });
        ProcessEnd result = NacelleProcess.Run(
            "qemu", "-kernel", kernel, "-m", "4", "-no-reboot", "-serial", "stdio", "-display", "none", "-nodefaults",
            "-device", "isa-debug-exit,iobase=0xf4,iosize=0x4", "-cpu", "max");
        Assert.True(result.Code == code, result.ToString());
        Assert.Equal("here\r\n", result.Output);
        if (end != "triple-fault")
        {
            Assert.Equal("", result.Error);
        }
    }

    [Fact]
    public void A_link_with_the_name_of_QEMU_takes_its_command_line()
    {
        using TemporaryDirectory directory = new();
        string link = directory.Combine("qemu-system-x86_64");
        File.CreateSymbolicLink(link, NacelleProcess.Executable);
        Assert.Contains("\"pc-testdev\"", HostTool.Run(link, "-device", "?"), StringComparison.Ordinal);
        Assert.Contains("QEMU", HostTool.Run(link, "--help"), StringComparison.Ordinal);
        Assert.StartsWith("nacelle ", HostTool.Run(link, "-version"), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_not_offered_is_refused_with_the_code_for_usage()
    {
        ProcessEnd end = NacelleProcess.Run("qemu", "-kernel", "k", "-device", "edu");
        Assert.True(end.Code == (int)ExitCode.Usage, end.ToString());
        Assert.Contains("unknown device 'edu'", Assert.Single(end.ErrorLines), StringComparison.Ordinal);
    }

    [Fact]
    public void The_profile_of_the_environment_holds()
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.PowerOff);
        foreach ((string profile, int code, string said) in ((string, int, string)[])
        [
            ("none", 0, ""),
            ("rhel7", (int)ExitCode.Configuration, "C2.TCG"),
            ("rhle7", (int)ExitCode.Configuration, "NACELLE_PROFILE: unknown profile 'rhle7': did you mean 'rhel7'?"),
        ])
        {
            using NacelleProcess process = NacelleProcess.StartShell(
                $"NACELLE_PROFILE={profile} \"$NACELLE\" qemu \"$@\"", "-kernel", kernel, "-accel", "tcg", "-display", "none", "-m", "64");
            process.Input.Close();
            ProcessEnd end = process.WaitForEnd();
            Assert.True(end.Code == code && end.Error.Contains(said, StringComparison.Ordinal), $"{profile}: {end}");
        }
    }

    [Fact]
    public void A_feature_that_cannot_be_had_is_refused_by_name()
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.PowerOff);
        ProcessEnd end = NacelleProcess.Run("qemu", "-kernel", kernel, "-cpu", "max,+vmx");
        Assert.True(end.Code == (int)ExitCode.Configuration, end.ToString());
        Assert.Contains("vmx", Assert.Single(end.ErrorLines), StringComparison.Ordinal);
    }
}
