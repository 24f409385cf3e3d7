using Nacelle.Cpu;
using Nacelle.Linux;

namespace Nacelle.Kvm.Tests;

public class KvmVirtualCpuTests
{
    [KvmFact]
    public void PortAccessesReachTheBusAndComeBack()
    {
        // mov dx, 0x510; in al, dx; inc al; out dx, al; mov dx, 0x600; out dx, ax; (done) hlt
        using TestMachine machine = new(
            [0x66, 0xBA, 0x10, 0x05, 0xEC, 0xFE, 0xC0, 0xEE, 0x66, 0xBA, 0x00, 0x06, 0x66, 0xEF, 0xF4]);
        RecordingDevice device = new() { OnRead = (_, _) => 0x41 };
        RecordingDevice done = new() { OnWrite = machine.Cpu.RequestExit };
        machine.Bus.Ports.Map(0x510, 1, "device", device);
        machine.Bus.Ports.Map(0x600, 2, "done", done);

        VirtualCpuExit exit = TestMachine.Finish(machine.Start());

        Assert.Equal(VirtualCpuExitReason.Requested, exit.Reason);
        Assert.Equal([(0UL, 1, 0x42UL)], device.Writes);
        Assert.Equal(2, Assert.Single(done.Writes).Size);
    }

    [KvmFact]
    public void AnExitAskedForWhileAPortIsReadComesAfterTheReadHasTakenEffect()
    {
        // mov dx, 0x510; in eax, dx; hlt
        using TestMachine machine = new([0x66, 0xBA, 0x10, 0x05, 0xED, 0xF4]);
        machine.Bus.Ports.Map(0x510, 4, "device", new RecordingDevice
        {
            OnRead = (_, _) =>
            {
                machine.Cpu.RequestExit();
                return 0xCAFE_F00D;
            },
        });

        Assert.Equal(VirtualCpuExitReason.Requested, TestMachine.Finish(machine.Start()).Reason);

        machine.Cpu.ReadState(out CpuRegisters registers);
        Assert.Equal(0xCAFE_F00DUL, machine.Register(GeneralRegister.Rax));
        Assert.Equal(TestMachine.CodeAddress + 5, registers.Rip);
    }

    [KvmFact]
    public void AStringOfPortWritesArrivesWholeAndInOrder()
    {
        // mov dx, 0x510; mov esi, 0x20000; mov ecx, 5; cld; rep outsb; mov dx, 0x600; out dx, al; hlt
        using TestMachine machine = new(
        [
            0x66, 0xBA, 0x10, 0x05, 0xBE, 0x00, 0x00, 0x02, 0x00, 0xB9, 0x05, 0x00, 0x00, 0x00, 0xFC, 0xF3, 0x6E,
            0x66, 0xBA, 0x00, 0x06, 0xEE, 0xF4,
        ]);
        RecordingDevice device = new();
        machine.Bus.Ports.Map(0x510, 1, "device", device);
        machine.Bus.Ports.Map(0x600, 1, "done", new RecordingDevice { OnWrite = machine.Cpu.RequestExit });
        Assert.True(machine.Ram.TryWrite(TestMachine.DataAddress, "hello"u8));

        Assert.Equal(VirtualCpuExitReason.Requested, TestMachine.Finish(machine.Start()).Reason);

        Assert.Equal("hello", string.Concat(device.Writes.Select(write => (char)write.Value)));
    }

    [KvmFact]
    public void AccessesOutsideRamReachTheMemoryBus()
    {
        // mov rbx, 0x1000000000; mov eax, [rbx+4]; add eax, 1; mov [rbx+8], eax; mov [rbx+16], rax; out 0x60h..; hlt
        using TestMachine machine = new(
        [
            0x48, 0xBB, 0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x8B, 0x43, 0x04, 0x83, 0xC0, 0x01,
            0x89, 0x43, 0x08, 0x48, 0x89, 0x43, 0x10, 0x66, 0xBA, 0x00, 0x06, 0xEE, 0xF4,
        ]);
        RecordingDevice device = new() { OnRead = (offset, size) => (offset * 0x100) + (ulong)size };
        machine.Bus.Memory.Map(TestMachine.DeviceAddress, 0x1000, "device", device);
        machine.Bus.Ports.Map(0x600, 1, "done", new RecordingDevice { OnWrite = machine.Cpu.RequestExit });

        Assert.Equal(VirtualCpuExitReason.Requested, TestMachine.Finish(machine.Start()).Reason);

        Assert.Equal([(8UL, 4, 0x405UL), (16UL, 8, 0x405UL)], device.Writes);
    }

