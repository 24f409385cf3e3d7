using Iced.Intel;
using Nacelle.Cpu;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests;

/// <summary>Accesses of user code, which remember the entry of the soft TLB that they used last.</summary>
public sealed class AccessSiteTests
{
    [Fact]
    public void An_access_that_roams_is_translated_anew_and_reads_right()
    {
        const int turns = 200_000;
        const int secondPage = (int)BareMachine.DataAddress + 0x1000;
        using BareMachine machine = new();
        machine.LetUsersIn();
        CpuRegisters registers = machine.Run(
            c =>
            {
                Label again = c.CreateLabel();
                c.mov(__dword_ptr[BareMachine.DataAddress], 1);
                c.mov(__dword_ptr[secondPage], 3);
                c.xor(edx, edx);
                c.xor(esi, esi);
                c.mov(ecx, turns);
                c.Label(ref again);

                // The numbers' upper bits choose one page or the other without any order.
                c.imul(esi, esi, 1664525);
                c.add(esi, 1013904223);
                c.mov(ebx, esi);
                c.shr(ebx, 31);
                c.shl(ebx, 12);
                c.add(edx, __dword_ptr[rbx + (int)BareMachine.DataAddress]);
                c.dec(ecx);
                c.jne(again);
            },
            prepare: BareMachine.AsUser);
        uint number = 0;
        ulong sum = 0;
        for (int turn = 0; turn < turns; turn++)
        {
            number = (number * 1664525) + 1013904223;
            sum += (number >> 31) == 0 ? 1UL : 3;
        }

        Assert.Equal(sum, BareMachine.General(registers, GeneralRegister.Rdx));
        Assert.True(machine.Counters.RoamingExits > 0, "no access was seen to roam");
    }

    [Fact]
    public void An_access_that_stays_in_a_page_is_left_alone()
    {
        using BareMachine machine = new();
        machine.LetUsersIn();
        machine.Run(
            c =>
            {
                Label again = c.CreateLabel();
                c.mov(ebx, (int)BareMachine.DataAddress);
                c.mov(ecx, 100_000);
                c.Label(ref again);
                c.add(__dword_ptr[rbx], ecx);
                c.dec(ecx);
                c.jne(again);
            },
            prepare: BareMachine.AsUser);
        Assert.Equal(0UL, machine.Counters.RoamingExits);
    }

    [Fact]
    public void The_entry_remembered_refuses_every_address_once_it_is_empty()
    {
        // What an empty entry holds is an address of the neighbouring page's index that is not canonical.
        const ulong refused = (1UL << 63) | (BareMachine.DataAddress ^ 0x1000);
        using BareMachine machine = new();
        machine.LetUsersIn();
        machine.Route(13);
        CpuRegisters registers = machine.Run(
            c =>
            {
                Label again = c.CreateLabel();
                c.mov(__qword_ptr[BareMachine.DataAddress + 8], 5);
                c.mov(rbx, BareMachine.DataAddress);
                c.mov(r9, refused);
                c.xor(ebp, ebp);
                c.xor(edx, edx);
                c.mov(ecx, 10);
                c.Label(ref again);
                c.xor(eax, eax);
                c.mov(r12d, 4);
                c.mov(rax, __[rbx + 8]);
                c.add(edx, eax);

                // HLT is refused too, and the handler empties the entry.
                c.mov(r12d, 1);
                c.hlt();
                c.cmp(ecx, 2);
                c.cmove(rbx, r9);
                c.dec(ecx);
                c.jne(again);
            },
            handler: c =>
            {
                c.add(rsp, 8);
                c.inc(ebp);
                c.invlpg(__[BareMachine.DataAddress]);
                c.add(__[rsp], r12);
                c.iretq();
            },
            prepare: BareMachine.AsUser);
        Assert.Equal(9UL * 5, BareMachine.General(registers, GeneralRegister.Rdx));
        Assert.Equal(10UL + 1, BareMachine.General(registers, GeneralRegister.Rbp));
        Assert.Equal(1UL, machine.Counters.HostFaultExits);
    }

    [Fact]
    public void The_entry_remembered_does_not_write_past_the_watch_over_code()
    {
        const ulong routine = 0x40_0F00;
        const int turns = 500;
        using BareMachine machine = new();
        machine.LetUsersIn();
        machine.Place(routine, c =>
        {
            c.mov(eax, 0);
            c.ret();
        });
        CpuRegisters registers = machine.Run(
            c =>
            {
                Label again = c.CreateLabel();
                c.xor(edx, edx);
                c.mov(ecx, turns);
                c.Label(ref again);
                c.mov(__dword_ptr[routine + 1], ecx);
                c.call(routine);
                c.add(edx, eax);
                c.dec(ecx);
                c.jne(again);
            },
            prepare: BareMachine.AsUser);
        Assert.Equal(turns * (turns + 1UL) / 2, BareMachine.General(registers, GeneralRegister.Rdx));
    }
}
