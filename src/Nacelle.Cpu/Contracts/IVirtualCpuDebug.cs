using System.Collections.Immutable;

namespace Nacelle.Cpu;

/// <summary>A vCPU as a debugger outside the guest works with it. The guest sees nothing of it.</summary>
/// <remarks>For the vCPU's own thread, or for any thread while that one is outside <see cref="IVirtualCpu.Run"/>.</remarks>
public interface IVirtualCpuDebug
{
    /// <summary>Bytes of the image that <see cref="ReadExtendedState"/> fills.</summary>
    int ExtendedStateBytes { get; }

    /// <summary>Whether settings can be had.</summary>
    /// <returns>Null if so, else one line: what is in the way and what to change.</returns>
    string? RefusalOf(VirtualCpuDebugSettings settings);

    /// <summary>
    /// Sets when <see cref="IVirtualCpu.Run"/> returns <see cref="VirtualCpuExitReason.Debug"/>, from its next call on; they stay
    /// through a reset of the vCPU.
    /// </summary>
    /// <exception cref="InvalidOperationException">They cannot be had; see <see cref="RefusalOf"/>.</exception>
    void SetDebug(VirtualCpuDebugSettings settings);

    /// <summary>
    /// Replaces the registers as <see cref="IVirtualCpu.WriteState"/> does, but a vCPU that waits for start-up goes on waiting, and
    /// one that is halted is woken only by a new RIP.
    /// </summary>
    /// <exception cref="Linux.LinuxException">The accelerator refuses the values.</exception>
    void WriteDebugState(in CpuRegisters registers);

    /// <summary>Reads x87, vector and further XSAVE state in the standard format (SDM volume 1, 13.4).</summary>
    /// <param name="image">At least <see cref="ExtendedStateBytes"/>.</param>
    void ReadExtendedState(Span<byte> image);

    /// <summary>Replaces x87, vector and further XSAVE state.</summary>
    /// <param name="image">As <see cref="ReadExtendedState"/> filled it.</param>
    void WriteExtendedState(ReadOnlySpan<byte> image);
}

/// <summary>When a vCPU stops for a debugger. Immutable.</summary>
/// <param name="Breakpoints">Linear addresses of instructions; the vCPU stops before it executes one.</param>
/// <param name="Watchpoints">Data; the vCPU stops after the instruction that touched it.</param>
/// <param name="SingleStep">
/// The vCPU stops after one instruction, whether or not a breakpoint lies at it, and takes no interrupt meanwhile unless it is
/// halted.
/// </param>
public sealed record VirtualCpuDebugSettings(
    ImmutableArray<ulong> Breakpoints, ImmutableArray<Watchpoint> Watchpoints, bool SingleStep)
{
    /// <summary>Never.</summary>
    public static VirtualCpuDebugSettings None { get; } = new([], [], false);

    /// <summary>Whether the vCPU stops at all.</summary>
    public bool IsActive => SingleStep || !Breakpoints.IsEmpty || !Watchpoints.IsEmpty;
}

/// <summary>Which accesses a watchpoint is for.</summary>
public enum WatchpointKind
{
    /// <summary>Writes.</summary>
    Write,

    /// <summary>Reads; where the accelerator cannot tell them apart, writes too.</summary>
    Read,

    /// <summary>Both.</summary>
    Access,
}

/// <summary>Data that a debugger watches.</summary>
/// <param name="Address">Linear address of the first byte.</param>
/// <param name="Length">Bytes, at least one.</param>
/// <param name="Kind">Which accesses.</param>
public readonly record struct Watchpoint(ulong Address, int Length, WatchpointKind Kind);

/// <summary>Why a vCPU stopped for a debugger.</summary>
public enum VirtualCpuDebugStopKind
{
    /// <summary>One instruction has been executed.</summary>
    Step,

    /// <summary>The instruction at RIP has a breakpoint and was not executed.</summary>
    Breakpoint,

    /// <summary>The instruction before RIP touched watched data.</summary>
    Watchpoint,
}

/// <summary>Why a vCPU stopped for a debugger.</summary>
/// <param name="Kind">The reason.</param>
/// <param name="Watchpoint">The watchpoint, where it is one.</param>
public readonly record struct VirtualCpuDebugStop(VirtualCpuDebugStopKind Kind, Watchpoint Watchpoint = default);
