using Iced.Intel;
using Kind = Iced.Intel.OpCodeOperandKind;

namespace Nacelle.Translation.Tests.Oracle;

/// <summary>Gives instructions random operands of the kinds that their opcodes take.</summary>
internal sealed class InstructionBuilder(SequenceRandom random, RegisterKnowledge registers, MemoryOperands memory, int bitness = 64)
{
    private readonly bool _is32 = bitness == 32;
    private readonly int _registers = bitness == 32 ? 8 : 16;

    // Of the instruction in the making: EVEX encodings have twice as many.
    private int _vectors;

    private const int MemoryChance = 45;

    /// <summary>Builds an instruction.</summary>
    /// <returns>False where an operand is of a kind that is not made here.</returns>
    public bool TryBuild(Code code, out Instruction instruction)
    {
        OpCodeInfo info = code.ToOpCode();
        instruction = default;
        instruction.Code = code;
        _vectors = code.Encoding() == EncodingKind.EVEX && !_is32 ? 32 : _registers;
        bool narrowString = random.Percent(10);
        for (int i = 0; i < info.OpCount; i++)
        {
            if (!TrySetOperand(ref instruction, info, i, narrowString))
            {
                return false;
            }
        }

        SetPrefixes(ref instruction, info);
        return !info.RequiresUniqueRegNums || HasDistinctRegisters(instruction);
    }

    private bool TrySetOperand(ref Instruction instruction, OpCodeInfo info, int i, bool narrowString)
    {
        Kind kind = info.GetOpKind(i);
        if (TryRegister(kind, out Register register))
        {
            instruction.SetOpKind(i, OpKind.Register);
            instruction.SetOpRegister(i, register);
            return true;
        }

        if (TryRegisterOrMemory(kind, out register))
        {
            if (random.Percent(MemoryChance))
            {
                SetMemory(ref instruction, i);
            }
            else
            {
                instruction.SetOpKind(i, OpKind.Register);
                instruction.SetOpRegister(i, register);
            }

            return true;
        }

        return TrySetImmediate(ref instruction, kind, i) || TrySetMemory(ref instruction, kind, i, narrowString);
    }

    private bool TryRegister(Kind kind, out Register register)
    {
        int wide = random.Below(_vectors);
        register = kind switch
        {
            Kind.r8_reg or Kind.r8_opcode => Byte(),
            Kind.r16_reg or Kind.r16_rm or Kind.r16_opcode => Register.AX + General(),
            Kind.r32_reg or Kind.r32_rm or Kind.r32_opcode or Kind.r32_vvvv => Register.EAX + General(),
            Kind.r64_reg or Kind.r64_rm or Kind.r64_opcode or Kind.r64_vvvv => Register.RAX + General(),
            Kind.mm_reg or Kind.mm_rm => Register.MM0 + random.Below(8),
            Kind.xmm_reg or Kind.xmm_rm or Kind.xmm_vvvv or Kind.xmm_is4 or Kind.xmm_is5 => Register.XMM0 + wide,
            Kind.ymm_reg or Kind.ymm_rm or Kind.ymm_vvvv or Kind.ymm_is4 or Kind.ymm_is5 => Register.YMM0 + wide,
            Kind.zmm_reg or Kind.zmm_rm or Kind.zmm_vvvv => Register.ZMM0 + wide,
            Kind.k_reg or Kind.k_rm or Kind.k_vvvv => Register.K0 + random.Below(8),
            Kind.seg_reg => random.Of((Register[])[Register.ES, Register.CS, Register.SS, Register.DS]),
            Kind.cr_reg => Register.CR0 + random.Of((int[])[0, 2, 3, 4]),
            Kind.dr_reg => Register.DR0 + random.Below(4),
            Kind.al => Register.AL,
            Kind.cl => Register.CL,
            Kind.ax => Register.AX,
            Kind.dx => Register.DX,
            Kind.eax => Register.EAX,
            Kind.rax => Register.RAX,
            Kind.st0 => Register.ST0,
            Kind.sti_opcode => Register.ST0 + random.Below(8),
            _ => Register.None,
        };
        return register != Register.None;
    }

