using Iced.Intel;
using Nacelle.Cpu;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests;

/// <summary>System and string instructions that are emitted rather than carried out by the monitor.</summary>
public sealed class EmittedSystemInstructionTests
{
    [Fact]
    public void Pushfq_gathers_the_image_from_where_its_parts_are()
    {
        using BareMachine machine = new();
        CpuRegisters registers = machine.Run(
            c =>
            {
                c.std();
                c.mov(eax, -1);
                c.add(eax, 1);
                c.pushfq();
                c.pop(rbx);
                c.setc(cl);
                c.cld();
                c.pushfq();
                c.pop(rdx);
            },
            prepare: box => box.Value.Rflags = 2 | (1 << 21) | (3 << 12));
        const ulong kept = 2 | (1 << 21) | (3 << 12);
        const ulong carryParityAuxiliaryZero = 1 | 4 | 16 | 64;
        Assert.Equal(kept | carryParityAuxiliaryZero | 0x400, BareMachine.General(registers, GeneralRegister.Rbx));
        Assert.Equal(1UL, BareMachine.General(registers, GeneralRegister.Rcx) & 0xFF);
        Assert.Equal(kept | carryParityAuxiliaryZero, BareMachine.General(registers, GeneralRegister.Rdx));
    }

    [Fact]
    public void Pushfq_tells_the_interrupt_flag()
    {
        using BareMachine machine = new();
        CpuRegisters registers = machine.Run(c =>
        {
            c.sti();
            c.nop();
            c.pushfq();
            c.pop(rbx);
            c.cli();
            c.pushfq();
            c.pop(rcx);
        });
        Assert.Equal(0x200UL, BareMachine.General(registers, GeneralRegister.Rbx) & 0x200);
        Assert.Equal(0UL, BareMachine.General(registers, GeneralRegister.Rcx) & 0x200);
    }

    [Fact]
    public void Push_of_memory_relative_to_the_stack_uses_the_pointer_before_the_push()
    {
        using BareMachine machine = new();
        CpuRegisters registers = machine.Run(c =>
        {
            c.mov(rax, 0x1111);
            c.mov(rcx, 0x2222);
            c.push(rax);
            c.push(rcx);
            c.push(__qword_ptr[rsp + 8]);
            c.pop(rbx);
            c.pop(rdx);
            c.pop(rsi);
        });
        Assert.Equal(0x1111UL, BareMachine.General(registers, GeneralRegister.Rbx));
        Assert.Equal(0x2222UL, BareMachine.General(registers, GeneralRegister.Rdx));
        Assert.Equal(0x1111UL, BareMachine.General(registers, GeneralRegister.Rsi));
    }

    [Fact]
    public void Selectors_are_read_into_every_register()
    {
        using BareMachine machine = new();
        CpuRegisters registers = machine.Run(c =>
        {
            c.mov(rax, -1L);
            c.mov(r13, -1L);
            c.mov(eax, cs);
            c.mov(r13d, ss);
            c.mov(rbx, r13);
        });
        Assert.Equal(8UL, BareMachine.General(registers, GeneralRegister.Rax));
        Assert.Equal(0x10UL, BareMachine.General(registers, GeneralRegister.Rbx));
    }

    [Fact]
    public void Swapgs_exchanges_the_bases()
    {
        using BareMachine machine = new();
        CpuRegisters registers = machine.Run(
            c =>
            {
                c.mov(__qword_ptr[BareMachine.DataAddress], 1);
                c.mov(__qword_ptr[BareMachine.DataAddress + 0x100], 2);
                c.xor(ecx, ecx);
                c.mov(rax, __qword_ptr.gs[rcx]);
                c.swapgs();
                c.mov(rbx, __qword_ptr.gs[rcx]);
            },
            prepare: box =>
            {
                box.Value.Gs.Base = BareMachine.DataAddress;
                box.Value.KernelGsBase = BareMachine.DataAddress + 0x100;
            });
        Assert.Equal(1UL, BareMachine.General(registers, GeneralRegister.Rax));
        Assert.Equal(2UL, BareMachine.General(registers, GeneralRegister.Rbx));
        Assert.Equal(BareMachine.DataAddress, registers.KernelGsBase);
    }

