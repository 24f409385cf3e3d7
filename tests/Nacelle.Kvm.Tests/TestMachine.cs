using Nacelle.Cpu;
using Nacelle.Memory;

namespace Nacelle.Kvm.Tests;

/// <summary>A VM in 64-bit mode, ring 0, with its RAM and the IOAPIC identity-mapped; code begins at <see cref="CodeAddress"/>.</summary>
internal sealed unsafe class TestMachine : IDisposable
{
    public const ulong CodeAddress = 0x1_0000;
    public const ulong DataAddress = 0x2_0000;
    public const ulong DeviceAddress = 0x10_0000_0000;
    public const ulong InterruptControllerAddress = 0xFEC0_0000;

    private const ulong LargePage = 0x20_0000;
    private const ulong Tables = 0x1000;
    private const ulong Gdt = 0x6000;
    private const ulong Idt = 0x7000;
    private const ulong Stack = 0x9000;

    private readonly List<(KvmVirtualCpu Processor, Task<VirtualCpuExit> Run)> _runs = [];

    public TestMachine(
        ReadOnlySpan<byte> code, KvmAcceleratorOptions? options = null, ulong ramBytes = LargePage, int vcpuCount = 1)
    {
        Ram = new GuestMemory([(0, ramBytes)]);
        Bus = new MachineBus(Ram, new AddressSpace("memory"), new AddressSpace("port"));
        Accelerator = new KvmAccelerator(Bus, vcpuCount, options);
        Cpus = [.. Enumerable.Range(0, vcpuCount).Select(index => (KvmVirtualCpu)Accelerator.CreateVirtualCpu(
            new VirtualCpuConfiguration(index, (uint)index, Accelerator.SupportedCpuid(index, (uint)index), null)))];
        WriteTables();
        Assert.True(Ram.TryWrite(CodeAddress, code));
        EnterLongMode();
    }

    public GuestMemory Ram { get; }

    public MachineBus Bus { get; }

    public KvmAccelerator Accelerator { get; }

    public KvmVirtualCpu Cpu => Cpus[0];

    public IReadOnlyList<KvmVirtualCpu> Cpus { get; }

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

    public Task<VirtualCpuExit> Start(int index = 0)
    {
        Task<VirtualCpuExit> run = Task.Factory.StartNew(
            Cpus[index].Run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        _runs.Add((Cpus[index], run));
        return run;
    }

    public void Dispose()
    {
        // A test that fails leaves its guest running.
        foreach ((KvmVirtualCpu processor, Task<VirtualCpuExit> run) in _runs)
        {
            if (!run.IsCompleted)
            {
                processor.RequestExit();
                Finish(run);
            }
        }

        Accelerator.Dispose();
        Ram.Dispose();
    }

    /// <summary>Points the first vCPU at the code in 64-bit mode.</summary>
    public void EnterLongMode()
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

    /// <summary>
    /// PML4 with a PDPT, whose first entry leads to RAM, the fourth to the IOAPIC's 2 MiB and entry 64 to the device's.
    /// </summary>
    private void WriteTables()
    {
        const ulong tablePresentWritable = 3;
        const ulong large = 0x83;
        Assert.True(Ram.TryWrite(Tables, (Tables + 0x1000) | tablePresentWritable));
        Assert.True(Ram.TryWrite(Tables + 0x1000, (Tables + 0x2000) | tablePresentWritable));
        Assert.True(Ram.TryWrite(Tables + 0x1000 + (64 * 8), (Tables + 0x3000) | tablePresentWritable));
        for (ulong page = 0; page < Ram.Size / LargePage; page++)
        {
            Assert.True(Ram.TryWrite(Tables + 0x2000 + (page * 8), (page * LargePage) | large));
        }

        Assert.True(Ram.TryWrite(Tables + 0x3000, DeviceAddress | large));
        Assert.True(Ram.TryWrite(Tables + 0x1000 + (3 * 8), (Tables + 0x4000) | tablePresentWritable));
        Assert.True(Ram.TryWrite(
            Tables + 0x4000 + (InterruptControllerAddress % 0x4000_0000 / LargePage * 8), InterruptControllerAddress | large));
        Assert.True(Ram.TryWrite(Gdt + 8, 0x00AF_9B00_0000_FFFFUL));
        Assert.True(Ram.TryWrite(Gdt + 16, 0x00CF_9300_0000_FFFFUL));
    }
}
