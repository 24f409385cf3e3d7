using System.Globalization;
using Nacelle.Cpu;
using Nacelle.Kvm.Interop;

namespace Nacelle.Kvm;

/// <content>A debugger's break and watch points and steps, by KVM_SET_GUEST_DEBUG.</content>
/// <remarks>
/// All points are in the four debug registers of the processor (SDM volume 3, 17.2), so guest memory stays as it is. While they
/// are in use, what the guest has in its own debug registers does nothing.
/// </remarks>
public sealed unsafe partial class KvmVirtualCpu
{
    private const int DebugRegisterCount = 4;
    private const ulong SingleStepStatus = 1 << 14;
    private readonly int _debugFlags;
    private readonly List<KvmDebugPoint> _points = [];
    private VirtualCpuDebugSettings _debugSettings = VirtualCpuDebugSettings.None;

    /// <inheritdoc/>
    public string? RefusalOf(VirtualCpuDebugSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        if ((_debugFlags & KvmGuestDebug.Basic) != KvmGuestDebug.Basic)
        {
            return "this host's KVM cannot debug vCPUs (KVM_SET_GUEST_DEBUG): use --accel translator";
        }

        int needed = KvmDebugPoint.Of(settings).Count();
        return needed <= DebugRegisterCount
            ? null
            : string.Create(
                CultureInfo.InvariantCulture,
                $"the break and watch points need {needed} debug registers and the processor has {DebugRegisterCount}: delete some, or use --accel translator");
    }

    /// <inheritdoc/>
    /// <exception cref="Linux.LinuxException">The host refused.</exception>
    public void SetDebug(VirtualCpuDebugSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        if (settings.IsActive && RefusalOf(settings) is string refusal)
        {
            throw new InvalidOperationException(refusal);
        }

        if (!settings.IsActive && !_debugSettings.IsActive)
        {
            return;
        }

        _points.Clear();
        _points.AddRange(KvmDebugPoint.Of(settings));
        KvmGuestDebug request = default;
        request.Control = (uint)((settings.IsActive ? KvmGuestDebug.Enable : 0)
            | (_points.Count != 0 ? KvmGuestDebug.HardwareBreakpoints : 0)
            | (settings.SingleStep ? KvmGuestDebug.SingleStep | (_debugFlags & KvmGuestDebug.BlockInterrupts) : 0));

        // DR7: bit 10 is always one; a global enable for each register, then its type and length.
        ulong control = 1 << 10;
        for (int i = 0; i < _points.Count; i++)
        {
            request.Registers[i] = _points[i].Address;
            control |= (2UL << (i * 2)) | (_points[i].TypeAndLength << (16 + (i * 4)));
        }

        request.Registers[7] = control;
        _handle.Call(KvmRequest.SetGuestDebug, &request, "set a vCPU's break and watch points");
        _debugSettings = settings;
    }

    /// <inheritdoc/>
    public void WriteDebugState(in CpuRegisters registers)
    {
        KvmRegisters before;
        _handle.Call(KvmRequest.GetRegisters, &before, "read a vCPU's registers");
        WriteState(registers);
        const uint halted = 3;
        uint state;
        if (registers.Rip != before.Rip && _handle.Try(KvmRequest.GetMultiprocessingState, &state) == 0 && state == halted)
        {
            state = 0;
            _handle.Call(KvmRequest.SetMultiprocessingState, &state, "wake a halted vCPU");
        }
    }

    /// <summary>Finds out whose debug exception it was.</summary>
    /// <returns>Null when it was the guest's own, which now gets it.</returns>
    private VirtualCpuDebugStop? TakeDebugExit()
    {
        ulong status = _run->DebugStatus;
        if (_run->DebugException == Fault.Debug)
        {
            for (int i = 0; i < _points.Count; i++)
            {
                if ((status & (1UL << i)) != 0)
                {
                    return _points[i].Watchpoint is Watchpoint watchpoint
                        ? new VirtualCpuDebugStop(VirtualCpuDebugStopKind.Watchpoint, watchpoint)
                        : new VirtualCpuDebugStop(VirtualCpuDebugStopKind.Breakpoint);
                }
            }

            if (_debugSettings.SingleStep && (status & SingleStepStatus) != 0)
            {
                return new VirtualCpuDebugStop(VirtualCpuDebugStopKind.Step);
            }

            KvmDebugRegisters debug;
            _handle.Call(KvmRequest.GetDebugRegisters, &debug, "read a vCPU's debug registers");
            debug.Dr6 = status;
            _handle.Call(KvmRequest.SetDebugRegisters, &debug, "set a vCPU's debug registers");
        }

        KvmVcpuEvents events;
        _handle.Call(KvmRequest.GetVcpuEvents, &events, "read a vCPU's pending events");
        events.Injected = 1;
        events.Pending = 0;
        events.Vector = (byte)_run->DebugException;
        events.HasErrorCode = 0;
        _handle.Call(KvmRequest.SetVcpuEvents, &events, "give a guest its debug exception");
        return null;
    }
}
