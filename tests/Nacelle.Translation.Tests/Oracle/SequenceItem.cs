using Iced.Intel;

namespace Nacelle.Translation.Tests.Oracle;

/// <summary>One instruction of a sequence, not yet placed.</summary>
/// <param name="instruction">The instruction; with bytes of its own, only what it looks like.</param>
internal sealed class SequenceItem(Instruction instruction)
{
    /// <summary>The instruction.</summary>
    public Instruction Instruction { get; } = instruction;

    /// <summary>Bytes put before it.</summary>
    public byte[] Prefixes { get; init; } = [];

    /// <summary>Its whole encoding, where no encoder makes it.</summary>
    public byte[]? Bytes { get; init; }

    /// <summary>The item that a branch goes to or whose address is loaded; with neither this nor <see cref="ToEnd"/> nothing is.</summary>
    public SequenceItem? Target { get; set; }

    /// <summary>The target is the sequence's end.</summary>
    public bool ToEnd { get; set; }

    /// <summary>Whether the encoding depends on where it and its target are.</summary>
    public bool IsRelative => Target is not null || ToEnd || Instruction.IsIPRelativeMemoryOperand;
}
