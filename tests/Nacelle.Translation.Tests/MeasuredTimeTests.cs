using System.Diagnostics;
using Iced.Intel;
using Nacelle.Cpu;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests;

/// <summary>The time of slow paths: told where it is asked for, and without a trace in the guest.</summary>
public sealed class MeasuredTimeTests
{
    private const int Pages = 2000;

    [Fact]
    public void Every_kind_of_slow_path_takes_time_and_all_together_no_more_than_the_run()
    {
        using BareMachine machine = new(options: new TranslatorOptions { IsTimed = true });
        machine.Run(static c => c.nop());
        TranslatorCounters before = machine.Counters;
        long start = Stopwatch.GetTimestamp();
        machine.Run(TouchPages);
        double elapsed = Stopwatch.GetElapsedTime(start).TotalNanoseconds;
        TranslatorCounters after = machine.Counters;
        ulong[] times =
        [
            after.TlbMissNanoseconds - before.TlbMissNanoseconds,
            after.LinkNanoseconds - before.LinkNanoseconds,
            after.OperationNanoseconds - before.OperationNanoseconds,
            after.TranslationNanoseconds - before.TranslationNanoseconds,
        ];
        string seen = string.Join(", ", times);
        Assert.True(after.TlbMisses - before.TlbMisses >= Pages, $"{after.TlbMisses - before.TlbMisses} misses");
        Assert.True(Array.TrueForAll(times, time => time > 0), $"ns in misses, links, operations and translation: {seen}");

        // A miss is at least two readings of a counter, and none takes longer than all of them.
        Assert.True(times[0] >= Pages, $"{Pages} misses in {times[0]} ns");
        Assert.True(times.Sum(time => (double)time) <= elapsed, $"{seen} ns in a run of {elapsed} ns");
    }

    [Fact]
    public void Nothing_is_measured_unless_it_is_asked_for()
    {
        using BareMachine machine = new();
        machine.Run(TouchPages);
        TranslatorCounters counters = machine.Counters;
        Assert.True(counters.TlbMisses >= Pages, $"{counters.TlbMisses} misses");
        Assert.Equal(0UL, counters.TlbMissNanoseconds + counters.LinkNanoseconds + counters.LookupNanoseconds
            + counters.OperationNanoseconds + counters.OtherExitNanoseconds + counters.TranslationNanoseconds);
    }

    [Fact]
    public void A_miss_whose_time_is_measured_keeps_all_registers_and_flags()
    {
        using BareMachine machine = new(options: new TranslatorOptions { IsTimed = true });
        CpuRegisters registers = machine.Run(c =>
        {
            c.mov(rdi, BareMachine.DataAddress);
            c.mov(__qword_ptr[rdi], 0x55);
            c.mov(rax, 0x1111111111111111);
            c.mov(rcx, 0x2222222222222222);
            c.mov(rdx, 0x3333333333333333);
            c.mov(rbx, 0x4444444444444444);
            c.movq(xmm3, rbx);
            c.xor(esi, esi);
            c.stc();
            c.mov(rsi, __[rdi + 0x10_0000]);
            c.setc(sil);
            c.mov(__[rdi + 0x11_0000], rdx);
            c.movq(rbp, xmm3);
        });
        Assert.Equal(0x1111111111111111UL, BareMachine.General(registers, GeneralRegister.Rax));
        Assert.Equal(0x2222222222222222UL, BareMachine.General(registers, GeneralRegister.Rcx));
        Assert.Equal(0x3333333333333333UL, BareMachine.General(registers, GeneralRegister.Rdx));
        Assert.Equal(0x4444444444444444UL, BareMachine.General(registers, GeneralRegister.Rbp));
        Assert.Equal(1UL, BareMachine.General(registers, GeneralRegister.Rsi));
        Assert.Equal(0x3333333333333333UL, machine.Read(0x11_0000));
    }

    [Fact]
    public void Looks_into_the_block_cache_are_told_apart_by_whether_they_found_a_block()
    {
        using BareMachine machine = new();
        machine.Run(TouchPages);
        TranslatorCounters first = machine.Counters;
        machine.Run(TouchPages);
        TranslatorCounters second = machine.Counters;
        Assert.True(second.BlocksFound > first.BlocksFound, $"{first.BlocksFound} found, then {second.BlocksFound}");
    }

    /// <summary>A store to each of many pages, with a port written each time.</summary>
    private static void TouchPages(Assembler c)
    {
        Label loop = c.CreateLabel();
        c.mov(rdi, BareMachine.StackTop);
        c.mov(ecx, Pages);
        c.Label(ref loop);
        c.mov(__qword_ptr[rdi], 1);
        c.add(rdi, 4096);
        c.mov(dx, 0x80);
        c.@out(dx, al);
        c.dec(ecx);
        c.jne(loop);
    }
}
