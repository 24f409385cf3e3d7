using Iced.Intel;
using Nacelle.Cpu;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests;

/// <summary>Accesses that lie in two pages, which are not neighbours in guest-physical memory.</summary>
public sealed class PageCrossingTests
{
    private const ulong Window = 0x3000_0000;
    private const ulong End = Window + 0x20_0000;

    [Fact]
    public void Values_across_pages_are_read_and_written_whole_again_and_again()
    {
        using BareMachine machine = WithTornWindow();
        CpuRegisters registers = machine.Run(c =>
        {
            Label again = c.CreateLabel();
            c.mov(rsi, End - 4);
            c.mov(ecx, 1000);
            c.xor(ebx, ebx);
            c.mov(__qword_ptr[rsi], 0);
            c.Label(ref again);
            c.mov(rax, __[rsi]);
            c.add(rbx, rax);
            c.inc(rax);
            c.mov(__[rsi], rax);
            c.@lock.add(__qword_ptr[rsi], 1);
            c.dec(ecx);
            c.jne(again);
            c.movdqu(xmm1, __xmmword_ptr[rsi - 5]);
            c.movdqu(__xmmword_ptr[rsi - 7], xmm1);
            c.mov(rdx, __[rsi - 2]);
        });
        Assert.Equal(999UL * 1000, BareMachine.General(registers, GeneralRegister.Rbx));
        Assert.Equal(2000UL, BareMachine.General(registers, GeneralRegister.Rdx));
        Assert.True(machine.Ram.TryRead(0x60_0000 - 2UL, out ushort _));

        // Three thousand accesses, none of which leaves translated code once both pages are known.
        Assert.InRange(machine.Counters.CarefulExits, 0UL, 20UL);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_aligned_access_that_crosses_is_refused_by_its_alignment(bool write)
    {
        using BareMachine machine = WithTornWindow();
        machine.Route(13);
        CpuRegisters registers = machine.Run(
            c =>
            {
                c.mov(rsi, End - 8);
                if (write)
                {
                    c.movaps(__xmmword_ptr[rsi], xmm0);
                }
                else
                {
                    c.movaps(xmm0, __xmmword_ptr[rsi]);
                }
            },
            handler: c =>
            {
                c.mov(ebx, 13);
                c.add(__qword_ptr[rsp + 8], 3);
                c.add(rsp, 8);
                c.iretq();
            });
        Assert.Equal(13UL, BareMachine.General(registers, GeneralRegister.Rbx));
    }

    /// <summary>Two large pages side by side in linear memory and far apart in guest-physical memory.</summary>
    private static BareMachine WithTornWindow()
    {
        BareMachine machine = new();
        Assert.True(machine.Ram.TryWrite(0x3000 + ((Window >> 21) * 8), 0x40_0000UL | 0x83));
        Assert.True(machine.Ram.TryWrite(0x3000 + ((End >> 21) * 8), 0x100_0000UL | 0x83));
        return machine;
    }
}
