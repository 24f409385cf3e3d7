using System.Runtime.InteropServices;
using Nacelle.Configuration;
using Nacelle.Machine;

namespace Nacelle.Cli;

/// <summary>How ends and errors become exit codes.</summary>
internal static class ExitCodes
{
    /// <summary>The largest exit code that a guest can choose.</summary>
    internal const int LargestGuestCode = 127;

    private const int SignalBase = 128;

    /// <summary>Of a machine that ran.</summary>
    internal static int Of(MachineStop stop) => stop.Reason switch
    {
        MachineStopReason.PowerOff => (int)ExitCode.Success,
        MachineStopReason.Reset => (int)ExitCode.Reset,
        MachineStopReason.TripleFault => (int)ExitCode.TripleFault,
        MachineStopReason.Panic => (int)ExitCode.Panic,
        MachineStopReason.DebugExit => OfGuest(stop.GuestCode),
        MachineStopReason.Requested => (int)ExitCode.Quit,
        _ => (int)ExitCode.MachineFailed,
    };

    /// <summary>Of a machine that ran, where QEMU's exit status is expected: a reset that is not followed ends well.</summary>
    internal static int OfQemu(MachineStop stop) => stop.Reason switch
    {
        MachineStopReason.Reset or MachineStopReason.TripleFault => (int)ExitCode.Success,
        MachineStopReason.DebugExit => (byte)((stop.GuestCode << 1) | 1),
        _ => Of(stop),
    };

    /// <summary>Of a machine that could not be built.</summary>
    internal static int Of(MachineErrorKind kind) => kind switch
    {
        MachineErrorKind.Configuration => (int)ExitCode.Configuration,
        MachineErrorKind.GuestImage => (int)ExitCode.GuestImage,
        _ => (int)ExitCode.HostResource,
    };

    /// <summary>Of a check, by the worst that it found.</summary>
    internal static int Of(ReportCount count) => (int)(count switch
    {
        { Errors: > 0 } => ExitCode.Configuration,
        { Refusals: > 0 } => ExitCode.Refusals,
        { Warnings: > 0 } => ExitCode.Warnings,
        _ => ExitCode.Success,
    });

    /// <summary>Of a value written to the debug-exit port: 2 × value + 1, as test kernels expect, at most 127.</summary>
    internal static int OfGuest(uint value) => (int)Math.Min((2UL * value) + 1, LargestGuestCode);

    /// <summary>Of a signal that ended the machine: 128 and its number, as shells have it.</summary>
    internal static int Of(PosixSignal signal) => SignalBase + NumberOf(signal);

    /// <summary>The host's number of a signal.</summary>
    internal static int NumberOf(PosixSignal signal) => signal switch
    {
        PosixSignal.SIGHUP => 1,
        PosixSignal.SIGINT => 2,
        PosixSignal.SIGQUIT => 3,
        PosixSignal.SIGTERM => 15,
        _ => throw new ArgumentOutOfRangeException(nameof(signal), signal, "no signal that ends the machine"),
    };
}
