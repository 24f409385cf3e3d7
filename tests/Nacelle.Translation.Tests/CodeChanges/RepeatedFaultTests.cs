using Iced.Intel;
using Nacelle.Cpu;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests.CodeChanges;

/// <summary>
/// A page fault in the middle of a repeated string instruction leaves the registers at the element that faulted, and the
/// instruction goes on from there (SDM volume 2, REP; volume 1, 7.3.9.1).
/// </summary>
public sealed class RepeatedFaultTests
{
    private const ulong Log = BareMachine.DataAddress;
    private const ulong Source = 0x40_0000;
    private const ulong Destination = 0x50_0000;
    private const ulong Middle = 0x1000;
    private const int Count = 24;

    public static TheoryData<string, int, bool, bool, int> Cases
    {
        get
        {
            TheoryData<string, int, bool, bool, int> cases = [];
            foreach (string name in (string[])["movs", "stos", "lods", "cmps", "scas"])
            {
                foreach (int size in (int[])[1, 2, 4, 8])
                {
                    foreach (bool down in (bool[])[false, true])
                    {
                        foreach (bool source in (bool[])[false, true])
                        {
                            if (source ? name is not ("stos" or "scas") : name is not "lods")
                            {
                                cases.Add(name, size, down, source, 0);
                                if (size > 1)
                                {
                                    cases.Add(name, size, down, source, 1);
                                }
                            }
                        }
                    }
                }
            }

            return cases;
        }
    }

    /// <param name="name">The instruction.</param>
    /// <param name="size">Bytes of an element.</param>
    /// <param name="down">Whether the direction flag is set.</param>
    /// <param name="source">Whether it is the source that has a page that is not there.</param>
    /// <param name="misalignment">Bytes by which elements lie across the boundary of the pages.</param>
    [Theory]
    [MemberData(nameof(Cases))]
    public void Goes_on_where_it_faulted(string name, int size, bool down, bool source, int misalignment)
    {
        using BareMachine machine = new();
        machine.Route(14);

        // Ten elements fit before the page that is not there; the eleventh faults. Both operands are mapped page by page.
        const int before = 10;
        ulong missing = (source ? Source : Destination) + (down ? 0 : Middle);
        ulong start = Middle + (down ? (ulong)((before - 1) * size) : 0UL - (ulong)(before * size));
        start = down ? start + (ulong)misalignment : start - (ulong)misalignment;
        ulong end = missing;
        ulong entry = BareMachine.MapPage(machine.Ram, missing, 0);
        byte[] pattern = [.. Enumerable.Range(0, 0x2000).Select(i => (byte)((i * 7) + (i >> 8)))];
        Assert.True(machine.Ram.TryWrite(Source, pattern));
        byte[] destination = [.. pattern];
        if (name is "stos" or "movs")
        {
            Array.Fill(destination, (byte)0xEE);
        }
        else if (name == "scas")
        {
            Array.Fill(destination, (byte)0x5A);
        }

        Assert.True(machine.Ram.TryWrite(Destination, destination));
        ulong rip = 0;
        CpuRegisters registers = machine.Run(
            c =>
            {
                c.xor(r15d, r15d);
                c.mov(rsi, Source + start);
                c.mov(rdi, Destination + start);
                c.mov(ecx, Count);
                c.mov(rax, 0x5A5A_5A5A_5A5A_5A5A);
                if (down)
                {
                    c.std();
                }
                else
                {
                    c.cld();
                }

                Label here = c.CreateLabel();
                c.lea(r14, __[here]);
                c.Label(ref here);
                Emit(c, name, size);
                c.cld();
            },
            handler: c =>
            {
                c.inc(r15);
                c.mov(__[Log], rcx);
                c.mov(__[Log + 8], rsi);
                c.mov(__[Log + 16], rdi);
                c.mov(rbx, cr2);
                c.mov(__[Log + 24], rbx);
                c.pop(rbx);
                c.mov(__[Log + 32], rbx);
                c.mov(rbx, __[rsp]);
                c.mov(__[Log + 40], rbx);
                c.mov(rbx, __[rsp + 16]);
                c.mov(__[Log + 48], rbx);
                c.mov(rbx, missing | 3);
                c.mov(__[entry], rbx);
                c.iretq();
            });
        rip = BareMachine.General(registers, GeneralRegister.R14);
        long step = down ? -size : size;
        ulong offset = start + (ulong)(before * step);
        string seen = $"RCX {machine.Read(0)}, RSI 0x{machine.Read(8):x}, RDI 0x{machine.Read(16):x}, CR2 0x{machine.Read(24):x}";
        Assert.True(BareMachine.General(registers, GeneralRegister.R15) == 1, $"{BareMachine.General(registers, GeneralRegister.R15)} faults; {seen}");

        // An element that lies across the boundary faults one earlier, upwards: its last bytes are on the missing page.
        bool across = misalignment != 0 && !down;
        Assert.Equal((ulong)(Count - before), machine.Read(0));
        Assert.Equal(name is "stos" or "scas" ? Source + start : Source + offset, machine.Read(8));
        Assert.Equal(name is "lods" ? Destination + start : Destination + offset, machine.Read(16));
        ulong address = (source ? Source : Destination) + offset;
        Assert.Equal(across ? end : address, machine.Read(24));
        Assert.Equal(name is "movs" or "stos" && !source ? 2UL : 0UL, machine.Read(32));
        Assert.Equal(rip, machine.Read(40));
        Assert.Equal(down ? 0x400UL : 0UL, machine.Read(48) & 0x400);

        Assert.Equal(0UL, BareMachine.General(registers, GeneralRegister.Rcx));
        ulong last = start + (ulong)(Count * step);
        Assert.Equal(name is "stos" or "scas" ? Source + start : Source + last, BareMachine.General(registers, GeneralRegister.Rsi));
        Assert.Equal(name is "lods" ? Destination + start : Destination + last, BareMachine.General(registers, GeneralRegister.Rdi));
        CheckMemory(machine, name, size, start, step, pattern);
    }

