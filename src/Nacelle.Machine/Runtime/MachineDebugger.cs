using System.Collections.Immutable;
using Nacelle.Cpu;
using Nacelle.Linux;
using Nacelle.Memory;

namespace Nacelle.Machine;

/// <summary>What a vCPU does when a debugged machine goes on.</summary>
public enum VirtualCpuMotion
{
    /// <summary>It stays where it is.</summary>
    Stay,

    /// <summary>It executes one instruction.</summary>
    Step,

    /// <summary>It runs.</summary>
    Continue,
}

/// <summary>Why a debugged machine stopped.</summary>
/// <param name="VirtualCpu">The vCPU that met the reason.</param>
/// <param name="Stop">The reason.</param>
public readonly record struct MachineDebugStop(int VirtualCpu, VirtualCpuDebugStop Stop);

/// <summary>A machine as a debugger outside the guest works with it: all vCPUs stop together.</summary>
/// <remarks>
/// Its state belongs to the machine's control loop. Members may be called from any thread but the machine's own; registers,
/// memory and points only between a stop and <see cref="Resume"/>.
/// </remarks>
public sealed class MachineDebugger
{
    private readonly EventLoop _control;
    private readonly GuestMemory _ram;
    private readonly IReadOnlyList<IVirtualCpu> _processors;
    private readonly Action _waitAllParked;
    private readonly Action _resumeAll;
    private readonly Queue<MachineDebugStop> _pending = new();
    private ImmutableArray<ulong> _breakpoints = [];
    private ImmutableArray<Watchpoint> _watchpoints = [];
    private readonly VirtualCpuMotion[] _motions;
    private bool _stopped;

    internal MachineDebugger(
        EventLoop control, GuestMemory ram, IReadOnlyList<IVirtualCpu> processors, Action waitAllParked, Action resumeAll)
    {
        _control = control;
        _ram = ram;
        _processors = processors;
        _waitAllParked = waitAllParked;
        _resumeAll = resumeAll;
        _motions = [.. Enumerable.Repeat(VirtualCpuMotion.Continue, processors.Count)];
    }

    /// <summary>Raised on the control loop when the machine has stopped by itself. A handler must not wait.</summary>
    public event Action<MachineDebugStop>? Stopped;

    /// <summary>How many vCPUs there are.</summary>
    public int VirtualCpus => _processors.Count;

    /// <summary>Why vCPUs of this machine cannot be debugged; null when they can.</summary>
    public string? Refusal => Of(0).RefusalOf(VirtualCpuDebugSettings.None);

    /// <summary>Stops all vCPUs and waits until they stand. Also before the machine starts, which then has to be resumed.</summary>
    public void Stop() => _control.Invoke(() =>
    {
        _stopped = true;
        _waitAllParked();
    });

    /// <summary>Replaces all break and watch points; they count from the next <see cref="Resume"/> on.</summary>
    /// <returns>Null, or why they cannot be had, in one line; then everything stays as it is.</returns>
    public string? SetPoints(ImmutableArray<ulong> breakpoints, ImmutableArray<Watchpoint> watchpoints)
    {
        string? refusal = null;
        _control.Invoke(() =>
        {
            refusal = Of(0).RefusalOf(new VirtualCpuDebugSettings(breakpoints, watchpoints, false));
            if (refusal is null)
            {
                _breakpoints = breakpoints;
                _watchpoints = watchpoints;
            }
        });
        return refusal;
    }

