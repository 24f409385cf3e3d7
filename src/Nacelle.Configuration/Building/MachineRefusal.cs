using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>Something that a configuration asks for and machines of this version do not have.</summary>
/// <param name="Pointer">Its JSON pointer.</param>
/// <param name="Place">Where it stands; null where that is not known.</param>
/// <param name="Message">What was asked, what is in the way and what to change.</param>
public sealed record MachineRefusal(string Pointer, SourcePlace? Place, string Message)
{
    /// <inheritdoc/>
    public override string ToString() => Place is null ? Message : $"{Place.Position}: {Message}";
}

/// <summary>A configuration cannot be run by this version, or its text or a rule is in the way.</summary>
public sealed class MachineRefusedException : Exception
{
    /// <summary>Lists what is in the way.</summary>
    /// <param name="refusals">At least one.</param>
    public MachineRefusedException(ImmutableArray<MachineRefusal> refusals)
        : base(string.Join("\n", refusals.Select(refusal => refusal.ToString()))) => Refusals = refusals;

    /// <summary>What is in the way, in the order of the text.</summary>
    public ImmutableArray<MachineRefusal> Refusals { get; }
}
