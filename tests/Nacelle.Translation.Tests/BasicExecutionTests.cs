using Iced.Intel;
using Nacelle.Cpu;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests;

public sealed class BasicExecutionTests
{
    [Fact]
    public void A_loop_adds_up()
    {
        using BareMachine machine = new();
        CpuRegisters registers = machine.Run(c =>
        {
            c.xor(eax, eax);
            c.mov(ecx, 100_000);
            Label again = c.CreateLabel();
            c.Label(ref again);
            c.add(rax, rcx);
            c.dec(rcx);
            c.jne(again);
        });
        Assert.Equal(5_000_050_000UL, BareMachine.General(registers, GeneralRegister.Rax));
    }

    [Fact]
    public void Registers_that_live_in_memory_work_in_every_position()
    {
        using BareMachine machine = new();
        CpuRegisters registers = machine.Run(c =>
        {
            c.mov(r13, BareMachine.DataAddress);
            c.mov(r14d, 5);
            c.mov(r15, 0x1122334455667788);
            c.mov(__[r13 + (r14 * 8) + 8], r15);
            c.mov(rax, __[BareMachine.DataAddress + 48]);
            c.andn(r13, r14, r15);
            c.lea(r14, __[r14 + (r15 * 4) + 7]);
            c.xchg(r14, r15);
            c.mov(rbx, r13);
            c.mov(rcx, r14);
            c.mov(rdx, r15);
            c.mov(rsi, rsp);
        });
        Assert.Equal(0x1122334455667788UL, BareMachine.General(registers, GeneralRegister.Rax));
        Assert.Equal(~5UL & 0x1122334455667788UL, BareMachine.General(registers, GeneralRegister.Rbx));
        Assert.Equal(0x1122334455667788UL, BareMachine.General(registers, GeneralRegister.Rcx));
        Assert.Equal(unchecked((0x1122334455667788UL * 4) + 12), BareMachine.General(registers, GeneralRegister.Rdx));
        Assert.Equal(BareMachine.StackTop, BareMachine.General(registers, GeneralRegister.Rsi));
    }

    [Fact]
    public void Flags_survive_memory_accesses_between_their_writer_and_their_reader()
    {
        using BareMachine machine = new();
        CpuRegisters registers = machine.Run(c =>
        {
            c.mov(rdi, BareMachine.DataAddress);
            c.xor(ebx, ebx);
            c.mov(eax, -1);
            c.add(eax, 1);
            c.mov(__qword_ptr[rdi], 7);
            c.mov(rcx, __[rdi]);
            c.push(rcx);
            c.pop(rdx);
            c.adc(ebx, 0);
            c.sete(__byte_ptr[rdi + 16]);
            c.stc();
            c.mov(__byte_ptr[rdi + 0x5000], 1);
            c.setc(bh);
        });
        Assert.Equal(0x101UL, BareMachine.General(registers, GeneralRegister.Rbx));
        Assert.Equal(7UL, BareMachine.General(registers, GeneralRegister.Rdx));
        Assert.Equal(0UL, machine.Read(16));
    }

    [Fact]
    public void Stac_lifts_supervisor_access_prevention_for_a_page_not_touched_before()
    {
        using BareMachine machine = new();
        const ulong smap = 1 << 21;
        for (ulong table = 0x1000; table <= 0x2000; table += 0x1000)
        {
            Assert.True(machine.Ram.TryRead(table, out ulong entry));
            Assert.True(machine.Ram.TryWrite(table, entry | 4));
        }

        // Only the page at 4 MiB becomes a user's: code and stack stay a supervisor's.
        Assert.True(machine.Ram.TryWrite(0x3000 + (2 * 8), 0x40_0000UL | 0x87));
        machine.Route(14);
        CpuRegisters registers = machine.Run(
            c =>
            {
                c.mov(rdi, 0x40_0000);
                c.xor(esi, esi);
                c.stac();
                c.mov(__qword_ptr[rdi], 77);
                c.mov(rbx, __[rdi]);
                c.clac();
                c.nop();
                c.mov(rcx, __[rdi]);
            },
            handler: c =>
            {
                // Step over the refused load, which is three bytes long.
                c.inc(esi);
                c.pop(rdx);
                c.add(__qword_ptr[rsp], 3);
                c.iretq();
            },
            prepare: box => box.Value.Cr4 |= smap);
        Assert.Equal(77UL, BareMachine.General(registers, GeneralRegister.Rbx));
        Assert.Equal(1UL, BareMachine.General(registers, GeneralRegister.Rsi));
        Assert.Equal(1UL, BareMachine.General(registers, GeneralRegister.Rdx));
    }

