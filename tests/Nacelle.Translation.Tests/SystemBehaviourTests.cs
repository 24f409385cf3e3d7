using Iced.Intel;
using Nacelle.Cpu;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests;

/// <summary>System behaviour of whole instructions: debug exceptions, protection keys, states that are not enabled, old arithmetic.</summary>
public sealed class SystemBehaviourTests
{
    private const ulong Log = BareMachine.DataAddress + 0x1000;

    [Fact]
    public void Single_step_traps_after_each_instruction_from_the_second_on()
    {
        using BareMachine machine = new();
        machine.Route(Fault.Debug);
        Label first = default;
        ulong start = 0;
        machine.Run(
            c =>
            {
                c.mov(rdi, Log);
                c.pushfq();
                c.or(__dword_ptr[rsp], 0x100);
                c.popfq();
                first = c.CreateLabel();
                c.Label(ref first);
                c.nop();
                c.cpuid();
                c.xor(eax, eax);
                c.pushfq();
                c.and(__dword_ptr[rsp], ~0x100);
                c.popfq();
                c.nop();
            },
            LogRip);
        start = machine.Read(0x1000) - 1;

        // After NOP, CPUID, XOR, PUSHFQ, AND and POPFQ; none after the NOP at the end.
        Assert.Equal([1UL, 3, 5, 6, 13, 14], Enumerable.Range(0, 6).Select(i => machine.Read(0x1000 + (i * 8)) - start));
        Assert.Equal(0UL, machine.Read(0x1000 + (6 * 8)));
    }

    [Fact]
    public void A_load_of_the_stack_segment_holds_the_single_step_back()
    {
        using BareMachine machine = new();
        machine.Route(Fault.Debug);
        machine.Run(
            c =>
            {
                c.mov(rdi, Log);
                c.mov(eax, ss);
                c.pushfq();
                c.or(__dword_ptr[rsp], 0x100);
                c.popfq();
                c.mov(ss, eax);
                c.nop();
                c.pushfq();
                c.and(__dword_ptr[rsp], ~0x100);
                c.popfq();
            },
            LogRip);

        // The first trap comes after the NOP.
        ulong first = machine.Read(0x1000);
        Assert.Equal([0UL, 1, 8, 9], Enumerable.Range(0, 4).Select(i => machine.Read(0x1000 + (i * 8)) - first));
        Assert.Equal(0UL, machine.Read(0x1000 + (4 * 8)));
    }

    [Fact]
    public void An_instruction_breakpoint_is_a_fault_before_the_instruction()
    {
        using BareMachine machine = new();
        machine.Route(Fault.Debug);
        CpuRegisters registers = machine.Run(
            c =>
            {
                Label target = c.CreateLabel();
                c.mov(rdi, Log);
                c.lea(rax, __[target]);
                c.mov(dr2, rax);
                c.mov(rax, 0x420);
                c.mov(dr7, rax);
                c.mov(ebx, 1);
                c.Label(ref target);
                c.mov(ebx, 2);
                c.mov(rcx, dr6);
            },
            c =>
            {
                // RF in the frame lets the instruction run.
                c.mov(rdx, __qword_ptr[rsp]);
                c.mov(esi, ebx);
                c.or(__dword_ptr[rsp + 16], 0x1_0000);
                c.iretq();
            });
        Assert.Equal(1UL, BareMachine.General(registers, GeneralRegister.Rsi));
        Assert.Equal(2UL, BareMachine.General(registers, GeneralRegister.Rbx));
        Assert.Equal(4UL, BareMachine.General(registers, GeneralRegister.Rcx) & 0xE00F);
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(1, 0, 0)]
    [InlineData(3, 1, 1)]
    [InlineData(3, 0, 1)]
    public void A_data_breakpoint_is_a_trap_after_the_access(int kind, int write, int hits)
    {
        using BareMachine machine = new();
        machine.Route(Fault.Debug);
        CpuRegisters registers = machine.Run(
            c =>
            {
                c.xor(ebx, ebx);
                c.mov(rax, BareMachine.DataAddress);
                c.mov(rsi, rax);
                c.mov(dr0, rax);
                c.mov(rax, 0x402 | ((ulong)kind << 16) | (3UL << 18));
                c.mov(dr7, rax);
                if (write == 1)
                {
                    c.mov(__word_ptr[rsi + 3], ax);
                }
                else
                {
                    c.mov(ax, __word_ptr[rsi + 3]);
                }

                c.mov(eax, __dword_ptr[rsi + 4]);
                c.xor(eax, eax);
                c.mov(dr7, rax);
            },
            c =>
            {
                c.inc(ebx);
                c.iretq();
            });
        Assert.Equal((ulong)hits, BareMachine.General(registers, GeneralRegister.Rbx));
    }

