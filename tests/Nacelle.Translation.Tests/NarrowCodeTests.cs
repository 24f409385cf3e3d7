using Iced.Intel;
using Nacelle.Cpu;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests;

/// <summary>The stack and the calls of 16- and 32-bit code, which are emitted as those of 64-bit code are.</summary>
public sealed class NarrowCodeTests
{
    // Those that end the run, and a few before anything is translated.
    private const ulong FewOperations = 8;
    private const int Routine = 0x14_0000;

    [Fact]
    public void Code_of_32_bits_calls_pushes_and_returns()
    {
        using BareMachine machine = new();
        PlaceRoutine(machine, Routine, bitness: 32, Routine);
        CpuRegisters registers = machine.RunCompatible(c =>
        {
            Label fibonacci = c.CreateLabel();
            Label small = c.CreateLabel();
            Label main = c.CreateLabel();
            c.jmp(main);

            // fibonacci(n) with its argument on the stack, which it takes away.
            c.Label(ref fibonacci);
            c.push(ebp);
            c.mov(ebp, esp);
            c.push(ebx);
            c.mov(eax, __[ebp + 8]);
            c.cmp(eax, 2);
            c.jb(small);
            c.dec(eax);
            c.push(eax);
            c.call(fibonacci);
            c.mov(ebx, eax);
            c.mov(eax, __[ebp + 8]);
            c.sub(eax, 2);
            c.push(eax);
            c.call(fibonacci);
            c.add(eax, ebx);
            c.Label(ref small);
            c.mov(ebx, __[ebp - 4]);
            c.leave();
            c.ret(4);

            c.Label(ref main);
            c.mov(ebx, 7);
            c.push(20);
            c.call(fibonacci);
            c.mov(edi, eax);
            c.xor(esi, esi);
            c.mov(edx, Routine);
            c.call(edx);
            c.mov(__[(int)BareMachine.DataAddress], edx);
            c.call(__dword_ptr[(int)BareMachine.DataAddress]);
            c.push(__dword_ptr[(int)BareMachine.DataAddress]);
            c.pop(ecx);
            c.sub(ecx, edx);
            c.push(-5);
            c.pop(edx);
            c.mov(eax, esp);
        });
        Assert.Equal(6765UL, BareMachine.General(registers, GeneralRegister.Rdi));
        Assert.Equal(7UL, BareMachine.General(registers, GeneralRegister.Rbx));
        Assert.Equal(6UL, BareMachine.General(registers, GeneralRegister.Rsi));
        Assert.Equal(0UL, BareMachine.General(registers, GeneralRegister.Rcx));
        Assert.Equal(unchecked((uint)-5), BareMachine.General(registers, GeneralRegister.Rdx));
        Assert.Equal(BareMachine.StackTop, BareMachine.General(registers, GeneralRegister.Rax));
        Assert.InRange(machine.Counters.OperationExits, 0UL, FewOperations);
    }

    [Fact]
    public void The_upper_halves_of_registers_do_not_matter_to_32_bit_code()
    {
        const ulong garbage = 0xDEAD_BEEFUL << 32;
        using BareMachine machine = new();
        CpuRegisters registers = machine.RunCompatible(
            c =>
            {
                c.push(esi);
                c.rep.movsd();
                c.pop(ebx);
                c.mov(eax, __[(int)BareMachine.DataAddress + 0x3000]);
                c.mov(edx, __[(int)BareMachine.DataAddress + 0x3000 + 4996]);
            },
            prepare: box =>
            {
                BareMachine.SetGeneral(box, GeneralRegister.Rsp, garbage | BareMachine.StackTop);
                BareMachine.SetGeneral(box, GeneralRegister.Rsi, garbage | BareMachine.DataAddress);
                BareMachine.SetGeneral(box, GeneralRegister.Rdi, garbage | (BareMachine.DataAddress + 0x3000));
                BareMachine.SetGeneral(box, GeneralRegister.Rcx, garbage | 1250);
                Assert.True(machine.Ram.TryWrite(BareMachine.DataAddress, 0x1111_1111U));
                Assert.True(machine.Ram.TryWrite(BareMachine.DataAddress + 4996, 0x2222_2222U));
            });
        Assert.Equal(0x1111_1111UL, BareMachine.General(registers, GeneralRegister.Rax));
        Assert.Equal(0x2222_2222UL, BareMachine.General(registers, GeneralRegister.Rdx));
        Assert.Equal(BareMachine.DataAddress, BareMachine.General(registers, GeneralRegister.Rbx));
        Assert.Equal(0U, (uint)BareMachine.General(registers, GeneralRegister.Rcx));
        Assert.Equal((uint)BareMachine.DataAddress + 5000, (uint)BareMachine.General(registers, GeneralRegister.Rsi));
    }

