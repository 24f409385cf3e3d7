using Nacelle.Cpu;
using Nacelle.Memory;

namespace Nacelle.Kvm.Tests;

/// <summary>A VM in 64-bit mode, ring 0, with the first 2 MiB identity-mapped; code begins at <see cref="CodeAddress"/>.</summary>
internal sealed unsafe class TestMachine : IDisposable
{
    public const ulong CodeAddress = 0x1_0000;
    public const ulong DataAddress = 0x2_0000;
    public const ulong DeviceAddress = 0x10_0000_0000;

    private const ulong Tables = 0x1000;
    private const ulong Gdt = 0x5000;
    private const ulong Idt = 0x6000;
    private const ulong Stack = 0x8000;

    public TestMachine(ReadOnlySpan<byte> code, KvmAcceleratorOptions? options = null)
    {
        Ram = new GuestMemory([(0, 0x20_0000)]);
        Bus = new MachineBus(Ram, new AddressSpace("memory"), new AddressSpace("port"));
        Accelerator = new KvmAccelerator(Bus, 1, options);
        Cpu = (KvmVirtualCpu)Accelerator.CreateVirtualCpu(
            new VirtualCpuConfiguration(0, 0, KvmCpuid.Supported(0, 0, 1), null));
        WriteTables();
        Assert.True(Ram.TryWrite(CodeAddress, code));
        EnterLongMode();
    }

    public GuestMemory Ram { get; }

    public MachineBus Bus { get; }

    public KvmAccelerator Accelerator { get; }

    public KvmVirtualCpu Cpu { get; }

    public ulong Register(GeneralRegister register)
    {
        Cpu.ReadState(out CpuRegisters registers);
        return registers.General[(int)register];
    }

    /// <summary>Points an interrupt vector at code.</summary>
    public void SetGate(int vector, ulong handler)
    {
        ulong low = (handler & 0xFFFF) | (0x08UL << 16) | (0x8E00UL << 32) | ((handler & 0xFFFF_0000) << 32);
        Assert.True(Ram.TryWrite(Idt + ((ulong)vector * 16), low));
        Assert.True(Ram.TryWrite(Idt + ((ulong)vector * 16) + 8, handler >> 32));
    }

    /// <summary>Waits for a vCPU's thread, which must end by itself.</summary>
    public static VirtualCpuExit Finish(Task<VirtualCpuExit> running)
    {
        Assert.True(running.Wait(TimeSpan.FromSeconds(20)), "the vCPU did not leave Run within 20 s");
        return running.Result;
    }

    public Task<VirtualCpuExit> Start() => Task.Factory.StartNew(
        Cpu.Run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    public void Dispose()
    {
        Accelerator.Dispose();
        Ram.Dispose();
    }

    /// <summary>PML4 with a PDPT, whose first entry leads to 2 MiB of RAM and whose entry 64 leads to 2 MiB for the device.</summary>
    private void WriteTables()
    {
        const ulong tablePresentWritable = 3;
        const ulong large = 0x83;
        Assert.True(Ram.TryWrite(Tables, (Tables + 0x1000) | tablePresentWritable));
        Assert.True(Ram.TryWrite(Tables + 0x1000, (Tables + 0x2000) | tablePresentWritable));
        Assert.True(Ram.TryWrite(Tables + 0x1000 + (64 * 8), (Tables + 0x3000) | tablePresentWritable));
        Assert.True(Ram.TryWrite(Tables + 0x2000, large));
        Assert.True(Ram.TryWrite(Tables + 0x3000, DeviceAddress | large));
        Assert.True(Ram.TryWrite(Gdt + 8, 0x00AF_9B00_0000_FFFFUL));
        Assert.True(Ram.TryWrite(Gdt + 16, 0x00CF_9300_0000_FFFFUL));
    }

    private void EnterLongMode()
    {
        Cpu.ReadState(out CpuRegisters registers);
        SegmentRegister data = new() { Limit = uint.MaxValue, Selector = 0x10, Attributes = 0xC093 };
        registers.Cs = new SegmentRegister { Limit = uint.MaxValue, Selector = 0x08, Attributes = 0xA09B };
        registers.Ds = registers.Es = registers.Fs = registers.Gs = registers.Ss = data;
        registers.Gdtr = new DescriptorTableRegister { Base = Gdt, Limit = 23 };
        registers.Idtr = new DescriptorTableRegister { Base = Idt, Limit = 0xFFF };
        registers.Cr0 = 0x8000_0033;
        registers.Cr3 = Tables;
        registers.Cr4 = 0x620;
        registers.Efer = 0xD01;
        registers.Rip = CodeAddress;
        registers.Rflags = 2;
        registers.General[(int)GeneralRegister.Rsp] = Stack;
        Cpu.WriteState(registers);
    }
}
