namespace Nacelle.Cli;

/// <summary>What the process ends with. Even numbers are this program's; the guest's own come out odd, see <see cref="ExitCodes"/>.</summary>
internal enum ExitCode
{
    /// <summary>The guest powered itself off, or the command did what was asked.</summary>
    Success = 0,

    /// <summary>The command line was not understood.</summary>
    Usage = 2,

    /// <summary>The options contradict each other or a limit of the machine.</summary>
    Configuration = 4,

    /// <summary>A file, device, permission or amount of memory of the host is missing.</summary>
    HostResource = 6,

    /// <summary>The kernel or initrd is not what it has to be, or does not fit into memory.</summary>
    GuestImage = 8,

    /// <summary>The accelerator or a device could not go on.</summary>
    MachineFailed = 10,

    /// <summary>The guest reported a panic.</summary>
    Panic = 12,

    /// <summary>The guest met a triple fault, which no operating system survives.</summary>
    TripleFault = 14,

    /// <summary>The guest asked for a reset and --no-reboot was given.</summary>
    Reset = 16,

    /// <summary>Whoever read standard output went away.</summary>
    OutputClosed = 18,

    /// <summary>The person at the terminal ended the machine with the escape keys.</summary>
    Quit = 20,

    /// <summary>A defect of this program.</summary>
    InternalError = 22,

    /// <summary>What was checked can do harm, or does not do what was meant; no rule refuses it.</summary>
    Warnings = 24,

    /// <summary>A rule refuses what was checked.</summary>
    Refusals = 26,
}
