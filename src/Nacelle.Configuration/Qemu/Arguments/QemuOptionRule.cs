namespace Nacelle.Configuration;

/// <summary>How an option of QEMU's command line is split, and what takes it.</summary>
/// <param name="Name">The option, with one dash.</param>
/// <param name="Value">How its value is written.</param>
/// <param name="Head">The name that is implied for the first part.</param>
/// <param name="Define">Notes what it defines, before anything refers to it.</param>
/// <param name="Apply">Puts it into the machine.</param>
internal sealed record QemuOptionRule(
    string Name, QemuOptionValue Value, string? Head = null, Action<QemuReading, QemuSettings>? Define = null, Action<QemuReading, QemuSettings>? Apply = null);

/// <summary>How an option's value is written.</summary>
internal enum QemuOptionValue
{
    /// <summary>There is none.</summary>
    None,

    /// <summary>One text.</summary>
    Text,

    /// <summary>Settings with commas between.</summary>
    Settings,
}
