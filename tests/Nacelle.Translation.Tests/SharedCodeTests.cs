using Iced.Intel;
using Nacelle.Cpu;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests;

/// <summary>One physical page of code that runs at several linear addresses, as a library does in several processes.</summary>
public sealed class SharedCodeTests
{
    private const ulong Upper = 0xFFFF_FFFF_8000_0000;
    private const ulong Routine = 0x40_0F00;
    private const ulong LowAlias = 0x3000_0000;
    private const ulong OtherAlias = 0x400_0000;

    [Fact]
    public void Supervisor_code_computes_with_the_address_it_runs_at()
    {
        using BareMachine machine = new();
        PlaceRoutine(machine);
        CpuRegisters registers = machine.Run(c => CallBoth(c, Routine, Upper + Routine));
        Check(registers, Upper);
    }

    [Fact]
    public void User_code_computes_with_the_address_it_runs_at()
    {
        using BareMachine machine = new();
        machine.LetUsersIn();
        MapAgain(machine, LowAlias);

        PlaceRoutine(machine);
        CpuRegisters registers = machine.Run(
            c => CallBoth(c, Routine, LowAlias + Routine), prepare: BareMachine.AsUser);
        Check(registers, LowAlias);
    }

    [Fact]
    public void User_code_is_translated_once_for_its_first_address_and_once_for_all_others()
    {
        ulong one = CountBlocks([Routine]);
        ulong two = CountBlocks([Routine, LowAlias + Routine]);
        ulong four = CountBlocks([Routine, LowAlias + Routine, LowAlias + OtherAlias + Routine, LowAlias + (2 * OtherAlias) + Routine]);

        // The routine has four blocks; each address adds one of the caller's.
        Assert.True(two - one is 5 && four - two is 2, $"blocks: {one} for one address, {two} for two, {four} for four");
    }

    [Theory]
    [InlineData(7)]
    [InlineData(6)]
    [InlineData(5)]
    [InlineData(4)]
    [InlineData(3)]
    [InlineData(2)]
    [InlineData(1)]
    public void User_code_goes_on_after_a_call_near_the_end_of_its_page(int bytesBeforeTheEnd)
    {
        const ulong end = 0x41_0000;
        using BareMachine machine = new();
        machine.LetUsersIn();
        machine.Place(Routine, c =>
        {
            c.add(ebx, 1);
            c.ret();
        });
        machine.Place(end - (ulong)bytesBeforeTheEnd, c =>
        {
            c.call(Routine);
            c.add(ebx, 16);
            c.call(Routine);
            c.add(ebx, 256);
            c.ret();
        });
        CpuRegisters registers = machine.Run(
            c =>
            {
                c.xor(ebx, ebx);
                c.call(end - (ulong)bytesBeforeTheEnd);
                c.call(end - (ulong)bytesBeforeTheEnd);
            },
            prepare: BareMachine.AsUser);
        Assert.Equal(2UL * (1 + 16 + 1 + 256), BareMachine.General(registers, GeneralRegister.Rbx));
    }

    [Fact]
    public void A_fault_in_shared_user_code_is_reported_where_it_runs()
    {
        using BareMachine machine = new();
        machine.LetUsersIn();
        MapAgain(machine, LowAlias);

        // Beyond the last gigabyte nothing is mapped.
        machine.Place(Routine, c =>
        {
            c.mov(eax, 0x7000_0000);
            c.nop();
            c.mov(ecx, __dword_ptr[rax]);
            c.ret();
        });
        machine.Place(Routine + 0x40, c =>
        {
            c.xor(ecx, ecx);
            c.mov(eax, 1);
            c.xor(edx, edx);
            c.div(ecx);
            c.ret();
        });
        machine.Route(14);
        machine.Route(0);
        CpuRegisters registers = machine.Run(
            c =>
            {
                c.xor(ebp, ebp);
                foreach (ulong address in (ulong[])[Routine, LowAlias + Routine, Routine + 0x40, LowAlias + Routine + 0x40])
                {
                    c.mov(r12, address);
                    c.call(r12);
                    c.mov(__qword_ptr[(rbp * 8) + (int)BareMachine.DataAddress], rbx);
                    c.inc(ebp);
                }
            },
            handler: c =>
            {
                // The interrupted RIP lies above an error code for a page fault only; R12 tells the two apart.
                Label noCode = c.CreateLabel();
                c.test(r12b, 0x40);
                c.jne(noCode);
                c.pop(rbx);
                c.Label(ref noCode);
                c.mov(rbx, __[rsp]);
                c.sub(rbx, r12);
                c.add(__qword_ptr[rsp], 2);
                c.iretq();
            },
            prepare: BareMachine.AsUser);
        Assert.Equal(6UL, machine.Read(0));
        Assert.Equal(6UL, machine.Read(8));
        Assert.Equal(9UL, machine.Read(16));
        Assert.Equal(9UL, machine.Read(24));
    }

