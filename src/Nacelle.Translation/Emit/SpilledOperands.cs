using Iced.Intel;

namespace Nacelle.Translation.Emit;

/// <summary>
/// Lets an instruction work on a guest register that lives in the context where it lies, as a memory operand, instead of
/// loading and storing it.
/// </summary>
internal static class SpilledOperands
{
    private const int TwinDistance = 4;
    private static readonly bool[][] s_isRegisterOrMemory = Build();

    /// <summary>Turns one register operand into the context's memory, where the encoding and the semantics allow it.</summary>
    /// <param name="instruction">Without a memory operand.</param>
    /// <param name="accesses">How each operand is used.</param>
    /// <param name="registers">Address of the context's general registers.</param>
    /// <returns>Whether it has a memory operand now.</returns>
    public static bool TryRedirect(ref Instruction instruction, in InstructionInfo accesses, int registers)
    {
        if (instruction.Mnemonic is Mnemonic.Xchg or Mnemonic.Cmpxchg or Mnemonic.Xadd or Mnemonic.Bt or Mnemonic.Bts
            or Mnemonic.Btr or Mnemonic.Btc || UsesHighByte(instruction))
        {
            // XCHG would lock the bus, and bit tests would take the register's bits for a string's.
            return false;
        }

        if (instruction.RoundingControl != RoundingControl.None || instruction.SuppressAllExceptions)
        {
            // The bit that says so would say broadcast of a memory operand (SDM volume 2, 2.7.10).
            return false;
        }

        if (IsSourceAlone(instruction) && HasTwin(instruction.Code))
        {
            instruction.Code += TwinDistance;
        }

        for (int i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) != OpKind.Register || !s_isRegisterOrMemory[(int)instruction.Code][i])
            {
                continue;
            }

            Register register = instruction.GetOpRegister(i);
            int guest = GuestRegisters.NumberOf(register);
            OpAccess access = accesses.GetOpAccess(i);
            bool reads = access == OpAccess.Read;

            // A 32-bit result clears the upper half of a register, but not of memory.
            if (!GuestRegisters.IsInMemory(guest)
                || !(reads || (register.GetSize() != 4 && access is OpAccess.Write or OpAccess.ReadWrite)))
            {
                continue;
            }

            if (AppearsAgain(instruction, i, guest, reads))
            {
                return false;
            }

            Instruction original = instruction;
            instruction.SetOpKind(i, OpKind.Memory);
            instruction.MemoryBase = Register.None;
            instruction.MemoryIndex = Register.None;
            instruction.MemoryIndexScale = 1;
            instruction.MemoryDisplacement64 = (ulong)(registers + (guest * 8));
            instruction.MemoryDisplSize = 4;
            instruction.SegmentPrefix = Register.None;

            // PEXTRB and its like fill a register but write less to memory.
            if (!reads && instruction.MemorySize.GetSize() != register.GetSize())
            {
                instruction = original;
                return false;
            }

            return true;
        }

        return false;
    }

    /// <summary>Whether of two register operands the source alone lives in the context.</summary>
    private static bool IsSourceAlone(in Instruction instruction) => instruction.OpCount == 2
        && instruction.Op0Kind == OpKind.Register && instruction.Op1Kind == OpKind.Register
        && !GuestRegisters.IsInMemory(GuestRegisters.NumberOf(instruction.Op0Register))
        && GuestRegisters.IsInMemory(GuestRegisters.NumberOf(instruction.Op1Register));

    /// <summary>
    /// Whether the code's source can only be a register, and <see cref="TwinDistance"/> further there is the same operation
    /// whose source may be in memory.
    /// </summary>
    private static bool HasTwin(Code code) => code is (>= Code.Add_rm8_r8 and <= Code.Add_rm64_r64)
        or (>= Code.Or_rm8_r8 and <= Code.Or_rm64_r64) or (>= Code.Adc_rm8_r8 and <= Code.Adc_rm64_r64)
        or (>= Code.Sbb_rm8_r8 and <= Code.Sbb_rm64_r64) or (>= Code.And_rm8_r8 and <= Code.And_rm64_r64)
        or (>= Code.Sub_rm8_r8 and <= Code.Sub_rm64_r64) or (>= Code.Xor_rm8_r8 and <= Code.Xor_rm64_r64)
        or (>= Code.Cmp_rm8_r8 and <= Code.Cmp_rm64_r64) or (>= Code.Mov_rm8_r8 and <= Code.Mov_rm64_r64);

    /// <summary>The same register in two places may be read twice, but what is written has to be in one place.</summary>
    private static bool AppearsAgain(in Instruction instruction, int operand, int guest, bool reads)
    {
        for (int i = 0; i < instruction.OpCount; i++)
        {
            if (i != operand && instruction.GetOpKind(i) == OpKind.Register && GuestRegisters.NumberOf(instruction.GetOpRegister(i)) == guest)
            {
                return !reads || instruction.OpCount > 2;
            }
        }

        return false;
    }

    private static bool UsesHighByte(in Instruction instruction)
    {
        for (int i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) == OpKind.Register && instruction.GetOpRegister(i) is >= Register.AH and <= Register.BH)
            {
                return true;
            }
        }

        return false;
    }

    private static bool[][] Build()
    {
        Code[] codes = Enum.GetValues<Code>();
        bool[][] result = new bool[codes.Length][];
        foreach (Code code in codes)
        {
            OpCodeInfo info = code.ToOpCode();
            bool[] operands = new bool[5];
            for (int i = 0; i < info.OpCount; i++)
            {
                operands[i] = info.GetOpKind(i) is OpCodeOperandKind.r8_or_mem or OpCodeOperandKind.r16_or_mem
                    or OpCodeOperandKind.r32_or_mem or OpCodeOperandKind.r64_or_mem;
            }

            result[(int)code] = operands;
        }

        return result;
    }
}
