using System.Collections.Immutable;
using Iced.Intel;
using Nacelle.Cpu;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests;

/// <summary>A debugger's break and watch points and steps.</summary>
public sealed class DebugTests : IDisposable
{
    private readonly BareMachine _machine = new();
    private readonly IVirtualCpuDebug _debug;

    public DebugTests() => _debug = (IVirtualCpuDebug)_machine.Processor;

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void A_breakpoint_stops_before_its_instruction_each_time_and_code_translated_before_counts()
    {
        // A loop with a direct and an indirect call of the same function, and a fall into the middle of straight code.
        const ulong function = BareMachine.CodeAddress + 0x1000;
        _machine.Place(function, assembler =>
        {
            assembler.inc(rbx);
            assembler.ret();
        });
        Start(assembler =>
        {
            Label loop = assembler.CreateLabel();
            assembler.mov(rdi, function);
            assembler.mov(ecx, 2000);
            assembler.xor(ebx, ebx);
            assembler.Label(ref loop);
            assembler.call(function);
            assembler.call(rdi);
            assembler.dec(ecx);
            assembler.jne(loop);
            assembler.@out(0xF4, al);
        });

        _debug.SetDebug(new VirtualCpuDebugSettings([], [], true));
        for (int i = 0; i < 20; i++)
        {
            Assert.Equal(VirtualCpuDebugStopKind.Step, Run().Kind);
            _debug.SetDebug(new VirtualCpuDebugSettings([], [], true));
        }

        ulong before = Register(GeneralRegister.Rbx);
        _debug.SetDebug(new VirtualCpuDebugSettings([function], [], false));
        for (ulong hit = 0; hit < 50; hit++)
        {
            Assert.Equal(VirtualCpuDebugStopKind.Breakpoint, Run().Kind);
            Assert.Equal(function, State().Rip);
            Assert.Equal(before + hit, Register(GeneralRegister.Rbx));
            Step(function);
        }

        _debug.SetDebug(VirtualCpuDebugSettings.None);
        Assert.Equal(VirtualCpuExitReason.Requested, _machine.Processor.Run().Reason);
        Assert.Equal(4000UL, Register(GeneralRegister.Rbx));
    }

    [Fact]
    public void Breakpoints_in_linked_code_are_met()
    {
        // Ends by itself after having been linked; the second time it has breakpoints.
        void Program(Assembler assembler)
        {
            Label loop = assembler.CreateLabel();
            assembler.mov(ecx, 1000);
            assembler.Label(ref loop);
            assembler.nop();
            assembler.add(rbx, rcx);
            assembler.dec(ecx);
            assembler.jne(loop);
            assembler.@out(0xF4, al);
        }

        Start(Program);
        Assert.Equal(VirtualCpuExitReason.Requested, _machine.Processor.Run().Reason);
        ulong inside = BareMachine.CodeAddress + 5 + 1;
        Start(Program);
        _debug.SetDebug(new VirtualCpuDebugSettings([inside], [], false));
        for (ulong left = 1000; left > 990; left--)
        {
            Assert.Equal(VirtualCpuDebugStopKind.Breakpoint, Run().Kind);
            Assert.Equal(inside, State().Rip);
            Assert.Equal(left, Register(GeneralRegister.Rcx));
            Step(inside);
        }
    }

    [Fact]
    public void Each_step_is_one_instruction_of_every_kind()
    {
        List<ulong> places = [];
        Assembler assembler = new(64);
        Label target = assembler.CreateLabel();
        assembler.mov(eax, 1);
        assembler.push(rax);
        assembler.pop(rdx);
        assembler.cpuid();
        assembler.mov(rcx, cr0);
        assembler.movups(xmm0, __[rsp]);
        assembler.test(esp, esp);
        assembler.jne(target);
        assembler.ud2();
        assembler.Label(ref target);
        assembler.mov(ecx, 3);
        assembler.mov(rdi, BareMachine.DataAddress);
        assembler.rep.stosb();
        assembler.@lock.inc(__dword_ptr[rdi]);
        assembler.sti();
        assembler.cli();
        assembler.nop();
        using MemoryStream stream = new();
        assembler.Assemble(new StreamCodeWriter(stream), BareMachine.CodeAddress);
        Assert.True(_machine.Ram.TryWrite(BareMachine.CodeAddress, stream.ToArray()));
        Decoder decoder = Decoder.Create(64, stream.ToArray(), BareMachine.CodeAddress);
        while (decoder.IP < BareMachine.CodeAddress + (ulong)stream.Length)
        {
            decoder.Decode(out Instruction instruction);
            if (instruction.Mnemonic != Mnemonic.Ud2)
            {
                places.Add(instruction.IP);
            }
        }

        _machine.Processor.WriteState(BareMachine.InitialState());
        foreach (ulong place in places)
        {
            Assert.Equal(place, State().Rip);
            _debug.SetDebug(new VirtualCpuDebugSettings([place], [], true));
            VirtualCpuDebugStop stop = Run();
            Assert.Equal(VirtualCpuDebugStopKind.Step, stop.Kind);
        }
    }

