using Iced.Intel;
using Nacelle.Cpu;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests;

/// <summary>
/// Flags that a block is entered with and sets aside for a memory access before anything reads them, over every way into it.
/// </summary>
public sealed class FlagsAsideTests
{
    private const int Turns = 100;

    /// <summary>How the block is come to.</summary>
    public enum Way
    {
        Jump,
        JumpAfterVectors,
        IndirectJump,
        Return,
        ReturnFromIndirectCall,
    }

    public static TheoryData<Way, bool> Ways
    {
        get
        {
            TheoryData<Way, bool> data = [];
            foreach (Way way in Enum.GetValues<Way>())
            {
                data.Add(way, false);
                data.Add(way, true);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Flags_that_are_set_aside_at_the_entry_come_back(Way way, bool user)
    {
        using BareMachine machine = new();
        machine.LetUsersIn();
        CpuRegisters registers = machine.Run(
            c => Emit(c, way), prepare: user ? BareMachine.AsUser : null);

        // Every other turn comes with the carry and an overflow.
        ulong expected = (Turns / 2) + (1000 * (Turns / 2));
        Assert.Equal(expected, BareMachine.General(registers, GeneralRegister.Rdx));
        Assert.Equal(7UL, BareMachine.General(registers, GeneralRegister.Rcx));
    }

    private static void Emit(Assembler c, Way way)
    {
        Label again = c.CreateLabel();
        Label target = c.CreateLabel();
        Label setFlags = c.CreateLabel();
        Label noOverflow = c.CreateLabel();
        Label end = c.CreateLabel();
        c.mov(__dword_ptr[BareMachine.DataAddress], 7);
        c.mov(ebx, Turns);
        c.mov(r8d, (int)BareMachine.DataAddress);
        c.lea(r9, __[target]);
        c.lea(r10, __[setFlags]);
        c.xor(edx, edx);
        c.Label(ref again);

        // 80h + 80h carries and overflows, 0 + 0 does neither.
        c.mov(eax, ebx);
        c.shl(eax, 7);
        c.and(eax, 0x80);
        switch (way)
        {
            case Way.Jump:
                c.add(al, al);
                c.jmp(target);
                break;
            case Way.JumpAfterVectors:
                c.movd(xmm0, eax);
                c.add(al, al);
                c.jmp(target);
                break;
            case Way.IndirectJump:
                c.add(al, al);
                c.jmp(r9);
                break;
            case Way.Return:
                c.call(setFlags);
                c.jmp(target);
                break;
            case Way.ReturnFromIndirectCall:
                c.call(r10);
                c.jmp(target);
                break;
        }

        c.Label(ref setFlags);
        c.add(al, al);
        c.ret();
        c.Label(ref target);
        c.mov(ecx, __dword_ptr[r8]);
        c.lea(r11d, __[rcx + 1]);
        c.mov(__dword_ptr[r8 + 64], r11d);
        c.jno(noOverflow);
        c.lea(rdx, __[rdx + 1000]);
        c.Label(ref noOverflow);
        c.adc(edx, 0);
        c.dec(ebx);
        c.je(end);
        c.jmp(again);
        c.Label(ref end);
        c.nop();
    }
}
