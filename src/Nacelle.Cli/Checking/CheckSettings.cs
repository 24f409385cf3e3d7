using System.Collections.Immutable;
using Nacelle.Configuration;

namespace Nacelle.Cli;

/// <summary>How a check is printed.</summary>
internal enum CheckFormat
{
    /// <summary>For people.</summary>
    Text,

    /// <summary>For programs.</summary>
    Json,

    /// <summary>For code hosts and editors.</summary>
    Sarif,
}

/// <summary>What is checked, by what, and where to the report goes. Immutable.</summary>
internal sealed record CheckSettings
{
    /// <summary>Files with machines; - is standard input.</summary>
    public required ImmutableArray<string> Files { get; init; }

    /// <summary>Arguments for QEMU; null where none are given.</summary>
    public IReadOnlyList<string>? QemuArguments { get; init; }

    /// <summary>The rules.</summary>
    public required ChosenProfile Profile { get; init; }

    /// <summary>Whether the machines are to run here.</summary>
    public bool OnThisHost { get; init; }

    /// <summary>Facts of the host that they are to run on.</summary>
    public string? HostFile { get; init; }

    /// <summary>Facts of the host that they are to be moved to.</summary>
    public string? DestinationFile { get; init; }

    /// <summary>What is to be done while they run.</summary>
    public ImmutableArray<MachineOperation> Operations { get; init; } = [];

    /// <summary>How the report is printed.</summary>
    public CheckFormat Format { get; init; }

    /// <summary>File for the report as a page.</summary>
    public string? HtmlFile { get; init; }

    /// <summary>File for the corrected machine.</summary>
    public string? FixFile { get; init; }

    /// <summary>Whether that file may be there already, and what is not understood may be lost.</summary>
    public bool Force { get; init; }

    /// <summary>Whether only a line for each text is printed.</summary>
    public bool Quiet { get; init; }
}
