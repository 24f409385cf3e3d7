using Nacelle.Cpu;

namespace Nacelle.Kvm.Tests;

/// <summary>KVM's clock and steal time, as a guest sees them (kernel documentation, "KVM-specific MSRs").</summary>
public class KvmParavirtualTests
{
    private const uint ClockFeature = 1 << 3;
    private const uint StealTimeFeature = 1 << 5;

    // mov ecx, 0x4b564d01; mov eax, 0x20001; xor edx, edx; wrmsr; out 0x80, al; out 0x80, al; hlt
    private static readonly byte[] s_clock =
    [
        0xB9, 0x01, 0x4D, 0x56, 0x4B, 0xB8, 0x01, 0x00, 0x02, 0x00, 0x31, 0xD2, 0x0F, 0x30, 0xE6, 0x80, 0xE6, 0x80, 0xF4,
    ];

    // The same with 0x4b564d03, and another port first: KVM updates the page when it enters the guest again.
    private static readonly byte[] s_stealTime =
    [
        0xB9, 0x03, 0x4D, 0x56, 0x4B, 0xB8, 0x01, 0x00, 0x02, 0x00, 0x31, 0xD2, 0x0F, 0x30, 0xE6, 0x81, 0xE6, 0x80, 0xF4,
    ];

    [KvmFact]
    public void TheClockIsWrittenIntoTheGuestsPage()
    {
        using TestMachine machine = new(s_clock);
        RequireFeature(machine, ClockFeature);
        StopAtPort80(machine);

        Assert.Equal(VirtualCpuExitReason.Requested, TestMachine.Finish(machine.Start()).Reason);

        Assert.True(machine.Ram.TryRead(TestMachine.DataAddress, out uint version));
        Assert.True(machine.Ram.TryRead(TestMachine.DataAddress + 24, out uint multiplier));
        Assert.NotEqual(0u, version);
        Assert.Equal(0u, version & 1);
        Assert.NotEqual(0u, multiplier);
    }

    [KvmFact]
    public void AGuestIsToldThatItStoodStill()
    {
        using TestMachine machine = new(s_clock);
        RequireFeature(machine, ClockFeature);
        StopAtPort80(machine);
        Assert.Equal(VirtualCpuExitReason.Requested, TestMachine.Finish(machine.Start()).Reason);
        Assert.Equal(0, Flags(machine) & 2);

        Assert.Equal(VirtualCpuExitReason.Requested, TestMachine.Finish(machine.Start()).Reason);

        Assert.Equal(2, Flags(machine) & 2);
    }

    [KvmFact]
    public void StealTimeIsWrittenIntoTheGuestsPage()
    {
        using TestMachine machine = new(s_stealTime);
        RequireFeature(machine, StealTimeFeature);
        StopAtPort80(machine);
        Assert.True(machine.Ram.TryWrite(TestMachine.DataAddress, ulong.MaxValue));

        Assert.Equal(VirtualCpuExitReason.Requested, TestMachine.Finish(machine.Start()).Reason);

        // struct kvm_steal_time: nanoseconds stolen, version.
        Assert.True(machine.Ram.TryRead(TestMachine.DataAddress + 8, out uint version));
        Assert.NotEqual(0u, version);
        Assert.Equal(0u, version & 1);
    }

    private static void StopAtPort80(TestMachine machine) =>
        machine.Bus.Ports.Map(0x80, 1, "done", new RecordingDevice { OnWrite = machine.Cpu.RequestExit });

    private static byte Flags(TestMachine machine)
    {
        Assert.True(machine.Ram.TryRead(TestMachine.DataAddress + 29, out byte flags));
        return flags;
    }

    private static void RequireFeature(TestMachine machine, uint feature) => Assert.SkipUnless(
        (machine.Accelerator.SupportedCpuid(0, 0).Query(0x4000_0001, 0).Eax & feature) != 0,
        $"this host's KVM does not offer feature 0x{feature:x}");
}
