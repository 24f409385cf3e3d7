using Iced.Intel;
using Nacelle.Cpu;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests.CodeChanges;

/// <summary>
/// One vCPU changes code or page tables under another, by the protocols that the architecture asks for (SDM volume 3, 9.1.3 and
/// 5.10.5).
/// </summary>
[Collection(nameof(CrossModifyingTests))]
[CollectionDefinition(nameof(CrossModifyingTests), DisableParallelization = true)]
public sealed partial class CrossModifyingTests
{
    private const ulong Flag = BareMachine.DataAddress;
    private const ulong Answer = BareMachine.DataAddress + 0x100;
    private const ulong Routine = 0x40_0000;
    private const ulong Other = 0x50_0000;
    private const ulong Alias = 0x60_0000;
    private const uint Rounds = 2000;

    [Theory]
    [InlineData("cpuid", Routine)]
    [InlineData("iretq", Routine)]
    [InlineData("mov cr3", Routine)]
    [InlineData("invlpg", Routine)]
    [InlineData("wrmsr", Routine)]
    [InlineData("cpuid", Alias)]
    [InlineData("iretq", Alias)]
    public void Code_that_another_vcpu_has_changed_is_run_after_a_serialising_instruction(string serialising, ulong written)
    {
        using BareMultiprocessor machine = new(2);
        BareMachine.MapPage(machine.Ram, Alias, Routine | 3);
        machine.Place(Routine, c =>
        {
            c.db(0xB8, 0, 0, 0, 0);
            c.ret();
        });
        CpuRegisters[] registers = machine.Run(
            c => Ask(c, () => c.mov(__dword_ptr[written + 1], r13d)),
            c => Reply(
                c,
                () =>
                {
                    Serialise(c, serialising);
                    c.call(Routine);
                },
                change: null));
        Check(registers);
    }

    /// <summary>As the other, with an instruction that lies across two pages.</summary>
    [Fact]
    public void An_instruction_across_two_pages_that_another_vcpu_has_changed_is_run()
    {
        using BareMultiprocessor machine = new(2);
        const ulong across = Routine + 0x1000 - 3;
        BareMachine.MapPage(machine.Ram, Routine + 0x1000, Other | 3);
        Assert.True(machine.Ram.TryWrite(across, (byte[])[0xB8, 0, 0]));
        Assert.True(machine.Ram.TryWrite(Other, (byte[])[0, 0, 0xC3]));
        CpuRegisters[] registers = machine.Run(
            c => Ask(c, () =>
            {
                c.mov(rsi, across + 1);
                c.mov(eax, r13d);
                c.shl(eax, 12);
                c.or(eax, r13d);
                c.mov(__[rsi], eax);
            }),
            c => Reply(
                c,
                () =>
                {
                    Serialise(c, "cpuid");
                    c.call(across);
                    c.and(eax, 0xFFF);
                },
                change: null));
        Check(registers, n => n & 0xFFF);
    }

    /// <summary>Code that the other vCPU runs for the first time just before it is changed: each round in a page of its own.</summary>
    [Fact]
    public void Code_that_changes_while_it_is_run_for_the_first_time_is_run_anew()
    {
        const ulong pages = 0x80_0000;
        const uint rounds = 1600;
        using BareMultiprocessor machine = new(2);
        for (ulong page = 0; page <= rounds; page++)
        {
            Assert.True(machine.Ram.TryWrite(pages + (page * 4096), (byte[])[0xB8, 0, 0, 0, 0, 0xC3]));
        }

        CpuRegisters[] registers = machine.Run(
            c => Ask(
                c,
                () =>
                {
                    // It may be written straight before it is code; nothing here goes backwards, so nothing is looked at in between.
                    c.mov(r10d, r13d);
                    c.shl(r10, 12);
                    c.add(r10, (int)pages);
                    c.mov(__byte_ptr[r10 + 0x800], 1);
                    c.mov(__dword_ptr[Flag + 0x80], r13d);
                    DawdleByRound(c);
                    c.mov(__[r10 + 1], r13d);
                },
                afterwards: () => Dawdle(c, 2000),
                rounds),
            c => Reply(
                c,
                () =>
                {
                    Serialise(c, "cpuid");
                    c.mov(r10d, r13d);
                    c.shl(r10, 12);
                    c.add(r10, (int)pages);
                    c.call(r10);
                },
                () =>
                {
                    Label wait = c.CreateLabel();
                    c.Label(ref wait);
                    c.cmp(__[Flag + 0x80], r13d);
                    c.jne(wait);
                    c.mov(r10d, r13d);
                    c.shl(r10, 12);
                    c.add(r10, (int)pages);
                    c.call(r10);
                },
                rounds));
        Check(registers, rounds: rounds);
    }