    [Fact]
    public void Calls_and_returns_nest()
    {
        using BareMachine machine = new();
        CpuRegisters registers = machine.Run(c =>
        {
            Label fibonacci = c.CreateLabel();
            Label small = c.CreateLabel();
            Label end = c.CreateLabel();
            c.mov(edi, 15);
            c.call(fibonacci);
            c.jmp(end);
            c.Label(ref fibonacci);
            c.cmp(edi, 2);
            c.jb(small);
            c.push(rdi);
            c.dec(edi);
            c.call(fibonacci);
            c.pop(rdi);
            c.push(rax);
            c.sub(edi, 2);
            c.call(fibonacci);
            c.pop(rcx);
            c.add(rax, rcx);
            c.ret();
            c.Label(ref small);
            c.mov(eax, edi);
            c.ret();
            c.Label(ref end);
            c.nop();
        });
        Assert.Equal(610UL, BareMachine.General(registers, GeneralRegister.Rax));
        Assert.Equal(BareMachine.StackTop, BareMachine.General(registers, GeneralRegister.Rsp));
    }

    [Fact]
    public void Vector_and_x87_state_lives_across_exits()
    {
        using BareMachine machine = new();
        CpuRegisters registers = machine.Run(c =>
        {
            c.mov(rdi, BareMachine.DataAddress);
            c.mov(rax, 0x4000000000000000);
            c.movq(xmm1, rax);
            c.movq(xmm9, rax);
            c.fld1();
            c.fldpi();
            c.xor(eax, eax);
            c.cpuid();
            c.mov(eax, 1);
            c.cpuid();
            c.addsd(xmm1, xmm9);
            c.movsd(__qword_ptr[rdi + 0x9000], xmm1);
            c.mov(rdi, BareMachine.DataAddress);
            c.faddp(st1, st0);
            c.fstp(__qword_ptr[rdi + 8]);
            c.mov(rax, __[rdi + 0x9000]);
        });
        Assert.Equal(BitConverter.DoubleToUInt64Bits(4.0), BareMachine.General(registers, GeneralRegister.Rax));
        Assert.Equal(BitConverter.DoubleToUInt64Bits(1 + Math.PI), machine.Read(8));
    }

    [Fact]
    public void Accesses_across_a_page_boundary_are_whole()
    {
        using BareMachine machine = new();
        CpuRegisters registers = machine.Run(c =>
        {
            c.mov(rdi, BareMachine.DataAddress + 0xFFD);
            c.mov(rax, 0x1122334455667788);
            c.mov(__[rdi], rax);
            c.add(__qword_ptr[rdi], 0x11);
            c.mov(rbx, __[rdi]);
            c.mov(rsp, BareMachine.DataAddress + 0x2004);
            c.push(rbx);
            c.pop(rcx);
        });
        Assert.Equal(0x1122334455667799UL, BareMachine.General(registers, GeneralRegister.Rbx));
        Assert.Equal(0x1122334455667799UL, BareMachine.General(registers, GeneralRegister.Rcx));
    }

