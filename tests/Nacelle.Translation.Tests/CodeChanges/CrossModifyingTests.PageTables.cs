using Iced.Intel;
using Nacelle.Cpu;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests.CodeChanges;

/// <content>Page tables that another vCPU changes while translated code runs.</content>
public sealed partial class CrossModifyingTests
{
    /// <summary>A page of code, of data read and of data written comes to lie elsewhere; the other vCPU then flushes.</summary>
    [Theory]
    [InlineData("invlpg")]
    [InlineData("mov cr3")]
    [InlineData("mov cr4")]
    public void Page_tables_that_another_vcpu_has_changed_count_after_a_flush(string flush)
    {
        const ulong data = Routine + 0x1000;
        using BareMultiprocessor machine = new(2);
        ulong entry = BareMachine.MapPage(machine.Ram, Routine, Other | 3);
        ulong dataEntry = BareMachine.MapPage(machine.Ram, data, (Other + 0x4000) | 3);
        for (uint i = 0; i < 4; i++)
        {
            machine.Place(Other + (i * 4096), c =>
            {
                c.mov(eax, i * 16);
                c.add(eax, __[data]);
                c.mov(__dword_ptr[data + 8], r13d);
                c.ret();
            });
            Assert.True(machine.Ram.TryWrite(Other + 0x4000 + (i * 4096), i));
        }

        CpuRegisters[] registers = machine.Run(
            c => Ask(
                c,
                () =>
                {
                    c.mov(eax, r13d);
                    c.and(eax, 3);
                    c.shl(eax, 12);
                    c.add(eax, (int)Other | 3);
                    c.mov(__[entry], rax);
                    c.mov(eax, r13d);
                    c.shr(eax, 2);
                    c.and(eax, 3);
                    c.shl(eax, 12);
                    c.add(eax, (int)(Other + 0x4000) | 3);
                    c.mov(__[dataEntry], rax);
                },
                afterwards: () => CheckWritten(c)),
            c => Reply(
                c,
                () =>
                {
                    if (flush == "invlpg")
                    {
                        c.invlpg(__byte_ptr[Routine]);
                        c.invlpg(__byte_ptr[data]);
                    }
                    else
                    {
                        Serialise(c, flush);
                    }

                    c.call(Routine);
                },
                change: null));
        Check(registers, n => ((n & 3) * 16) + ((n >> 2) & 3));
        Assert.Equal(0UL, BareMachine.General(registers[0], GeneralRegister.Rbp));

        // The page that the other has just written to holds the number of the round.
        static void CheckWritten(Assembler c)
        {
            Label wait = c.CreateLabel();
            Label right = c.CreateLabel();
            c.Label(ref wait);
            c.pause();
            c.cmp(__[Answer + 8], r13d);
            c.jne(wait);
            c.mov(eax, r13d);
            c.shr(eax, 2);
            c.and(eax, 3);
            c.shl(eax, 12);
            c.cmp(__dword_ptr[rax + (int)(Other + 0x4008)], r13d);
            c.je(right);
            c.inc(ebp);
            c.Label(ref right);
            c.nop();
        }
    }

