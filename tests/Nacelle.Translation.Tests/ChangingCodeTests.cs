using Iced.Intel;
using Nacelle.Cpu;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests;

/// <summary>Code that is rewritten again and again, as just-in-time compilers do, still runs as it is written.</summary>
public sealed class ChangingCodeTests
{
    private const ulong Target = BareMachine.DataAddress;
    private const int Rounds = 300;

    // A page is taken to keep changing after 16 changes; what costs an exit each round would cost 300.
    private const ulong Few = 100;

    [Theory]
    [InlineData(0x8D, 0x87)]
    [InlineData(0x81, 0xC7)]
    [InlineData(0x81, 0xF7)]
    [InlineData(0x69, 0xFF)]
    public void A_constant_that_changes_each_time_is_the_one_used(byte opcode, byte modRm)
    {
        // lea eax, [rdi + n]; or add, xor, imul edi, n; then lea eax, [rdi].
        byte[] code = [opcode, modRm, 0, 0, 0, 0, .. opcode == 0x8D ? Array.Empty<byte>() : [0x8D, 0x07], 0xC3];
        using BareMachine machine = new();
        Assert.True(machine.Ram.TryWrite(Target, code.AsSpan()));
        CheckRounds(
            machine,
            c =>
            {
                c.mov(__dword_ptr[rbp + 2], ebx);
                c.lea(edi, __[rbx + 7]);
                c.call(Target);
            },
            n => (opcode, modRm) switch
            {
                (0x8D, _) or (0x81, 0xC7) => n + 7 + n,
                (0x81, _) => (n + 7) ^ n,
                _ => (n + 7) * n,
            });
        Assert.InRange(machine.Counters.CarefulExits, 0UL, Few);
        if (opcode == 0x8D)
        {
            Assert.InRange(machine.Counters.StaleExits, 1UL, Few);
        }
    }

    [Fact]
    public void A_moved_constant_that_changes_each_time_is_the_one_used()
    {
        using BareMachine machine = new();
        machine.Place(Target, c =>
        {
            c.db(0x49, 0xBD, 0, 0, 0, 0, 0, 0, 0, 0);
            c.db(0xBA, 0, 0, 0, 0);
            c.lea(eax, __[r13 + rdx]);
            c.ret();
        });
        CheckRounds(
            machine,
            c =>
            {
                c.mov(__qword_ptr[rbp + 2], rbx);
                c.mov(__dword_ptr[rbp + 11], ebx);
                c.call(Target);
            },
            n => n + n);
        Assert.InRange(machine.Counters.CarefulExits, 0UL, Few);
        Assert.InRange(machine.Counters.StaleExits, 1UL, Few);
    }

    [Fact]
    public void An_instruction_that_changes_each_time_is_the_one_run()
    {
        // The last but one byte makes add, or, adc, sbb, and, sub, xor, cmp eax, 0x11 in turn.
        byte[] code = [0xB8, 0x34, 0x12, 0, 0, 0x83, 0xC0, 0x11, 0xC3];
        using BareMachine machine = new();
        Assert.True(machine.Ram.TryWrite(Target, code.AsSpan()));
        CheckRounds(
            machine,
            c =>
            {
                c.mov(ecx, ebx);
                c.and(ecx, 7);
                c.shl(ecx, 3);
                c.or(ecx, 0xC0);
                c.mov(__byte_ptr[rbp + 6], cl);
                c.clc();
                c.call(Target);
            },
            n => (n & 7) switch
            {
                0 or 2 => 0x1234 + 0x11,
                1 => 0x1234 | 0x11,
                3 or 5 => 0x1234 - 0x11,
                4 => 0x1234 & 0x11,
                6 => 0x1234 ^ 0x11,
                _ => 0x1234,
            });
        Assert.InRange(machine.Counters.CarefulExits, 0UL, Few);
    }

    [Fact]
    public void An_instruction_that_needs_the_flags_may_replace_one_that_does_not()
    {
        // cmp eax, 0 and adc edx, 0 in turn, with the carry set.
        const int compare = 0x00F8_83;
        const int addWithCarry = 0x00D2_83;
        using BareMachine machine = new();
        machine.Place(Target, c =>
        {
            c.db(0x83, 0xF8, 0, 0x90);
            c.ret();
        });
        CpuRegisters registers = machine.Run(c =>
        {
            Label again = c.CreateLabel();
            c.mov(ecx, Rounds);
            c.mov(ebx, compare | unchecked((int)0x9000_0000));
            c.xor(edx, edx);
            c.xor(eax, eax);
            c.Label(ref again);
            c.xor(ebx, compare ^ addWithCarry);
            c.mov(__dword_ptr[Target], ebx);
            c.stc();
            c.call(Target);
            c.dec(ecx);
            c.jne(again);
        });
        Assert.Equal(Rounds / 2UL, BareMachine.General(registers, GeneralRegister.Rdx));
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
        Assert.True(machine.Ram.TryRead(Target + 7, out byte opcode));
        Assert.Equal(0xB0, opcode);
        CheckRounds(machine, c => c.call(Target), n => (byte)n);
        Assert.InRange(machine.Counters.CarefulExits, 0UL, Few);
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
            c.add(eax, edx);
            c.ret();
        });
        CheckRounds(machine, c => c.call(Target + 0x800), n => n + n);
        Assert.InRange(machine.Counters.CarefulExits, 0UL, Few);
    }

    /// <summary>Runs rounds that change code and call it; a sum over all tells whether each had the right result in EAX.</summary>
    /// <param name="machine">Where.</param>
    /// <param name="round">One round; its number is in RBX, and the address of the code in RBP.</param>
    /// <param name="result">What it should compute.</param>
    private static void CheckRounds(BareMachine machine, Action<Assembler> round, Func<uint, uint> result)
    {
        CpuRegisters registers = machine.Run(c =>
        {
            Label loop = c.CreateLabel();
            c.xor(esi, esi);
            c.xor(ebx, ebx);
            c.mov(rbp, Target);
            c.Label(ref loop);
            round(c);
            c.imul(rsi, rsi, 31);
            c.add(rsi, rax);
            c.inc(ebx);
            c.cmp(ebx, Rounds);
            c.jne(loop);
        });
        ulong expected = 0;
        for (uint n = 0; n < Rounds; n++)
        {
            expected = (expected * 31) + result(n);
        }

        Assert.Equal(expected, BareMachine.General(registers, GeneralRegister.Rsi));
    }
}
