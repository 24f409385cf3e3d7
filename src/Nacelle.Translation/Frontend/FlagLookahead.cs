using Iced.Intel;
using Nacelle.Translation.Cache;

namespace Nacelle.Translation.Frontend;

/// <summary>
/// Tells which arithmetic flags the code at another place of the page still needs, by reading a few instructions there. The
/// answer depends on those instructions, so a block that uses it depends on their bytes as on its own. For one thread.
/// </summary>
internal sealed class FlagLookahead(GuestCodeReader reader, GuestDecoder decoder)
{
    /// <summary>The flags that computations set.</summary>
    public const RflagsBits ArithmeticFlags =
        RflagsBits.OF | RflagsBits.SF | RflagsBits.ZF | RflagsBits.AF | RflagsBits.PF | RflagsBits.CF;

    // A function may push six registers before it compares anything.
    private const int Furthest = 12;

    private CodePlacement _placement;

    /// <summary>Chunks of the page that answers since <see cref="Begin"/> depend on.</summary>
    public ulong Chunks { get; private set; }

    /// <summary>Begins a block.</summary>
    public void Begin(CodePlacement placement)
    {
        _placement = placement;
        Chunks = 0;
    }

    /// <summary>Flags that are needed at a place.</summary>
    /// <param name="rip">Linear address of the place, which is in the page that the reader holds.</param>
    /// <param name="mode">What the processor is in.</param>
    public RflagsBits At(ulong rip, ExecutionMode mode)
    {
        RflagsBits needed = RflagsBits.None;
        RflagsBits open = ArithmeticFlags;
        reader.Peek(_placement.OffsetOf(rip));
        decoder.Begin(rip, mode);
        for (int i = 0; i < Furthest; i++)
        {
            int offset = reader.Offset;
            decoder.Decode(out Instruction instruction);
            if (instruction.IsInvalid)
            {
                break;
            }

            Chunks |= CodeWatch.Mask((ulong)offset, instruction.Length);
            InstructionKind kind = InstructionClassifier.Classify(instruction, mode);
            if (kind == InstructionKind.Jump && _placement.IsNear(instruction.NearBranchTarget, rip))
            {
                reader.Peek(_placement.OffsetOf(instruction.NearBranchTarget));
                decoder.Begin(instruction.NearBranchTarget, mode);
                continue;
            }

            if (!IsTransparent(kind))
            {
                break;
            }

            needed |= open & instruction.RflagsRead;
            open &= Overwritten(instruction);
            if (open == RflagsBits.None)
            {
                break;
            }
        }

        return needed | open;
    }

    /// <summary>Flags that an instruction leaves alive of those that are needed after it, as a mask.</summary>
    public static RflagsBits Overwritten(in Instruction instruction) =>
        MayLeaveFlags(instruction) ? ArithmeticFlags : ArithmeticFlags & ~instruction.RflagsModified;

    /// <summary>Whether nothing but the instruction itself and what follows it can see the flags.</summary>
    private static bool IsTransparent(InstructionKind kind) => kind is InstructionKind.Generic or InstructionKind.Nothing
        or InstructionKind.TouchMemory or InstructionKind.LoadAddress or InstructionKind.Push or InstructionKind.Pop
        or InstructionKind.Leave or InstructionKind.ClearInterruptFlag or InstructionKind.ClearDirectionFlag
        or InstructionKind.ReadTimestamp or InstructionKind.PushMemory or InstructionKind.ReadSelector or InstructionKind.SwapGs;

    /// <summary>Whether an instruction may leave the flags as they were, as a shift or rotate by zero does (SDM volume 2, SHL).</summary>
    public static bool MayLeaveFlags(in Instruction instruction)
    {
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Rcl or Mnemonic.Rcr:
                return true;
            case Mnemonic.Shl or Mnemonic.Shr or Mnemonic.Sar or Mnemonic.Sal or Mnemonic.Rol or Mnemonic.Ror or Mnemonic.Shld
                or Mnemonic.Shrd:
                int last = instruction.OpCount - 1;
                return instruction.GetOpKind(last) != OpKind.Immediate8 || (instruction.Immediate8 & CountMask(instruction)) == 0;
            default:
                return false;
        }
    }

    /// <summary>The bits of a shift's count that are looked at.</summary>
    private static int CountMask(in Instruction instruction)
    {
        int size = instruction.Op0Kind == OpKind.Memory ? instruction.MemorySize.GetSize() : instruction.Op0Register.GetSize();
        return size == sizeof(ulong) ? 0x3F : 0x1F;
    }
}
