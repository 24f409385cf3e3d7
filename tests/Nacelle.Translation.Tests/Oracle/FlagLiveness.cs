using Iced.Intel;

namespace Nacelle.Translation.Tests.Oracle;

/// <summary>
/// Finds the arithmetic flags that nothing can see any more at some point of straight code. At an exception the translator
/// may have lost them; everything else it owes.
/// </summary>
internal static class FlagLiveness
{
    private static readonly (RflagsBits Name, ulong Bit)[] s_bits =
    [
        (RflagsBits.CF, 1), (RflagsBits.PF, 4), (RflagsBits.AF, 0x10), (RflagsBits.ZF, 0x40), (RflagsBits.SF, 0x80), (RflagsBits.OF, 0x800),
    ];

    /// <summary>Flags that are dead before an instruction.</summary>
    /// <param name="instructions">The sequence as it decodes.</param>
    /// <param name="index">The instruction.</param>
    public static ulong DeadBefore(IReadOnlyList<Instruction> instructions, int index)
    {
        if (IsRepeatedComparison(instructions[index]))
        {
            return 0x8D5;
        }

        ulong dead = 0;
        foreach ((RflagsBits name, ulong bit) in s_bits)
        {
            dead |= IsDead(instructions, index, name) ? bit : 0;
        }

        return dead;
    }

    /// <summary>
    /// CMPS and SCAS with a repeat prefix: the manual of one vendor says that a fault leaves the flags from before the
    /// instruction, processors of the other leave something in between.
    /// </summary>
    private static bool IsRepeatedComparison(in Instruction instruction) => (instruction.HasRepPrefix || instruction.HasRepnePrefix)
        && instruction.Mnemonic is Mnemonic.Cmpsb or Mnemonic.Cmpsw or Mnemonic.Cmpsd or Mnemonic.Cmpsq or Mnemonic.Scasb
            or Mnemonic.Scasw or Mnemonic.Scasd or Mnemonic.Scasq;

    /// <summary>A shift by zero leaves the flags alone, and so does a repetition of no turns.</summary>
    public static bool MayLeaveFlags(in Instruction instruction)
    {
        if (instruction.IsStringInstruction)
        {
            return instruction.HasRepPrefix || instruction.HasRepnePrefix;
        }

        bool shifts = instruction.Mnemonic is Mnemonic.Shl or Mnemonic.Shr or Mnemonic.Sar or Mnemonic.Sal or Mnemonic.Rol
            or Mnemonic.Ror or Mnemonic.Shld or Mnemonic.Shrd;
        return instruction.Mnemonic is Mnemonic.Rcl or Mnemonic.Rcr || (shifts && !IsByConstant(instruction));
    }

    /// <summary>Whether the count is in the instruction and not zero in the five or six bits that are looked at.</summary>
    private static bool IsByConstant(in Instruction instruction)
    {
        bool quad = instruction.Op0Kind == OpKind.Register ? instruction.Op0Register.IsGPR64() : instruction.MemorySize.GetSize() == 8;
        return instruction.GetOpKind(instruction.OpCount - 1) == OpKind.Immediate8 && instruction.Immediate8 % (quad ? 64 : 32) != 0;
    }

    /// <summary>Follows direct branches, forwards only, so that it ends.</summary>
    private static bool IsDead(IReadOnlyList<Instruction> instructions, int index, RflagsBits name)
    {
        for (int i = index; i < instructions.Count; i++)
        {
            Instruction instruction = instructions[i];
            if ((instruction.RflagsRead & name) != 0)
            {
                return false;
            }

            if (!MayLeaveFlags(instruction) && (instruction.RflagsModified & name) != 0)
            {
                return true;
            }

            switch (instruction.FlowControl)
            {
                case FlowControl.Next:
                    break;
                case FlowControl.UnconditionalBranch or FlowControl.Call:
                    return IsDeadAt(instructions, i, name);
                case FlowControl.ConditionalBranch:
                    if (!IsDeadAt(instructions, i, name))
                    {
                        return false;
                    }

                    break;
                default:
                    return false;
            }
        }

        return false;
    }

    private static bool IsDeadAt(IReadOnlyList<Instruction> instructions, int branch, RflagsBits name)
    {
        for (int i = branch + 1; i < instructions.Count; i++)
        {
            if (instructions[i].IP == instructions[branch].NearBranchTarget)
            {
                return IsDead(instructions, i, name);
            }
        }

        return false;
    }
}
