using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Memory;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests;

/// <summary>A vCPU in 64-bit mode over identity-mapped memory, with code assembled on the spot. Port 0xF4 ends a run.</summary>
internal sealed class BareMachine : IAddressRangeHandler, IDisposable
{
    public const ulong CodeAddress = 0x10_0000;
    public const ulong DataAddress = 0x20_0000;
    public const ulong StackTop = 0x30_0000;
    public const ulong HandlerAddress = 0x18_0000;
    private const ulong PageMapLevel4 = 0x1000;
    private const ulong InterruptTable = 0x8000;
    private const ulong DescriptorTable = 0x9000;
    private readonly TranslatorAccelerator _accelerator;

    public BareMachine(ILocalInterruptController? localInterrupts = null, TranslatorOptions? options = null, CpuidTable? cpuid = null)
    {
        Ram = new GuestMemory([(0, 32 << 20)]);
        Ports = new AddressSpace("port");
        Memory = new AddressSpace("memory");
        Ports.Map(0xF0, 8, "end", this);
        _accelerator = new TranslatorAccelerator(new MachineBus(Ram, Memory, Ports), options ?? new TranslatorOptions { CodeCacheBytes = 4 << 20 });
        Processor = _accelerator.CreateVirtualCpu(new VirtualCpuConfiguration(0, 0, cpuid ?? CpuidModels.ForTranslator(0, 0, 1), localInterrupts));
        BuildTables(Ram);
    }

    public GuestMemory Ram { get; }

    public AddressSpace Ports { get; }

    public AddressSpace Memory { get; }

    public IVirtualCpu Processor { get; }

    /// <summary>What translation has cost so far.</summary>
    public TranslatorCounters Counters => _accelerator.ReadCounters();

    /// <summary>What has been translated and touches a range of linear addresses.</summary>
    public IEnumerable<ListedBlock> ListBlocks(ulong first, ulong last) => _accelerator.ListBlocks(first, last);

    /// <summary>What a write to port 0xF0 does, on the vCPU's thread.</summary>
    public Action? OnRequest { get; set; }

    /// <summary>Last value written to port 0xF4.</summary>
    public ulong EndValue { get; private set; }

    /// <summary>Assembles code, runs it to its end, and returns the registers.</summary>
    public CpuRegisters Run(Action<Assembler> program, Action<Assembler>? handler = null, Action<CpuRegistersBox>? prepare = null) =>
        Run(program, handler, prepare, bitness: 64);

    /// <summary>As the other, with 32-bit code in compatibility mode; the handler is 64-bit code.</summary>
    public CpuRegisters RunCompatible(
        Action<Assembler> program, Action<Assembler>? handler = null, Action<CpuRegistersBox>? prepare = null) => Run(
        program,
        handler,
        box =>
        {
            box.Value.Cs = new SegmentRegister { Selector = 0x30, Limit = uint.MaxValue, Attributes = 0xC09B };
            prepare?.Invoke(box);
        },
        bitness: 32);

    /// <summary>Assembles 16-bit code, runs it in real mode with CS 1000h, DS and ES 2000h, and SS 3000h, and returns the registers.</summary>
    public CpuRegisters RunReal(Action<Assembler> program, Action<CpuRegistersBox>? prepare = null)
    {
        Place(
            0x1_0000,
            assembler =>
            {
                program(assembler);
                assembler.@out(0xF4, al);
                assembler.hlt();
            },
            bitness: 16,
            rip: 0);
        CpuRegistersBox box = new() { Value = InitialState() };
        box.Value.Cr0 = 0x10;
        box.Value.Efer = 0;
        box.Value.Rip = 0;
        box.Value.Cs = new SegmentRegister { Selector = 0x1000, Base = 0x1_0000, Limit = 0xFFFF, Attributes = 0x9B };
        SegmentRegister data = new() { Selector = 0x2000, Base = 0x2_0000, Limit = 0xFFFF, Attributes = 0x93 };
        box.Value.Ds = box.Value.Es = box.Value.Fs = box.Value.Gs = data;
        box.Value.Ss = new SegmentRegister { Selector = 0x3000, Base = 0x3_0000, Limit = 0xFFFF, Attributes = 0x93 };
        SetGeneral(box, GeneralRegister.Rsp, 0x1000);
        prepare?.Invoke(box);
        return Run(box);
    }

