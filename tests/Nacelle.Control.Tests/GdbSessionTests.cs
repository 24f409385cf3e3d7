using System.Text;
using System.Xml.Linq;
using CsCheck;
using Nacelle.Control.Gdb;
using Nacelle.Cpu;
using Nacelle.Machine;

namespace Nacelle.Control.Tests;

public sealed class GdbSessionTests
{
    private readonly FakeTarget _target = new();
    private readonly List<byte[]> _sent = [];
    private readonly List<string> _diagnostics = [];
    private readonly GdbSession _session;

    public GdbSessionTests()
    {
        _session = new GdbSession(_target, _sent.Add, _diagnostics.Add);
        Assert.Equal("OK", Ask("QStartNoAckMode"));
    }

    [Fact]
    public void A_client_finds_the_machine_stopped_with_a_thread_for_each_vcpu()
    {
        Assert.Equal("stop", Assert.Single(_target.Calls));
        Assert.Equal("T05thread:1;", Ask("?"));
        Assert.Equal("m1,2", Ask("qfThreadInfo"));
        Assert.Equal("l", Ask("qsThreadInfo"));
        Assert.Equal("vCPU 1", Encoding.ASCII.GetString(Convert.FromHexString(Ask("qThreadExtraInfo,2"))));
        Assert.Equal("OK", Ask("T2"));
        Assert.Equal("E02", Ask("T3"));
        Assert.Equal("OK", Ask("Hg2"));
        Assert.Equal("QC2", Ask("qC"));
        Assert.Equal("E02", Ask("Hg3"));
        Assert.Equal("1", Ask("qAttached"));
        Assert.Equal("", Ask("vMustReplyEmpty"));
        Assert.Equal("", Ask("qSomethingNew"));
    }

    [Fact]
    public void The_target_description_is_read_in_pieces_and_matches_the_registers()
    {
        StringBuilder text = new();
        string piece;
        do
        {
            piece = Ask($"qXfer:features:read:target.xml:{text.Length:x},1f3");
            text.Append(piece.AsSpan(1));
        }
        while (piece[0] == 'm');
        Assert.Equal('l', piece[0]);
        XElement target = XDocument.Parse(text.ToString(), LoadOptions.None).Root!;
        XElement[] registers = [.. target.Descendants("reg")];
        Assert.Equal(GdbRegisterMap.All.Select(register => register.Name), registers.Select(register => register.Attribute("name")!.Value));
        Assert.Equal(registers.Length, registers.Select(register => register.Attribute("name")!.Value).Distinct().Count());
        Assert.Equal(registers.Sum(register => (int)register.Attribute("bitsize")!) / 4, Ask("g").Length);

        // What a type names is defined in its feature or one of gdb's own.
        string[] known = ["int", "int32", "int64", "data_ptr", "code_ptr", "i387_ext", "uint128"];
        foreach (XElement register in registers)
        {
            string type = register.Attribute("type")!.Value;
            Assert.True(known.Contains(type) || register.Parent!.Elements().Any(element => (string?)element.Attribute("id") == type), type);
        }
    }

    [Fact]
    public void Each_register_that_can_be_written_is_read_back()
    {
        for (int number = 0; number < GdbRegisterMap.All.Count; number++)
        {
            GdbRegister register = GdbRegisterMap.All[number];
            byte[] value = [.. Enumerable.Range(1, register.Bytes).Select(i => (byte)i)];
            string before = Ask("g");
            string reply = Ask($"P{number:x}={GdbHex.Write(value)}");
            Assert.Equal(register.Write is null ? "E01" : "OK", reply);
            if (register.Write is null)
            {
                Assert.Equal(before, Ask("g"));
                continue;
            }

            if (register.Name is "eflags" or "ftag" || (register.Group == "float" && register.Bytes == 4))
            {
                // Bits that do not exist stay as they are.
                continue;
            }

            Assert.Equal(GdbHex.Write(value), Ask($"p{number:x}"));
        }

        string all = Ask("g");
        Assert.Equal("OK", Ask($"G{all}"));
        Assert.Equal(all, Ask("g"));
        Assert.Equal("E16", Ask("G00"));
        Assert.Equal("E16", Ask("p999"));
        Assert.Equal("E16", Ask("P0=00"));
    }

