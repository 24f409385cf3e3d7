using Nacelle.Cpu;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests;

/// <summary>Code that is rewritten again and again, as just-in-time compilers do, still runs as it is written.</summary>
public sealed class ChangingCodeTests
{
    private const ulong Target = BareMachine.DataAddress;
    private const int Rounds = 300;

    [Theory]
    [InlineData(0x8D, 0x87)]
    [InlineData(0x81, 0xC7)]
    [InlineData(0x81, 0xF7)]
    [InlineData(0x69, 0xFF)]
    public void A_constant_that_changes_each_time_is_the_one_used(byte opcode, byte modRm)
    {
        // lea eax, [rdi + n]; or add, xor, imul edi, n; then lea eax, [rdi]: the sum of all rounds tells each n.
        byte[] code = [opcode, modRm, 0, 0, 0, 0, .. opcode == 0x8D ? Array.Empty<byte>() : [0x8D, 0x07], 0xC3];
        using BareMachine machine = new();
        Assert.True(machine.Ram.TryWrite(Target, code.AsSpan()));
        CpuRegisters registers = machine.Run(c =>
        {
            Iced.Intel.Label loop = c.CreateLabel();
            c.xor(esi, esi);
            c.xor(ebx, ebx);
            c.mov(rbp, Target);
            c.Label(ref loop);
            c.mov(__dword_ptr[rbp + 2], ebx);
            c.lea(edi, __[rbx + 7]);
            c.call(Target);
            c.imul(rsi, rsi, 31);
            c.add(rsi, rax);
            c.inc(ebx);
            c.cmp(ebx, Rounds);
            c.jne(loop);
        });
        ulong expected = 0;
        for (uint n = 0; n < Rounds; n++)
        {
            uint rdi = n + 7;
            uint result = (opcode, modRm) switch
            {
                (0x8D, _) or (0x81, 0xC7) => rdi + n,
                (0x81, _) => rdi ^ n,
                _ => rdi * n,
            };
            expected = (expected * 31) + result;
        }

        Assert.Equal(expected, BareMachine.General(registers, GeneralRegister.Rsi));
    }

    [Fact]
    public void An_instruction_that_changes_each_time_is_the_one_run()
    {
        // The middle byte of add, or, adc, sbb, and, sub, xor, cmp eax, imm8 in turn.
        byte[] code = [0xB8, 0x34, 0x12, 0, 0, 0x83, 0xC0, 0x11, 0xC3];
        using BareMachine machine = new();
        Assert.True(machine.Ram.TryWrite(Target, code.AsSpan()));
        CpuRegisters registers = machine.Run(c =>
        {
            Iced.Intel.Label loop = c.CreateLabel();
            c.xor(esi, esi);
            c.xor(ebx, ebx);
            c.mov(rbp, Target);
            c.Label(ref loop);
            c.mov(ecx, ebx);
            c.and(ecx, 7);
            c.shl(ecx, 3);
            c.or(ecx, 0xC0);
            c.mov(__byte_ptr[rbp + 6], cl);
            c.clc();
            c.call(Target);
            c.imul(rsi, rsi, 31);
            c.add(rsi, rax);
            c.inc(ebx);
            c.cmp(ebx, Rounds);
            c.jne(loop);
        });
        ulong expected = 0;
        for (int n = 0; n < Rounds; n++)
        {
            uint result = (n & 7) switch
            {
                0 or 2 => 0x1234 + 0x11,
                1 => 0x1234 | 0x11,
                3 or 5 => 0x1234 - 0x11,
                4 => 0x1234 & 0x11,
                6 => 0x1234 ^ 0x11,
                _ => 0x1234,
            };
            expected = (expected * 31) + result;
        }

        Assert.Equal(expected, BareMachine.General(registers, GeneralRegister.Rsi));
    }

    [Fact]
    public void A_store_to_the_next_instruction_counts_at_once()
    {
        using BareMachine machine = new();

        // mov [next + 1], bl; next: mov al, 0; movzx eax, al; ret.
        machine.Place(Target, c =>
        {
            c.mov(__byte_ptr[Target + 8], bl);
            c.db(0xB0, 0);
            c.movzx(eax, al);
            c.ret();
        });
        byte[] placed = new byte[9];
        Assert.True(machine.Ram.TryRead(Target, placed.AsSpan()));
        Assert.Equal(0xB0, placed[7]);
        CpuRegisters registers = machine.Run(c =>
        {
            Iced.Intel.Label loop = c.CreateLabel();
            c.xor(esi, esi);
            c.xor(ebx, ebx);
            c.Label(ref loop);
            c.call(Target);
            c.imul(rsi, rsi, 31);
            c.add(rsi, rax);
            c.inc(ebx);
            c.cmp(ebx, Rounds);
            c.jne(loop);
        });
        ulong expected = 0;
        for (int n = 0; n < Rounds; n++)
        {
            expected = (expected * 31) + (byte)n;
        }

        Assert.Equal(expected, BareMachine.General(registers, GeneralRegister.Rsi));
    }

    [Fact]
    public void Code_of_the_same_page_that_stays_runs_on()
    {
        using BareMachine machine = new();
        machine.Place(Target, c =>
        {
            c.mov(eax, 0);
            c.ret();
        });
        machine.Place(Target + 0x800, c =>
        {
            c.push(rbx);
            c.mov(__dword_ptr[Target + 1], ebx);
            c.mov(edx, (uint)Target);
            c.call(rdx);
            c.pop(rdx);
            c.add(rax, rdx);
            c.ret();
        });
        CpuRegisters registers = machine.Run(c =>
        {
            Iced.Intel.Label loop = c.CreateLabel();
            c.xor(esi, esi);
            c.xor(ebx, ebx);
            c.Label(ref loop);
            c.call(Target + 0x800);
            c.add(rsi, rax);
            c.inc(ebx);
            c.cmp(ebx, Rounds);
            c.jne(loop);
        });
        Assert.Equal((ulong)(Rounds * (Rounds - 1)), BareMachine.General(registers, GeneralRegister.Rsi));
    }
}
