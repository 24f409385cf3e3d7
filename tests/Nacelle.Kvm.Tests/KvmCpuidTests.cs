using Nacelle.Cpu;

namespace Nacelle.Kvm.Tests;

public class KvmCpuidTests
{
    [KvmFact]
    public void TopologyIsTheMachines()
    {
        CpuidTable table = KvmCpuid.Supported(3, 3, 4);

        Assert.Equal(3u, table.Query(1, 0).Ebx >> 24);
        Assert.Equal(4u, (table.Query(1, 0).Ebx >> 16) & 0xFF);
        Assert.Equal(new CpuidResult(2, 4, 0x201, 3), table.Query(0xB, 1));
        Assert.Equal(default, table.Query(0x1F, 0));
    }

    [KvmFact]
    public void FeaturesOfAGuestUnderKvmAreThere()
    {
        CpuidResult features = KvmCpuid.Supported(0, 0, 1).Query(1, 0);

        Assert.NotEqual(0u, features.Ecx & (1u << 31));
        Assert.NotEqual(0u, features.Ecx & (1u << 21));
        Assert.Equal(0u, features.Ecx & (1u << 5));
        Assert.Equal(0u, features.Ecx & (1u << 27));
        Assert.Equal(0u, features.Edx & (1u << 28));
    }

    [KvmFact]
    public void TheParavirtualClockIsOffered()
    {
        CpuidTable table = KvmCpuid.Supported(0, 0, 1);

        // "KVMK", "VMKV", "M".
        Assert.Equal(0x4B4D_564Bu, table.Query(0x4000_0000, 0).Ebx);
        Assert.NotEqual(0u, table.Query(0x4000_0001, 0).Eax & 8);
    }

    [KvmFact]
    public void TheGuestReadsTheTable()
    {
        // mov eax, 0x40000000; cpuid; mov eax, ebx; mov dx, 0x600; out dx, eax; hlt
        using TestMachine machine = new(
            [0xB8, 0x00, 0x00, 0x00, 0x40, 0x0F, 0xA2, 0x89, 0xD8, 0x66, 0xBA, 0x00, 0x06, 0xEF, 0xF4]);
        RecordingDevice done = new() { OnWrite = machine.Cpu.RequestExit };
        machine.Bus.Ports.Map(0x600, 4, "done", done);

        Assert.Equal(VirtualCpuExitReason.Requested, TestMachine.Finish(machine.Start()).Reason);

        Assert.Equal(0x4B4D_564BUL, Assert.Single(done.Writes).Value);
    }

    [KvmFact]
    public void TheSizeOfTheExtendedStateFollowsXcr0()
    {
        // CR4.OSXSAVE; xsetbv of x87, SSE and AVX; cpuid 0xd: ebx to port 0x600.
        using TestMachine machine = new(
        [
            0x0F, 0x20, 0xE0, 0x0D, 0x00, 0x00, 0x04, 0x00, 0x0F, 0x22, 0xE0, 0x31, 0xC9, 0x31, 0xD2, 0xB8, 0x07, 0x00, 0x00,
            0x00, 0x0F, 0x01, 0xD1, 0xB8, 0x0D, 0x00, 0x00, 0x00, 0x31, 0xC9, 0x0F, 0xA2, 0x89, 0xD8, 0x66, 0xBA, 0x00, 0x06,
            0xEF, 0xF4,
        ]);
        CpuidTable table = machine.Accelerator.SupportedCpuid(0, 0);
        Assert.SkipUnless((table.Query(0xD, 0).Eax & 7) == 7, "this host's KVM offers no AVX");
        RecordingDevice done = new() { OnWrite = machine.Cpu.RequestExit };
        machine.Bus.Ports.Map(0x600, 4, "done", done);

        Assert.Equal(VirtualCpuExitReason.Requested, TestMachine.Finish(machine.Start()).Reason);

        // The legacy area and the header, then the upper halves of the YMM registers (SDM volume 1, 13.4).
        Assert.Equal(512UL + 64 + 256, Assert.Single(done.Writes).Value);
        machine.Cpu.ReadState(out CpuRegisters registers);
        Assert.Equal(7UL, registers.Xcr0);
    }

    [KvmFact]
    public void ATableThatIsTooLongIsRefused()
    {
        using TestMachine machine = new([0xF4]);
        CpuidTable table = new(Enumerable.Range(0, 257).Select(i => new CpuidEntry((uint)i, 0, false, default)));
        using KvmAccelerator accelerator = new(machine.Bus, 1);

        Assert.Throws<ArgumentException>(
            () => accelerator.CreateVirtualCpu(new VirtualCpuConfiguration(0, 0, table, null)));
    }
}