    [Fact]
    public void Clac_after_stac_refuses_in_a_loop_that_translated_code_runs_by_itself()
    {
        using BareMachine machine = new();
        for (ulong table = 0x1000; table <= 0x2000; table += 0x1000)
        {
            Assert.True(machine.Ram.TryRead(table, out ulong entry));
            Assert.True(machine.Ram.TryWrite(table, entry | 4));
        }

        Assert.True(machine.Ram.TryWrite(0x3000 + (2 * 8), 0x40_0000UL | 0x87));
        machine.Route(14);
        CpuRegisters registers = machine.Run(
            c =>
            {
                c.mov(rdi, 0x40_0000);
                c.xor(esi, esi);
                c.mov(ecx, 1000);
                Label again = c.CreateLabel();
                c.Label(ref again);
                c.stac();
                c.mov(__[rdi], rcx);
                c.mov(rbx, __[rdi]);
                c.clac();
                c.mov(rbx, __[rdi]);
                c.dec(ecx);
                c.jne(again);
            },
            handler: c =>
            {
                // Step over the refused load, which is three bytes long.
                c.inc(esi);
                c.pop(rdx);
                c.add(__qword_ptr[rsp], 3);
                c.iretq();
            },
            prepare: box => box.Value.Cr4 |= 1 << 21);
        Assert.Equal(1000UL, BareMachine.General(registers, GeneralRegister.Rsi));
        Assert.Equal(1UL, BareMachine.General(registers, GeneralRegister.Rbx));
    }

    [Fact]
    public void An_interrupt_that_waits_is_taken_when_sti_lets_it()
    {
        PendingInterrupt pending = new();
        using BareMachine machine = new(pending);
        machine.Route(PendingInterrupt.Vector);
        CpuRegisters registers = machine.Run(
            c =>
            {
                Label again = c.CreateLabel();
                Label done = c.CreateLabel();
                c.xor(ebx, ebx);
                c.cli();
                c.mov(ecx, 1000);
                c.Label(ref again);

                // Port 0xF0 asserts the interrupt while the flag is clear; nothing but STI leaves translated code after it.
                c.cmp(ecx, 500);
                c.jne(done);
                c.@out(0xF0, al);
                c.Label(ref done);
                c.sti();
                c.nop();
                c.cli();
                c.cmp(ebx, 0);
                c.cmovne(edx, ecx);
                c.mov(r8d, 0);
                c.cmovne(ebx, r8d);
                c.dec(ecx);
                c.jne(again);
            },
            handler: c =>
            {
                c.inc(ebx);
                c.iretq();
            },
            prepare: _ => machine.OnRequest = () =>
            {
                pending.IsPending = true;
                machine.Processor.NotifyInterrupt();
            });
        Assert.False(pending.IsPending);
        Assert.Equal(500UL, BareMachine.General(registers, GeneralRegister.Rdx));
    }

    [Fact]
    public void System_calls_go_to_the_supervisor_and_back_with_the_flags_of_the_manual()
    {
        using BareMachine machine = new();
        machine.LetUsersIn();
        const ulong entry = 0x19_0000;
        machine.Place(entry, c =>
        {
            c.mov(r8, r11);
            c.mov(r9, rcx);
            c.pushfq();
            c.pop(r10);
            c.mov(ebx, cs);
            c.mov(ebp, ss);
            c.sysretq();
        });
        CpuRegisters registers = machine.Run(
            c =>
            {
                c.mov(rsp, BareMachine.StackTop);
                c.mov(esi, 100);
                Label again = c.CreateLabel();
                c.Label(ref again);
                c.mov(eax, -1);
                c.add(eax, 1);
                c.syscall();
                c.setc(dl);
                c.dec(esi);
                c.jne(again);
                c.mov(eax, cs);
                c.mov(edi, ss);
            },
            prepare: box =>
            {
                BareMachine.AsUser(box);
                box.Value.Star = (0x13UL << 48) | (8UL << 32);
                box.Value.Lstar = entry;
                box.Value.SyscallFlagMask = 0x4_0700 | 0x8D5;
            });
        const ulong carryParityAuxiliaryZero = 1 | 4 | 16 | 64;
        Assert.Equal(2 | (3UL << 12) | carryParityAuxiliaryZero, BareMachine.General(registers, GeneralRegister.R8));
        Assert.Equal(2 | (3UL << 12), BareMachine.General(registers, GeneralRegister.R10));
        Assert.Equal(8UL, BareMachine.General(registers, GeneralRegister.Rbx));
        Assert.Equal(0x10UL, BareMachine.General(registers, GeneralRegister.Rbp));
        Assert.Equal(1UL, BareMachine.General(registers, GeneralRegister.Rdx) & 0xFF);
        Assert.Equal(0x23UL, BareMachine.General(registers, GeneralRegister.Rax));
        Assert.Equal(0x1BUL, BareMachine.General(registers, GeneralRegister.Rdi));
        Assert.InRange(BareMachine.General(registers, GeneralRegister.R9), BareMachine.CodeAddress, BareMachine.CodeAddress + 0x100);
    }

