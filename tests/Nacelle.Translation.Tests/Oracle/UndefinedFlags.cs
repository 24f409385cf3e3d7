using Iced.Intel;

namespace Nacelle.Translation.Tests.Oracle;

/// <summary>
/// Which arithmetic flags the architecture leaves undefined at each point of a sequence: after MUL, IMUL, DIV and IDIV, BSF and
/// BSR, LZCNT and TZCNT, shifts and rotates (OF beyond one bit, AF), bit tests, BMI, logical operations (AF). Hosts leave the
/// old values there or values of their own; the translator's old values may be those of its own code.
/// </summary>
internal sealed class UndefinedFlags
{
    private const RflagsBits Arithmetic =
        RflagsBits.OF | RflagsBits.SF | RflagsBits.ZF | RflagsBits.AF | RflagsBits.PF | RflagsBits.CF;

    private readonly RflagsBits[] _before;

    public UndefinedFlags(IReadOnlyList<Instruction> instructions)
    {
        _before = new RflagsBits[instructions.Count + 1];
        RflagsBits undefined = 0;

        // What is undefined at a branch may be so wherever it leads: the second round sees what branches back bring.
        RflagsBits carried = 0;
        for (int round = 0; round < 2; round++)
        {
            undefined = carried;
            for (int i = 0; i < instructions.Count; i++)
            {
                Instruction instruction = instructions[i];
                _before[i] |= undefined;
                IsRead |= (instruction.RflagsRead & undefined & Arithmetic) != 0;
                if (!FlagLiveness.MayLeaveFlags(instruction))
                {
                    undefined &= ~(instruction.RflagsModified & ~instruction.RflagsUndefined);
                }

                undefined |= instruction.RflagsUndefined & Arithmetic;

                // RCL and RCR by more than one bit, also by all the bits there are (SDM volume 2, RCL).
                const int countMask = 31;
                bool rotatesMore = instruction.Mnemonic is Mnemonic.Rcl or Mnemonic.Rcr && instruction.Op1Kind == OpKind.Immediate8
                    && (instruction.Immediate8 & countMask) > 1;
                undefined |= rotatesMore ? RflagsBits.OF : 0;
                if (instruction.FlowControl != FlowControl.Next)
                {
                    carried |= undefined;
                }

                undefined |= carried;
            }

            _before[^1] |= undefined;
        }
    }

    /// <summary>Whether an instruction reads a flag that is undefined there: the sequence has no result to compare.</summary>
    public bool IsRead { get; }

    /// <summary>Undefined flags before an instruction, as bits of RFLAGS.</summary>
    public ulong Before(int index)
    {
        RflagsBits names = _before[index];
        return ((names & RflagsBits.CF) != 0 ? 1u : 0) | ((names & RflagsBits.PF) != 0 ? 4u : 0)
            | ((names & RflagsBits.AF) != 0 ? 0x10u : 0) | ((names & RflagsBits.ZF) != 0 ? 0x40u : 0)
            | ((names & RflagsBits.SF) != 0 ? 0x80u : 0) | ((names & RflagsBits.OF) != 0 ? 0x800u : 0);
    }
}