    [Fact]
    public void String_instructions_move_and_fill()
    {
        using BareMachine machine = new();
        CpuRegisters registers = machine.Run(c =>
        {
            c.cld();
            c.mov(rdi, BareMachine.DataAddress);
            c.mov(rax, 0x0102030405060708);
            c.mov(ecx, 1500);
            c.rep.stosq();
            c.mov(rsi, BareMachine.DataAddress);
            c.mov(rdi, BareMachine.DataAddress + 0x8003);
            c.mov(ecx, 12000);
            c.rep.movsb();
            c.mov(rdi, BareMachine.DataAddress + 0x8003);
            c.mov(al, 1);
            c.mov(ecx, 100);
            c.repne.scasb();
        });
        Assert.Equal(100UL - 8, BareMachine.General(registers, GeneralRegister.Rcx));
        Assert.Equal(0x0102030405060708UL, machine.Read(0x8003 + 11992));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(6)]
    [InlineData(13)]
    [InlineData(14)]
    public void Exceptions_arrive_at_the_guest_with_the_instructions_address(byte vector)
    {
        using BareMachine machine = new();
        machine.Route(vector);
        ulong faulting = 0;
        CpuRegisters registers = machine.Run(
            c =>
            {
                c.mov(rdi, BareMachine.DataAddress);
                c.xor(ecx, ecx);
                c.mov(eax, 100);
                c.xor(edx, edx);
                Label fault = c.CreateLabel("fault");
                c.lea(rbx, __[fault]);
                c.Label(ref fault);
                switch (vector)
                {
                    case 0:
                        c.div(ecx);
                        break;
                    case 6:
                        c.ud2();
                        break;
                    case 13:
                        c.movaps(__xmmword_ptr[rdi + 8], xmm0);
                        break;
                    default:
                        c.mov(rax, __[0x4000_0000]);
                        break;
                }
            },
            c =>
            {
                if (vector is 13 or 14)
                {
                    c.pop(rdx);
                }

                c.mov(rsi, __[rsp]);
                c.@out(0xF4, al);
                c.hlt();
            });
        faulting = BareMachine.General(registers, GeneralRegister.Rbx);
        Assert.Equal(faulting, BareMachine.General(registers, GeneralRegister.Rsi));
        if (vector == 14)
        {
            Assert.Equal(0x4000_0000UL, registers.Cr2);
            Assert.Equal(0UL, BareMachine.General(registers, GeneralRegister.Rdx));
        }
    }

    [Fact]
    public void Code_that_rewrites_itself_runs_as_rewritten()
    {
        using BareMachine machine = new();
        CpuRegisters registers = machine.Run(c =>
        {
            Label target = c.CreateLabel();
            Label again = c.CreateLabel();
            c.xor(ebx, ebx);
            c.mov(ecx, 10);
            c.Label(ref again);
            c.lea(rdi, __[target]);
            c.mov(__byte_ptr[rdi + 1], cl);
            c.Label(ref target);
            c.mov(eax, 0x55);
            c.add(ebx, eax);
            c.dec(ecx);
            c.jne(again);
        });
        Assert.Equal(55UL, BareMachine.General(registers, GeneralRegister.Rbx));
    }

    [Fact]
    public void A_conditional_jump_out_of_the_page_on_flags_from_elsewhere_is_taken()
    {
        const ulong branch = BareMachine.DataAddress;
        const ulong target = BareMachine.DataAddress + 0x5000;
        using BareMachine machine = new();
        machine.Place(branch, c =>
        {
            c.jb(target);
            c.mov(ebx, 1);
            c.jmp(target);
        });
        machine.Place(target, c =>
        {
            c.lea(esi, __[rsi + 1]);
            c.ret();
        });
        CpuRegisters registers = machine.Run(c =>
        {
            c.xor(esi, esi);
            c.xor(ebx, ebx);
            c.stc();
            c.call(branch);
            c.stc();
            c.call(branch);
        });
        Assert.Equal(2UL, BareMachine.General(registers, GeneralRegister.Rsi));
        Assert.Equal(0UL, BareMachine.General(registers, GeneralRegister.Rbx));
    }

    [Fact]
    public void A_triple_fault_shuts_the_processor_down()
    {
        using BareMachine machine = new();
        machine.Place(BareMachine.CodeAddress, c => c.ud2());
        machine.Processor.WriteState(BareMachine.InitialState());
        VirtualCpuExit exit = machine.Processor.Run();
        Assert.Equal(VirtualCpuExitReason.Shutdown, exit.Reason);
    }
}
