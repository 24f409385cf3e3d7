using System.Diagnostics;
using System.Net.Sockets;

namespace Nacelle.Cli.Tests;

/// <summary>What the host or the far end does not answer for holds up neither the guest nor its end.</summary>
public sealed class StallTests
{
    [Fact]
    public void A_kernel_from_a_FIFO_that_nobody_writes_is_given_up_at_a_signal()
    {
        using TemporaryDirectory directory = new();
        string kernel = directory.Combine("kernel");
        _ = HostTool.Run("mkfifo", kernel);
        string serial = directory.Combine("serial");
        using NacelleProcess process = NacelleProcess.Start(MinimalMachine.Arguments(kernel, "--serial", $"file:{serial}"));

        // It is inside open(2) of the FIFO then, or on its way there.
        WaitUntil(() => File.Exists(serial));
        process.Signal("TERM");
        Assert.Equal(143, process.WaitForEnd().Code);
        Assert.False(File.Exists(serial), "a file was left behind");
    }

    [Fact]
    public void A_guest_goes_on_though_nobody_reads_its_output()
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.Flood(20), GuestProgram.DebugExit(7));
        string fifo = directory.Combine("fifo");
        _ = HostTool.Run("mkfifo", fifo);
        using NacelleProcess process = NacelleProcess.StartShell(
            $"exec 7<>{fifo}; exec \"$NACELLE\" \"$@\" >&7", MinimalMachine.Arguments(kernel));
        process.WaitForError("is not read");

        // Nobody ever reads; what is in the pipe keeps the machine's end until a signal says that it is not wanted.
        process.Signal("TERM");
        ProcessEnd end = process.WaitForEnd();
        Assert.True(end.Code is 15 or 143, end.ToString());
    }

    [Fact]
    public void A_client_that_does_not_read_keeps_no_machine_that_has_ended()
    {
        using TemporaryDirectory directory = new();
        string socket = directory.Combine("socket");
        string kernel = GuestProgram.Write(
            directory.Combine("kernel"), GuestProgram.EchoUntilDot, GuestProgram.Flood(20), GuestProgram.DebugExit(7));
        using NacelleProcess process = NacelleProcess.Start(MinimalMachine.Arguments(kernel, "--serial", $"socket:{socket}"));
        process.WaitForError("accelerator");
        using Socket client = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        client.Connect(new UnixDomainSocketEndPoint(socket));
        client.Send("."u8);
        ProcessEnd end = process.WaitForEnd();
        Assert.True(end.Code == 15, end.ToString());
        Assert.Contains("the client does not read", end.Error, StringComparison.Ordinal);
    }

    private static void WaitUntil(Func<bool> happened)
    {
        Stopwatch clock = Stopwatch.StartNew();
        while (!happened())
        {
            Assert.True(clock.Elapsed < NacelleProcess.Patience, "it did not happen in time");
            Thread.Yield();
        }
    }
}