    [Fact]
    public void General_detection_stops_an_access_to_the_debug_registers_once()
    {
        using BareMachine machine = new();
        machine.Route(Fault.Debug);
        CpuRegisters registers = machine.Run(
            c =>
            {
                c.xor(ebx, ebx);
                c.mov(eax, 0x2400);
                c.mov(dr7, rax);
                c.mov(rcx, dr6);
                c.mov(rdx, dr7);
            },
            c =>
            {
                c.inc(ebx);
                c.iretq();
            });
        Assert.Equal(1UL, BareMachine.General(registers, GeneralRegister.Rbx));
        Assert.Equal(0x2000UL, BareMachine.General(registers, GeneralRegister.Rcx) & 0xE00F);
        Assert.Equal(0x400UL, BareMachine.General(registers, GeneralRegister.Rdx));
    }

    [Theory]
    [InlineData(0x10, false, false, 0x21)]
    [InlineData(0x20, false, false, 0)]
    [InlineData(0x20, true, true, 0x23)]
    [InlineData(0x20, true, false, 0)]
    [InlineData(0, true, true, 0)]
    public void Protection_keys_refuse_accesses_to_user_pages(uint rights, bool write, bool writeProtect, uint error)
    {
        using BareMachine machine = new();
        machine.LetUsersIn();
        machine.Route(Fault.PageFault);

        // Key 2 on the page of the data; the code of this test is at privilege level 0.
        const ulong data = 0x40_0000;
        const ulong entry = 0x3000 + ((data >> 21) * 8);
        Assert.True(machine.Ram.TryRead(entry, out ulong value));
        Assert.True(machine.Ram.TryWrite(entry, value | (2UL << 59)));
        CpuRegisters registers = machine.Run(
            c =>
            {
                c.xor(ecx, ecx);
                c.xor(edx, edx);
                c.mov(eax, rights);
                c.wrpkru();
                c.rdpkru();
                c.mov(r9d, eax);
                c.xor(ebx, ebx);
                c.mov(rsi, data);
                if (write)
                {
                    c.mov(__dword_ptr[rsi], 1);
                }
                else
                {
                    c.mov(edi, __dword_ptr[rsi]);
                }
            },
            c =>
            {
                c.pop(rbx);
                c.xor(ecx, ecx);
                c.xor(edx, edx);
                c.xor(eax, eax);
                c.wrpkru();
                c.iretq();
            },
            box =>
            {
                box.Value.Cr4 |= 1UL << 22;
                box.Value.Cr0 = writeProtect ? box.Value.Cr0 | 0x1_0000 : box.Value.Cr0 & ~0x1_0000UL;
            });
        Assert.Equal(error, BareMachine.General(registers, GeneralRegister.Rbx));
        Assert.Equal(rights, BareMachine.General(registers, GeneralRegister.R9));
    }

    [Theory]
    [InlineData(0UL, 1)]
    [InlineData(1UL << 18, 0)]
    public void Wide_vectors_need_XSAVE_to_be_enabled(ulong osxsave, int undefined)
    {
        using BareMachine machine = new();
        machine.Route(Fault.InvalidOpcode);
        CpuRegisters registers = machine.Run(
            c =>
            {
                c.xor(ebx, ebx);
                c.vzeroall();
                c.movaps(xmm0, xmm1);
            },
            c =>
            {
                c.inc(ebx);
                c.add(__qword_ptr[rsp], 3);
                c.iretq();
            },
            box => box.Value.Cr4 = (box.Value.Cr4 & ~(1UL << 18)) | osxsave);
        Assert.Equal((ulong)undefined, BareMachine.General(registers, GeneralRegister.Rbx));
    }

    [Fact]
    public void A_hypercall_that_is_not_offered_says_so()
    {
        using BareMachine machine = new();
        CpuRegisters registers = machine.Run(c =>
        {
            c.mov(eax, 99);
            c.vmcall();
            c.mov(rbx, rax);
            c.mov(eax, 1);
            c.vmmcall();
        });
        Assert.Equal(-1000L, (long)BareMachine.General(registers, GeneralRegister.Rbx));
        Assert.Equal(0UL, BareMachine.General(registers, GeneralRegister.Rax));
    }