    [KvmFact]
    public void ATripleFaultIsAShutdown()
    {
        // ud2 with an empty IDT.
        using TestMachine machine = new([0x0F, 0x0B]);

        Assert.Equal(VirtualCpuExitReason.Shutdown, TestMachine.Finish(machine.Start()).Reason);
    }

    [KvmFact]
    public void AnInstructionThatKvmCannotEmulateIsReportedWithItsBytesAndPlace()
    {
        // mov rbx, 0x1000000000; fld tbyte [rbx]; hlt: KVM emulates accesses to devices, but no x87 loads.
        using TestMachine machine = new([0x48, 0xBB, 0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0xDB, 0x2B, 0xF4]);
        machine.Bus.Memory.Map(TestMachine.DeviceAddress, 0x1000, "device", new RecordingDevice());

        VirtualCpuExit exit = TestMachine.Finish(machine.Start());

        Assert.Equal(VirtualCpuExitReason.Failed, exit.Reason);
        Assert.Contains("KVM could not emulate an instruction", exit.Detail, StringComparison.Ordinal);
        Assert.Contains($"rip 0x{TestMachine.CodeAddress + 10:x}", exit.Detail, StringComparison.Ordinal);
        Assert.Contains("instruction bytes db 2b", exit.Detail, StringComparison.Ordinal);
    }

    [KvmFact]
    public void RequestsUnderLoadLoseAndRepeatNoPortAccess()
    {
        // xor eax, eax; mov dx, 0x600; again: inc eax; out dx, eax; jmp again
        using TestMachine machine = new([0x31, 0xC0, 0x66, 0xBA, 0x00, 0x06, 0xFF, 0xC0, 0xEF, 0xEB, 0xFB]);
        RecordingDevice device = new();
        machine.Bus.Ports.Map(0x600, 4, "counter", device);
        using CancellationTokenSource enough = new();
        Thread kicker = new(() =>
        {
            while (!enough.IsCancellationRequested)
            {
                machine.Cpu.RequestExit();
                Thread.Yield();
            }
        });
        kicker.Start();
        try
        {
            for (int round = 0; round < 300; round++)
            {
                Assert.Equal(new VirtualCpuExit(VirtualCpuExitReason.Requested), machine.Cpu.Run());
            }
        }
        finally
        {
            enough.Cancel();
            kicker.Join();
        }

        ulong expected = 0;
        Assert.All(device.Writes, write => Assert.Equal(++expected, write.Value));

        // The last request may have come between INC and OUT.
        Assert.InRange(machine.Register(GeneralRegister.Rax), expected, expected + 1);
    }

    [KvmFact]
    public void AHaltedVcpuIsLeftOnRequest()
    {
        // out 0x80, al; hlt; jmp back to hlt
        using TestMachine machine = new([0xE6, 0x80, 0xF4, 0xEB, 0xFD]);
        using ManualResetEventSlim running = new();
        machine.Bus.Ports.Map(0x80, 1, "running", new RecordingDevice { OnWrite = running.Set });
        Task<VirtualCpuExit> run = machine.Start();
        Assert.True(running.Wait(TimeSpan.FromSeconds(20)));

        machine.Cpu.RequestExit();

        Assert.Equal(VirtualCpuExitReason.Requested, TestMachine.Finish(run).Reason);
    }

    [KvmFact]
    public void ARequestBeforeRunIsNotLost()
    {
        using TestMachine machine = new([0xEB, 0xFE]);
        machine.Cpu.RequestExit();

        Assert.Equal(VirtualCpuExitReason.Requested, TestMachine.Finish(machine.Start()).Reason);
    }

    [KvmFact]
    public void RequestsFromManyThreadsNeverLeaveTheVcpuStuck()
    {
        using TestMachine machine = new([0xEB, 0xFE]);
        for (int round = 0; round < 100; round++)
        {
            Task<VirtualCpuExit> run = machine.Start();
            Parallel.For(0, 3, _ => machine.Cpu.RequestExit());
            Assert.Equal(VirtualCpuExitReason.Requested, TestMachine.Finish(run).Reason);
        }
    }

