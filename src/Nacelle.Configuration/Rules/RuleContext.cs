using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>What is judged. Immutable.</summary>
public sealed record RuleContext
{
    /// <summary>The configuration with what is known of its text.</summary>
    public required MachineDocument Document { get; init; }

    /// <summary>The host that it runs on or is to run on; null where it is not known.</summary>
    public HostFacts? Host { get; init; }

    /// <summary>The host that it is to be moved to; null where none is.</summary>
    public HostFacts? Destination { get; init; }

    /// <summary>What is to be done to it while it runs.</summary>
    public ImmutableHashSet<MachineOperation> Operations { get; init; } = [];

    /// <summary>The configuration.</summary>
    /// <exception cref="InvalidOperationException">The text had problems.</exception>
    public MachineConfiguration Machine =>
        Document.Configuration ?? throw new InvalidOperationException("a text with problems has no configuration to judge");

    /// <summary>Its devices.</summary>
    internal DevicesConfiguration Devices => Machine.Devices;

    /// <summary>What the profile says of the rule that looks.</summary>
    internal ProfileRule Setting { get; init; } = new();

    /// <summary>Whether a move to another host is meant.</summary>
    internal bool IsMigration => Destination is not null || Operations.Contains(MachineOperation.Migrate);

    /// <summary>Where a part stands, for putting parts in the order of the text.</summary>
    internal SourcePosition PositionOf(string pointer) => Document.Find(pointer)?.Position ?? default;
}
