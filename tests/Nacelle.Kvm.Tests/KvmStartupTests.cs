using Nacelle.Cpu;

namespace Nacelle.Kvm.Tests;

/// <summary>INIT and start-up from one vCPU to another, before and after a reset.</summary>
public class KvmStartupTests
{
    private const ulong StartupAddress = 0x3_0000;

    // x2APIC on; interrupt command register: INIT to APIC id 1, then start-up at 0x30000; hlt for ever.
    private static readonly byte[] s_boot =
    [
        0xB9, 0x1B, 0x00, 0x00, 0x00, 0x0F, 0x32, 0x0D, 0x00, 0x0C, 0x00, 0x00, 0x0F, 0x30,
        0xB9, 0x30, 0x08, 0x00, 0x00, 0xBA, 0x01, 0x00, 0x00, 0x00, 0xB8, 0x00, 0x45, 0x00, 0x00, 0x0F, 0x30,
        0xB8, 0x30, 0x46, 0x00, 0x00, 0x0F, 0x30, 0xF4, 0xEB, 0xFD,
    ];

    // 16-bit: mov al, 0x77; out 0x81, al; hlt for ever.
    private static readonly byte[] s_started = [0xB0, 0x77, 0xE6, 0x81, 0xF4, 0xEB, 0xFD];

    [KvmFact]
    public void ASecondVcpuStartsWhereTheFirstSays()
    {
        using TestMachine machine = new(s_boot, vcpuCount: 2);
        Assert.True(machine.Ram.TryWrite(StartupAddress, s_started));
        using AutoResetEvent started = new(false);
        RecordingDevice device = new() { OnWrite = () => started.Set() };
        machine.Bus.Ports.Map(0x81, 1, "started", device);

        RunBoth(machine, started);
        machine.Cpus[1].ReadState(out CpuRegisters registers);
        Assert.Equal(0x3000, registers.Cs.Selector);
        Assert.Equal(StartupAddress, registers.Cs.Base);

        foreach (KvmVirtualCpu processor in machine.Cpus)
        {
            processor.Reset();
        }

        machine.EnterLongMode();
        RunBoth(machine, started);
        Assert.Equal([0x77UL, 0x77UL], device.Writes.Select(write => write.Value));
    }

    private static void RunBoth(TestMachine machine, AutoResetEvent started)
    {
        Task<VirtualCpuExit> second = machine.Start(1);
        Task<VirtualCpuExit> first = machine.Start(0);
        bool arrived = started.WaitOne(TimeSpan.FromSeconds(20));
        foreach (KvmVirtualCpu processor in machine.Cpus)
        {
            processor.RequestExit();
        }

        VirtualCpuExit[] exits = [TestMachine.Finish(first), TestMachine.Finish(second)];
        Assert.All(exits, exit => Assert.Equal(new VirtualCpuExit(VirtualCpuExitReason.Requested), exit));
        Assert.True(arrived, "the second vCPU did not start within 20 s");
    }
}