    /// <summary>Sets a general register before a run.</summary>
    public static unsafe void SetGeneral(CpuRegistersBox box, GeneralRegister register, ulong value) =>
        box.Value.General[(int)register] = value;

    private CpuRegisters Run(Action<Assembler> program, Action<Assembler>? handler, Action<CpuRegistersBox>? prepare, int bitness)
    {
        Place(
            CodeAddress,
            assembler =>
            {
                program(assembler);
                assembler.@out(0xF4, al);
                assembler.hlt();
            },
            bitness);
        if (handler is not null)
        {
            Place(HandlerAddress, handler);
        }

        CpuRegistersBox box = new() { Value = InitialState() };
        prepare?.Invoke(box);
        return Run(box);
    }

    private CpuRegisters Run(CpuRegistersBox box)
    {
        Processor.WriteState(box.Value);
        VirtualCpuExit exit = Processor.Run();
        Processor.ReadState(out CpuRegisters registers);
        Assert.True(
            exit.Reason == VirtualCpuExitReason.Requested,
            $"ended with {exit.Reason} ({exit.Detail}) at 0x{registers.Rip:x}, CR2 0x{registers.Cr2:x}");
        return registers;
    }

    /// <summary>Assembles code to a place, to run there or, where a segment displaces it, at another offset.</summary>
    public void Place(ulong address, Action<Assembler> program, int bitness = 64, ulong? rip = null)
    {
        Assembler assembler = new(bitness);
        program(assembler);
        using MemoryStream stream = new();
        assembler.Assemble(new StreamCodeWriter(stream), rip ?? address);
        Assert.True(Ram.TryWrite(address, stream.ToArray()));
    }

    /// <summary>Opens the first gigabyte to privilege level 3.</summary>
    public void LetUsersIn()
    {
        foreach (ulong table in (ulong[])[PageMapLevel4, 0x2000])
        {
            Assert.True(Ram.TryRead(table, out ulong entry));
            Assert.True(Ram.TryWrite(table, entry | 4));
        }

        for (ulong i = 0; i < 512; i++)
        {
            Assert.True(Ram.TryWrite(0x3000 + (i * 8), (i << 21) | 0x87));
        }

        // RSP0 of the task state segment.
        Assert.True(Ram.TryWrite(0xA004, StackTop - 0x1000));
    }

    /// <summary>Begins at privilege level 3, with I/O privilege so that the run can be ended.</summary>
    public static void AsUser(CpuRegistersBox box)
    {
        box.Value.Rflags = 2 | (3 << 12);
        box.Value.Cs = new SegmentRegister { Selector = 0x2B, Limit = uint.MaxValue, Attributes = 0xA0FB };
        SegmentRegister data = new() { Selector = 0x23, Limit = uint.MaxValue, Attributes = 0xC0F3 };
        box.Value.Ss = box.Value.Ds = box.Value.Es = box.Value.Fs = box.Value.Gs = data;
    }

    /// <summary>Routes a vector to <see cref="HandlerAddress"/>.</summary>
    public void Route(byte vector)
    {
        ulong gate = InterruptTable + (vector * 16UL);
        ulong low = (HandlerAddress & 0xFFFF) | (8UL << 16) | (0x8E00UL << 32) | ((HandlerAddress >> 16 & 0xFFFF) << 48);
        Ram.TryWrite(gate, low);
        Ram.TryWrite(gate + 8, HandlerAddress >> 32);
    }

    public static unsafe ulong General(in CpuRegisters registers, GeneralRegister register)
    {
        fixed (CpuRegisters* pointer = &registers)
        {
            return pointer->General[(int)register];
        }
    }

    public ulong Read(int offset)
    {
        Assert.True(Ram.TryRead(DataAddress + (ulong)offset, out ulong value));
        return value;
    }

    ulong IAddressRangeHandler.Read(ulong offset, int size) => 0;

    void IAddressRangeHandler.Write(ulong offset, int size, ulong value)
    {
        if (offset == 0)
        {
            OnRequest?.Invoke();
            return;
        }

        EndValue = value;
        Processor.RequestExit();
    }