    /// <summary>Lets the machine go on. What another vCPU met in the last stop is reported first, at once.</summary>
    /// <param name="motions">One for each vCPU.</param>
    public void Resume(ImmutableArray<VirtualCpuMotion> motions)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(motions.Length, _processors.Count, nameof(motions));
        _control.Invoke(() =>
        {
            while (_pending.TryDequeue(out MachineDebugStop stop))
            {
                if (motions[stop.VirtualCpu] != VirtualCpuMotion.Stay && _watchpoints.Contains(stop.Stop.Watchpoint))
                {
                    Stopped?.Invoke(stop);
                    return;
                }
            }

            motions.CopyTo(_motions);
            for (int i = 0; i < motions.Length; i++)
            {
                Of(i).SetDebug(new VirtualCpuDebugSettings(_breakpoints, _watchpoints, motions[i] == VirtualCpuMotion.Step));
            }

            _stopped = false;
            _resumeAll();
        });
    }

    /// <summary>Takes all points away and lets the machine run.</summary>
    public void Detach()
    {
        _control.Invoke(() =>
        {
            _stopped = true;
            _waitAllParked();
            _breakpoints = [];
            _watchpoints = [];
            _pending.Clear();
        });
        Resume([.. Enumerable.Repeat(VirtualCpuMotion.Continue, _processors.Count)]);
    }

    /// <summary>Reads a vCPU's registers.</summary>
    public CpuRegisters ReadRegisters(int virtualCpu)
    {
        CpuRegisters registers = default;
        _control.Invoke(() => _processors[virtualCpu].ReadState(out registers));
        return registers;
    }

    /// <summary>Replaces a vCPU's registers.</summary>
    /// <returns>False where the accelerator refuses the values.</returns>
    public bool TryWriteRegisters(int virtualCpu, CpuRegisters registers) =>
        TryInvoke(() => Of(virtualCpu).WriteDebugState(registers));

    /// <summary>Reads a vCPU's x87 and vector state in the standard format of XSAVE.</summary>
    public byte[] ReadExtendedState(int virtualCpu)
    {
        byte[] image = new byte[Of(virtualCpu).ExtendedStateBytes];
        _control.Invoke(() => Of(virtualCpu).ReadExtendedState(image));
        return image;
    }

    /// <summary>Replaces a vCPU's x87 and vector state.</summary>
    /// <returns>False where the accelerator refuses the values.</returns>
    public bool TryWriteExtendedState(int virtualCpu, byte[] image) =>
        TryInvoke(() => Of(virtualCpu).WriteExtendedState(image));

    /// <summary>Reads memory at a vCPU's linear addresses.</summary>
    /// <returns>As many bytes as are mapped to RAM.</returns>
    public byte[] ReadMemory(int virtualCpu, ulong linear, int length)
    {
        byte[] bytes = new byte[length];
        int count = 0;
        _control.Invoke(() =>
        {
            _processors[virtualCpu].ReadState(out CpuRegisters registers);
            count = DebugMemory.Read(_ram, registers, linear, bytes);
        });
        return bytes[..count];
    }

    /// <summary>Writes memory at a vCPU's linear addresses, whatever the rights of the pages.</summary>
    /// <returns>False, and nothing written, where some byte is not mapped to RAM.</returns>
    public bool TryWriteMemory(int virtualCpu, ulong linear, byte[] bytes)
    {
        bool done = false;
        _control.Invoke(() =>
        {
            _processors[virtualCpu].ReadState(out CpuRegisters registers);
            done = DebugMemory.TryWrite(_ram, registers, linear, bytes);
        });
        return done;
    }

    /// <summary>Whether a vCPU may run, as far as the debugger is concerned. On the control loop.</summary>
    internal bool MayRun(int virtualCpu) => !_stopped && _motions[virtualCpu] != VirtualCpuMotion.Stay;

    /// <summary>A vCPU has stopped itself for the debugger. From its thread.</summary>
    internal void OnStop(int virtualCpu, VirtualCpuDebugStop stop) => _control.Post(() =>
    {
        MachineDebugStop report = new(virtualCpu, stop);
        if (!_stopped)
        {
            _stopped = true;
            _waitAllParked();
            Stopped?.Invoke(report);
        }
        else if (stop.Kind == VirtualCpuDebugStopKind.Watchpoint)
        {
            // Its instruction is done and will not meet it again; a breakpoint is met again.
            _pending.Enqueue(report);
        }
    });

    private IVirtualCpuDebug Of(int virtualCpu) => (IVirtualCpuDebug)_processors[virtualCpu];

    private bool TryInvoke(Action action)
    {
        try
        {
            _control.Invoke(action);
            return true;
        }
        catch (LinuxException)
        {
            return false;
        }
    }
}
