using Nacelle.Machine;

namespace Nacelle.Configuration;

/// <summary>What a QEMU command line asks for.</summary>
/// <param name="Question">What is to be printed instead of a machine run.</param>
/// <param name="Machine">The machine to run; null when there is a question.</param>
public sealed record QemuInvocation(QemuQuestion Question, MachineDescription? Machine);

/// <summary>Lists that QEMU's command line can ask for.</summary>
public enum QemuQuestion
{
    /// <summary>None: a machine is to be run.</summary>
    None,

    /// <summary>-help.</summary>
    Help,

    /// <summary>-version.</summary>
    Version,

    /// <summary>-device help.</summary>
    Devices,

    /// <summary>-cpu help.</summary>
    Processors,

    /// <summary>-machine help.</summary>
    Machines,

    /// <summary>-accel help.</summary>
    Accelerators,
}