    [Fact]
    public void An_operand_relative_to_EIP_lies_below_4_GiB_wherever_its_code_runs()
    {
        const ulong constant = 0x0123_4567_89AB_CDEF;
        const ulong changed = 0xFEDC_BA98_7654_3210;
        ulong[] places = [Routine, (16UL << 30) + Routine, (20UL << 30) + LowAlias + Routine, (16UL << 30) + Routine];
        using BareMachine machine = new();
        machine.LetUsersIn();
        MapAgain(machine, LowAlias);
        foreach (ulong gigabyte in (ulong[])[16, 20])
        {
            Assert.True(machine.Ram.TryWrite(0x2000 + (gigabyte * 8), 0x3007UL));
        }

        // LEA RAX, [EIP + 0F8h]; MOV RDX, [EIP + 0F0h]; XOR [EIP + 0E8h], RCX; MOV RSI, [RIP + 0E1h]; RET. All are the same place.
        Assert.True(machine.Ram.TryWrite(Routine, (byte[])
            [0x67, 0x48, 0x8D, 0x05, 0xF8, 0, 0, 0, 0x67, 0x48, 0x8B, 0x15, 0xF0, 0, 0, 0, 0x67, 0x48, 0x31, 0x0D, 0xE8, 0, 0, 0,
                0x48, 0x8B, 0x35, 0xE1, 0, 0, 0, 0xC3]));
        Assert.True(machine.Ram.TryWrite(Routine + 0x100, constant));
        machine.Run(
            c =>
            {
                c.mov(rcx, constant ^ changed);
                for (int i = 0; i < places.Length; i++)
                {
                    int at = (int)BareMachine.DataAddress + (i * 24);
                    c.mov(rdi, places[i]);
                    c.call(rdi);
                    c.mov(__qword_ptr[at], rax);
                    c.mov(__qword_ptr[at + 8], rdx);
                    c.mov(__qword_ptr[at + 16], rsi);
                }
            },
            prepare: BareMachine.AsUser);
        for (int i = 0; i < places.Length; i++)
        {
            Assert.Equal((uint)places[i] + 0x100UL, machine.Read(i * 24));
            Assert.Equal(i % 2 == 0 ? constant : changed, machine.Read((i * 24) + 8));
            Assert.Equal(i % 2 == 0 ? changed : constant, machine.Read((i * 24) + 16));
        }
    }

    /// <summary>Blocks that are translated when a routine is called a hundred times at each of some addresses in turn.</summary>
    private static ulong CountBlocks(ulong[] addresses)
    {
        const int turns = 100;
        using BareMachine machine = new();
        machine.LetUsersIn();
        for (ulong alias = LowAlias; alias <= LowAlias + (2 * OtherAlias); alias += OtherAlias)
        {
            MapAgain(machine, alias);
        }

        PlaceRoutine(machine);
        CpuRegisters registers = machine.Run(
            c =>
            {
                Label again = c.CreateLabel();
                c.xor(ebx, ebx);
                c.mov(ebp, turns);
                c.Label(ref again);
                foreach (ulong address in addresses)
                {
                    c.mov(rdi, address);
                    c.call(rdi);
                    c.sub(rax, rdi);
                    c.add(rbx, rax);
                    c.sub(rdx, rdi);
                    c.add(rbx, rdx);
                }

                c.dec(ebp);
                c.jne(again);
            },
            prepare: BareMachine.AsUser);
        const ulong afterCall = 12;
        Assert.Equal(turns * afterCall * (ulong)addresses.Length, BareMachine.General(registers, GeneralRegister.Rbx));
        return machine.Counters.Blocks;
    }

