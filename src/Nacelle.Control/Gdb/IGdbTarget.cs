using System.Collections.Immutable;
using Nacelle.Cpu;
using Nacelle.Machine;

namespace Nacelle.Control.Gdb;

/// <summary>What <see cref="GdbSession"/> debugs. For the session's thread.</summary>
internal interface IGdbTarget
{
    /// <summary>How many vCPUs there are.</summary>
    int VirtualCpus { get; }

    /// <summary>Stops the machine; see <see cref="MachineDebugger.Stop"/>.</summary>
    void Stop();

    /// <summary>Lets the machine go on; see <see cref="MachineDebugger.Resume"/>.</summary>
    void Resume(ImmutableArray<VirtualCpuMotion> motions);

    /// <summary>Takes all points away and lets the machine run.</summary>
    void Detach();

    /// <summary>Ends the machine.</summary>
    void Kill();

    /// <summary>Replaces all points; null, or why they cannot be had.</summary>
    string? SetPoints(ImmutableArray<ulong> breakpoints, ImmutableArray<Watchpoint> watchpoints);

    /// <summary>Reads a vCPU's registers.</summary>
    GdbProcessorImage ReadRegisters(int virtualCpu);

    /// <summary>Writes back what has changed.</summary>
    /// <returns>False where the accelerator refuses the values.</returns>
    bool TryWriteRegisters(int virtualCpu, GdbProcessorImage image);

    /// <summary>Reads memory; see <see cref="MachineDebugger.ReadMemory"/>.</summary>
    byte[] ReadMemory(int virtualCpu, ulong linear, int length);

    /// <summary>Writes memory; see <see cref="MachineDebugger.TryWriteMemory"/>.</summary>
    bool TryWriteMemory(int virtualCpu, ulong linear, byte[] bytes);
}

/// <summary>A machine as a target. Members may be called from any thread but the machine's own.</summary>
/// <param name="machine">The machine.</param>
internal sealed class GdbMachineTarget(VirtualMachine machine) : IGdbTarget
{
    private readonly MachineDebugger _debugger = machine.Debugger;

    public int VirtualCpus => _debugger.VirtualCpus;

    public void Stop() => _debugger.Stop();

    public void Resume(ImmutableArray<VirtualCpuMotion> motions) => _debugger.Resume(motions);

    public void Detach() => _debugger.Detach();

    public void Kill() => machine.RequestStop();

    public string? SetPoints(ImmutableArray<ulong> breakpoints, ImmutableArray<Watchpoint> watchpoints) =>
        _debugger.SetPoints(breakpoints, watchpoints);

    public GdbProcessorImage ReadRegisters(int virtualCpu) =>
        new(_debugger.ReadRegisters(virtualCpu), _debugger.ReadExtendedState(virtualCpu));

    public bool TryWriteRegisters(int virtualCpu, GdbProcessorImage image) =>
        (!image.IsChanged || _debugger.TryWriteRegisters(virtualCpu, image.Registers))
        && (!image.IsExtendedChanged || _debugger.TryWriteExtendedState(virtualCpu, image.Extended));

    public byte[] ReadMemory(int virtualCpu, ulong linear, int length) => _debugger.ReadMemory(virtualCpu, linear, length);

    public bool TryWriteMemory(int virtualCpu, ulong linear, byte[] bytes) => _debugger.TryWriteMemory(virtualCpu, linear, bytes);
}