    [Fact]
    public void State_in_its_initial_form_is_spelled_out()
    {
        Array.Fill(_target.Extended(0), (byte)0xAA);
        _target.Extended(0)[512] = 0;
        int fctrl = GdbRegisterMap.All.Select((register, number) => (register.Name, number)).Single(item => item.Name == "fctrl").number;
        Assert.Equal("7f030000", Ask($"p{fctrl:x}"));
        Assert.Equal("ffff0000", Ask($"p{fctrl + 2:x}"));
        Assert.Equal("OK", Ask($"P{fctrl + 2:x}=fcff0000"));
        Assert.Equal(1, _target.Extended(0)[4]);
    }

    [Fact]
    public void Memory_is_read_and_written_as_far_as_there_is_some()
    {
        Assert.Equal("OK", Ask("M1000,4:0a0b0c0d"));
        Assert.Equal("0a0b0c0d", Ask("m1000,4"));
        Assert.Equal("OK", Ask("X1001,2:\u0023\u007D"));
        Assert.Equal("0a237d0d", Ask("m1000,4"));
        Assert.Equal("0000", Ask("m2ffe,10"));
        Assert.Equal("E0e", Ask("m3000,1"));
        Assert.Equal("E0e", Ask("m0,1"));
        Assert.Equal("E0e", Ask("M2fff,2:0000"));
        Assert.Equal("E16", Ask("M1000,4:0a0b0c"));
        Assert.Equal("E16", Ask("m1000"));
        Assert.Equal("E16", Ask("mffffffffffffffff1,1"));
        Assert.Equal("OK", Ask("X1000,0:"));
    }

    [Fact]
    public void Points_go_to_the_target_and_their_stops_come_back()
    {
        Ask("qSupported:swbreak+;hwbreak+");
        Assert.Equal("OK", Ask("Z0,1234,1"));
        Assert.Equal("OK", Ask("Z1,5678,1"));
        Assert.Equal("OK", Ask("Z2,2000,8"));
        Assert.Equal("OK", Ask("Z4,2100,4"));
        Assert.Equal("points 1234 5678; Write 2000+8 Access 2100+4", _target.Calls[^1]);
        Assert.Equal("OK", Ask("z1,5678,1"));
        Assert.Equal("OK", Ask("z2,2000,8"));
        Assert.Equal("points 1234; Access 2100+4", _target.Calls[^1]);
        Assert.Equal("", Ask("Z5,1,1"));
        Assert.Equal("E16", Ask("Z2,1,0"));
        Assert.Equal("E16", Ask("Z0"));
        _target.Refusal = "the processor has four";
        Assert.Equal("E1c", Ask("Z0,1,1"));
        Assert.Equal("the processor has four", Assert.Single(_diagnostics));

        Assert.Null(AskSilently("vCont;c"));
        Assert.Equal("resume Continue Continue", _target.Calls[^1]);
        _session.OnStopped(new MachineDebugStop(1, new VirtualCpuDebugStop(VirtualCpuDebugStopKind.Watchpoint, new Watchpoint(0x2100, 4, WatchpointKind.Access))));
        Assert.Equal("T05awatch:2100;thread:2;", Last());
        Assert.Equal("QC2", Ask("qC"));
    }

