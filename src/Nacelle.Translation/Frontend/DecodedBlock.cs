using Iced.Intel;
using Nacelle.Translation.Cache;

namespace Nacelle.Translation.Frontend;

/// <summary>The instructions of a block before translation, with what is known of each. Reused; for one thread.</summary>
internal sealed class DecodedBlock
{
    /// <summary>Most instructions of a block.</summary>
    public const int MaximumInstructions = 64;

    private const RflagsBits ArithmeticFlags =
        RflagsBits.OF | RflagsBits.SF | RflagsBits.ZF | RflagsBits.AF | RflagsBits.PF | RflagsBits.CF;

    private readonly GuestCodeReader _reader = new();
    private readonly Decoder[] _decoders;

    public DecodedBlock()
    {
        _decoders = [Decoder.Create(16, _reader), Decoder.Create(32, _reader), Decoder.Create(64, _reader)];
    }

    /// <summary>The private copy of the guest's code that is decoded.</summary>
    public GuestCodeReader Code => _reader;

    /// <summary>How many instructions there are.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes of guest code in the block.</summary>
    public int Length { get; private set; }

    /// <summary>The instructions.</summary>
    public Instruction[] Instructions { get; } = new Instruction[MaximumInstructions];

    /// <summary>How each is translated.</summary>
    public InstructionKind[] Kinds { get; } = new InstructionKind[MaximumInstructions];

    /// <summary>Whether the flags before each are still needed by it or what follows.</summary>
    public bool[] FlagsLive { get; } = new bool[MaximumInstructions];

    /// <summary>Offset of each in the block.</summary>
    public ushort[] Offsets { get; } = new ushort[MaximumInstructions];

    /// <summary>Decodes a block.</summary>
    /// <param name="rip">Linear address of the first byte.</param>
    /// <param name="mode">What the processor is in.</param>
    /// <param name="available">Bytes in the copy.</param>
    /// <param name="firstPage">Bytes of them in the block's own page: no second instruction may leave it.</param>
    /// <param name="limit">Most instructions to take.</param>
    public void Decode(ulong rip, ExecutionMode mode, int available, int firstPage, int limit = MaximumInstructions)
    {
        Decoder decoder = _decoders[mode.Bitness switch { 16 => 0, 32 => 1, _ => 2 }];
        _reader.Begin(available);
        decoder.IP = rip;
        Count = 0;
        Length = 0;
        bool lastOne = false;
        while (Count < limit)
        {
            int start = _reader.Position;
            if (Count > 0 && start >= firstPage)
            {
                break;
            }

            ref Instruction instruction = ref Instructions[Count];
            decoder.Decode(out instruction);
            if (Count > 0 && (_reader.Position > firstPage || decoder.LastError == DecoderError.NoMoreBytes))
            {
                // It runs on into the next page, and begins a block of its own.
                break;
            }

            InstructionKind kind = instruction.IsInvalid
                ? InstructionKind.Operation
                : InstructionClassifier.Classify(instruction, mode);
            bool vector = !instruction.IsInvalid && VectorInstructions.NeedsState(instruction);
            if (kind is InstructionKind.BulkState || (vector && IsUnavailable(instruction, mode)))
            {
                kind = InstructionKind.Operation;
            }

            Kinds[Count] = kind;
            Offsets[Count] = (ushort)start;
            Count++;
            Length = _reader.Position;
            if (lastOne || EndsBlock(kind))
            {
                break;
            }

            // The instruction after STI runs before an interrupt is taken (SDM volume 2, STI), so it belongs to the block.
            lastOne = kind == InstructionKind.SetInterruptFlag;
        }

        FindLiveFlags();
    }

    private static bool IsUnavailable(in Instruction instruction, ExecutionMode mode) =>
        VectorInstructions.IsFloatingPointUnit(instruction) ? mode.IsExtendedStateOff : mode.IsVectorOff;

    private static bool EndsBlock(InstructionKind kind) => kind is InstructionKind.Operation or InstructionKind.Jump
        or InstructionKind.ConditionalJump or InstructionKind.Call or InstructionKind.IndirectJump or InstructionKind.IndirectCall
        or InstructionKind.Return or InstructionKind.ChangeAlignmentCheck or InstructionKind.SystemCall
        or InstructionKind.SystemReturn;

    /// <summary>Walks backwards; what follows the block is taken to need every flag.</summary>
    private void FindLiveFlags()
    {
        RflagsBits live = ArithmeticFlags;
        for (int i = Count - 1; i >= 0; i--)
        {
            ref Instruction instruction = ref Instructions[i];
            if (Kinds[i] == InstructionKind.Operation)
            {
                live = ArithmeticFlags;
            }
            else
            {
                if (!MayLeaveFlags(instruction))
                {
                    live &= ~instruction.RflagsModified;
                }

                live |= instruction.RflagsRead & ArithmeticFlags;
            }

            FlagsLive[i] = live != 0;
        }
    }

    /// <summary>A shift or rotate by zero leaves the flags as they were (SDM volume 2, SHL), so it does not end their life.</summary>
    private static bool MayLeaveFlags(in Instruction instruction) => instruction.Mnemonic is Mnemonic.Shl or Mnemonic.Shr
        or Mnemonic.Sar or Mnemonic.Sal or Mnemonic.Rol or Mnemonic.Ror or Mnemonic.Rcl or Mnemonic.Rcr or Mnemonic.Shld
        or Mnemonic.Shrd;
}