    /// <summary>
    /// A vCPU that runs a loop is told by an interrupt that a page of it has moved; the sender waits until it is handled, as
    /// kernels do. The loop looks at nothing.
    /// </summary>
    [Fact]
    public void A_shootdown_by_interrupt_reaches_a_running_loop()
    {
        const uint rounds = 300;
        const byte vector = 0x40;
        SentInterrupts[] controllers = [new(), new()];
        using BareMultiprocessor machine = new(2, index => controllers[index]);
        machine.OnRequest = () =>
        {
            controllers[1].Send(vector);
            machine.NotifyInterrupt(1);
        };
        ulong entry = BareMachine.MapPage(machine.Ram, Routine, Other | 3);
        for (uint i = 0; i < 4; i++)
        {
            machine.Place(Other + (i * 4096), c =>
            {
                c.mov(ebx, i);
                c.ret();
            });
        }

        ulong gate = 0x8000 + (vector * 16UL);
        const ulong handler = BareMachine.HandlerAddress;
        machine.Ram.TryWrite(gate, (handler & 0xFFFF) | (8UL << 16) | (0x8E00UL << 32) | ((handler >> 16 & 0xFFFF) << 48));
        machine.Place(handler, c =>
        {
            c.invlpg(__byte_ptr[Routine]);
            c.inc(__dword_ptr[Answer + 8]);
            c.iretq();
        });
        CpuRegisters[] registers = machine.Run(
            c =>
            {
                Label loop = c.CreateLabel();
                Label wait = c.CreateLabel();
                Label settle = c.CreateLabel();
                Label right = c.CreateLabel();
                c.xor(ebp, ebp);
                c.mov(r13d, 1);
                c.Label(ref loop);
                c.mov(eax, r13d);
                c.and(eax, 3);
                c.shl(eax, 12);
                c.add(eax, (int)Other | 3);
                c.mov(__[entry], rax);
                c.mov(dx, 0xE8);
                c.@out(dx, al);
                c.Label(ref wait);
                c.pause();
                c.cmp(__[Answer + 8], r13d);
                c.jne(wait);

                // Two more turns of the loop from now on, and what it stores is of the new page.
                c.mov(ecx, __[Answer + 16]);
                c.add(ecx, 2);
                c.Label(ref settle);
                c.pause();
                c.mov(eax, __[Answer + 16]);
                c.sub(eax, ecx);
                c.js(settle);
                c.mov(eax, __[Answer]);
                c.mov(edx, r13d);
                c.and(edx, 3);
                c.cmp(eax, edx);
                c.je(right);
                c.inc(ebp);
                c.Label(ref right);
                c.inc(r13d);
                c.cmp(r13d, rounds);
                c.jne(loop);
                c.mov(__dword_ptr[Flag], 1);
            },
            c =>
            {
                Label loop = c.CreateLabel();
                c.sti();
                c.Label(ref loop);
                c.call(Routine);
                c.mov(__[Answer], ebx);
                c.inc(__dword_ptr[Answer + 16]);
                c.cmp(__dword_ptr[Flag], 0);
                c.je(loop);
                c.cli();
            });
        Assert.Equal(0UL, BareMachine.General(registers[0], GeneralRegister.Rbp));
    }

    /// <summary>Writes once more set the dirty bit that another vCPU has cleared, and are refused where it forbids them.</summary>
    [Fact]
    public void A_cleared_dirty_bit_and_a_withdrawn_right_count_after_a_flush()
    {
        const ulong data = Routine;
        const ulong handler = BareMachine.HandlerAddress;
        using BareMultiprocessor machine = new(2);
        ulong entry = BareMachine.MapPage(machine.Ram, data, Other | 3);
        machine.Ram.TryWrite(0x8000 + (14 * 16UL), (handler & 0xFFFF) | (8UL << 16) | (0x8E00UL << 32) | ((handler >> 16 & 0xFFFF) << 48));
        machine.Place(handler, c =>
        {
            c.mov(eax, 100);
            c.add(rsp, 8);
            c.add(__qword_ptr[rsp], 3);
            c.iretq();
        });
        CpuRegisters[] registers = machine.Run(
            c => Ask(
                c,
                () =>
                {
                    Label writable = c.CreateLabel();
                    c.mov(eax, (int)Other | 3);
                    c.test(r13d, 1);
                    c.je(writable);
                    c.mov(eax, (int)Other | 1);
                    c.Label(ref writable);
                    c.mov(__[entry], rax);
                }),
            c => Reply(
                c,
                () =>
                {
                    c.invlpg(__byte_ptr[data]);
                    c.mov(esi, (int)data);
                    c.mov(eax, __[rsi]);
                    c.mov(eax, __[entry]);
                    c.and(eax, 0x60);
                    c.mov(ecx, eax);
                    c.xor(eax, eax);

                    // Reads and writes of one block may be made writable together.
                    Label apart = c.CreateLabel();
                    c.jmp(apart);
                    c.Label(ref apart);
                    c.mov(__[rsi], r13);
                    c.nop();
                    c.mov(edx, __[entry]);
                    c.and(edx, 0x60);
                    c.shl(edx, 8);
                    c.add(eax, ecx);
                    c.add(eax, edx);
                },
                change: null));

        // Accessed after the read; dirty after the write, or 100 from the handler.
        Check(registers, n => 0x20 + ((n & 1) == 0 ? 0x6000u : 0x2000 + 100));
    }

    /// <summary>Interrupts that another vCPU's port write sends.</summary>
    private sealed class SentInterrupts : ILocalInterruptController
    {
        private int _vector = -1;

        public bool HasInterrupt => Volatile.Read(ref _vector) >= 0;

        public byte TaskPriority { get; set; }

        public void Send(int vector) => Volatile.Write(ref _vector, vector);

        public int Acknowledge() => Interlocked.Exchange(ref _vector, -1);

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

        public void Reset(bool init) => Volatile.Write(ref _vector, -1);
    }
}
