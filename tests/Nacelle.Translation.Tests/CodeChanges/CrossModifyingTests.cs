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
public sealed class CrossModifyingTests
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