    [Fact]
    public void A_non_maskable_interrupt_that_waits_for_another_comes_with_its_return()
    {
        NonMaskable controller = new();
        using BareMachine machine = new(controller);
        machine.Route(2);
        machine.OnRequest = () =>
        {
            controller.Pending++;
            machine.Processor.NotifyInterrupt();
        };
        CpuRegisters registers = machine.Run(
            c =>
            {
                c.xor(ebx, ebx);
                c.xor(ecx, ecx);
                c.@out(0xF0, al);
                c.mov(edx, ebx);
            },
            c =>
            {
                Label second = c.CreateLabel();
                c.inc(ebx);
                c.cmp(ebx, 2);
                c.je(second);
                c.@out(0xF0, al);
                c.mov(ecx, ebx);
                c.Label(ref second);
                c.iretq();
            });

        // Not inside the first handler, and before the program went on.
        Assert.Equal(1UL, BareMachine.General(registers, GeneralRegister.Rcx));
        Assert.Equal(2UL, BareMachine.General(registers, GeneralRegister.Rdx));
        Assert.Equal(2, controller.Ended);
    }

    // The examples of SDM volume 2 and their neighbours: AX before, carry before; AX after, carry after.
    [Theory]
    [InlineData("daa", 0x00AE, false, 0x0014, true)]
    [InlineData("daa", 0x0079, true, 0x00D9, true)]
    [InlineData("daa", 0x0015, false, 0x0015, false)]
    [InlineData("das", 0x00EE, true, 0x0088, true)]
    [InlineData("das", 0x0047, false, 0x0047, false)]
    [InlineData("aaa", 0x010B, false, 0x0201, true)]
    [InlineData("aaa", 0x0109, false, 0x0109, false)]
    [InlineData("aas", 0x02FF, false, 0x0109, true)]
    [InlineData("aam", 0x004F, false, 0x0709, false)]
    [InlineData("aad", 0x0709, false, 0x004F, false)]
    public void Decimal_arithmetic_is_that_of_the_manual(string name, ushort before, bool carryBefore, ushort after, bool carryAfter)
    {
        using BareMachine machine = new();
        CpuRegisters registers = machine.RunCompatible(c =>
        {
            c.mov(eax, before);
            if (carryBefore)
            {
                c.stc();
            }
            else
            {
                c.clc();
            }

            switch (name)
            {
                case "daa":
                    c.daa();
                    break;
                case "das":
                    c.das();
                    break;
                case "aaa":
                    c.aaa();
                    break;
                case "aas":
                    c.aas();
                    break;
                case "aam":
                    c.aam(10);
                    break;
                default:
                    c.aad(10);
                    break;
            }

            c.setc(bl);
            c.movzx(ebx, bl);
        });
        Assert.Equal(after, (ushort)BareMachine.General(registers, GeneralRegister.Rax));
        Assert.Equal(carryAfter ? 1UL : 0, BareMachine.General(registers, GeneralRegister.Rbx));
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(0, 0)]
    [InlineData(9, 0)]
    [InlineData(10, 1)]
    public void Bound_raises_its_exception_outside_the_range(int index, int faults)
    {
        using BareMachine machine = new();
        machine.Route(5);
        Assert.True(machine.Ram.TryWrite(BareMachine.DataAddress, 0UL | (9UL << 32)));
        CpuRegisters registers = machine.RunCompatible(
            c =>
            {
                c.xor(ebx, ebx);
                c.mov(eax, index);
                c.mov(esi, (uint)BareMachine.DataAddress);
                c.bound(eax, __qword_ptr[esi]);
            },
            c =>
            {
                c.inc(ebx);
                c.add(__qword_ptr[rsp], 2);
                c.iretq();
            });
        Assert.Equal((ulong)faults, BareMachine.General(registers, GeneralRegister.Rbx));
    }

    private sealed class NonMaskable : ILocalInterruptController
    {
        public int Pending { get; set; }

        public int Ended { get; private set; }

        public bool HasInterrupt => false;

        public byte TaskPriority { get; set; }

        public int Acknowledge() => -1;

        public bool TakeNonMaskable()
        {
            bool taken = Pending > 0;
            Pending -= taken ? 1 : 0;
            return taken;
        }

        public void EndNonMaskable() => Ended++;

        public bool TrySend(uint identifier, uint command) => false;

        public bool TryReadModelSpecificRegister(uint index, out ulong value)
        {
            value = 0;
            return false;
        }

        public bool TryWriteModelSpecificRegister(uint index, ulong value) => false;

        public void Reset(bool init) => Pending = 0;
    }

    private static void LogRip(Assembler c)
    {
        c.push(rax);
        c.mov(rax, __qword_ptr[rsp + 8]);
        c.mov(__qword_ptr[rdi], rax);
        c.add(rdi, 8);
        c.pop(rax);
        c.iretq();
    }
}
