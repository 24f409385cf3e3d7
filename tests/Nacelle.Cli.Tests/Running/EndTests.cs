namespace Nacelle.Cli.Tests;

/// <summary>How machines end, as exit codes and lines of a process.</summary>
public sealed class EndTests
{
    [Theory]
    [InlineData("power-off", 0, "the guest powered off")]
    [InlineData("panic", 12, "panicked")]
    [InlineData("triple-fault", 14, "triple fault")]
    [InlineData("reset", 16, "reset")]
    [InlineData("exit-0", 1, "value 0")]
    [InlineData("exit-62", 125, "value 62")]
    [InlineData("exit-200", 127, "value 200")]
    public void Each_end_has_its_exit_code_and_line(string end, int code, string line)
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.Print("here\r\n"), end switch
        {
            "power-off" => GuestProgram.PowerOff,
            "panic" => GuestProgram.Panic,
            "triple-fault" => GuestProgram.TripleFault,
            "reset" => GuestProgram.Reset,
            _ => GuestProgram.DebugExit(byte.Parse(end[5..], System.Globalization.CultureInfo.InvariantCulture)),
        });
        ProcessEnd result = NacelleProcess.Run(MinimalMachine.Arguments(kernel, "--no-reboot"));
        Assert.True(result.Code == code, result.ToString());
        Assert.Equal("here\r\n", result.Output);
        Assert.Contains(line, result.ErrorLines[^1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_reset_or_triple_fault_starts_the_guest_again(bool tripleFault)
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(
            directory.Combine("kernel"), GuestProgram.Print("again\n"), tripleFault ? GuestProgram.TripleFault : GuestProgram.Reset);
        using NacelleProcess process = NacelleProcess.Start(MinimalMachine.Arguments(kernel));
        process.WaitForOutput("again\nagain\nagain\n");
        process.Signal("TERM");
        ProcessEnd end = process.WaitForEnd();
        Assert.True(end.Code == 143, end.ToString());
    }

    [Theory]
    [InlineData("TERM", 143)]
    [InlineData("INT", 130)]
    [InlineData("HUP", 129)]
    [InlineData("QUIT", 131)]
    public void A_signal_ends_a_machine_that_never_stops(string signal, int code)
    {
        using TemporaryDirectory directory = new();
        string socket = directory.Combine("socket");
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.Spin);
        using NacelleProcess process = NacelleProcess.Start(MinimalMachine.Arguments(kernel, "--serial", $"socket:{socket}"));
        process.WaitForError("accelerator translator");
        process.Signal(signal);
        ProcessEnd end = process.WaitForEnd();
        Assert.True(end.Code == code, end.ToString());
        Assert.False(File.Exists(socket), "the socket was left behind");
    }

    [Fact]
    public void A_hang_up_that_nohup_ignores_does_not_end_the_machine()
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.Print("up"), GuestProgram.EchoUntilDot, GuestProgram.PowerOff);
        using NacelleProcess process = NacelleProcess.StartShell(
            "trap '' HUP; exec \"$NACELLE\" \"$@\"", MinimalMachine.Arguments(kernel));
        process.WaitForOutput("up");
        process.Signal("HUP");
        process.Input.Write("still here."u8);
        process.Input.Flush();
        ProcessEnd end = process.WaitForEnd();
        Assert.True(end.Code == 0, end.ToString());
        Assert.Equal("upstill here.", end.Output);
    }

    [Fact]
    public void Closed_standard_output_ends_the_machine_in_one_line()
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.Flood(1000), GuestProgram.PowerOff);
        using NacelleProcess process = NacelleProcess.StartShell(
            "\"$NACELLE\" \"$@\" | head -c 5; exit ${PIPESTATUS[0]}", MinimalMachine.Arguments(kernel, "--quiet"));
        ProcessEnd end = process.WaitForEnd();
        Assert.True(end.Code == 18, end.ToString());
        Assert.Equal("xxxxx", end.Output);
        Assert.Contains("standard output was closed", Assert.Single(end.ErrorLines), StringComparison.Ordinal);
    }

    [Fact]
    public void A_reader_that_stops_reading_does_not_hold_up_the_end()
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.Flood(1000), GuestProgram.PowerOff);
        string ready = directory.Combine("ready");
        using NacelleProcess process = NacelleProcess.StartShell(
            $"mkfifo {ready}; \"$NACELLE\" \"$@\" > >(head -c 1 >&2; exec sleep 1000) & pid=$!; read -r < {ready}; kill -TERM $pid; wait $pid",
            MinimalMachine.Arguments(kernel, "--quiet"));
        process.WaitForError("x");
        File.WriteAllText(ready, "go\n");
        Assert.True(SpinWait.SpinUntil(() => process.HasEnded, NacelleProcess.Patience), "the machine did not end");
    }
}
