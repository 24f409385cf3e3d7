namespace Nacelle.Cli.Tests;

/// <summary>Debian's kernels, unmodified, to user space and back on the translator.</summary>
public sealed class BootTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void The_cloud_kernel_reaches_user_space_and_powers_off(int cpus)
    {
        string output = LinuxGuest.Run("cloud", "uname -a; nproc", "--cpus", $"{cpus}");
        Assert.Matches("Linux guest 6\\.1\\.0-[0-9]+-cloud-amd64 .* x86_64", output);
        Assert.Contains($"\n{cpus}\r\nnacelle-guest: exit 0", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_panic_of_the_kernel_has_its_exit_code()
    {
        ProcessEnd end = NacelleProcess.Run(LinuxGuest.Arguments("cloud", "true", "nacelle.then=panic"));
        Assert.True(end.Code == (int)ExitCode.Panic, end.ToString());
        Assert.Contains("Kernel panic - not syncing: sysrq triggered crash", end.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_reboot_boots_again_from_the_same_files()
    {
        using NacelleProcess process = NacelleProcess.Start(LinuxGuest.Arguments("cloud", "true", "nacelle.then=reboot"));
        process.WaitForOutput("nacelle-guest: exit 0", times: 2);
        process.Signal("TERM");
        ProcessEnd end = process.WaitForEnd();
        Assert.True(end.Code == 143, end.ToString());
    }

    [Theory]
    [InlineData("", ExitCode.Reset)]
    [InlineData("reboot=t", ExitCode.TripleFault)]
    public void A_reboot_ends_the_machine_when_that_was_asked(string words, object code)
    {
        ProcessEnd end = NacelleProcess.Run(LinuxGuest.Arguments("cloud", "true", $"nacelle.then=reboot {words}", "--no-reboot"));
        Assert.True(end.Code == (int)(ExitCode)code, end.ToString());
    }

    [Fact]
    public void The_power_button_reaches_the_guest()
    {
        // One event of the input device that Linux makes of the button.
        const string listen = "modprobe evdev; (sleep 1; echo listening) & dd if=/dev/input/event0 bs=24 count=1 of=/dev/null 2>/dev/null; echo event";
        using PseudoTerminal terminal = new();
        terminal.Start(LinuxGuest.Arguments("cloud", listen));
        terminal.WaitFor("listening");
        terminal.Type("\x1d" + "b");
        terminal.WaitFor("power button pressed");
        terminal.WaitFor("event\r\nnacelle-guest: exit 0");
        Assert.Equal(0, terminal.WaitForEnd());
    }

    [Theory]
    [InlineData("poweroff\n")]
    [InlineData("\x1d" + "b")]
    public void The_shell_of_the_demo_is_left_by_poweroff_and_by_the_power_button(string keys)
    {
        using PseudoTerminal terminal = new();
        terminal.Start([.. LinuxGuest.Arguments("cloud", "").Select(argument => argument.Replace(" nacelle.run=\"\"", "", StringComparison.Ordinal))]);
        terminal.WaitFor("to leave, press Ctrl-] and then q");
        terminal.WaitFor("Type 'poweroff' to end the guest.");
        terminal.WaitFor("guest:");
        terminal.Type(keys);
        terminal.WaitFor("the guest powered off");
        Assert.Equal(0, terminal.WaitForEnd());
    }

    [Fact]
    public void Less_memory_than_the_kernel_needs_is_refused_before_it_runs()
    {
        ProcessEnd end = NacelleProcess.Run(LinuxGuest.Arguments("cloud", "true", "", "--memory", "32M"));
        Assert.True(end.Code == (int)ExitCode.GuestImage, end.ToString());
        Assert.Contains("give the machine more memory", Assert.Single(end.ErrorLines), StringComparison.Ordinal);
        Assert.Equal("", end.Output);
    }

    [Theory]
    [Trait("Duration", "Long")]
    [InlineData("cloud", 4)]
    [InlineData("cloud", 8)]
    [InlineData("generic", 1)]
    [InlineData("generic", 2)]
    [InlineData("generic", 4)]
    [InlineData("generic", 8)]
    [InlineData("rt", 1)]
    [InlineData("rt", 2)]
    [InlineData("rt", 4)]
    [InlineData("rt", 8)]
    public void Every_kernel_reaches_user_space(string kind, int cpus)
    {
        string output = LinuxGuest.Run(kind, "uname -a; nproc", "--cpus", $"{cpus}");
        Assert.Contains($"\n{cpus}\r\nnacelle-guest: exit 0", output, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Duration", "Long")]
    public void Twenty_boots_with_two_vcpus_succeed()
    {
        for (int boot = 0; boot < 20; boot++)
        {
            LinuxGuest.Run("cloud", "uname", "--cpus", "2");
        }
    }
}