    private static void CheckMemory(BareMachine machine, string name, int size, ulong start, long step, byte[] pattern)
    {
        if (name is not ("movs" or "stos"))
        {
            return;
        }

        byte[] expected = new byte[0x2000];
        Array.Fill(expected, (byte)0xEE);
        for (int i = 0; i < Count; i++)
        {
            int place = (int)(start + (ulong)(i * step));
            for (int part = 0; part < size; part++)
            {
                expected[place + part] = name == "stos" ? (byte)0x5A : pattern[place + part];
            }
        }

        byte[] actual = new byte[0x2000];
        Assert.True(machine.Ram.TryRead(Destination, actual));
        int same = actual.AsSpan().CommonPrefixLength(expected);
        Assert.True(same == actual.Length, $"byte 0x{same:x} is 0x{(same < actual.Length ? actual[same] : 0):x2}");
    }

    private static void Emit(Assembler c, string name, int size)
    {
        switch (name, size)
        {
            case ("movs", 1): c.rep.movsb(); break;
            case ("movs", 2): c.rep.movsw(); break;
            case ("movs", 4): c.rep.movsd(); break;
            case ("movs", 8): c.rep.movsq(); break;
            case ("stos", 1): c.rep.stosb(); break;
            case ("stos", 2): c.rep.stosw(); break;
            case ("stos", 4): c.rep.stosd(); break;
            case ("stos", 8): c.rep.stosq(); break;
            case ("lods", 1): c.rep.lodsb(); break;
            case ("lods", 2): c.rep.lodsw(); break;
            case ("lods", 4): c.rep.lodsd(); break;
            case ("lods", 8): c.rep.lodsq(); break;
            case ("cmps", 1): c.repe.cmpsb(); break;
            case ("cmps", 2): c.repe.cmpsw(); break;
            case ("cmps", 4): c.repe.cmpsd(); break;
            case ("cmps", 8): c.repe.cmpsq(); break;
            case ("scas", 1): c.repe.scasb(); break;
            case ("scas", 2): c.repe.scasw(); break;
            case ("scas", 4): c.repe.scasd(); break;
            default: c.repe.scasq(); break;
        }
    }
}