    [KvmFact]
    public void RegistersSurviveARoundTrip()
    {
        using TestMachine machine = new([0xF4]);
        machine.Cpu.ReadState(out CpuRegisters written);
        unsafe
        {
            for (int i = 0; i < 16; i++)
            {
                written.General[i] = 0x1111_1111_1111_1111UL * (ulong)i;
            }

            written.Debug[0] = 0x1234;
            written.Debug[3] = 0x5678;
        }

        written.Lstar = 0xFFFF_8000_0000_1000;
        written.Star = 0x0023_0010_0000_0000;
        written.KernelGsBase = 0xFFFF_8880_0000_0000;
        written.Fs.Base = 0x7000_0000_1000;
        written.Pat = 0x0007_0406_0007_0406;
        written.SysenterEip = 0x4000;
        written.Rflags = 0x246;
        written.Cr2 = 0xDEAD_0000;
        machine.Cpu.WriteState(written);

        machine.Cpu.ReadState(out CpuRegisters read);

        Assert.Equal(Bytes(written), Bytes(read));
    }

    [KvmFact]
    public void ResetGivesThePowerOnState()
    {
        using TestMachine machine = new([0xF4]);

        machine.Cpu.Reset();

        machine.Cpu.ReadState(out CpuRegisters registers);
        Assert.Equal(0xFFF0UL, registers.Rip);
        Assert.Equal(0xFFFF_0000UL, registers.Cs.Base);
        Assert.Equal(0xF000, registers.Cs.Selector);
        Assert.Equal(0UL, registers.Efer);
        Assert.Equal(0x6000_0010UL, registers.Cr0);
        Assert.Equal(2UL, registers.Rflags);
    }

    [KvmFact]
    public void TheGuestSeesAModelSpecificRegisterThatWasSet()
    {
        // mov ecx, 0xC0000082; rdmsr; mov dx, 0x600; out dx, eax; hlt
        using TestMachine machine = new([0xB9, 0x82, 0x00, 0x00, 0xC0, 0x0F, 0x32, 0x66, 0xBA, 0x00, 0x06, 0xEF, 0xF4]);
        RecordingDevice done = new() { OnWrite = machine.Cpu.RequestExit };
        machine.Bus.Ports.Map(0x600, 4, "done", done);
        Assert.True(machine.Cpu.TryWriteModelSpecificRegister(0xC000_0082, 0xFFFF_FFFF_8123_4567));

        Assert.Equal(VirtualCpuExitReason.Requested, TestMachine.Finish(machine.Start()).Reason);

        Assert.Equal(0x8123_4567UL, Assert.Single(done.Writes).Value);
    }

    [KvmFact]
    public void AModelSpecificRegisterThatDoesNotExistIsRefused()
    {
        using TestMachine machine = new([0xF4]);

        Assert.False(machine.Cpu.TryReadModelSpecificRegister(0x5555_5555, out _));
        Assert.False(machine.Cpu.TryWriteModelSpecificRegister(0x5555_5555, 1));
    }

    [KvmFact]
    public void ExtendedStateSurvivesARoundTrip()
    {
        using TestMachine machine = new([0xF4]);
        byte[] written = new byte[machine.Cpu.ExtendedStateBytes];
        machine.Cpu.ReadExtendedState(written);

        // XMM0 in the legacy area, and SSE in XSTATE_BV (SDM volume 1, 13.4.1 and 13.4.2).
        "sixteen bytes .."u8.CopyTo(written.AsSpan(160));
        written[512] |= 3;
        machine.Cpu.WriteExtendedState(written);
        byte[] read = new byte[written.Length];
        machine.Cpu.ReadExtendedState(read);

        Assert.Equal("sixteen bytes .."u8, read.AsSpan(160, 16));
    }

    [KvmFact]
    public void ASecondThreadIsRefusedWhileTheVcpuRuns()
    {
        using TestMachine machine = new([0xE6, 0x80, 0xEB, 0xFE]);
        using ManualResetEventSlim running = new();
        machine.Bus.Ports.Map(0x80, 1, "running", new RecordingDevice { OnWrite = running.Set });
        Task<VirtualCpuExit> run = machine.Start();
        Assert.True(running.Wait(TimeSpan.FromSeconds(20)));

        Assert.Throws<InvalidOperationException>(() => machine.Cpu.Run());

        machine.Cpu.RequestExit();
        Assert.Equal(VirtualCpuExitReason.Requested, TestMachine.Finish(run).Reason);
    }

    [KvmFact]
    public void ContradictingRegistersAreRefused()
    {
        using TestMachine machine = new([0xF4]);
        machine.Cpu.ReadState(out CpuRegisters registers);

        // Paging without protection (SDM volume 3, 2.5).
        registers.Cr0 = 0x8000_0000;

        Assert.Throws<LinuxException>(() => machine.Cpu.WriteState(registers));
    }

    private static unsafe byte[] Bytes(CpuRegisters registers)
    {
        registers.TscOffset = 0;
        return new ReadOnlySpan<byte>(&registers, sizeof(CpuRegisters)).ToArray();
    }
}