    [Fact]
    public void Code_of_16_bits_calls_pushes_and_returns_with_a_stack_of_64_KiB()
    {
        using BareMachine machine = new();
        PlaceRoutine(machine, 0x1_3000, bitness: 16, 0x3000);
        CpuRegisters registers = machine.RunReal(
            c =>
            {
                Label sum = c.CreateLabel();
                Label last = c.CreateLabel();
                Label main = c.CreateLabel();
                c.jmp(main);

                // sum(n) = n + sum(n - 1), as deep as the stack wraps.
                c.Label(ref sum);
                c.push(bp);
                c.mov(bp, sp);
                c.mov(ax, __[bp + 4]);
                c.test(ax, ax);
                c.je(last);
                c.dec(ax);
                c.push(ax);
                c.call(sum);
                c.add(ax, __[bp + 4]);
                c.Label(ref last);
                c.leave();
                c.ret(2);

                c.Label(ref main);
                c.push(100);
                c.call(sum);
                c.mov(di, ax);
                c.xor(si, si);
                c.mov(bx, 0x3000);
                c.call(bx);
                c.mov(__word_ptr[0x500], bx);
                c.call(__word_ptr[0x500]);
                c.push(__word_ptr[0x500]);
                c.pop(cx);
                c.sub(cx, bx);
                c.push(sp);
                c.pop(dx);
                c.mov(ebx, 0x1234_5678);
                c.push(ebx);
                c.xor(ebx, ebx);
                c.pop(ebx);
            },
            box => BareMachine.SetGeneral(box, GeneralRegister.Rsp, 0xABCD_0100));
        Assert.Equal(5050U, (ushort)BareMachine.General(registers, GeneralRegister.Rdi));
        Assert.Equal(6U, (ushort)BareMachine.General(registers, GeneralRegister.Rsi));
        Assert.Equal(0U, (ushort)BareMachine.General(registers, GeneralRegister.Rcx));
        Assert.Equal(0x100U, (ushort)BareMachine.General(registers, GeneralRegister.Rdx));
        Assert.Equal(0x1234_5678UL, BareMachine.General(registers, GeneralRegister.Rbx));
        Assert.Equal(0xABCD_0100UL, BareMachine.General(registers, GeneralRegister.Rsp));
        Assert.InRange(machine.Counters.OperationExits, 0UL, FewOperations);
    }

    [Fact]
    public void Code_at_the_same_offset_of_two_segments_is_kept_apart()
    {
        const int turns = 300;
        using BareMachine machine = new();
        foreach ((ulong segment, int value) in ((ulong, int)[])[(0x4000, 1), (0x5000, 1000)])
        {
            // A far routine that calls a near one, by the same offsets in both segments; the near one lies in another page.
            machine.Place(
                (segment << 4) + 0x100,
                c =>
                {
                    c.call(0x2100);
                    c.jmp(0x2200);
                },
                bitness: 16,
                rip: 0x100);
            machine.Place(
                (segment << 4) + 0x2100,
                c =>
                {
                    c.add(esi, value);
                    c.ret();
                },
                bitness: 16,
                rip: 0x2100);
            machine.Place(
                (segment << 4) + 0x2200,
                c =>
                {
                    c.add(edi, value);
                    c.retf();
                },
                bitness: 16,
                rip: 0x2200);
        }

        CpuRegisters registers = machine.RunReal(c =>
        {
            Label again = c.CreateLabel();
            c.xor(esi, esi);
            c.xor(edi, edi);
            c.mov(cx, turns);
            c.Label(ref again);
            c.call(0x4000, 0x100);
            c.call(0x5000, 0x100);
            c.dec(cx);
            c.jne(again);
        });
        Assert.Equal(turns * 1001UL, BareMachine.General(registers, GeneralRegister.Rsi));
        Assert.Equal(turns * 1001UL, BareMachine.General(registers, GeneralRegister.Rdi));
    }

    private static void PlaceRoutine(BareMachine machine, ulong address, int bitness, ulong rip) => machine.Place(
        address,
        c =>
        {
            c.add(esi, 3);
            c.ret();
        },
        bitness,
        rip);
}
