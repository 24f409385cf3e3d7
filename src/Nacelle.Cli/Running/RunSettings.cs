using Nacelle.Configuration;
using Nacelle.Machine;

namespace Nacelle.Cli;

/// <summary>How a person wants to be dealt with while a machine runs; nothing of it reaches the guest.</summary>
/// <param name="Quiet">Only errors are said.</param>
/// <param name="EscapeKey">The byte of the escape key; null for none.</param>
/// <param name="BootMarker">A text in the guest's output whose first appearance is timed; null for none.</param>
/// <param name="Gdb">Where gdb can connect; null for nowhere.</param>
/// <param name="TranslatorStatistics">Whether the translator's counters are printed at the end.</param>
/// <param name="TranslatorListing">Where translated code is listed at the end; null for nowhere.</param>
/// <param name="Files">Files that were read to describe the machine; null for none.</param>
/// <param name="QemuExitStatus">Whether the end of the machine becomes the exit status that QEMU has for it.</param>
internal sealed record RunSettings(
    bool Quiet, byte? EscapeKey, string? BootMarker, GdbOption? Gdb, bool TranslatorStatistics,
    TranslatorListingOption? TranslatorListing, IReadOnlyList<MachineFile>? Files = null, bool QemuExitStatus = false);
