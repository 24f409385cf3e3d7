using Iced.Intel;
using Nacelle.Cpu;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests;

/// <summary>Short loops, of which a block holds several turns whose accesses share a probe.</summary>
public sealed class LoopUnrollingTests
{
    private const int EndOfPage = (int)BareMachine.DataAddress + 0x1000;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_loop_makes_as_many_turns_as_it_says_and_leaves_its_flags(bool user)
    {
        for (int turns = 1; turns <= 13; turns++)
        {
            // Across the end of a page after the first few turns.
            int start = EndOfPage - 12;
            using BareMachine machine = new();
            machine.LetUsersIn();
            CpuRegisters registers = machine.Run(
                c =>
                {
                    Label fill = c.CreateLabel();
                    Label again = c.CreateLabel();
                    c.mov(ebx, start);
                    c.mov(ecx, turns);
                    c.Label(ref fill);
                    c.mov(__dword_ptr[rbx], ecx);
                    c.add(rbx, 4);
                    c.dec(ecx);
                    c.jne(fill);
                    c.mov(ebx, start);
                    c.xor(eax, eax);
                    c.mov(ecx, -turns);
                    c.stc();
                    c.Label(ref again);
                    c.adc(eax, __dword_ptr[rbx]);
                    c.lea(rbx, __[rbx + 4]);
                    c.inc(__dword_ptr[rbx - 4]);
                    c.add(ecx, 1);
                    c.jne(again);

                    // The last ADD carried out of minus one.
                    c.adc(eax, 1000);
                    c.mov(edx, __dword_ptr[start]);
                    c.mov(esi, __dword_ptr[rbx - 4]);
                },
                prepare: user ? BareMachine.AsUser : null);
            Assert.Equal((ulong)(turns * (turns + 1) / 2) + 1002, BareMachine.General(registers, GeneralRegister.Rax));
            Assert.Equal((ulong)turns + 1, BareMachine.General(registers, GeneralRegister.Rdx));
            Assert.Equal(2UL, BareMachine.General(registers, GeneralRegister.Rsi));
        }
    }

    [Fact]
    public void A_fault_in_a_later_turn_shows_the_registers_of_that_turn()
    {
        // Nothing is mapped beyond the first gigabyte.
        const int end = 1 << 30;
        for (int readable = 0; readable <= 9; readable++)
        {
            using BareMachine machine = new();
            machine.LetUsersIn();
            machine.Route(14);
            CpuRegisters registers = machine.Run(
                c =>
                {
                    Label again = c.CreateLabel();
                    Label handled = c.CreateLabel();
                    c.mov(ebx, end - (8 * readable));
                    c.xor(ecx, ecx);
                    c.lea(r12, __[handled]);
                    c.Label(ref again);
                    c.mov(rax, __[rbx]);
                    c.add(rbx, 8);
                    c.inc(ecx);
                    c.cmp(ecx, 1000);
                    c.jne(again);
                    c.Label(ref handled);
                    c.nop();
                },
                handler: c =>
                {
                    c.mov(rdx, cr2);
                    c.mov(__[rsp + 8], r12);
                    c.add(rsp, 8);
                    c.iretq();
                },
                prepare: BareMachine.AsUser);
            Assert.Equal((ulong)readable, BareMachine.General(registers, GeneralRegister.Rcx));
            Assert.Equal((ulong)end, BareMachine.General(registers, GeneralRegister.Rdx));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_loop_that_rewrites_itself_runs_what_it_wrote(bool user)
    {
        using BareMachine machine = new();
        machine.LetUsersIn();
        CpuRegisters registers = machine.Run(
            c =>
            {
                Label again = c.CreateLabel();
                Label changed = c.CreateLabel();
                c.lea(rbx, __[changed]);
                c.xor(edx, edx);
                c.xor(ecx, ecx);
                c.Label(ref again);
                c.inc(ecx);

                // The constant of the next instruction.
                c.mov(__byte_ptr[rbx + 2], cl);
                c.Label(ref changed);
                c.add(edx, 100);
                c.cmp(ecx, 100);
                c.jne(again);
            },
            prepare: user ? BareMachine.AsUser : null);
        Assert.Equal(100UL * 101 / 2, BareMachine.General(registers, GeneralRegister.Rdx));
    }
}
