using Nacelle.Cpu;
using Nacelle.Linux;

namespace Nacelle.Kvm.Tests;

public class KvmDoorbellTests
{
    // mov rbx, 0x1000000000; mov word [rbx+0x10], 7; out 0x80, al; hlt
    private static readonly byte[] s_ring =
    [
        0x48, 0xBB, 0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x66, 0xC7, 0x43, 0x10, 0x07, 0x00, 0xE6, 0x80, 0xF4,
    ];

    [KvmFact]
    public void AWriteToADoorbellRaisesTheDescriptorAndReachesNoDevice()
    {
        using TestMachine machine = new(s_ring);
        using EventFileDescriptor doorbell = new();
        RecordingDevice device = Map(machine);
        Assert.True(machine.Accelerator.TryBindDoorbell(TestMachine.DeviceAddress + 0x10, 2, doorbell));

        Assert.Equal(VirtualCpuExitReason.Requested, TestMachine.Finish(machine.Start()).Reason);

        Assert.True(doorbell.Consume());
        Assert.Empty(device.Writes);
    }

    [KvmFact]
    public void AnUnboundDoorbellIsADeviceAgain()
    {
        using TestMachine machine = new(s_ring);
        using EventFileDescriptor doorbell = new();
        RecordingDevice device = Map(machine);
        Assert.True(machine.Accelerator.TryBindDoorbell(TestMachine.DeviceAddress + 0x10, 2, doorbell));
        machine.Accelerator.UnbindDoorbell(TestMachine.DeviceAddress + 0x10, 2, doorbell);

        Assert.Equal(VirtualCpuExitReason.Requested, TestMachine.Finish(machine.Start()).Reason);

        Assert.False(doorbell.Consume());
        Assert.Equal([(0x10UL, 2, 7UL)], device.Writes);
    }

    [KvmFact]
    public void TheSameDoorbellTwiceIsRefused()
    {
        using TestMachine machine = new(s_ring);
        using EventFileDescriptor doorbell = new();
        Assert.True(machine.Accelerator.TryBindDoorbell(TestMachine.DeviceAddress, 4, doorbell));

        Assert.False(machine.Accelerator.TryBindDoorbell(TestMachine.DeviceAddress, 4, doorbell));
    }

    private static RecordingDevice Map(TestMachine machine)
    {
        RecordingDevice device = new();
        machine.Bus.Memory.Map(TestMachine.DeviceAddress, 0x1000, "device", device);
        machine.Bus.Ports.Map(0x80, 1, "done", new RecordingDevice { OnWrite = machine.Cpu.RequestExit });
        return device;
    }
}
