using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Translation.State;

namespace Nacelle.Translation.Runtime;

/// <content>A debugger's break and watch points and steps.</content>
internal sealed unsafe partial class TranslatorVirtualCpu
{
    private DebugPlan? _debug;
    private WatchedAccesses? _watched;

    /// <inheritdoc/>
    public int ExtendedStateBytes => TranslatorContext.ExtendedStateSize;

    /// <inheritdoc/>
    public string? RefusalOf(VirtualCpuDebugSettings settings) => null;

    /// <inheritdoc/>
    public void SetDebug(VirtualCpuDebugSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        DebugPlan? plan = settings.IsActive ? new DebugPlan(settings) : null;
        if (!DebugPlan.IsCodeShared(_debug, plan))
        {
            FlushCode();
        }

        _debug = plan;
        _decoded.AreFlagsWatched = plan is not null;
        _watched ??= plan is null ? null : new WatchedAccesses(_context, _operations.Masked);

        // A step holds interrupts back without keeping account of them.
        Volatile.Write(ref _context->NoInterruptWaiting, 0);
        StopTranslatedCode();
    }

    /// <inheritdoc/>
    public void WriteDebugState(in CpuRegisters registers)
    {
        bool halted = _halted && registers.Rip == _context->Registers.Rip;
        bool waiting = _waitForStartup;
        WriteState(registers);
        _halted = halted;
        _waitForStartup = waiting;
    }

    /// <inheritdoc/>
    public void ReadExtendedState(Span<byte> image) => ExtendedState.CopyTo(image);

    /// <inheritdoc/>
    public void WriteExtendedState(ReadOnlySpan<byte> image) => image[..TranslatorContext.ExtendedStateSize].CopyTo(ExtendedState);

    /// <summary>Before a block is entered: whether the vCPU stops here.</summary>
    private VirtualCpuExit? StopBefore()
    {
        DebugPlan plan = _debug!;
        if (plan.IsStep)
        {
            if (plan.IsBegun)
            {
                return Stopped(VirtualCpuDebugStopKind.Step);
            }

            plan.IsBegun = true;
        }
        else if (plan.IsBreakpoint(LinearRip))
        {
            return Stopped(VirtualCpuDebugStopKind.Breakpoint);
        }

        plan.IsWatched = false;
        plan.OpensShadow = false;
        if (!plan.Settings.Watchpoints.IsEmpty && TryCopyCode(1, out _, out _))
        {
            ref Instruction instruction = ref _decoded.Instructions[0];
            plan.IsWatched = true;
            _watched!.Begin(instruction);
            plan.DeliveriesBefore = _counters.Deliveries;
            plan.OpensShadow = instruction.Mnemonic == Mnemonic.Sti && _context->InterruptFlag == 0;
        }

        return null;
    }

    /// <summary>After a block was left: whether the vCPU stops here.</summary>
    private VirtualCpuExit? StopAfter()
    {
        DebugPlan plan = _debug!;
        if (plan.IsWatched
            && _watched!.Find(plan.Settings.Watchpoints, _counters.Deliveries == plan.DeliveriesBefore) is Watchpoint hit)
        {
            return Stopped(VirtualCpuDebugStopKind.Watchpoint, hit);
        }

        if (plan.IsStep)
        {
            return Stopped(VirtualCpuDebugStopKind.Step);
        }

        if (plan.IsOneInstruction)
        {
            // The instruction after STI belongs to its block at full speed (SDM volume 2, STI).
            _system.InterruptShadow |= plan.OpensShadow;
            ReleaseInterrupts();
        }

        return null;
    }

    private ulong LinearRip => _memory.Mode.IsLong
        ? _context->Registers.Rip
        : (uint)(_context->Registers.Cs.Base + _context->Registers.Rip);

    private static VirtualCpuExit Stopped(VirtualCpuDebugStopKind kind, Watchpoint watchpoint = default) =>
        new(VirtualCpuExitReason.Debug, null, new VirtualCpuDebugStop(kind, watchpoint));
}
