using Iced.Intel;
using Nacelle.Cpu;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests;

/// <summary>Instructions that lie in two pages, whose blocks the jump table finds as long as both pages stay where they are.</summary>
public sealed class CrossingCodeTests
{
    // The large page of tail code begins here; another one holds the same instruction's other tail.
    private const ulong Boundary = 0x60_0000;
    private const ulong OtherTail = 0x80_0000;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_instruction_in_two_pages_leaves_translated_code_only_at_first(bool user)
    {
        const int turns = 1000;
        using BareMachine machine = new();
        machine.LetUsersIn();
        Place(machine);
        CpuRegisters registers = machine.Run(
            c =>
            {
                Label again = c.CreateLabel();
                c.mov(ecx, turns);
                c.xor(edx, edx);
                c.Label(ref again);
                c.call(Boundary - 5);
                c.add(edx, eax);
                c.dec(ecx);
                c.jne(again);
            },
            prepare: user ? BareMachine.AsUser : null);
        Assert.Equal(turns * 0x11UL, BareMachine.General(registers, GeneralRegister.Rdx));
        Assert.InRange(machine.Counters.LinkExits + machine.Counters.LookupExits, 1UL, 50UL);
    }

    [Fact]
    public void A_second_page_that_is_mapped_anew_is_the_one_run()
    {
        const int writableLargePage = 0x83;
        using BareMachine machine = new();
        Place(machine);
        CpuRegisters registers = machine.Run(c =>
        {
            Label before = c.CreateLabel();
            Label after = c.CreateLabel();
            c.mov(ecx, 20);
            c.Label(ref before);
            c.call(Boundary - 5);
            c.dec(ecx);
            c.jne(before);
            c.mov(ebx, eax);
            c.mov(__dword_ptr[0x3000 + ((Boundary >> 21) * 8)], (int)OtherTail | writableLargePage);
            c.invlpg(__[Boundary]);
            c.mov(ecx, 20);
            c.Label(ref after);
            c.call(Boundary - 5);
            c.dec(ecx);
            c.jne(after);
        });
        Assert.Equal(0x11UL, BareMachine.General(registers, GeneralRegister.Rbx));
        Assert.Equal(0x22UL, BareMachine.General(registers, GeneralRegister.Rax));
    }

    /// <summary>nop × 3; mov eax, imm32; ret: the constant begins in the second page, and there are two of those.</summary>
    private static void Place(BareMachine machine)
    {
        Assert.True(machine.Ram.TryWrite(Boundary - 5, (ReadOnlySpan<byte>)[0x90, 0x90, 0x90, 0x40, 0xB8]));
        Assert.True(machine.Ram.TryWrite(Boundary, (ReadOnlySpan<byte>)[0x11, 0, 0, 0, 0xC3]));
        Assert.True(machine.Ram.TryWrite(OtherTail, (ReadOnlySpan<byte>)[0x22, 0, 0, 0, 0xC3]));
    }
}