    private bool TryRegisterOrMemory(Kind kind, out Register register)
    {
        register = kind switch
        {
            Kind.r8_or_mem => Byte(),
            Kind.r16_or_mem => Register.AX + General(),
            Kind.r32_or_mem => Register.EAX + General(),
            Kind.r64_or_mem => Register.RAX + General(),
            Kind.mm_or_mem => Register.MM0 + random.Below(8),
            Kind.xmm_or_mem => Register.XMM0 + random.Below(_vectors),
            Kind.ymm_or_mem => Register.YMM0 + random.Below(_vectors),
            Kind.zmm_or_mem => Register.ZMM0 + random.Below(_vectors),
            Kind.k_or_mem => Register.K0 + random.Below(8),
            _ => Register.None,
        };
        return register != Register.None;
    }

    private bool TrySetImmediate(ref Instruction instruction, Kind kind, int i)
    {
        ulong value = random.Number();
        switch (kind)
        {
            case Kind.imm8:
                // ENTER, EXTRQ and INSERTQ have two constants; ENTER's nesting is kept low.
                bool second = i > 0 && instruction.GetOpKind(i - 1) is OpKind.Immediate8 or OpKind.Immediate16 && i > 0;
                instruction.SetOpKind(i, second ? OpKind.Immediate8_2nd : OpKind.Immediate8);
                value = instruction.Mnemonic == Mnemonic.Enter ? (ulong)random.Below(4) : value;
                break;
            case Kind.imm8_const_1:
                instruction.SetOpKind(i, OpKind.Immediate8);
                value = 1;
                break;
            case Kind.imm4_m2z:
                instruction.SetOpKind(i, OpKind.Immediate8);
                value &= 0xF;
                break;
            case Kind.imm8sex16:
                instruction.SetOpKind(i, OpKind.Immediate8to16);
                value = (ulong)(sbyte)value;
                break;
            case Kind.imm8sex32:
                instruction.SetOpKind(i, OpKind.Immediate8to32);
                value = (ulong)(sbyte)value;
                break;
            case Kind.imm8sex64:
                instruction.SetOpKind(i, OpKind.Immediate8to64);
                value = (ulong)(sbyte)value;
                break;
            case Kind.imm16:
                instruction.SetOpKind(i, OpKind.Immediate16);
                value = instruction.Mnemonic is Mnemonic.Enter or Mnemonic.Ret ? (ulong)random.Below(64) : value;
                break;
            case Kind.imm32:
                instruction.SetOpKind(i, OpKind.Immediate32);
                break;
            case Kind.imm32sex64:
                instruction.SetOpKind(i, OpKind.Immediate32to64);
                value = (ulong)(int)value;
                break;
            case Kind.imm64:
                instruction.SetOpKind(i, OpKind.Immediate64);
                break;
            default:
                return false;
        }

        instruction.SetImmediate(i, value);
        return true;
    }

    private bool TrySetMemory(ref Instruction instruction, Kind kind, int i, bool narrow)
    {
        switch (kind)
        {
            case Kind.mem:
                SetMemory(ref instruction, i);
                return true;
            case Kind.mem_offs:
                instruction.SetOpKind(i, OpKind.Memory);
                instruction.MemoryDisplSize = _is32 ? 4 : 8;
                instruction.MemoryDisplacement64 = memory.Target(instruction.MemorySize.GetSize());
                return true;
            case Kind.mem_vsib32x or Kind.mem_vsib64x:
                instruction.SetOpKind(i, OpKind.Memory);
                memory.SetVector(ref instruction, Register.XMM0, _vectors);
                return true;
            case Kind.mem_vsib32y or Kind.mem_vsib64y:
                instruction.SetOpKind(i, OpKind.Memory);
                memory.SetVector(ref instruction, Register.YMM0, _vectors);
                return true;
            case Kind.mem_vsib32z or Kind.mem_vsib64z:
                instruction.SetOpKind(i, OpKind.Memory);
                memory.SetVector(ref instruction, Register.ZMM0, _vectors);
                return true;
            case Kind.seg_rSI:
                instruction.SetOpKind(i, _is32 ? (narrow ? OpKind.MemorySegSI : OpKind.MemorySegESI) : narrow ? OpKind.MemorySegESI : OpKind.MemorySegRSI);
                return true;
            case Kind.es_rDI:
                instruction.SetOpKind(i, _is32 ? (narrow ? OpKind.MemoryESDI : OpKind.MemoryESEDI) : narrow ? OpKind.MemoryESEDI : OpKind.MemoryESRDI);
                return true;
            case Kind.seg_rDI:
                instruction.SetOpKind(i, _is32 ? (narrow ? OpKind.MemorySegDI : OpKind.MemorySegEDI) : narrow ? OpKind.MemorySegEDI : OpKind.MemorySegRDI);
                return true;
            case Kind.seg_rBX_al:
                instruction.SetOpKind(i, OpKind.Memory);
                instruction.MemoryBase = _is32 ? (narrow ? Register.BX : Register.EBX) : narrow ? Register.EBX : Register.RBX;
                instruction.MemoryIndex = Register.AL;
                return true;
            case Kind.br32_1 or Kind.br32_4:
                instruction.SetOpKind(i, OpKind.NearBranch32);
                return true;
            case Kind.br64_1 or Kind.br64_4:
                instruction.SetOpKind(i, OpKind.NearBranch64);
                return true;
            default:
                return false;
        }
    }

