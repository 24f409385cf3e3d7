using Nacelle.Cpu;

namespace Nacelle.Kvm.Tests;

/// <summary>A debugger's break and watch points and steps.</summary>
public sealed class KvmDebugTests
{
    // inc ecx; inc ecx; mov [0x20000], ecx; nop; jmp back to the first.
    private static readonly byte[] s_loop = [0xFF, 0xC1, 0xFF, 0xC1, 0x89, 0x0C, 0x25, 0, 0, 2, 0, 0x90, 0xEB, 0xF2];

    [Fact]
    public void Points_take_aligned_pieces_of_data()
    {
        VirtualCpuDebugSettings settings = new(
            [0x1234],
            [new Watchpoint(0x1003, 7, WatchpointKind.Write), new Watchpoint(0x2000, 8, WatchpointKind.Read)],
            false);
        Assert.Equal(
            [(0x1234UL, 0b0000UL), (0x1003UL, 0b0001UL), (0x1004UL, 0b1101UL), (0x1008UL, 0b0101UL), (0x2000UL, 0b1011UL)],
            KvmDebugPoint.Of(settings).Select(point => (point.Address, point.TypeAndLength)));
    }

    [KvmFact]
    public void More_points_than_debug_registers_are_refused_with_the_way_out()
    {
        using TestMachine machine = new(s_loop);
        VirtualCpuDebugSettings settings = new([1, 2, 3, 4, 5], [], false);
        Assert.Contains("need 5 debug registers and the processor has 4", machine.Cpu.RefusalOf(settings), StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => machine.Cpu.SetDebug(settings));
        Assert.Null(machine.Cpu.RefusalOf(VirtualCpuDebugSettings.None));
    }

    [KvmFact]
    public void A_breakpoint_stops_before_its_instruction_and_a_step_goes_past_it()
    {
        SkipUnderTcg();
        using TestMachine machine = new(s_loop);
        ulong place = TestMachine.CodeAddress + 2;
        machine.Cpu.SetDebug(new VirtualCpuDebugSettings([place], [], false));
        for (ulong count = 1; count < 8; count += 2)
        {
            VirtualCpuExit exit = TestMachine.Finish(machine.Start());
            Assert.True(exit.Reason == VirtualCpuExitReason.Debug, $"{exit}");
            Assert.Equal(VirtualCpuDebugStopKind.Breakpoint, exit.DebugStop.Kind);
            Assert.Equal(count, machine.Register(GeneralRegister.Rcx));
            machine.Cpu.ReadState(out CpuRegisters registers);
            Assert.Equal(place, registers.Rip);
            machine.Cpu.SetDebug(new VirtualCpuDebugSettings([], [], true));
            exit = TestMachine.Finish(machine.Start());
            Assert.True(exit.DebugStop.Kind == VirtualCpuDebugStopKind.Step && exit.Reason == VirtualCpuExitReason.Debug, $"{exit}");
            machine.Cpu.ReadState(out registers);
            Assert.Equal(place + 2, registers.Rip);
            machine.Cpu.SetDebug(new VirtualCpuDebugSettings([place], [], false));
        }
    }

    [KvmFact]
    public void A_watchpoint_stops_after_the_write()
    {
        SkipUnderTcg();
        CalibrationResult calibration = AcceleratorCalibration.Run();
        Assert.SkipUnless(calibration.IsUsable, $"data breakpoints need hardware that runs the guest's kernel code: {calibration.Reason}");
        using TestMachine machine = new(s_loop);
        Watchpoint watchpoint = new(TestMachine.DataAddress, 4, WatchpointKind.Write);
        machine.Cpu.SetDebug(new VirtualCpuDebugSettings([], [watchpoint], false));
        VirtualCpuExit exit = TestMachine.Finish(machine.Start());
        Assert.True(exit.Reason == VirtualCpuExitReason.Debug, $"{exit}");
        Assert.Equal(watchpoint, exit.DebugStop.Watchpoint);
        Assert.Equal(2UL, machine.Register(GeneralRegister.Rcx));
    }

    /// <summary>QEMU's TCG takes the DR7 that VMRUN loads (APM volume 2, 15.5.1) and does not stop at what it enables.</summary>
    private static void SkipUnderTcg() => Assert.SkipWhen(
        File.ReadAllText("/proc/cpuinfo").Contains("QEMU TCG CPU", StringComparison.Ordinal),
        "breakpoints of a guest's guest do nothing under QEMU's TCG");
}