    [Fact]
    public void A_watchpoint_stops_after_what_touched_it_and_after_nothing_else()
    {
        const ulong data = BareMachine.DataAddress;
        Start(assembler =>
        {
            assembler.mov(rbx, data);
            assembler.mov(__qword_ptr[rbx], rax);
            assembler.mov(__qword_ptr[rbx + 16], rax);
            assembler.mov(rdx, __qword_ptr[rbx + 8]);
            assembler.mov(r8, 1);
            assembler.mov(__dword_ptr[rbx + 6], eax);
            assembler.mov(r8, 2);
            assembler.mov(__byte_ptr[rbx + 15], al);
            assembler.mov(r8, 3);
            assembler.lea(rdi, __[rbx + 64]);
            assembler.mov(ecx, 64);
            assembler.std();
            assembler.rep.stosb();
            assembler.cld();
            assembler.mov(r8, 4);
            assembler.lea(rsp, __[rbx + 16]);
            assembler.push(rax);
            assembler.mov(r8, 5);
            assembler.lea(rdi, __[rbx + 16]);
            assembler.mov(ecx, 3);
            assembler.rep.stosq();
            assembler.lea(rdi, __[rbx + 8]);
            assembler.xor(ecx, ecx);
            assembler.rep.stosq();
            assembler.@out(0xF4, al);
        });
        _debug.SetDebug(new VirtualCpuDebugSettings([], [new Watchpoint(data + 8, 8, WatchpointKind.Write)], false));
        for (ulong expected = 1; expected <= 4; expected++)
        {
            VirtualCpuDebugStop stop = Run();
            Assert.Equal(VirtualCpuDebugStopKind.Watchpoint, stop.Kind);
            Assert.Equal(data + 8, stop.Watchpoint.Address);
            Assert.Equal(expected, Register(GeneralRegister.R8));
        }

        Assert.Equal(VirtualCpuExitReason.Requested, _machine.Processor.Run().Reason);
    }

    [Fact]
    public void A_search_touches_what_lies_before_its_find_and_no_more()
    {
        const ulong data = BareMachine.DataAddress;
        Assert.True(_machine.Ram.TryWrite(data + 3, [(byte)'x']));
        Start(assembler =>
        {
            for (int i = 0; i < 2; i++)
            {
                assembler.mov(rdi, data);
                assembler.mov(rcx, -1L);
                assembler.mov(al, (byte)'x');
                assembler.repne.scasb();
                assembler.mov(r8, i + 1);
            }

            assembler.@out(0xF4, al);
        });
        _debug.SetDebug(new VirtualCpuDebugSettings([], [new Watchpoint(data + 4, 8, WatchpointKind.Access)], false));
        VirtualCpuExit exit = _machine.Processor.Run();
        Assert.True(
            exit.Reason == VirtualCpuExitReason.Requested,
            $"{exit} at 0x{State().Rip:x}, rdi 0x{Register(GeneralRegister.Rdi):x}, rcx 0x{Register(GeneralRegister.Rcx):x}");
        _machine.Processor.WriteState(BareMachine.InitialState());
        _debug.SetDebug(new VirtualCpuDebugSettings([], [new Watchpoint(data + 3, 1, WatchpointKind.Read)], false));
        for (ulong before = 0; before < 2; before++)
        {
            Assert.Equal(VirtualCpuDebugStopKind.Watchpoint, Run().Kind);
            Assert.Equal(before, Register(GeneralRegister.R8));
            Assert.Equal(data + 4, Register(GeneralRegister.Rdi));
        }
    }

