using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Translation.Runtime;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests;

/// <summary>Programs whose translated code does not fit in the code cache, or is given up while they run.</summary>
public sealed class EvictionTests
{
    private const ulong RoutinesAddress = 0x80_0000;
    private const int RoutineSize = 128;
    private static readonly TranslatorOptions s_smallest = new() { CodeCacheBytes = TranslatorOptions.SmallestCodeCache };

    [Fact]
    public void More_code_than_fits_runs_round_after_round()
    {
        const int count = 6144;
        const uint rounds = 4;
        using BareMachine machine = new(options: s_smallest);
        PlaceRoutines(machine, count, (c, i) =>
        {
            // Some direct branches that are linked, and a call that lies in another page.
            Label odd = c.CreateLabel();
            Label end = c.CreateLabel();
            c.add(rbx, i);
            c.test(ebx, 1);
            c.jne(odd);
            c.imul(rbx, rbx, 3);
            c.jmp(end);
            c.Label(ref odd);
            c.rol(rbx, 5);
            c.Label(ref end);
            c.call(RoutineAt(i ^ 64) + RoutineSize - 16);
            c.ret();
        });
        for (int i = 0; i < count; i++)
        {
            // inc rbx; ret.
            Assert.True(machine.Ram.TryWrite(RoutineAt(i) + RoutineSize - 16, [0x48, 0xFF, 0xC3, 0xC3]));
        }

        CpuRegisters registers = machine.Run(c => CallAll(c, count, rounds));
        ulong expected = 0;
        for (int i = 0; i < count * rounds; i++)
        {
            expected += (ulong)(i % count);
            expected = ((expected & 1) == 0 ? expected * 3 : ulong.RotateLeft(expected, 5)) + 1;
        }

        Assert.Equal(expected, BareMachine.General(registers, GeneralRegister.Rbx));
        TranslatorCounters counters = machine.Counters;
        Assert.True(counters.EvictedBlocks > count * 2, $"{counters.EvictedBlocks} blocks evicted, {counters.Blocks} translated");
        CheckBounds(machine);
    }

