using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Memory;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests;

/// <summary>What masked operands leave alone: page-table bits, device registers, watched bytes. With AVX2, for all hosts have that.</summary>
public sealed class MaskedOperandTests : IDisposable
{
    private const ulong Present = 3;
    private const ulong Accessed = 0x20;
    private const ulong Dirty = 0x40;
    private const int Masks = 0x800;
    private readonly BareMachine _machine = new();

    public void Dispose() => _machine.Dispose();

    [Theory]
    [InlineData(false, 0, 0UL)]
    [InlineData(false, 1, Accessed)]
    [InlineData(true, 0, 0UL)]
    [InlineData(true, 1, Accessed | Dirty)]
    public void Only_selected_elements_mark_a_page(bool store, int selected, ulong expected)
    {
        const ulong page = 0x80_0000;
        ulong entry = BareMachine.MapPage(_machine.Ram, page, page | Present);
        Run(page + 0x100, store, selected == 0 ? [] : [3]);
        Assert.True(_machine.Ram.TryRead(entry, out ulong after));
        Assert.Equal(expected, after & (Accessed | Dirty));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_page_beyond_the_selected_elements_need_not_be_there(bool store)
    {
        const ulong page = 0x80_0000;
        ulong first = BareMachine.MapPage(_machine.Ram, page, page | Present);
        ulong second = BareMachine.MapPage(_machine.Ram, page + 0x1000, 0);
        for (int i = 0; i < 3; i++)
        {
            Run(page + 0x1000 - 16, store, [0, 3]);
        }

        Assert.True(_machine.Ram.TryRead(second, out ulong missing));
        Assert.Equal(0UL, missing);
        Assert.True(_machine.Ram.TryRead(first, out ulong used));
        Assert.Equal(store ? Accessed | Dirty : Accessed, used & (Accessed | Dirty));
    }

    /// <summary>What glibc's memset with AVX-512 does for no bytes, wherever it is pointed at.</summary>
    [Fact]
    public void A_store_that_selects_nothing_may_point_at_what_cannot_be_written()
    {
        const ulong page = 0x80_0000;
        const ulong presentOnly = 1;
        ulong entry = BareMachine.MapPage(_machine.Ram, page, page | presentOnly);
        Run(page + 0x278, store: true, []);
        Assert.True(_machine.Ram.TryRead(entry, out ulong after));
        Assert.Equal(page | presentOnly, after);
    }

    [Theory]
    [InlineData(false, new[] { 1, 2, 6 }, "read 4 4, read 8 4, read 24 4")]
    [InlineData(true, new[] { 7 }, "write 28 4")]
    [InlineData(true, new int[0], "")]
    public void A_device_sees_the_selected_elements(bool store, int[] selected, string expected)
    {
        const ulong device = 0x300_0000;
        Recorder recorder = new();
        _machine.Memory.Map(device, 0x1000, "recorder", recorder);
        Run(device, store, selected);
        Assert.Equal(expected, string.Join(", ", recorder.Accesses));
    }

    [Fact]
    public void A_watchpoint_is_met_by_selected_elements_only()
    {
        IVirtualCpuDebug debug = (IVirtualCpuDebug)_machine.Processor;
        debug.SetDebug(new VirtualCpuDebugSettings([], [new Watchpoint(BareMachine.DataAddress + 8, 4, WatchpointKind.Write)], false));
        Run(BareMachine.DataAddress, store: true, [0, 1, 3]);
        Assert.Equal(VirtualCpuExitReason.Debug, Start(BareMachine.DataAddress, store: true, [2]).Reason);
    }

    [Fact]
    public void A_breakpoint_on_data_is_met_by_selected_elements_only()
    {
        // DR0 on four bytes for writes.
        const ulong control = 1 | (0b1101UL << 16);
        _machine.Route(1);
        foreach ((int[] selected, ulong hit) in ((int[], ulong)[])[([0, 1, 3], 0), ([2], 1)])
        {
            CpuRegisters registers = _machine.Run(
                assembler =>
                {
                    assembler.mov(rax, BareMachine.DataAddress + 8);
                    assembler.mov(dr0, rax);
                    assembler.mov(eax, (uint)control);
                    assembler.mov(dr7, rax);
                    Emit(assembler, BareMachine.DataAddress, store: true, selected);
                    assembler.xor(ebx, ebx);
                },
                handler: assembler =>
                {
                    assembler.mov(rbx, dr6);
                    assembler.@out(0xF4, al);
                    assembler.hlt();
                });
            Assert.Equal(hit, BareMachine.General(registers, GeneralRegister.Rbx) & 0xF);
        }
    }

    [Fact]
    public void A_gather_meets_watchpoints_with_its_elements()
    {
        IVirtualCpuDebug debug = (IVirtualCpuDebug)_machine.Processor;
        foreach ((int element, VirtualCpuExitReason expected) in
            ((int, VirtualCpuExitReason)[])[(5, VirtualCpuExitReason.Debug), (6, VirtualCpuExitReason.Requested)])
        {
            debug.SetDebug(new VirtualCpuDebugSettings(
                [], [new Watchpoint(BareMachine.DataAddress + (ulong)(64 * element), 4, WatchpointKind.Access)], false));
            VirtualCpuExit exit = Start(assembler =>
            {
                WriteMask([5]);
                for (int i = 0; i < 8; i++)
                {
                    Assert.True(_machine.Ram.TryWrite(BareMachine.DataAddress + Masks + 64 + (ulong)(i * 4), 64 * i));
                }

                assembler.mov(rsi, BareMachine.DataAddress);
                assembler.vmovdqu(ymm2, __ymmword_ptr[rsi + Masks]);
                assembler.vmovdqu(ymm3, __ymmword_ptr[rsi + Masks + 64]);
                assembler.vpgatherdd(ymm1, __dword_ptr[rsi + ymm3], ymm2);
                assembler.@out(0xF4, al);
            });
            Assert.Equal(expected, exit.Reason);
        }
    }

    private void Run(ulong address, bool store, int[] selected) =>
        Assert.Equal(VirtualCpuExitReason.Requested, Start(address, store, selected).Reason);

    private VirtualCpuExit Start(ulong address, bool store, int[] selected) => Start(assembler =>
    {
        Emit(assembler, address, store, selected);
        assembler.@out(0xF4, al);
    });

    private VirtualCpuExit Start(Action<Assembler> program)
    {
        _machine.Place(BareMachine.CodeAddress, program);
        _machine.Processor.WriteState(BareMachine.InitialState());
        return _machine.Processor.Run();
    }

    private void Emit(Assembler assembler, ulong address, bool store, int[] selected)
    {
        WriteMask(selected);
        assembler.mov(rsi, BareMachine.DataAddress + Masks);
        assembler.mov(rdi, address);
        assembler.vmovdqu(ymm2, __ymmword_ptr[rsi]);
        if (store)
        {
            assembler.vpmaskmovd(__ymmword_ptr[rdi], ymm2, ymm1);
        }
        else
        {
            assembler.vpmaskmovd(ymm1, ymm2, __ymmword_ptr[rdi]);
        }
    }

    private void WriteMask(int[] selected)
    {
        for (int i = 0; i < 8; i++)
        {
            Assert.True(_machine.Ram.TryWrite(BareMachine.DataAddress + Masks + (ulong)(i * 4), selected.Contains(i) ? -1 : 0));
        }
    }

    private sealed class Recorder : IAddressRangeHandler
    {
        public List<string> Accesses { get; } = [];

        public ulong Read(ulong offset, int size)
        {
            Accesses.Add($"read {offset} {size}");
            return 0;
        }

        public void Write(ulong offset, int size, ulong value) => Accesses.Add($"write {offset} {size}");
    }
}