    private void SetMemory(ref Instruction instruction, int i)
    {
        instruction.SetOpKind(i, OpKind.Memory);
        OpCodeInfo info = instruction.Code.ToOpCode();
        if (info.CanBroadcast && random.Percent(25))
        {
            instruction.IsBroadcast = true;
        }

        memory.Set(ref instruction, Math.Max(1, instruction.MemorySize.GetSize()));
    }

    private void SetPrefixes(ref Instruction instruction, OpCodeInfo info)
    {
        if (instruction.IsStringInstruction)
        {
            int repeat = random.Below(4);
            instruction.HasRepPrefix = repeat is 1 or 3 && info.CanUseRepPrefix;
            instruction.HasRepnePrefix = repeat == 2 && info.CanUseRepnePrefix;
            instruction.SegmentPrefix = random.Percent(6) ? random.Of((Register[])[Register.FS, Register.GS]) : Register.None;
        }

        if (info.CanUseLockPrefix && instruction.Op0Kind == OpKind.Memory && random.Percent(35))
        {
            instruction.HasLockPrefix = true;
        }

        if (info.RequireOpMaskRegister || (info.CanUseOpMaskRegister && random.Percent(50)))
        {
            instruction.OpMask = Register.K1 + random.Below(7);
            instruction.ZeroingMasking = info.CanUseZeroingMasking && instruction.Op0Kind != OpKind.Memory && random.Percent(40);
        }

        if (info.CanUseRoundingControl && !HasMemory(instruction) && random.Percent(25))
        {
            instruction.RoundingControl = RoundingControl.RoundToNearest + random.Below(4);
        }
        else if (info.CanSuppressAllExceptions && !HasMemory(instruction) && random.Percent(15))
        {
            instruction.SuppressAllExceptions = true;
        }
    }

    private static bool HasMemory(in Instruction instruction)
    {
        for (int i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) == OpKind.Memory)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Gathers refuse the same register in two places (SDM volume 2, VGATHERDPS).</summary>
    private static bool HasDistinctRegisters(in Instruction instruction)
    {
        HashSet<int> numbers = [];
        for (int i = 0; i < instruction.OpCount; i++)
        {
            int number = instruction.GetOpKind(i) == OpKind.Register
                ? instruction.GetOpRegister(i).GetNumber()
                : instruction.MemoryIndex.GetNumber();
            if (!numbers.Add(number))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Any register; seldom one that holds an address still of use, and seldom the stack pointer.</summary>
    private int General()
    {
        int number = random.Below(_registers);
        for (int attempt = 0; attempt < 3; attempt++)
        {
            bool useful = registers.IsKnown(number) && registers.Value(number) - OracleLayout.DataBase < OracleLayout.DataSize;
            if (number != 4 && (!useful || random.Percent(20)))
            {
                break;
            }

            number = random.Below(_registers);
        }

        return number;
    }

    private Register Byte() => random.Percent(25) ? Register.AH + random.Below(4) : Register.AL + 0 is Register low && random.Percent(50)
        ? low + random.Below(4)
        : ByteOf(General());

    private Register ByteOf(int number) => number < 4 ? Register.AL + number : (_is32 ? Register.AH : Register.SPL) + (number - 4);
}