    [Fact]
    public void Each_form_of_going_on_moves_the_vcpus_it_names()
    {
        (string, string)[] forms =
        [
            ("vCont;s:1;c", "Step Continue"), ("vCont;s:2", "Stay Step"), ("vCont;c:1", "Continue Stay"), ("vCont;C05:2;c", "Continue Continue"),
            ("vCont;s", "Step Step"), ("vCont;s:-1", "Step Step"), ("vCont;s:0", "Step Stay"), ("c", "Continue Continue"), ("s", "Step Continue"),
        ];
        foreach ((string packet, string motions) in forms)
        {
            Assert.Null(AskSilently(packet));
            Assert.Equal($"resume {motions}", _target.Calls[^1]);
            Assert.True(_session.IsRunning);
            Receive("\u0003");
            Assert.Equal("T02thread:1;", Last());
        }

        foreach (string packet in (string[])["vCont;", "vCont;x", "vCont;c:", "vCont;c:5", "vCont;C", "vCont;s:-2", "cxyz"])
        {
            Assert.Equal("E16", Ask(packet));
        }

        Assert.Null(AskSilently("s1234"));
        Assert.Equal(0x1234UL, _target[0].Rip);
    }

    [Fact]
    public void A_session_ends_by_detach_by_kill_and_with_the_machine()
    {
        Assert.Equal("OK", Ask("D"));
        Assert.True(_session.IsOver);
        Assert.Equal("detach", _target.Calls[^1]);
        _session.End();
        Assert.Single(_target.Calls, call => call == "detach");

        GdbSession second = new(_target, _sent.Add, _diagnostics.Add);
        second.Receive(GdbPacketWriter.Frame("k"));
        Assert.True(second.IsOver);
        Assert.Equal("kill", _target.Calls[^1]);

        GdbSession third = new(_target, _sent.Add, _diagnostics.Add);
        third.Receive(GdbPacketWriter.Frame("c"));
        third.OnEnded(3);
        Assert.Equal("W03", Last());
    }

    [Fact]
    public void A_damaged_packet_is_asked_for_again_and_a_damaged_reply_sent_again()
    {
        GdbSession session = new(_target, _sent.Add, _diagnostics.Add);
        _sent.Clear();
        session.Receive("$qC#00"u8);
        Assert.Equal("-", Encoding.ASCII.GetString(Assert.Single(_sent)));
        session.Receive("$qC#b4"u8);
        session.Receive("-"u8);
        Assert.Equal(["-", "+", "$QC1#c5", "$QC1#c5"], _sent.Select(Encoding.ASCII.GetString));

        Receive("$qC#00");
        Assert.True(_session.IsOver);
        Assert.Equal("detach", _target.Calls[^1]);
    }

    [Fact]
    public void Nothing_that_arrives_breaks_a_session()
    {
        string[] words =
        [
            "vCont;", "c", "s", ":", ";", ",", "-", "1", "2", "ffffffffffffffff", "Z0", "Z4", "z2", "m", "M", "X", "P", "p", "g", "G", "qXfer:features:read:target.xml:",
            "qSupported:", "qThreadExtraInfo,", "H", "T", "=", "0", "\u0003", "}", "QStartNoAckMode",
        ];
        Gen.OneOf(Gen.Int[0, words.Length - 1].Select(i => words[i]), Gen.String[0, 3]).Array[0, 8].Array[0, 6].Sample(packets =>
        {
            FakeTarget target = new();
            GdbSession session = new(target, _ => { }, _ => { });
            foreach (string[] packet in packets)
            {
                session.Receive(GdbPacketWriter.Frame(string.Concat(packet)));
                session.Receive([3]);
            }
        });
        Gen.Byte.Array[0, 300].Sample(bytes => new GdbSession(new FakeTarget(), _ => { }, _ => { }).Receive(bytes));
    }

    private string Ask(string packet) => AskSilently(packet) ?? throw new InvalidOperationException($"no reply to {packet}");

    private string? AskSilently(string packet)
    {
        int before = _sent.Count;
        _session.Receive(GdbPacketWriter.Frame(packet));
        return _sent.Count == before || _sent[^1].Length == 1 ? null : Last();
    }

    private void Receive(string bytes) => _session.Receive(Encoding.Latin1.GetBytes(bytes));

    private string Last()
    {
        GdbPacketReader reader = new();
        ReadOnlySpan<byte> bytes = _sent[^1];
        Assert.Equal(GdbInputKind.Packet, reader.Take(ref bytes));
        return Encoding.Latin1.GetString(reader.Content);
    }
}
