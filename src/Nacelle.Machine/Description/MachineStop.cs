namespace Nacelle.Machine;

/// <summary>Why a machine ended.</summary>
public enum MachineStopReason
{
    /// <summary>The guest powered itself off (ACPI S5).</summary>
    PowerOff,

    /// <summary>The guest asked for a reset and the machine was told not to restart.</summary>
    Reset,

    /// <summary>A triple fault, and the machine was told not to restart.</summary>
    TripleFault,

    /// <summary>The guest reported a panic through pvpanic.</summary>
    Panic,

    /// <summary>The guest wrote to the debug-exit port; <see cref="MachineStop.GuestCode"/> holds its value.</summary>
    DebugExit,

    /// <summary>Somebody outside asked for the end.</summary>
    Requested,

    /// <summary>The accelerator or a device could not go on; <see cref="MachineStop.Detail"/> says why.</summary>
    Failed,
}

/// <summary>How a machine ended.</summary>
/// <param name="Reason">Why.</param>
/// <param name="Detail">One line for a person, where there is more to say.</param>
/// <param name="GuestCode">The value that the guest wrote to the debug-exit port.</param>
public sealed record MachineStop(MachineStopReason Reason, string? Detail = null, uint GuestCode = 0);

/// <summary>A machine that cannot be built or started: what was asked, what is in the way, what to change. One line.</summary>
public sealed class MachineException : Exception
{
    /// <summary>Makes the error.</summary>
    /// <param name="kind">Which exit code and which advice it deserves.</param>
    /// <param name="message">One line for a person.</param>
    public MachineException(MachineErrorKind kind, string message) : base(message) => Kind = kind;

    /// <summary>Makes the error with its cause.</summary>
    public MachineException(MachineErrorKind kind, string message, Exception inner) : base(message, inner) => Kind = kind;

    /// <summary>Which kind of error.</summary>
    public MachineErrorKind Kind { get; }
}

/// <summary>Classes of errors before the guest runs.</summary>
public enum MachineErrorKind
{
    /// <summary>What was asked contradicts itself or a limit.</summary>
    Configuration,

    /// <summary>A file, device or permission of the host is missing.</summary>
    HostResource,

    /// <summary>The kernel or initrd is not what it has to be.</summary>
    GuestImage,
}
