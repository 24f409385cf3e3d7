using System.Collections.Immutable;

namespace Nacelle.Translation;

/// <summary>A block of guest code and what it was translated to, as text for people and scripts. Immutable.</summary>
/// <remarks>Addresses are hexadecimal with 0x, because not every reader of JSON keeps 64 bits of a number.</remarks>
public sealed record ListedBlock
{
    /// <summary>The vCPU that the translation belongs to; null where the code is of no guest.</summary>
    public int? VirtualCpu { get; init; }

    /// <summary>Linear address of the first byte, or the offset in CS where the segment has a base; of code that runs wherever its page is mapped, where it ran first.</summary>
    public required string Address { get; init; }

    /// <summary>Guest-physical address of the first byte; null where the code is of no guest.</summary>
    public string? PhysicalAddress { get; init; }

    /// <summary>Width of the code: 16, 32 or 64.</summary>
    public required int Bitness { get; init; }

    /// <summary>What the translation takes for granted, in words.</summary>
    public required string Mode { get; init; }

    /// <summary>Bytes of guest code.</summary>
    public required int GuestLength { get; init; }

    /// <summary>Bytes of host code that run when nothing is out of the way.</summary>
    public required int InlineLength { get; init; }

    /// <summary>Bytes of host code with stubs.</summary>
    public required int HostLength { get; init; }

    /// <summary>What runs before the first instruction: first for those that come through the jump table, then for all.</summary>
    public required ImmutableArray<ListedHostInstruction> Entry { get; init; }

    /// <summary>The guest's instructions.</summary>
    public required ImmutableArray<ListedInstruction> Instructions { get; init; }

    /// <summary>What is out of line: TLB misses, accesses across pages, ways out to the monitor.</summary>
    public required ImmutableArray<ListedHostInstruction> Stubs { get; init; }
}

/// <summary>A guest instruction and its host instructions.</summary>
/// <param name="Address">As <see cref="ListedBlock.Address"/>.</param>
/// <param name="Bytes">Its encoding in hexadecimal.</param>
/// <param name="Text">In Intel's order of operands.</param>
/// <param name="Host">What it became, but for stubs; none where nothing is left to do. A poll stands with the instruction before it.</param>
public sealed record ListedInstruction(string Address, string Bytes, string Text, ImmutableArray<ListedHostInstruction> Host);

/// <summary>A host instruction.</summary>
/// <param name="Address">Where it executes in the monitor's process.</param>
/// <param name="Bytes">Its encoding in hexadecimal.</param>
/// <param name="Text">In Intel's order of operands, with names for words of the vCPU's context, shared routines and other blocks.</param>
public sealed record ListedHostInstruction(string Address, string Bytes, string Text);
