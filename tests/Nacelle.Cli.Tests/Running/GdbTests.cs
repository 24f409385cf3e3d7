using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Iced.Intel;
using Nacelle.Kvm;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Cli.Tests;

/// <summary>Machines under stock gdb.</summary>
public sealed partial class GdbTests
{
    private const string Architecture = "set architecture i386:x86-64";

    [Fact]
    public void Registers_memory_steps_and_points_work_on_the_translator() => Debug("translator", watch: true);

    [Fact]
    public void Registers_memory_steps_and_points_work_on_kvm()
    {
        KvmProbe probe = KvmHost.Probe();
        Assert.SkipUnless(probe.Availability == KvmAvailability.Available, probe.Reason);

        // A KVM that runs guest kernel code through its instruction emulator stops at instructions, but not at data.
        Debug("kvm", watch: AcceleratorCalibration.Run().IsUsable);
    }

    [Fact]
    public void A_machine_that_runs_is_interrupted_and_goes_on_without_gdb()
    {
        GdbProcess.SkipUnlessInstalled();
        using TemporaryDirectory directory = new();
        string socket = directory.Combine("gdb");
        string kernel = GuestProgram.Write(
            directory.Combine("kernel"), GuestProgram.Print("up\n"), GuestProgram.EchoUntilDot, GuestProgram.PowerOff);
        using NacelleProcess process = NacelleProcess.Start(MinimalMachine.Arguments(kernel, "--gdb", $"socket:{socket}"));
        process.WaitForOutput("up\n");
        string seen = GdbProcess.Run(Architecture, $"target remote {socket}", "info threads", "print $cs", "print/x $pc + 0", "detach");
        Assert.Contains("vCPU 0", seen, StringComparison.Ordinal);
        Assert.Contains("$1 = ", seen, StringComparison.Ordinal);
        process.WaitForError("the machine goes on without it");

        // One that dies in the middle lets the machine go on as well, with its breakpoints gone.
        using (Socket dying = Connect(socket))
        {
            // Of the loop that waits for input: it comes by again and again.
            string loop = PcPattern().Match(seen).Groups[1].Value;
            Assert.Equal("+$OK#9a", Ask(dying, Framed($"Z0,{loop},1")));
            Assert.StartsWith("+$T05thread:1;#", Ask(dying, Framed("c")), StringComparison.Ordinal);
        }

        process.Input.Write("on."u8);
        process.Input.Flush();
        ProcessEnd end = process.WaitForEnd();
        Assert.True(end.Code == 0, end.ToString());
        Assert.Equal("up\non.", end.Output);
        Assert.False(File.Exists(socket), "the socket was left behind");
    }