    public void Dispose()
    {
        _accelerator.Dispose();
        Ram.Dispose();
    }

    public static unsafe CpuRegisters InitialState()
    {
        CpuRegisters registers = default;
        registers.Rip = CodeAddress;
        registers.Rflags = 2;
        registers.General[(int)GeneralRegister.Rsp] = StackTop;
        registers.Cr0 = 0x8005_0033;
        registers.Cr3 = PageMapLevel4;
        registers.Cr4 = 0x6A0 | (1 << 18);
        registers.Xcr0 = 7;
        registers.Efer = 0xD01;
        registers.Cs = new SegmentRegister { Selector = 8, Limit = uint.MaxValue, Attributes = 0xA09B };
        SegmentRegister data = new() { Selector = 0x10, Limit = uint.MaxValue, Attributes = 0xC093 };
        registers.Ss = registers.Ds = registers.Es = registers.Fs = registers.Gs = data;
        registers.Tr = new SegmentRegister { Selector = 0x18, Limit = 0x67, Base = 0xA000, Attributes = 0x8B };
        registers.Gdtr = new DescriptorTableRegister { Base = DescriptorTable, Limit = 0x37 };
        registers.Idtr = new DescriptorTableRegister { Base = InterruptTable, Limit = 0xFFF };
        return registers;
    }

    /// <summary>The first gigabyte by 2 MiB pages, at its own address and once more in the upper half.</summary>
    public static void BuildTables(GuestMemory ram)
    {
        ram.TryWrite(PageMapLevel4, 0x2003UL);
        ram.TryWrite(PageMapLevel4 + (511 * 8), 0x4003UL);
        ram.TryWrite(0x2000UL, 0x3003UL);
        ram.TryWrite(0x4000UL + (510 * 8), 0x3003UL);
        for (ulong i = 0; i < 512; i++)
        {
            ram.TryWrite(0x3000 + (i * 8), (i << 21) | 0x83);
        }

        ram.TryWrite(DescriptorTable + 8, 0x00AF_9B00_0000_FFFFUL);
        ram.TryWrite(DescriptorTable + 16, 0x00CF_9300_0000_FFFFUL);
        ram.TryWrite(DescriptorTable + 32, 0x00CF_F300_0000_FFFFUL);
        ram.TryWrite(DescriptorTable + 40, 0x00AF_FB00_0000_FFFFUL);
        ram.TryWrite(DescriptorTable + 48, 0x00CF_9B00_0000_FFFFUL);
    }

    /// <summary>Maps one 4 KiB page of the first gigabyte on its own; its neighbours stay where they are.</summary>
    /// <param name="ram">The memory with the tables.</param>
    /// <param name="linear">Linear address of the page.</param>
    /// <param name="entry">Physical address and flags.</param>
    /// <returns>Where the page-table entry is.</returns>
    public static ulong MapPage(GuestMemory ram, ulong linear, ulong entry)
    {
        const ulong largePage = 0x80;
        const ulong frame = 0xF_FFFF_FFFF_F000;
        ulong directory = 0x3000 + ((linear >> 21) * 8);
        Assert.True(ram.TryRead(directory, out ulong large));
        if ((large & largePage) != 0)
        {
            // Page tables go from 64 KiB on; a used one begins with an entry.
            ulong table = 0x1_0000;
            while (ram.TryRead(table, out ulong first) && first != 0)
            {
                table += 4096;
            }

            Assert.InRange(table, 0x1_0000UL, CodeAddress - 4096);
            for (ulong i = 0; i < 512; i++)
            {
                Assert.True(ram.TryWrite(table + (i * 8), (large & ~largePage) + (i * 4096)));
            }

            large = table | 7;
            Assert.True(ram.TryWrite(directory, large));
        }

        ulong place = (large & frame) + ((linear >> 12 & 511) * 8);
        Assert.True(ram.TryWrite(place, entry));
        return place;
    }

    /// <summary>Registers that a test may change before a run.</summary>
    internal sealed class CpuRegistersBox
    {
        public CpuRegisters Value;
    }
}
