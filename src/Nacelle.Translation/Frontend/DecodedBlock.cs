using Iced.Intel;
using Nacelle.Translation.Cache;

namespace Nacelle.Translation.Frontend;

/// <summary>
/// The instructions of a block before translation, with what is known of each. A block has one entry; it goes on after a
/// conditional jump that is not taken and after a call, so it may be left in many places. A short loop is in it several times.
/// Reused; for one thread.
/// </summary>
internal sealed class DecodedBlock
{
    /// <summary>Most instructions of a block.</summary>
    public const int MaximumInstructions = 64;

    private const int MaximumBranches = 4;
    private readonly GuestCodeReader _reader = new();
    private readonly GuestDecoder _decoder;
    private readonly FlagLookahead _lookahead;
    private readonly InstructionInfoFactory _information = new();

    /// <param name="set">What the processor has.</param>
    public DecodedBlock(InstructionSet set)
    {
        _decoder = new GuestDecoder(_reader, set);
        _lookahead = new FlagLookahead(_reader, _decoder);
    }

    /// <summary>The private copy of the guest's code that is decoded.</summary>
    public GuestCodeReader Code => _reader;

    /// <summary>How many instructions there are.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes of guest code in the block.</summary>
    public int Length { get; private set; }

    /// <summary>Whether the instruction after the last lies in two pages, so that its block can be found but not linked to.</summary>
    public bool EndsBeforeCrossing { get; private set; }

    /// <summary>Limit of CS where the mode has one below 4 GiB, else all ones. To be set before decoding.</summary>
    public uint CodeLimit { get; set; } = uint.MaxValue;

    /// <summary>Whether the first instruction wants more bytes than there were.</summary>
    public bool IsCut { get; private set; }

    /// <summary>Whether the first instruction runs on beyond the limit of CS, which is refused.</summary>
    public bool RunsOverLimit { get; private set; }

    /// <summary>Chunks of the block's own page that its translation depends on beside its own bytes.</summary>
    public ulong LookedAt => _lookahead.Chunks;

    /// <summary>Where addresses lie in pages.</summary>
    public CodePlacement Placement { get; private set; }

    /// <summary>The instructions.</summary>
    public Instruction[] Instructions { get; } = new Instruction[MaximumInstructions];

    /// <summary>How each is translated.</summary>
    public InstructionKind[] Kinds { get; } = new InstructionKind[MaximumInstructions];

    /// <summary>Whether the flags before each are still needed by it or what follows; one more for what follows the last.</summary>
    public bool[] FlagsLive { get; } = new bool[MaximumInstructions + 1];

    /// <summary>Whether the flags are needed where a direct branch leads.</summary>
    public bool[] TargetFlagsLive { get; } = new bool[MaximumInstructions];

    /// <summary>Where the constants of each are, when the code keeps changing.</summary>
    public ConstantOffsets[] Constants { get; } = new ConstantOffsets[MaximumInstructions];

    /// <summary>Offset of each in the block.</summary>
    public ushort[] Offsets { get; } = new ushort[MaximumInstructions];

    /// <summary>The instruction before which a poll costs least and serves every way out after it, or -1.</summary>
    public int PollBefore { get; private set; }

    /// <summary>Whether flags are taken to be needed everywhere, because a debugger looks at them.</summary>
    public bool AreFlagsWatched { get; set; }