    [Fact]
    public void Returns_find_their_way_back_into_evicted_code()
    {
        const int count = 8000;
        using BareMachine machine = new(options: s_smallest);
        PlaceRoutines(machine, count, (c, i) =>
        {
            if (i < count - 1)
            {
                c.call(RoutineAt(i + 1));
            }

            c.imul(rbx, rbx, 7);
            c.add(rbx, i);
            c.ret();
        });
        CpuRegisters registers = machine.Run(c =>
        {
            c.xor(ebx, ebx);
            c.call(RoutineAt(0));
        });
        ulong expected = 0;
        for (int i = count - 1; i >= 0; i--)
        {
            expected = (expected * 7) + (ulong)i;
        }

        Assert.Equal(expected, BareMachine.General(registers, GeneralRegister.Rbx));
        Assert.InRange(machine.Counters.EvictedBlocks, 1000UL, ulong.MaxValue);
        CheckBounds(machine);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    [InlineData(50)]
    public void Code_that_is_rewritten_runs_as_written_while_code_is_given_up(int every)
    {
        const uint rounds = 3000;
        const ulong target = BareMachine.DataAddress;
        using BareMachine machine = new(options: s_smallest with { EvictEvery = every });

        // mov eax, 0; lea edx, [rax + rbx]; rep movsb; ret; the constant is rewritten each round.
        machine.Place(target, c =>
        {
            c.db(0xB8, 0, 0, 0, 0);
            c.lea(edx, __[rax + rbx]);
            c.mov(ecx, 200);
            c.mov(rsi, target + 0x1F00);
            c.mov(rdi, target + 0x2F80);
            c.rep.movsb();
            c.ret();
        });
        CpuRegisters registers = machine.Run(c =>
        {
            Label loop = c.CreateLabel();
            c.xor(ebx, ebx);
            c.xor(r8d, r8d);
            c.Label(ref loop);
            c.mov(__dword_ptr[target + 1], ebx);
            c.call(target);
            c.imul(r8, r8, 31);
            c.add(r8, rdx);
            c.cpuid();
            c.mov(rbx, __qword_ptr[target + 0x800]);
            c.inc(ebx);
            c.mov(__qword_ptr[target + 0x800], rbx);
            c.cmp(ebx, rounds);
            c.jb(loop);
        });
        ulong expected = 0;
        for (uint n = 0; n < rounds; n++)
        {
            expected = (expected * 31) + (n + n);
        }

        Assert.Equal(expected, BareMachine.General(registers, GeneralRegister.R8));
        Assert.InRange(machine.Counters.ForcedEvictions, rounds / (ulong)every, ulong.MaxValue);
        CheckBounds(machine);
    }

    [Fact]
    public void Many_routines_run_while_code_is_given_up()
    {
        const int count = 500;
        const uint rounds = 20;
        using BareMachine machine = new(options: s_smallest with { EvictEvery = 20 });
        PlaceRoutines(machine, count, (c, i) =>
        {
            Label loop = c.CreateLabel();
            c.mov(ecx, (i % 5) + 1);
            c.Label(ref loop);
            c.add(rbx, i);
            c.rol(rbx, 3);
            c.dec(ecx);
            c.jne(loop);
            c.ret();
        });
        CpuRegisters registers = machine.Run(c => CallAll(c, count, rounds));
        ulong expected = 0;
        for (int i = 0; i < count * rounds; i++)
        {
            for (int k = i % count % 5; k >= 0; k--)
            {
                expected = ulong.RotateLeft(expected + (ulong)(i % count), 3);
            }
        }

        Assert.Equal(expected, BareMachine.General(registers, GeneralRegister.Rbx));
        Assert.InRange(machine.Counters.ForcedEvictions, 100UL, ulong.MaxValue);
        CheckBounds(machine);
    }

    [Fact]
    public void Nothing_is_evicted_while_everything_fits()
    {
        using BareMachine machine = new();
        machine.Run(c => c.nop());
        Assert.Equal(0UL, machine.Counters.EvictedRegions);
        Assert.Equal(0UL, machine.Counters.ForcedEvictions);
        Assert.Equal(0UL, machine.Counters.CodeFlushes);
    }

    [Theory]
    [InlineData((1 << 20) - 4096, 0)]
    [InlineData((1 << 30) + 4096, 0)]
    [InlineData((1 << 20) + 1, 0)]
    [InlineData(1 << 20, -1)]
    [InlineData(1 << 20, 1_000_000_001)]
    public void Options_outside_their_ranges_are_refused(int codeCache, int evictEvery) =>
        Assert.Throws<ArgumentOutOfRangeException>(
            () => new BareMachine(options: new TranslatorOptions { CodeCacheBytes = codeCache, EvictEvery = evictEvery }));

    private static ulong RoutineAt(int i) => RoutinesAddress + ((ulong)i * RoutineSize);

    private static void PlaceRoutines(BareMachine machine, int count, Action<Assembler, int> routine)
    {
        for (int i = 0; i < count; i++)
        {
            int number = i;
            machine.Place(RoutineAt(i), c => routine(c, number));
        }
    }

    private static void CallAll(Assembler c, int count, uint rounds)
    {
        Label round = c.CreateLabel();
        Label next = c.CreateLabel();
        c.xor(ebx, ebx);
        c.mov(esi, rounds);
        c.Label(ref round);
        c.mov(rdi, RoutinesAddress);
        c.Label(ref next);
        c.call(rdi);
        c.add(rdi, RoutineSize);
        c.cmp(rdi, (int)RoutineAt(count));
        c.jb(next);
        c.dec(esi);
        c.jne(round);
    }

    /// <summary>What is kept of blocks is what the code memory holds, however many there have been: none has less than 16 bytes.</summary>
    private static void CheckBounds(BareMachine machine)
    {
        const int mostBlocks = TranslatorOptions.SmallestCodeCache / 16;
        (int blocks, int blockNumbers, int links, int linkNumbers, int pages) = ((TranslatorVirtualCpu)machine.Processor).CacheSize;
        Assert.InRange(blockNumbers, blocks, Math.Min(mostBlocks, (int)Math.Min(machine.Counters.Blocks, int.MaxValue)));
        Assert.InRange(linkNumbers, links, mostBlocks);
        Assert.InRange(pages, 1, blocks * 2);
        Assert.InRange((ulong)blocks, 1UL, machine.Counters.Blocks - machine.Counters.EvictedBlocks);
    }
}
