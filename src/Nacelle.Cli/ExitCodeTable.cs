using System.Globalization;

namespace Nacelle.Cli;

/// <summary>The exit codes with their meaning, for help and docs/exit-codes.md.</summary>
internal static class ExitCodeTable
{
    /// <summary>A row for each code or range of codes, in ascending order.</summary>
    internal static IReadOnlyList<(string Code, string Meaning)> Rows { get; } =
    [
        .. Enum.GetValues<ExitCode>().Select(code => (((int)code).ToString(CultureInfo.InvariantCulture), Meaning(code))),
        ("1 to 127, odd", "The guest wrote V to the debug-exit port (0xF4): the code is 2V+1, and 127 for V above 62."),
        ("129", "SIGHUP ended the machine."),
        ("130", "SIGINT (Ctrl-C) ended the machine."),
        ("131", "SIGQUIT ended the machine."),
        ("143", "SIGTERM ended the machine."),
    ];

    private static string Meaning(ExitCode code) => code switch
    {
        ExitCode.Success => "The guest powered itself off, or the command did what was asked.",
        ExitCode.Usage => "The command line was not understood: an unknown option, a value out of range.",
        ExitCode.Configuration => "The options contradict each other or a limit of the machine; a text that describes a machine, a host or a profile cannot be used.",
        ExitCode.HostResource => "A file, device, permission or amount of memory of the host is missing.",
        ExitCode.GuestImage => "The kernel or initrd is not what it has to be, or does not fit into memory.",
        ExitCode.MachineFailed => "The accelerator or a device could not go on.",
        ExitCode.Panic => "The guest reported a panic through pvpanic.",
        ExitCode.TripleFault => "A vCPU met a triple fault, and --no-reboot was given.",
        ExitCode.Reset => "The guest asked for a reset, and --no-reboot was given.",
        ExitCode.OutputClosed => "Whoever read standard output went away.",
        ExitCode.Quit => "The person at the terminal ended the machine with the escape key.",
        ExitCode.InternalError => "A defect of Nacelle; please report what it printed.",
        ExitCode.Warnings => "'nacelle check' found warnings, and nothing that is refused.",
        ExitCode.Refusals => "'nacelle check' found what a rule refuses.",
        _ => throw new ArgumentOutOfRangeException(nameof(code), code, "an exit code without a meaning"),
    };
}