    /// <summary>Decodes a block.</summary>
    /// <param name="rip">Guest address of the first byte.</param>
    /// <param name="mode">What the processor is in.</param>
    /// <param name="start">Offset of the block in its page.</param>
    /// <param name="available">Bytes in the copy from there.</param>
    /// <param name="limit">Most instructions to take.</param>
    /// <param name="changing">Whether the code keeps changing: then the block ends with whatever might change it.</param>
    public void Decode(
        ulong rip, ExecutionMode mode, int start, int available, int limit = MaximumInstructions, bool changing = false)
    {
        int firstPage = 4096 - start;
        Placement = CodePlacement.Of(rip, start);
        bool limited = mode.IsCodeLimited && CodeLimit - rip < (ulong)available;
        _reader.Begin(start, limited ? (int)(CodeLimit - rip) + 1 : available);
        RunsOverLimit = false;
        _decoder.Begin(rip, mode);
        IsCut = false;
        Count = 0;
        Length = 0;
        EndsBeforeCrossing = false;
        bool lastOne = false;
        int branches = 0;
        limit = mode.IsSingleStep ? 1 : limit;
        while (Count < limit)
        {
            int position = _reader.Position;
            if (Count > 0 && position >= firstPage)
            {
                break;
            }

            ref Instruction instruction = ref Instructions[Count];
            _decoder.Decode(out instruction);
            bool cut = _decoder.IsCut;
            IsCut = cut && Count == 0;
            RunsOverLimit = IsCut && limited;
            if (Count > 0 && (_reader.Position > firstPage || cut))
            {
                // It runs on into the next page, and begins a block of its own.
                EndsBeforeCrossing = true;
                break;
            }

            InstructionKind kind = instruction.IsInvalid
                ? InstructionKind.Operation
                : InstructionClassifier.Classify(instruction, mode);
            bool vector = !instruction.IsInvalid && VectorInstructions.NeedsState(instruction);
            if (kind is InstructionKind.BulkState || CodeSegmentWrites.Contains(instruction, mode) || (vector && IsUnavailable(instruction, mode)))
            {
                kind = InstructionKind.Operation;
            }

            if (mode.IsCodeLimited && MayLeaveSegment(instruction, kind, mode))
            {
                kind = InstructionKind.Operation;
            }

            Kinds[Count] = kind;
            Offsets[Count] = (ushort)position;
            if (changing)
            {
                Constants[Count] = _decoder.ConstantsOf(instruction);
            }

            Count++;
            Length = _reader.Position;
            branches += IsPassed(kind) ? 1 : 0;
            if (mode.IsFlat && limit == MaximumInstructions && !changing && !AreFlagsWatched
                && LoopUnroller.TurnsOf(this, rip, branches) is var turns and > 1)
            {
                Count = LoopUnroller.Repeat(this, turns);
                break;
            }

            if (lastOne || EndsBlock(kind) || branches == MaximumBranches || (changing && MayWrite(instruction, kind)))
            {
                break;
            }

            // The instruction after STI runs before an interrupt is taken (SDM volume 2, STI), so it belongs to the block.
            lastOne = kind == InstructionKind.SetInterruptFlag;
        }

        FindLiveFlags(rip, mode, Length <= firstPage && !changing);
        PollBefore = FindPoll();
    }

    /// <summary>Whether an instruction itself reads flags, or changes some and leaves others.</summary>
    public bool UsesFlags(int i) => Kinds[i] is InstructionKind.Operation or InstructionKind.PushFlags or InstructionKind.SystemCall
        or InstructionKind.SystemReturn
        || (Kinds[i] is InstructionKind.Generic or InstructionKind.ConditionalJump
            && (FlagLookahead.MayLeaveFlags(Instructions[i]) || ((Instructions[i].RflagsRead | Instructions[i].RflagsModified) & FlagLookahead.ArithmeticFlags) != 0));

    /// <summary>Whether a branch may lead beyond the limit of CS, so that it is the monitor's to refuse.</summary>
    private bool MayLeaveSegment(in Instruction instruction, InstructionKind kind, ExecutionMode mode) => kind switch
    {
        InstructionKind.Jump or InstructionKind.ConditionalJump or InstructionKind.Call => instruction.NearBranchTarget > CodeLimit,
        InstructionKind.IndirectJump or InstructionKind.IndirectCall or InstructionKind.Return =>
            CodeLimit < (mode.Bitness == 16 ? ushort.MaxValue : uint.MaxValue),
        _ => false,
    };

    private static bool IsUnavailable(in Instruction instruction, ExecutionMode mode) =>
        VectorInstructions.NeedsMaskState(instruction) ? mode.IsMaskOff
            : instruction.Encoding != EncodingKind.Legacy ? mode.IsWideVectorOff
            : VectorInstructions.IsFloatingPointUnit(instruction) ? mode.IsExtendedStateOff
            : mode.IsVectorOff;

    /// <summary>Whether a block may go on after it although it can leave there.</summary>
    private static bool IsPassed(InstructionKind kind) => kind is InstructionKind.ConditionalJump or InstructionKind.Call
        or InstructionKind.IndirectCall;

