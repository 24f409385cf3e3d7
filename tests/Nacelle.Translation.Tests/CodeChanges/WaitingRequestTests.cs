using Nacelle.Cpu;
using Nacelle.Translation.Runtime;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests.CodeChanges;

/// <summary>What is asked of a vCPU that does not run: it is bounded, and nothing of it is lost.</summary>
public sealed class WaitingRequestTests
{
    [Fact]
    public void A_vcpu_that_waits_keeps_so_many_requests_and_forgets_everything_beyond()
    {
        using BareMachine machine = new();
        TranslatorVirtualCpu processor = (TranslatorVirtualCpu)machine.Processor;
        Assert.Equal(1UL, Run(machine, 1));
        for (int i = 0; i < 100_000; i++)
        {
            processor.RequestInvalidation(0x40_0000 + ((ulong)(i % 16) << 12), 1);
        }

        Assert.InRange(processor.WaitingCodeRequests, 1, 4096);

        // The code is written by a device now, which is asked for in vain unless it is remembered.
        Assert.Equal(2UL, Run(machine, 2));
        Assert.Equal(0, processor.WaitingCodeRequests);
        Assert.Equal(3UL, Run(machine, 3));
    }

    private static ulong Run(BareMachine machine, int value)
    {
        CpuRegisters registers = machine.Run(c =>
        {
            c.mov(ebx, value);
            c.mov(__dword_ptr[BareMachine.DataAddress], ebx);
        });
        Assert.Equal((ulong)value, machine.Read(0));
        return BareMachine.General(registers, GeneralRegister.Rbx);
    }
}
