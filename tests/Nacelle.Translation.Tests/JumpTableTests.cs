using Iced.Intel;
using Nacelle.Cpu;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests;

/// <summary>Indirect branches find their targets in a table, and need the monitor only for what is not there.</summary>
public sealed class JumpTableTests
{
    private const uint Rounds = 1000;

    /// <summary>What an empty entry holds is the address 0: code that lies there must not be taken to be known.</summary>
    [Fact]
    public void Code_at_address_0_is_found_when_it_is_there_and_only_then()
    {
        using BareMachine machine = new();
        PlaceIncrement(machine, 0);
        CpuRegisters registers = machine.Run(c => CallInTurn(c, 0));
        Assert.Equal(Rounds, BareMachine.General(registers, GeneralRegister.Rbx));
        Assert.InRange(machine.Counters.LookupExits, 1UL, 20UL);
    }

    /// <summary>Targets whose low bits are the same, as those of large programs often are.</summary>
    [Theory]
    [InlineData(0x8000)]
    [InlineData(0x1_8000)]
    public void Targets_at_a_distance_do_not_displace_each_other(int distance)
    {
        const ulong first = 0x80_0000;
        using BareMachine machine = new();
        PlaceIncrement(machine, first);
        PlaceIncrement(machine, first + (ulong)distance);
        CpuRegisters registers = machine.Run(c => CallInTurn(c, first, first + (ulong)distance));
        Assert.Equal(2UL * Rounds, BareMachine.General(registers, GeneralRegister.Rbx));
        Assert.InRange(machine.Counters.LookupExits, 2UL, 20UL);
    }

    /// <summary>A target whose code is written is forgotten, and so is one that lies at a page that is mapped elsewhere.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_target_that_changes_is_looked_up_anew(bool remapped)
    {
        const ulong target = 0x80_0000;
        const ulong other = 0x90_0000;
        using BareMachine machine = new();
        PlaceIncrement(machine, target);

        // sub ebx, 1; ret.
        Assert.True(machine.Ram.TryWrite(other, [0x83, 0xEB, 0x01, 0xC3]));
        machine.OnRequest = () =>
        {
            if (remapped)
            {
                BareMachine.MapPage(machine.Ram, target, other | 3);
            }
            else
            {
                Assert.True(machine.Ram.TryWrite(target, [0x83, 0xEB, 0x01, 0xC3]));
            }
        };
        CpuRegisters registers = machine.Run(c =>
        {
            CallInTurn(c, target);
            c.@out(0xF0, al);
            c.invlpg(__byte_ptr[target]);
            c.mov(ecx, Rounds - 10);
            Call(c, target);
        });
        Assert.Equal(10UL, BareMachine.General(registers, GeneralRegister.Rbx));
    }

    private static void PlaceIncrement(BareMachine machine, ulong address) =>
        Assert.True(machine.Ram.TryWrite(address, [0xFF, 0xC3, 0xC3]));

    private static void CallInTurn(Assembler c, params ulong[] targets)
    {
        c.xor(ebx, ebx);
        c.mov(ecx, Rounds);
        Call(c, targets);
    }

    private static void Call(Assembler c, params ulong[] targets)
    {
        Label loop = c.CreateLabel();
        c.Label(ref loop);
        foreach (ulong target in targets)
        {
            c.mov(rax, target);
            c.call(rax);
        }

        c.dec(ecx);
        c.jne(loop);
    }
}