    private static bool EndsBlock(InstructionKind kind) => kind is InstructionKind.Operation or InstructionKind.Jump
        or InstructionKind.IndirectJump or InstructionKind.Return or InstructionKind.ChangeAlignmentCheck
        or InstructionKind.SystemCall or InstructionKind.SystemReturn;

    /// <summary>Whether an instruction writes memory, which may be the code after it.</summary>
    private bool MayWrite(in Instruction instruction, InstructionKind kind)
    {
        if (kind is InstructionKind.Push or InstructionKind.PushMemory or InstructionKind.PushFlags or InstructionKind.RepeatedString
            || IsPassed(kind))
        {
            return kind != InstructionKind.ConditionalJump;
        }

        foreach (UsedMemory used in _information.GetInfo(instruction).GetUsedMemory())
        {
            if (used.Access is not (OpAccess.Read or OpAccess.CondRead or OpAccess.NoMemAccess or OpAccess.None))
            {
                return kind == InstructionKind.Generic;
            }
        }

        return false;
    }

    /// <summary>Walks backwards; where it is not known what follows, every flag is taken to be needed.</summary>
    private void FindLiveFlags(ulong rip, ExecutionMode mode, bool mayLook)
    {
        const RflagsBits all = FlagLookahead.ArithmeticFlags;
        _lookahead.Begin(Placement);
        if (AreFlagsWatched || mode.IsSingleStep)
        {
            // The frame of the trap shows them.
            FlagsLive.AsSpan().Fill(true);
            TargetFlagsLive.AsSpan().Fill(true);
            return;
        }

        RflagsBits live = all;
        if (!EndsBlock(Kinds[Count - 1]) && mayLook && Placement.IsNear(rip + (ulong)Length, rip))
        {
            live = _lookahead.At(rip + (ulong)Length, mode);
        }

        FlagsLive[Count] = live != 0;
        for (int i = Count - 1; i >= 0; i--)
        {
            ref Instruction instruction = ref Instructions[i];
            RflagsBits target = all;
            if (Kinds[i] is InstructionKind.Jump or InstructionKind.ConditionalJump or InstructionKind.Call && mayLook
                && Placement.IsNear(instruction.NearBranchTarget, rip))
            {
                target = _lookahead.At(instruction.NearBranchTarget, mode);
            }

            TargetFlagsLive[i] = target != 0;
            live = Kinds[i] switch
            {
                InstructionKind.Operation => all,
                InstructionKind.Jump or InstructionKind.Call or InstructionKind.IndirectCall => target,
                InstructionKind.ConditionalJump => live | target | (instruction.RflagsRead & all),
                _ => (live & FlagLookahead.Overwritten(instruction)) | (instruction.RflagsRead & all),
            };
            FlagsLive[i] = live != 0;
        }
    }

    /// <summary>A poll where the flags are dead, for the ways out after it; those before it have their own.</summary>
    private int FindPoll()
    {
        for (int i = 0; i < Count; i++)
        {
            bool inShadow = i > 0 && Kinds[i - 1] == InstructionKind.SetInterruptFlag;
            if (!FlagsLive[i] && !inShadow)
            {
                return NeedsPoll(i) ? i : -1;
            }
        }

        return -1;
    }

    private bool NeedsPoll(int from)
    {
        for (int i = from; i < Count; i++)
        {
            if (IsPolled(i))
            {
                return true;
            }
        }

        return !EndsBlock(Kinds[Count - 1]) && !Placement.IsNear(Instructions[Count - 1].NextIP, Instructions[0].IP);
    }

    /// <summary>Whether a branch can close a loop: it leads backwards, out of the page, or who knows where.</summary>
    private bool IsPolled(int i)
    {
        ref Instruction instruction = ref Instructions[i];
        return Kinds[i] switch
        {
            InstructionKind.IndirectJump or InstructionKind.IndirectCall => true,
            InstructionKind.Jump or InstructionKind.ConditionalJump or InstructionKind.Call =>
                instruction.NearBranchTarget <= instruction.IP || !Placement.IsNear(instruction.NearBranchTarget, instruction.IP),
            _ => false,
        };
    }
}