    /// <summary>Maps the first eight 2 MiB pages once more, further up.</summary>
    private static void MapAgain(BareMachine machine, ulong distance)
    {
        for (ulong i = 0; i < 8; i++)
        {
            Assert.True(machine.Ram.TryWrite(0x3000 + (((distance >> 21) + i) * 8), (i << 21) | 0x87));
        }
    }

    /// <summary>Leaves its own address in RAX by LEA, in RDX by CALL, crosses a page on its way, and reads a constant beside it.</summary>
    private static void PlaceRoutine(BareMachine machine) => machine.Place(Routine, c =>
    {
        Label start = c.CreateLabel();
        Label next = c.CreateLabel();
        Label far = c.CreateLabel();
        Label again = c.CreateLabel();
        Label constant = c.CreateLabel();
        c.Label(ref start);
        c.lea(rax, __[start]);
        c.call(next);
        c.Label(ref next);
        c.pop(rdx);
        c.mov(ecx, 3);
        c.Label(ref again);
        c.dec(ecx);
        c.jne(again);
        c.jmp(far);
        for (int i = 0; i < 300; i++)
        {
            c.int3();
        }

        c.Label(ref far);
        c.mov(rsi, __qword_ptr[constant]);
        c.ret();
        c.Label(ref constant);
        c.dq(0x0123456789ABCDEF);
    });

    private static void CallBoth(Assembler c, ulong first, ulong second)
    {
        for (int turn = 0; turn < 2; turn++)
        {
            int at = turn * 8;
            foreach ((ulong address, int offset) in ((ulong, int)[])[(first, at), (second, at + 32)])
            {
                c.mov(rdi, address);
                c.call(rdi);
                c.mov(rbx, BareMachine.DataAddress);
                c.mov(__qword_ptr[rbx + offset], rax);
                c.mov(__qword_ptr[rbx + offset + 64], rdx);
                c.mov(__qword_ptr[rbx + offset + 128], rsi);
                for (int i = 0; i < 2; i++)
                {
                    c.nop();
                }
            }
        }

        c.mov(rbx, BareMachine.DataAddress);
        c.mov(rax, __qword_ptr[rbx]);
        c.mov(rcx, __qword_ptr[rbx + 8]);
        c.mov(rdx, __qword_ptr[rbx + 32]);
        c.mov(rsi, __qword_ptr[rbx + 40]);
        c.mov(r8, __qword_ptr[rbx + 64]);
        c.mov(r9, __qword_ptr[rbx + 72]);
        c.mov(r10, __qword_ptr[rbx + 96]);
        c.mov(r11, __qword_ptr[rbx + 104]);
        c.mov(rbp, __qword_ptr[rbx + 168]);
    }

    private static void Check(in CpuRegisters registers, ulong alias)
    {
        const ulong afterCall = 12;
        Assert.Equal(Routine, BareMachine.General(registers, GeneralRegister.Rax));
        Assert.Equal(Routine, BareMachine.General(registers, GeneralRegister.Rcx));
        Assert.Equal(alias + Routine, BareMachine.General(registers, GeneralRegister.Rdx));
        Assert.Equal(alias + Routine, BareMachine.General(registers, GeneralRegister.Rsi));
        Assert.Equal(Routine + afterCall, BareMachine.General(registers, GeneralRegister.R8));
        Assert.Equal(Routine + afterCall, BareMachine.General(registers, GeneralRegister.R9));
        Assert.Equal(alias + Routine + afterCall, BareMachine.General(registers, GeneralRegister.R10));
        Assert.Equal(alias + Routine + afterCall, BareMachine.General(registers, GeneralRegister.R11));
        Assert.Equal(0x0123456789ABCDEFUL, BareMachine.General(registers, GeneralRegister.Rbp));
    }
}
