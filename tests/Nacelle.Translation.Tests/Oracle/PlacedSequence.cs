using System.Text;
using Iced.Intel;

namespace Nacelle.Translation.Tests.Oracle;

/// <summary>A sequence where it runs.</summary>
/// <param name="Sequence">The sequence.</param>
/// <param name="Address">Linear address of its first byte.</param>
/// <param name="Code">Its bytes with the jump at the end.</param>
/// <param name="Offsets">Where each instruction begins, and where the last ends.</param>
internal sealed record PlacedSequence(TestSequence Sequence, ulong Address, byte[] Code, int[] Offsets)
{
    private List<Instruction>? _instructions;

    /// <summary>The instructions as they decode.</summary>
    public IReadOnlyList<Instruction> Instructions => _instructions ??= Decode();

    /// <summary>
    /// Whether it loads x87 state of one form after it has stored such state: what was stored holds the address of the last x87
    /// instruction on the host, which differs, and loaded from a place a few bytes off it becomes control and tag words.
    /// </summary>
    public bool LoadsStoredAddresses
    {
        get
        {
            bool stored = false;
            foreach (Instruction instruction in Instructions)
            {
                stored |= instruction.Mnemonic is Mnemonic.Fnsave or Mnemonic.Fnstenv or Mnemonic.Fxsave or Mnemonic.Fxsave64
                    or Mnemonic.Xsave or Mnemonic.Xsave64 or Mnemonic.Xsavec or Mnemonic.Xsavec64;
                if (stored && instruction.Mnemonic is (Mnemonic.Frstor or Mnemonic.Fldenv))
                {
                    return true;
                }
            }

            return false;
        }
    }

    /// <summary>The instruction at an address, or null.</summary>
    public Instruction? InstructionAt(ulong rip) => IndexAt(rip) is int index ? Instructions[index] : null;

    /// <summary>Arithmetic flags that are not owed where a run ended.</summary>
    public ulong FreeFlagsAt(ulong rip)
    {
        const ulong arithmetic = 0x8D5;
        if (rip != OracleLayout.Gateway && IndexAt(rip) is null)
        {
            // A branch led out of the sequence, into other code or none: what is dead there is not known.
            return arithmetic;
        }

        ulong undefined = new UndefinedFlags(Instructions).Before(IndexAt(rip) ?? Instructions.Count);
        return undefined | (IndexAt(rip) is int index ? FlagLiveness.DeadBefore(Instructions, index) : 0);
    }

    private int? IndexAt(ulong rip)
    {
        int index = Array.IndexOf(Offsets, (int)(rip - Address));
        return index < 0 || index >= Offsets.Length - 1 ? null : index;
    }

    /// <summary>The instructions, one a line with its bytes.</summary>
    public override string ToString()
    {
        StringBuilder text = new();
        IReadOnlyList<Instruction> instructions = Instructions;
        for (int i = 0; i < instructions.Count; i++)
        {
            string bytes = Convert.ToHexString(Code, Offsets[i], Offsets[i + 1] - Offsets[i]);
            text.AppendLine($"  {Address + (ulong)Offsets[i]:x}  {bytes,-24}  {instructions[i]}");
        }

        return text.ToString();
    }

    private List<Instruction> Decode()
    {
        List<Instruction> instructions = [];
        for (int i = 0; i + 1 < Offsets.Length; i++)
        {
            byte[] bytes = Code[Offsets[i]..Offsets[i + 1]];
            instructions.Add(Iced.Intel.Decoder.Create(Sequence.Bitness, bytes, Address + (ulong)Offsets[i]).Decode());
        }

        return instructions;
    }
}