    public static TheoryData<int, int, int, bool> Copies()
    {
        TheoryData<int, int, int, bool> data = [];
        foreach (int size in (int[])[1, 2, 4, 8])
        {
            foreach ((int source, int destination) in ((int, int)[])[(0, 0x3000), (5, 0x3FFB), (0xFFD, 0x4001), (0, 8), (8, 0)])
            {
                data.Add(size, source, destination, false);
                data.Add(size, source, destination, true);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Copies))]
    public void Repeated_moves_cross_pages_overlap_and_keep_the_flags(int size, int source, int destination, bool backwards)
    {
        const int count = 1500;
        byte[] memory = new byte[0x8000 + (2 * 8 * count)];
        new Random(7).NextBytes(memory);
        int last = (count - 1) * size;
        using BareMachine machine = new();
        Assert.True(machine.Ram.TryWrite(BareMachine.DataAddress, memory));
        CpuRegisters registers = machine.Run(c =>
        {
            c.mov(rsi, BareMachine.DataAddress + (ulong)(source + (backwards ? last : 0)));
            c.mov(rdi, BareMachine.DataAddress + (ulong)(destination + (backwards ? last : 0)));
            c.mov(ecx, count);
            if (backwards)
            {
                c.std();
            }

            c.stc();
            Move(c, size);
            c.setc(bl);
            c.cld();
        });
        for (int i = 0; i < count; i++)
        {
            int element = (backwards ? count - 1 - i : i) * size;
            memory.AsSpan(source + element, size).CopyTo(memory.AsSpan(destination + element, size));
        }

        byte[] seen = new byte[memory.Length];
        Assert.True(machine.Ram.TryRead(BareMachine.DataAddress, seen));
        Assert.Equal(memory, seen);
        Assert.Equal(0UL, BareMachine.General(registers, GeneralRegister.Rcx));
        Assert.Equal(1UL, BareMachine.General(registers, GeneralRegister.Rbx) & 0xFF);
        long step = backwards ? -size : size;
        ulong start = BareMachine.DataAddress + (ulong)(destination + (backwards ? last : 0));
        Assert.Equal(start + (ulong)(step * count), BareMachine.General(registers, GeneralRegister.Rdi));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(8)]
    public void Repeated_stores_cross_pages(int size)
    {
        const int count = 3000;
        using BareMachine machine = new();
        CpuRegisters registers = machine.Run(c =>
        {
            c.mov(rax, 0x8877665544332211UL);
            c.mov(rdi, BareMachine.DataAddress + 0xFF9);
            c.mov(ecx, count);
            switch (size)
            {
                case 1:
                    c.rep.stosb();
                    break;
                case 2:
                    c.rep.stosw();
                    break;
                case 4:
                    c.rep.stosd();
                    break;
                default:
                    c.rep.stosq();
                    break;
            }
        });
        byte[] seen = new byte[(count * size) + 1];
        Assert.True(machine.Ram.TryRead(BareMachine.DataAddress + 0xFF9, seen));
        byte[] pattern = [0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88];
        for (int i = 0; i < count * size; i++)
        {
            Assert.Equal(pattern[i % size], seen[i]);
        }

        Assert.Equal(0, seen[count * size]);
        Assert.Equal(BareMachine.DataAddress + 0xFF9 + (ulong)(count * size), BareMachine.General(registers, GeneralRegister.Rdi));
    }

    [Fact]
    public void A_repeated_store_over_translated_code_takes_effect()
    {
        using BareMachine machine = new();
        const ulong routine = BareMachine.DataAddress + 0x800;
        machine.Place(routine, c =>
        {
            c.mov(eax, 1);
            c.ret();
        });
        CpuRegisters registers = machine.Run(c =>
        {
            c.call(routine);
            c.mov(ebx, eax);

            // mov eax, imm32 becomes nops, and RAX keeps what it had.
            c.mov(eax, 0x90);
            c.mov(rdi, routine);
            c.mov(ecx, 5);
            c.rep.stosb();
            c.call(routine);
        });
        Assert.Equal(1UL, BareMachine.General(registers, GeneralRegister.Rbx));
        Assert.Equal(0x90UL, BareMachine.General(registers, GeneralRegister.Rax));
    }

    private static void Move(Assembler c, int size)
    {
        switch (size)
        {
            case 1:
                c.rep.movsb();
                break;
            case 2:
                c.rep.movsw();
                break;
            case 4:
                c.rep.movsd();
                break;
            default:
                c.rep.movsq();
                break;
        }
    }

    private sealed class PendingInterrupt : ILocalInterruptController
    {
        public const byte Vector = 0x40;

        public bool IsPending { get; set; }

        public bool HasInterrupt => IsPending;

        public byte TaskPriority { get; set; }

        public int Acknowledge()
        {
            bool pending = IsPending;
            IsPending = false;
            return pending ? Vector : -1;
        }

        public bool TakeNonMaskable() => false;

        public void EndNonMaskable()
        {
        }

        public bool TrySend(uint identifier, uint command) => false;

        public bool TryReadModelSpecificRegister(uint index, out ulong value)
        {
            value = 0;
            return false;
        }

        public bool TryWriteModelSpecificRegister(uint index, ulong value) => false;

        public void Reset(bool init) => IsPending = false;
    }
}
