using Iced.Intel;
using Nacelle.Cpu;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests;

/// <summary>Calls and returns of the guest are calls and returns of the host, whatever the guest does with its stack.</summary>
public sealed class ReturnStackTests
{
    [Fact]
    public void Nested_calls_return_as_foretold()
    {
        using BareMachine machine = new();
        CpuRegisters registers = machine.Run(c => Recurse(c, depth: 30, rounds: 1000));
        Assert.Equal(30_000UL, BareMachine.General(registers, GeneralRegister.Rbx));
        Assert.InRange(machine.Counters.ReturnMisses + machine.Counters.ReturnUnderflows, 0UL, 2_000UL);
    }

    [Fact]
    public void Calls_far_deeper_than_the_return_stack_return_too()
    {
        const uint depth = 60_000;
        using BareMachine machine = new();
        CpuRegisters registers = machine.Run(c => Recurse(c, depth, rounds: 2));
        Assert.Equal(2UL * depth, BareMachine.General(registers, GeneralRegister.Rbx));
        Assert.Equal(BareMachine.StackTop, BareMachine.General(registers, GeneralRegister.Rsp));
        Assert.InRange(machine.Counters.AttentionExits, 4UL, 10_000UL);
    }

    [Fact]
    public void A_return_elsewhere_than_to_its_call_goes_there()
    {
        using BareMachine machine = new();
        CpuRegisters registers = machine.Run(c =>
        {
            Label routine = c.CreateLabel();
            Label elsewhere = c.CreateLabel();
            Label loop = c.CreateLabel();
            Label start = c.CreateLabel();
            c.xor(ebx, ebx);
            c.mov(ecx, 100);
            c.jmp(start);
            c.Label(ref routine);
            c.lea(rax, __[elsewhere]);
            c.mov(__[rsp], rax);
            c.ret();
            c.Label(ref elsewhere);
            c.add(ebx, 2);
            c.dec(ecx);
            c.jne(loop);
            c.jmp(start);
            c.Label(ref loop);
            c.call(routine);
            c.add(ebx, 1000);
            c.Label(ref start);
            c.test(ecx, ecx);
            c.jne(loop);
        });
        Assert.Equal(200UL, BareMachine.General(registers, GeneralRegister.Rbx));
    }

    /// <summary>Counts in EBX the calls of a routine that calls itself.</summary>
    private static void Recurse(Assembler c, uint depth, uint rounds)
    {
        Label routine = c.CreateLabel();
        Label deepest = c.CreateLabel();
        Label round = c.CreateLabel();
        c.xor(ebx, ebx);
        c.mov(esi, rounds);
        c.jmp(round);
        c.Label(ref routine);
        c.inc(ebx);
        c.dec(ecx);
        c.je(deepest);
        c.call(routine);
        c.Label(ref deepest);
        c.ret();
        c.Label(ref round);
        c.mov(ecx, depth);
        c.call(routine);
        c.dec(esi);
        c.jne(round);
    }
}