    [Fact]
    public void Reads_are_told_from_writes_and_an_access_that_faults_is_none()
    {
        const ulong data = BareMachine.DataAddress;
        _machine.Route(Fault.PageFault);
        _machine.Place(BareMachine.HandlerAddress, assembler =>
        {
            assembler.add(rsp, 8);
            assembler.mov(__qword_ptr[rsp], r9);
            assembler.iretq();
        });
        const ulong unmapped = 0x4000_0000_00;
        Start(assembler =>
        {
            Label after = assembler.CreateLabel();
            assembler.lea(r9, __[after]);
            assembler.mov(rbx, unmapped);
            assembler.mov(rax, __qword_ptr[rbx]);
            assembler.Label(ref after);
            assembler.mov(rbx, data);
            assembler.mov(__qword_ptr[rbx], rax);
            assembler.mov(r8, 1);
            assembler.mov(rax, __qword_ptr[rbx]);
            assembler.mov(r8, 2);
            assembler.inc(__qword_ptr[rbx]);
            assembler.mov(r8, 3);
            assembler.@out(0xF4, al);
        });
        ImmutableArray<Watchpoint> watchpoints = [new Watchpoint(unmapped, 8, WatchpointKind.Access), new Watchpoint(data, 8, WatchpointKind.Read)];
        _debug.SetDebug(new VirtualCpuDebugSettings([], watchpoints, false));
        Assert.Equal(data, Run().Watchpoint.Address);
        Assert.Equal(1UL, Register(GeneralRegister.R8));
        Assert.Equal(data, Run().Watchpoint.Address);
        Assert.Equal(2UL, Register(GeneralRegister.R8));
        Assert.Equal(VirtualCpuExitReason.Requested, _machine.Processor.Run().Reason);
    }

    [Fact]
    public void Flags_are_right_at_every_stop_although_the_guest_does_not_need_them()
    {
        Start(assembler =>
        {
            assembler.mov(edx, 5);
            assembler.cmp(edx, 5);
            assembler.nop();
            assembler.xor(ecx, ecx);
            assembler.cmp(edx, 6);
            assembler.nop();
            assembler.test(edx, edx);
            assembler.@out(0xF4, al);
        });
        const ulong carry = 1;
        const ulong zero = 0x40;
        _debug.SetDebug(new VirtualCpuDebugSettings([BareMachine.CodeAddress + 9], [], false));
        Run();
        Assert.Equal(zero, State().Rflags & (zero | carry));
        _debug.SetDebug(new VirtualCpuDebugSettings([BareMachine.CodeAddress + 15], [], false));
        Run();
        Assert.Equal(carry, State().Rflags & (zero | carry));
        _debug.SetDebug(new VirtualCpuDebugSettings([], [], true));
        Run();
        Assert.Equal(0UL, State().Rflags & (zero | carry));
    }

    [Fact]
    public void Memory_written_by_a_debugger_is_what_runs_next()
    {
        Start(assembler =>
        {
            assembler.mov(eax, 1);
            assembler.@out(0xF4, al);
        });
        _debug.SetDebug(new VirtualCpuDebugSettings([BareMachine.CodeAddress], [], false));
        Assert.Equal(VirtualCpuDebugStopKind.Breakpoint, Run().Kind);
        CpuRegisters registers = State();
        Span<byte> code = stackalloc byte[5];
        Assert.Equal(5, DebugMemory.Read(_machine.Ram, registers, BareMachine.CodeAddress, code));
        Assert.Equal([0xB8, 1, 0, 0, 0], code.ToArray());
        Assert.True(DebugMemory.TryWrite(_machine.Ram, registers, BareMachine.CodeAddress + 1, [42]));
        _debug.SetDebug(VirtualCpuDebugSettings.None);
        Assert.Equal(VirtualCpuExitReason.Requested, _machine.Processor.Run().Reason);
        Assert.Equal(42UL, Register(GeneralRegister.Rax));
        Assert.Equal(0, DebugMemory.Read(_machine.Ram, registers, 0x4000_0000_00, code));
        Assert.False(DebugMemory.TryWrite(_machine.Ram, registers, 0x8000_0000_0000, code));
    }

    private void Start(Action<Assembler> program)
    {
        _machine.Place(BareMachine.CodeAddress, program);
        _machine.Processor.WriteState(BareMachine.InitialState());
    }

    /// <summary>Executes the instruction at a breakpoint, as gdb does before it goes on.</summary>
    private void Step(ulong breakpoint)
    {
        _debug.SetDebug(new VirtualCpuDebugSettings([breakpoint], [], true));
        Assert.Equal(VirtualCpuDebugStopKind.Step, Run().Kind);
        _debug.SetDebug(new VirtualCpuDebugSettings([breakpoint], [], false));
    }

    private VirtualCpuDebugStop Run()
    {
        VirtualCpuExit exit = _machine.Processor.Run();
        Assert.True(exit.Reason == VirtualCpuExitReason.Debug, $"{exit.Reason} {exit.Detail} at 0x{State().Rip:x}");
        return exit.DebugStop;
    }

    private CpuRegisters State()
    {
        _machine.Processor.ReadState(out CpuRegisters registers);
        return registers;
    }

    private ulong Register(GeneralRegister register) => BareMachine.General(State(), register);
}
