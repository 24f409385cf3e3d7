using System.Net.Sockets;
using System.Text;

namespace Nacelle.Cli.Tests;

/// <summary>The serial port on standard streams, files and sockets.</summary>
public sealed class SerialTests
{
    [Fact]
    public void Everything_typed_arrives_and_everything_sent_comes_out()
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.EchoUntilDot, GuestProgram.PowerOff);
        string text = string.Concat(Enumerable.Range(0, 5000).Select(number => $"{number} ")) + ".";
        using NacelleProcess process = NacelleProcess.Start(MinimalMachine.Arguments(kernel));
        process.Input.Write(Encoding.ASCII.GetBytes(text));
        process.Input.Close();
        ProcessEnd end = process.WaitForEnd();
        Assert.True(end.Code == 0, end.ToString());
        Assert.Equal(text, end.Output);
    }

    [Fact]
    public void Input_from_a_file_arrives()
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.EchoUntilDot, GuestProgram.PowerOff);
        File.WriteAllText(directory.Combine("input"), "from a file.");
        using NacelleProcess process = NacelleProcess.StartShell(
            $"exec \"$NACELLE\" \"$@\" < {directory.Combine("input")}", MinimalMachine.Arguments(kernel));
        ProcessEnd end = process.WaitForEnd();
        Assert.True(end.Code == 0, end.ToString());
        Assert.Equal("from a file.", end.Output);
    }

    [Fact]
    public void A_flood_comes_out_whole()
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.Flood(8), GuestProgram.PowerOff);
        ProcessEnd end = NacelleProcess.Run(MinimalMachine.Arguments(kernel));
        Assert.True(end.Code == 0, end.Error);
        Assert.Equal(8 << 16, end.Output.Length);
        Assert.Equal(-1, end.Output.AsSpan().IndexOfAnyExcept('x'));
    }

    [Fact]
    public void A_terminal_is_found_by_its_link_and_carries_bytes_both_ways()
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.Print("ready\r\n"), GuestProgram.EchoUntilDot, GuestProgram.PowerOff);
        string link = directory.Combine("console");
        using NacelleProcess process = NacelleProcess.Start(MinimalMachine.Arguments(kernel, "--serial", $"pty:{link}"));
        Assert.True(SpinWait.SpinUntil(() => File.Exists(link), NacelleProcess.Patience), "no link");
        using (FileStream terminal = new(link, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, 1))
        {
            byte[] seen = new byte[7];
            terminal.ReadExactly(seen);
            Assert.Equal("ready\r\n", Encoding.ASCII.GetString(seen));
            terminal.Write("typed."u8);
            terminal.ReadExactly(seen.AsSpan(0, 6));
            Assert.Equal("typed.", Encoding.ASCII.GetString(seen, 0, 6));
        }

        ProcessEnd end = process.WaitForEnd();
        Assert.True(end.Code == 0, end.ToString());
        Assert.Contains("the serial port is on /dev/pts/", end.Error, StringComparison.Ordinal);
        Assert.False(Path.Exists(link) || new FileInfo(link).LinkTarget is not null, "the link was left behind");
    }

    [Fact]
    public void A_terminal_that_nobody_reads_does_not_hold_the_guest_and_no_file_is_replaced_by_its_link()
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.Flood(8), GuestProgram.PowerOff);
        ProcessEnd end = NacelleProcess.Run(MinimalMachine.Arguments(kernel, "--serial", "pty"));
        Assert.True(end.Code == 0, end.ToString());
        Assert.Contains("nobody reads it, output is lost", end.Error, StringComparison.Ordinal);
        ProcessEnd refused = NacelleProcess.Run(MinimalMachine.Arguments(kernel, "--serial", $"pty:{kernel}"));
        Assert.True(refused.Code == (int)ExitCode.HostResource, refused.ToString());
        Assert.Contains("something else has that name", refused.Error, StringComparison.Ordinal);
        Assert.True(new FileInfo(kernel).LinkTarget is null, "the file was replaced");
    }

    [Fact]
    public void A_file_holds_the_output_and_nothing_of_before()
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.Print("hello\n"), GuestProgram.PowerOff);
        string file = directory.Combine("serial, with a comma");
        File.WriteAllText(file, "older and longer text");
        ProcessEnd end = NacelleProcess.Run(MinimalMachine.Arguments(kernel, "--serial", $"file:{file}"));
        Assert.True(end.Code == 0, end.ToString());
        Assert.Equal("", end.Output);
        Assert.Equal("hello\n", File.ReadAllText(file));
    }

    [Fact]
    public void A_file_holds_a_flood_whole()
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.Flood(8), GuestProgram.PowerOff);
        string file = directory.Combine("serial");
        ProcessEnd end = NacelleProcess.Run(MinimalMachine.Arguments(kernel, "--serial", $"file:{file}"));
        Assert.True(end.Code == 0, end.ToString());
        string written = File.ReadAllText(file);
        Assert.Equal(8 << 16, written.Length);
        Assert.Equal(-1, written.AsSpan().IndexOfAnyExcept('x'));
    }

    [Fact]
    public void A_full_file_system_under_the_file_is_told_once_and_the_guest_goes_on()
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.Flood(8), GuestProgram.PowerOff);
        ProcessEnd end = NacelleProcess.Run(MinimalMachine.Arguments(kernel, "--serial", "file:/dev/full"));
        Assert.True(end.Code == 0, end.ToString());
        Assert.Single(end.ErrorLines, line => line.Contains("No space left on device", StringComparison.Ordinal));
    }

    [Fact]
    public void A_socket_serves_one_client_after_the_other_and_is_unlinked()
    {
        using TemporaryDirectory directory = new();
        string socket = directory.Combine("socket");
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.EchoUntilDot, GuestProgram.PowerOff);
        using NacelleProcess process = NacelleProcess.Start(MinimalMachine.Arguments(kernel, "--serial", $"socket:{socket}"));
        process.WaitForError("accelerator");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(socket));
        Exchange(socket, "first");
        Exchange(socket, "second");
        Exchange(socket, ".");
        ProcessEnd end = process.WaitForEnd();
        Assert.True(end.Code == 0, end.ToString());
        Assert.False(File.Exists(socket), "the socket was left behind");
    }

    [Fact]
    public void A_socket_that_a_killed_machine_left_is_replaced_and_one_in_use_is_refused()
    {
        using TemporaryDirectory directory = new();
        string socket = directory.Combine("socket");
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.Spin);
        string[] arguments = MinimalMachine.Arguments(kernel, "--serial", $"socket:{socket}");
        using NacelleProcess killed = NacelleProcess.Start(arguments);
        killed.WaitForError("accelerator");
        killed.Signal("KILL");
        _ = killed.WaitForEnd();
        Assert.True(File.Exists(socket));
        using NacelleProcess second = NacelleProcess.Start(arguments);
        second.WaitForError("accelerator");
        ProcessEnd refused = NacelleProcess.Run(arguments);
        Assert.True(refused.Code == (int)ExitCode.HostResource, refused.ToString());
        Assert.Contains("another process listens on it", Assert.Single(refused.ErrorLines), StringComparison.Ordinal);
        Assert.True(File.Exists(socket), "the refused machine took the other's socket away");
        second.Signal("TERM");
        Assert.Equal(143, second.WaitForEnd().Code);
    }

    [Fact]
    public void A_file_in_the_place_of_a_socket_is_not_touched()
    {
        using TemporaryDirectory directory = new();
        string path = directory.Combine("precious");
        File.WriteAllText(path, "");
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.PowerOff);
        ProcessEnd end = NacelleProcess.Run(MinimalMachine.Arguments(kernel, "--serial", $"socket:{path}"));
        Assert.True(end.Code == (int)ExitCode.HostResource, end.ToString());
        Assert.True(File.Exists(path));
        Assert.Contains("a file of that name exists", Assert.Single(end.ErrorLines), StringComparison.Ordinal);
    }

    [Fact]
    public void A_boot_marker_is_timed()
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.Print("almost rea ready"), GuestProgram.PowerOff);
        ProcessEnd end = NacelleProcess.Run(MinimalMachine.Arguments(kernel, "--boot-marker", "ready"));
        Assert.True(end.Code == 0, end.ToString());
        Assert.Single(end.ErrorLines, line => line.Contains("the guest was up", StringComparison.Ordinal));
    }

    /// <summary>Connects, sends a text and waits until it came back.</summary>
    private static void Exchange(string socket, string text)
    {
        using Socket client = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        client.ReceiveTimeout = (int)NacelleProcess.Patience.TotalMilliseconds;
        client.Connect(new UnixDomainSocketEndPoint(socket));
        client.Send(Encoding.ASCII.GetBytes(text));
        byte[] buffer = new byte[100];
        int count = 0;
        while (count < text.Length)
        {
            int received = client.Receive(buffer.AsSpan(count));
            Assert.NotEqual(0, received);
            count += received;
        }

        Assert.Equal(text, Encoding.ASCII.GetString(buffer, 0, count));
    }
}
