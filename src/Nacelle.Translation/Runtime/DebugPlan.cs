using System.Collections;
using Nacelle.Cpu;
using Nacelle.Translation.Frontend;

namespace Nacelle.Translation.Runtime;

/// <summary>
/// What a debugger's settings mean for translation. Without watchpoints or a step, blocks end where a breakpoint lies and the
/// loop is asked before it enters one, so everything else runs at full speed; otherwise every block has one instruction and
/// leads back to the loop. Owned by the vCPU's thread.
/// </summary>
internal sealed class DebugPlan
{
    private const ulong OffsetMask = 0xFFF;
    private readonly HashSet<ulong> _breakpoints;

    // A block in a relative mode may run at several linear addresses that share the offset in the page.
    private readonly BitArray _offsets = new(4096);

    public DebugPlan(VirtualCpuDebugSettings settings)
    {
        Settings = settings;
        _breakpoints = [.. settings.Breakpoints];
        foreach (ulong address in settings.Breakpoints)
        {
            _offsets[(int)(address & OffsetMask)] = true;
        }
    }

    /// <summary>What the debugger wants.</summary>
    public VirtualCpuDebugSettings Settings { get; }

    /// <summary>Whether the vCPU stops after one instruction.</summary>
    public bool IsStep => Settings.SingleStep;

    /// <summary>Whether blocks have one instruction.</summary>
    public bool IsOneInstruction => Settings.SingleStep || !Settings.Watchpoints.IsEmpty;

    /// <summary>Whether the instruction of a step has been begun.</summary>
    public bool IsBegun { get; set; }

    /// <summary>Whether the instruction about to be executed has been looked at for its accesses.</summary>
    public bool IsWatched { get; set; }

    /// <summary>Deliveries before that instruction; one more means that it was not completed.</summary>
    public ulong DeliveriesBefore { get; set; }

    /// <summary>Whether that instruction is an STI that opens the interrupt window only after its successor.</summary>
    public bool OpensShadow { get; set; }

    /// <summary>Whether a breakpoint lies at a linear address.</summary>
    public bool IsBreakpoint(ulong linear) => _breakpoints.Contains(linear);

    /// <summary>Whether other blocks may jump straight to a block, past the loop.</summary>
    public bool MayLink(ulong rip) => !IsOneInstruction && !_offsets[(int)(rip & OffsetMask)];

    /// <summary>How many instructions of a decoded block come before a place where a breakpoint may lie; null for all.</summary>
    public int? InstructionsBeforeStop(DecodedBlock decoded, ulong rip)
    {
        for (int i = 1; i < decoded.Count; i++)
        {
            if (_offsets[(int)((rip + decoded.Offsets[i]) & OffsetMask)])
            {
                return i;
            }
        }

        return null;
    }

    /// <summary>Whether code translated under one plan is right under another; null is full speed.</summary>
    public static bool IsCodeShared(DebugPlan? left, DebugPlan? right)
    {
        // Without a debugger flags are lost where the guest does not need them any more.
        if (left is null || right is null)
        {
            return left == right;
        }

        return left.IsOneInstruction == right.IsOneInstruction && (left.IsOneInstruction || left._breakpoints.SetEquals(right._breakpoints));
    }
}
