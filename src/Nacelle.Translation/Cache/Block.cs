using Iced.Intel;
using Nacelle.Translation.Frontend;

namespace Nacelle.Translation.Cache;

/// <summary>A run of guest instructions with one entry, translated. Owned by its vCPU's thread.</summary>
internal sealed class Block
{
    /// <summary>Bits of an exit's argument that say which of a block's repeated string instructions it is about; the rest is the block's number.</summary>
    public const int RepeatedBits = 6;

    /// <summary>Number by which translated code names it to the monitor; another block's once this one is dropped.</summary>
    public required int Number { get; init; }

    /// <summary>Guest-physical address of the first byte.</summary>
    public required ulong PhysicalAddress { get; init; }

    /// <summary>Guest-physical page of the last byte where that is another page, else all ones.</summary>
    public required ulong SecondPage { get; init; }

    /// <summary>Linear address of the first byte when it was translated; where the mode is not relative it runs nowhere else.</summary>
    public required ulong Rip { get; init; }

    /// <summary>Bytes of guest code.</summary>
    public required int Length { get; init; }

    /// <summary>Limit of CS that its branches and its end were held against; all ones where none was needed.</summary>
    public uint CodeLimit { get; init; } = uint.MaxValue;

    /// <summary>What the code takes for granted.</summary>
    public required ExecutionMode Mode { get; init; }

    /// <summary>Whether it is user code that runs at one linear address only, because its page has been run at no other.</summary>
    public bool IsPlaced => Mode.MayMove && !Mode.IsRelative;

    /// <summary>Address of the host code where an indirect branch comes in, with RIP in the first scratch register.</summary>
    public required ulong LookupCode { get; init; }

    /// <summary>Address of the host code.</summary>
    public required ulong HostCode { get; init; }

    /// <summary>Address of the host code where the guest's vector state is known to be in the host's registers.</summary>
    public required ulong LiveCode { get; init; }

    /// <summary>Chunks of the first page that the code depends on beside those that it was translated from.</summary>
    public required ulong LookedAt { get; init; }

    /// <summary>Bytes of host code that run when nothing is out of the way.</summary>
    public required int InlineLength { get; init; }

    /// <summary>Bytes of host code with its out-of-line part.</summary>
    public required int HostLength { get; init; }

    /// <summary>The instruction that the monitor carries out when the block ends in one.</summary>
    public required Instruction Operation { get; init; }

    /// <summary>For each instruction, where its host code begins and its offset in the block; finds the guest instruction behind a host address.</summary>
    public required InstructionPlace[] Map { get; init; }

    /// <summary>Where the code keeps changing, what the block compares itself with.</summary>
    public ChangingCode? Changing { get; init; }

    /// <summary>The repeated string instructions in it that the monitor may have to go on with.</summary>
    public required Instruction[] Repeated { get; init; }

    /// <summary>First of the links that jump straight here; <see cref="LinkTable"/> keeps the chain.</summary>
    public int FirstIncoming { get; set; } = LinkTable.None;

    /// <summary>First of the direct branches out of it; <see cref="LinkTable"/> keeps the chain.</summary>
    public int FirstOutgoing { get; set; } = LinkTable.None;

    /// <summary>The blocks of its first page.</summary>
    public PageBlocks? First { get; set; }

    /// <summary>The blocks of its second page, where it has one.</summary>
    public PageBlocks? Second { get; set; }

    /// <summary>Whether the guest code behind it is still what was translated.</summary>
    public bool IsValid { get; set; } = true;
}

/// <summary>Where the host code of an instruction begins.</summary>
/// <param name="HostOffset">Offset in the block's host code.</param>
/// <param name="GuestOffset">Offset of the instruction in the block.</param>
/// <param name="FlagsSaved">Whether the guest's flags are set aside there.</param>
internal readonly record struct InstructionPlace(int HostOffset, ushort GuestOffset, bool FlagsSaved);