    /// <summary>A loop ends because another vCPU has put a return into it.</summary>
    [Fact]
    public void A_loop_into_which_another_vcpu_writes_its_end_ends()
    {
        const uint rounds = 200;
        using BareMultiprocessor machine = new(2);
        machine.Place(Routine, c =>
        {
            // Eight aligned bytes: two NOPs, INC EAX, a jump back to the start.
            c.db(0x90, 0x90, 0xFF, 0xC0, 0xEB, 0xFA);
        });
        CpuRegisters[] registers = machine.Run(
            c => Ask(
                c,
                () => { },
                afterwards: () =>
                {
                    Dawdle(c, 50);
                    c.mov(eax, r13d);
                    c.and(eax, 7);
                    Label go = c.CreateLabel();
                    c.cmp(eax, 7);
                    c.jne(go);
                    Dawdle(c, 500);
                    c.Label(ref go);
                    c.mov(__byte_ptr[Routine], 0xC3);
                },
                rounds),
            c => Reply(
                c,
                () =>
                {
                    c.xor(eax, eax);
                    c.call(Routine);
                    c.mov(__byte_ptr[Routine], 0x90);
                    c.mov(eax, r13d);
                },
                change: null,
                rounds));
        Check(registers, rounds: rounds);
    }

    private static void Check(CpuRegisters[] registers, Func<uint, uint>? result = null, uint rounds = Rounds)
    {
        ulong expected = 0;
        for (uint n = 1; n < rounds; n++)
        {
            expected = (expected * 31) + (result?.Invoke(n) ?? n);
        }

        Assert.Equal(expected, BareMachine.General(registers[1], GeneralRegister.R12));
    }

    /// <summary>R13 counts rounds: make a change, raise the flag, wait for the answer.</summary>
    private static void Ask(Assembler c, Action change, Action? afterwards = null, uint rounds = Rounds)
    {
        Label loop = c.CreateLabel();
        Label wait = c.CreateLabel();
        c.xor(ebp, ebp);
        c.mov(r13d, 1);
        c.Label(ref loop);
        c.nop();
        change();
        c.mov(__dword_ptr[Flag], r13d);
        afterwards?.Invoke();
        c.nop();
        c.Label(ref wait);
        c.pause();
        c.cmp(__[Answer + 8], r13d);
        c.jne(wait);
        c.inc(r13d);
        c.cmp(r13d, rounds);
        c.jne(loop);
    }

    /// <summary>Waits for the flag, does something, adds EAX to the sum in R12, answers.</summary>
    private static void Reply(Assembler c, Action round, Action? change, uint rounds = Rounds)
    {
        Label loop = c.CreateLabel();
        Label wait = c.CreateLabel();
        c.xor(r12d, r12d);
        c.mov(r13d, 1);
        c.Label(ref loop);
        c.nop();
        change?.Invoke();
        c.Label(ref wait);
        c.pause();
        c.cmp(__[Flag], r13d);
        c.jne(wait);
        round();
        c.mov(eax, eax);
        c.imul(r12, r12, 31);
        c.add(r12, rax);
        c.mov(__dword_ptr[Answer + 8], r13d);
        c.inc(r13d);
        c.cmp(r13d, rounds);
        c.jne(loop);
    }

    /// <summary>Takes a while without going backwards.</summary>
    private static void Dawdle(Assembler c, int cosines)
    {
        c.fldpi();
        for (int i = 0; i < cosines; i++)
        {
            c.fcos();
        }

        c.fstp(st0);
    }

    /// <summary>Takes a while that is another in each round, without going backwards.</summary>
    private static void DawdleByRound(Assembler c)
    {
        for (int bit = 0; bit < 6; bit++)
        {
            Label next = c.CreateLabel();
            c.test(r13d, 1 << bit);
            c.je(next);
            Dawdle(c, 50 << bit);
            c.Label(ref next);
            c.nop();
        }
    }

    private static void Serialise(Assembler c, string name)
    {
        switch (name)
        {
            case "cpuid":
                c.xor(eax, eax);
                c.cpuid();
                break;
            case "iretq":
                Label next = c.CreateLabel();
                c.mov(rax, rsp);
                c.push(0x10);
                c.push(rax);
                c.pushfq();
                c.push(8);
                c.lea(rax, __[next]);
                c.push(rax);
                c.iretq();
                c.Label(ref next);
                c.nop();
                break;
            case "mov cr3":
                c.mov(rax, cr3);
                c.mov(cr3, rax);
                break;
            case "mov cr4":
                c.mov(rax, cr4);
                c.xor(eax, 0x80);
                c.mov(cr4, rax);
                c.xor(eax, 0x80);
                c.mov(cr4, rax);
                break;
            case "invlpg":
                c.invlpg(__byte_ptr[Other + 0x8000]);
                break;
            default:
                c.mov(ecx, 0xC000_0102);
                c.xor(eax, eax);
                c.xor(edx, edx);
                c.wrmsr();
                break;
        }
    }
}
