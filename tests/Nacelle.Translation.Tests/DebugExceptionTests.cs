using Iced.Intel;
using Nacelle.Cpu;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests;

/// <summary>The order of debug exceptions and of what the instruction before or after does (SDM volume 3, 6.8.3 and 17.3).</summary>
public sealed class DebugExceptionTests
{
    private const ulong Log = BareMachine.DataAddress + 0x1000;
    private const ulong Watched = BareMachine.DataAddress;
    private const ulong Resume = 1 << 16;

    [Fact]
    public void A_trap_held_back_by_a_load_of_SS_comes_after_the_interrupt_that_follows()
    {
        using BareMachine machine = new();
        machine.LetUsersIn();

        // The stack of level 0 is closed to level 3: the second exception has to be pushed as level 0 does.
        const ulong stack = BareMachine.StackTop - 0x2000;
        BareMachine.MapPage(machine.Ram, stack, stack | 3);
        machine.Route(Fault.Debug);
        machine.Route(Fault.Breakpoint);
        OpenGate(machine, Fault.Breakpoint);
        ushort selector = 0x23;
        Assert.True(machine.Ram.TryWrite(Watched, selector));
        CpuRegisters registers = machine.Run(
            c =>
            {
                c.mov(rsi, Watched);
                c.mov(rdi, Log);
                c.mov(ss, __word_ptr[rsi]);
                c.int3();
                c.nop();
            },
            LogFrame,
            box =>
            {
                BareMachine.AsUser(box);
                Watch(box, Watched, 0x7_0001);
            });

        // The trap strikes at the first instruction of the handler, whose own log comes after.
        Assert.Equal(BareMachine.HandlerAddress, machine.Read(0x1000));
        Assert.Equal(8UL, machine.Read(0x1008));
        Assert.Equal(BareMachine.CodeAddress + 23, machine.Read(0x1018));
        Assert.Equal(0x2BUL, machine.Read(0x1020));
        Assert.Equal(0UL, machine.Read(0x1030));
        Assert.Equal(1UL, DebugStatus(registers) & 0xE00F);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_breakpoint_after_a_load_of_SS_is_held_back_as_the_maker_does(bool amd)
    {
        using BareMachine machine = new(cpuid: OfMaker(amd));
        machine.Route(Fault.Debug);
        machine.Run(
            c =>
            {
                c.mov(eax, ss);
                c.mov(rdi, Log);
                c.mov(ss, eax);
                c.nop();
            },
            LogFrame,
            box => Watch(box, BareMachine.CodeAddress + 14, 1));
        Assert.Equal(amd ? BareMachine.CodeAddress + 14 : 0, machine.Read(0x1000));
    }

    [Theory]
    [InlineData("movs", 5, 6)]
    [InlineData("stos", 5, 6)]
    [InlineData("lods", 5, 6)]
    [InlineData("scas", 5, 6)]
    [InlineData("cmps", 5, 6)]
    [InlineData("movs", 0, 2)]
    public void A_single_step_traps_after_each_element(string name, int count, int traps)
    {
        using BareMachine machine = new();
        machine.Route(Fault.Debug);
        machine.Run(
            c =>
            {
                c.mov(rdi, Watched);
                c.mov(esi, (uint)Watched + 0x100);
                c.mov(r8, Log);
                c.xor(eax, eax);
                c.mov(ecx, count);
                c.pushfq();
                c.or(__dword_ptr[rsp], 0x100);
                c.popfq();
                Repeat(c, name);
                c.nop();
            },
            c =>
            {
                // After NOP, the last, the flag is cleared.
                c.mov(r9, __[rsp]);
                c.mov(__qword_ptr[r8], r9);
                c.mov(r10, __[rsp + 16]);
                c.mov(__qword_ptr[r8 + 8], r10);
                c.mov(__qword_ptr[r8 + 16], rcx);
                c.add(r8, 24);
                Label more = c.CreateLabel();
                c.cmp(__byte_ptr[r9 - 1], 0x90);
                c.jne(more);
                c.and(__dword_ptr[rsp + 16], ~0x100);
                c.Label(ref more);
                c.iretq();
            });
        List<(ulong Rip, bool Resumes, ulong Count)> seen = [];
        for (int i = 0; machine.Read(0x1000 + (i * 24)) is ulong rip and not 0; i++)
        {
            seen.Add((rip, (machine.Read(0x1008 + (i * 24)) & Resume) != 0, machine.Read(0x1010 + (i * 24))));
        }

        Assert.Equal(traps, seen.Count);
        ulong after = seen[^1].Rip - 1;
        for (int i = 0; i < traps - 1; i++)
        {
            bool last = i == traps - 2;
            Assert.Equal((last ? after : after - 2, !last, (ulong)Math.Max(count - 1 - i, 0)), seen[i]);
        }
    }

    [Fact]
    public void The_frame_of_a_trap_has_flags_that_nothing_reads_any_more()
    {
        using BareMachine machine = new();
        machine.Route(Fault.Debug);
        machine.Run(
            c =>
            {
                c.mov(rdi, Log);
                c.mov(esi, (uint)Watched);
                c.pushfq();
                c.or(__dword_ptr[rsp], 0x100);
                c.popfq();
                c.cmp(ecx, ecx);
                c.mov(rbx, __[rsi]);
                c.push(rbx);
                c.xor(edx, edx);
                c.inc(edx);
                c.pushfq();
                c.and(__dword_ptr[rsp], ~0x100);
                c.popfq();
            },
            c =>
            {
                c.mov(rax, __[rsp + 16]);
                c.mov(__qword_ptr[rdi], rax);
                c.add(rdi, 8);
                c.iretq();
            });

        // ZF and PF of CMP and XOR outlive the two accesses; INC leaves none.
        Assert.Equal([0x44UL, 0x44, 0x44, 0x44, 0], Enumerable.Range(0, 5).Select(i => machine.Read(0x1000 + (i * 8)) & 0x8D5));
    }

    [Theory]
    [InlineData("movs", 1)]
    [InlineData("stos", 1)]
    [InlineData("scas", 3)]
    public void A_data_breakpoint_strikes_at_the_element_that_touches_it(string name, int kind)
    {
        using BareMachine machine = new();
        machine.Route(Fault.Debug);
        CpuRegisters registers = machine.Run(
            c =>
            {
                c.mov(rdi, Watched);
                c.mov(esi, (uint)Watched + 0x100);
                c.mov(r8, Log);
                c.xor(eax, eax);
                c.mov(ecx, 6);
                Repeat(c, name);
                c.nop();
            },
            c =>
            {
                c.mov(__qword_ptr[r8], rcx);
                c.mov(r10, __[rsp + 16]);
                c.mov(__qword_ptr[r8 + 8], r10);
                c.add(r8, 16);
                c.iretq();
            },
            box => Watch(box, Watched + 2, 1UL | ((ulong)kind << 16)));
        Assert.Equal(3UL, machine.Read(0x1000));
        Assert.Equal(Resume, machine.Read(0x1008) & Resume);
        Assert.Equal(0UL, machine.Read(0x1010));
        Assert.Equal(0UL, BareMachine.General(registers, GeneralRegister.Rcx));
        Assert.Equal(Watched + 6, BareMachine.General(registers, GeneralRegister.Rdi));
    }

    [Fact]
    public void A_breakpoint_on_a_repeated_instruction_strikes_once()
    {
        using BareMachine machine = new();
        machine.Route(Fault.Debug);
        ulong place = 0;
        for (int turn = 0; turn < 2; turn++)
        {
            machine.Run(
                c =>
                {
                    c.mov(rdi, Watched);
                    c.mov(r8, Log);
                    c.mov(ecx, 6);
                    c.nop();
                    c.rep.stosb();
                    c.nop();
                },
                c =>
                {
                    c.mov(r10, __[rsp]);
                    c.mov(__qword_ptr[r8], r10);
                    c.add(r8, 8);
                    c.or(__dword_ptr[rsp + 16], (int)Resume);
                    c.iretq();
                },
                box => Watch(box, BareMachine.CodeAddress + 20, 1));
            place = machine.Read(0x1000);
        }

        Assert.Equal(BareMachine.CodeAddress + 20, place);
        Assert.Equal(0UL, machine.Read(0x1008));
    }

    /// <summary>Lets privilege level 3 use a gate.</summary>
    private static void OpenGate(BareMachine machine, byte vector)
    {
        ulong gate = BareMachine.InitialState().Idtr.Base + (vector * 16UL);
        Assert.True(machine.Ram.TryRead(gate, out ulong low));
        Assert.True(machine.Ram.TryWrite(gate, low | (3UL << 45)));
    }

    private static void Repeat(Assembler c, string name)
    {
        switch (name)
        {
            case "movs":
                c.rep.movsb();
                break;
            case "stos":
                c.rep.stosb();
                break;
            case "lods":
                c.rep.lodsb();
                break;
            case "scas":
                c.repe.scasb();
                break;
            default:
                c.repe.cmpsb();
                break;
        }
    }

    /// <summary>Logs the interrupted RIP, CS and RFLAGS.</summary>
    private static void LogFrame(Assembler c)
    {
        foreach (int offset in (int[])[0, 8, 16])
        {
            c.mov(rdx, __[rsp + offset]);
            c.mov(__qword_ptr[rdi + offset], rdx);
        }

        c.add(rdi, 24);
        c.or(__dword_ptr[rsp + 16], (int)Resume);
        c.iretq();
    }

    private static unsafe void Watch(BareMachine.CpuRegistersBox box, ulong address, ulong control)
    {
        box.Value.Debug[0] = address;
        box.Value.Debug[7] = 0x400 | control;
    }

    private static unsafe ulong DebugStatus(in CpuRegisters registers)
    {
        fixed (CpuRegisters* pointer = &registers)
        {
            return pointer->Debug[6];
        }
    }

    /// <summary>The table of the translator with the name of a maker.</summary>
    private static CpuidTable OfMaker(bool amd)
    {
        CpuidTable table = CpuidModels.ForTranslator(0, 0, 1);
        CpuidResult name = table.Query(0, 0);
        name = amd ? name with { Ebx = 0x6874_7541, Edx = 0x6974_6E65, Ecx = 0x444D_4163 }
            : name with { Ebx = 0x756E_6547, Edx = 0x4965_6E69, Ecx = 0x6C65_746E };
        return new CpuidTable([new CpuidEntry(0, 0, false, name), .. table.Entries.Where(entry => entry.Function != 0)]);
    }
}