    [Fact]
    public void The_end_of_the_machine_is_the_end_of_the_program_for_gdb()
    {
        GdbProcess.SkipUnlessInstalled();
        using TemporaryDirectory directory = new();
        string socket = directory.Combine("gdb");
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.DebugExit(7));
        using NacelleProcess process = NacelleProcess.Start(MinimalMachine.Arguments(kernel, "--gdb", $"socket:{socket},wait"));
        process.WaitForError("target remote");
        string seen = GdbProcess.Run(Architecture, $"target remote {socket}", "continue");
        Assert.Contains("exited with code 07", seen, StringComparison.Ordinal);
        Assert.Equal(15, process.WaitForEnd().Code);
    }

    [Fact]
    public void Kill_ends_the_machine()
    {
        GdbProcess.SkipUnlessInstalled();
        using TemporaryDirectory directory = new();
        string socket = directory.Combine("gdb");
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.Spin);
        using NacelleProcess process = NacelleProcess.Start(MinimalMachine.Arguments(kernel, "--gdb", $"socket:{socket}"));
        process.WaitForError("target remote");
        string seen = GdbProcess.Run(Architecture, $"target remote {socket}", "kill");
        ProcessEnd end = process.WaitForEnd();
        Assert.True(end.Code == (int)ExitCode.Quit, $"{end}\n{seen}");
    }

    [Fact]
    public void A_second_gdb_is_turned_away_and_the_first_stays()
    {
        using TemporaryDirectory directory = new();
        string socket = directory.Combine("gdb");
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.Spin);
        using NacelleProcess process = NacelleProcess.Start(MinimalMachine.Arguments(kernel, "--gdb", $"socket:{socket}"));
        process.WaitForError("target remote");
        using Socket first = Connect(socket);
        Assert.Equal("+$QC1#c5", Ask(first, "$qC#b4"));
        using Socket second = Connect(socket);
        Assert.Equal(0, second.Receive(new byte[1]));
        process.WaitForError("a second gdb was turned away");
        Assert.Equal("+$1#31", Ask(first, "$qAttached#8f"));

        // A damaged packet is asked for again; what is no packet is nothing.
        Assert.Equal("-", Ask(first, "$qC#00", 1));
        Assert.Equal("+$QC1#c5", Ask(first, "noise$qC#b4"));
        first.Dispose();
        process.WaitForError("the machine goes on without it");
        using Socket third = Connect(socket);
        Assert.Equal("+$QC1#c5", Ask(third, "$qC#b4"));
    }

    [Fact]
    public void A_place_that_cannot_be_had_is_refused_in_one_line()
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.PowerOff);
        using Socket taken = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        taken.Listen();
        int port = ((IPEndPoint)taken.LocalEndPoint!).Port;
        ProcessEnd end = NacelleProcess.Run(MinimalMachine.Arguments(kernel, "--gdb", $"tcp:{port}"));
        Assert.True(end.Code == (int)ExitCode.HostResource, end.ToString());
        Assert.Contains($"cannot listen for gdb on port {port}: another process", Assert.Single(end.ErrorLines), StringComparison.Ordinal);

        end = NacelleProcess.Run(MinimalMachine.Arguments(kernel, "--gdb", $"socket:{directory.Combine("absent/gdb")}"));
        Assert.True(end.Code == (int)ExitCode.HostResource, end.ToString());
        Assert.Contains("its directory does not exist", Assert.Single(end.ErrorLines), StringComparison.Ordinal);

        foreach ((string value, string hint) in ((string, string)[])
            [("tcp:", "write tcp:PORT"), ("tcp:65536", "write tcp:PORT"), ("socket:", "write socket:PATH"), ("tpc:1", "did you mean 'tcp:PORT'")])
        {
            end = NacelleProcess.Run(MinimalMachine.Arguments(kernel, "--gdb", value));
            Assert.True(end.Code == (int)ExitCode.Usage, end.ToString());
            Assert.Contains(hint, Assert.Single(end.ErrorLines), StringComparison.Ordinal);
        }
    }

    /// <summary>A guest whose places are known: it counts to five in memory through a function, prints, and powers off.</summary>
    private static void Debug(string accelerator, bool watch)
    {
        GdbProcess.SkipUnlessInstalled();
        using TemporaryDirectory directory = new();
        const uint counter = 0x20_0000;
        ulong function = 0;
        string kernel = GuestProgram.Write(
            directory.Combine("kernel"),
            assembler =>
            {
                Label begin = assembler.CreateLabel();
                Label loop = assembler.CreateLabel();
                Label count = assembler.CreateLabel();
                assembler.jmp(begin);
                assembler.Label(ref count);
                assembler.inc(__dword_ptr[counter]);
                assembler.ret();
                assembler.Label(ref begin);
                assembler.mov(__dword_ptr[counter], 0);
                assembler.mov(ecx, 5);
                assembler.mov(esi, 0x1234_5678);
                assembler.Label(ref loop);
                assembler.call(count);
                assembler.dec(ecx);
                assembler.jne(loop);
            },
            GuestProgram.Print("counted\n"),
            GuestProgram.PowerOff);

        // "jmp begin" is the instruction after the first, which sets ESP, and has two bytes.
        function = 0x10_0060 + 5 + 2;
        using NacelleProcess process = NacelleProcess.Start(
            "run", "--kernel", kernel, "--accel", accelerator, "--memory", "4M", "--gdb", "tcp:0,wait");
        process.WaitForError("target remote localhost:");
        string port = PortPattern().Match(process.SeenError).Groups[1].Value;
        string address = function.ToString("x", CultureInfo.InvariantCulture);
        string seen = GdbProcess.Run(
        [
            Architecture,
            $"target remote localhost:{port}",
            "info registers rip cr0 eflags",
            "stepi",
            "print $rsp",
            $"break *0x{address}",
            "continue",
            "print $rcx",
            "print/x $rsi",
            $"x/1xw 0x{counter:x}",
            "continue",
            "print $rcx + 1000",
            "delete",
            .. watch ? (string[])[$"watch *(int*)0x{counter:x}", "continue", $"print *(int*)0x{counter:x} + 2000", "delete"] : ["print 2002"],
            $"hbreak *0x{address}",
            "continue",
            "print $rcx + 3000",
            $"set var *(int*)0x{counter:x} = 77",
            "set var $rsi = 0x99",
            "stepi",
            $"print *(int*)0x{counter:x} + 4000",
            "print/x $rsi + 0x5000",
            "print $st0",
            "print $mxcsr",
            "print $xmm0.v4_int32",
            "delete",
            "continue",
        ]);
        foreach (string expected in (string[])
        [
            "[ PE ET", "= (void *) 0x80000", "= 5\n", "= 0x12345678", "0x200000:\t0x00000000", "= 1004\n", "= 2002\n", "= 3003\n", "= 4078\n",
            "= 0x5099", "= 0\n", "[ IM DM ZM OM UM PM ]", "= {0, 0, 0, 0}", "exited normally",
        ])
        {
            Assert.True(seen.Contains(expected, StringComparison.Ordinal), $"no '{expected}' in\n{seen}");
        }

        ProcessEnd end = process.WaitForEnd();
        Assert.True(end.Code == 0, $"{end}\n{seen}");
        Assert.Equal("counted\n", end.Output);
    }

    private static Socket Connect(string path)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
        {
            ReceiveTimeout = (int)NacelleProcess.Patience.TotalMilliseconds,
        };
        socket.Connect(new UnixDomainSocketEndPoint(path));
        return socket;
    }

    /// <summary>Sends, and receives as much as is expected: up to a checksum, or some bytes.</summary>
    private static string Ask(Socket socket, string text, int? count = null)
    {
        socket.Send(System.Text.Encoding.ASCII.GetBytes(text));
        List<byte> reply = [];
        byte[] one = new byte[1];
        while (count is int wanted ? reply.Count < wanted : reply.Count < 3 || reply[^3] != '#')
        {
            Assert.Equal(1, socket.Receive(one));
            reply.Add(one[0]);
        }

        return System.Text.Encoding.ASCII.GetString([.. reply]);
    }

    private static string Framed(string content) => $"${content}#{content.Sum(character => character) & 0xFF:x2}";

    [GeneratedRegex("\\$2 = 0x([0-9a-f]+)")]
    private static partial Regex PcPattern();

    [GeneratedRegex("localhost:([0-9]+)")]
    private static partial Regex PortPattern();
}
