using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Translation.Signals;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests;

/// <summary>Exceptions of the host's processor while other machines of the process come and go.</summary>
public sealed class HostFaultsTests
{
    [Fact]
    public async Task A_vcpu_keeps_taking_exceptions_while_other_machines_end()
    {
        const int faults = 20_000;
        using CancellationTokenSource done = new();
        Task others = Task.Run(
            () =>
            {
                int made = 0;
                while (!done.IsCancellationRequested || made == 0)
                {
                    using BareMachine first = new();
                    using BareMachine second = new();
                    made++;
                }
            },
            TestContext.Current.CancellationToken);
        try
        {
            using BareMachine machine = new();
            machine.Route(0);
            CpuRegisters registers = machine.Run(
                c =>
                {
                    Label turn = c.CreateLabel();
                    c.xor(ebx, ebx);
                    c.mov(esi, faults);
                    c.Label(ref turn);
                    c.xor(edx, edx);
                    c.mov(eax, 1);
                    c.xor(ecx, ecx);
                    c.div(ecx);
                    c.dec(esi);
                    c.jne(turn);
                },
                handler: c =>
                {
                    // Over the two bytes of DIV.
                    c.inc(ebx);
                    c.add(__qword_ptr[rsp], 2);
                    c.iretq();
                });
            Assert.Equal((ulong)faults, BareMachine.General(registers, GeneralRegister.Rbx));
        }
        finally
        {
            await done.CancelAsync();
            await others;
        }
    }

    [Fact]
    public unsafe void Rows_stay_where_they_are_and_are_used_again()
    {
        HostFaultTable table = new(3);
        Assert.True(table.TryAdd(0x1000, 0x2000, 1));
        Assert.True(table.TryAdd(0x3000, 0x4000, 2));
        Assert.True(table.TryAdd(0x5000, 0x6000, 3));
        Assert.False(table.TryAdd(0x7000, 0x8000, 4));
        table.Remove(0x1000);
        Assert.Equal(0x3000UL, table.Rows[3]);
        Assert.Equal(ulong.MaxValue, table.Rows[0]);
        Assert.True(table.TryAdd(0x7000, 0x8000, 4));
        Assert.Equal([0x7000UL, 0x8000UL, 4UL], new ReadOnlySpan<ulong>(table.Rows, 3).ToArray());
        Assert.Equal(0UL, table.Rows[9]);
    }

    [Fact]
    public unsafe void A_table_that_is_full_grows_with_what_it_holds()
    {
        HostFaultTable table = new(512);
        for (ulong i = 1; i <= 512; i++)
        {
            Assert.True(table.TryAdd(i << 20, (i << 20) + 4096, i));
        }

        table.Remove(7 << 20);
        HostFaultTable larger = table.Grow();
        Assert.Equal(511, larger.Count);
        for (ulong i = 513; i <= 1000; i++)
        {
            Assert.True(larger.TryAdd(i << 20, (i << 20) + 4096, i));
        }

        Assert.Equal(999, larger.Count);
        Assert.Equal(8UL, larger.Rows[(6 * 3) + 2]);
    }
}
