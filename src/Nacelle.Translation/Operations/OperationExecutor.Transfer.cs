using Iced.Intel;
using Nacelle.Cpu;

namespace Nacelle.Translation.Operations;

internal sealed unsafe partial class OperationExecutor
{
    private OperationResult ExecuteTransfer(in Instruction instruction)
    {
        switch (instruction.FlowControl)
        {
            case FlowControl.Call when instruction.IsCallNear:
                return NearCall(instruction, instruction.NearBranchTarget);
            case FlowControl.IndirectCall when instruction.IsCallNearIndirect:
                return _operands.TryRead(instruction, 0, out ulong callee)
                    ? NearCall(instruction, callee)
                    : OperationResult.Fault;
            case FlowControl.IndirectBranch when instruction.IsJmpNearIndirect:
                return _operands.TryRead(instruction, 0, out ulong target) ? JumpTo(target) : OperationResult.Fault;
            case FlowControl.UnconditionalBranch when instruction.IsJmpShortOrNear:
                return JumpTo(instruction.NearBranchTarget);
            case FlowControl.ConditionalBranch when instruction.IsJccShortOrNear:
                return IsMet(instruction.ConditionCode) ? JumpTo(instruction.NearBranchTarget) : OperationResult.Next;
            case FlowControl.ConditionalBranch:
                return Loop(instruction);
        }

        switch (instruction.Mnemonic)
        {
            case Mnemonic.Ret:
                return NearReturn(instruction);
            case Mnemonic.Retf:
                return Transferred(_system.FarReturn(FarSize(instruction), FarRelease(instruction)));
            case Mnemonic.Iret or Mnemonic.Iretd or Mnemonic.Iretq:
                return Transferred(_system.InterruptReturn(
                    instruction.Mnemonic switch { Mnemonic.Iret => 2, Mnemonic.Iretd => 4, _ => 8 }, instruction.NextIP));
            case Mnemonic.Call or Mnemonic.Jmp:
                return FarTransfer(instruction);
            case Mnemonic.Syscall:
                return Transferred(_system.SystemCall(instruction.NextIP));
            case Mnemonic.Sysret or Mnemonic.Sysretq:
                return Transferred(_system.SystemReturn(instruction.Mnemonic == Mnemonic.Sysretq ? 8 : 4));
            case Mnemonic.Sysenter:
                return Transferred(_system.SystemEnter());
            case Mnemonic.Sysexit or Mnemonic.Sysexitq:
                return Transferred(_system.SystemExit(instruction.Mnemonic == Mnemonic.Sysexitq ? 8 : 4));
            case Mnemonic.Int:
                return Interrupt(instruction, instruction.Immediate8, InterruptKind.Software);
            case Mnemonic.Int3:
                return Interrupt(instruction, Fault.Breakpoint, InterruptKind.Software);
            case Mnemonic.Int1:
                return Interrupt(instruction, Fault.Debug, InterruptKind.PrivilegedSoftware);
            case Mnemonic.Into:
                return (_context->Registers.Rflags & 0x800) != 0
                    ? Interrupt(instruction, 4, InterruptKind.Software)
                    : OperationResult.Next;
            case Mnemonic.Ud0 or Mnemonic.Ud1 or Mnemonic.Ud2:
                return Refuse(Fault.UndefinedInstruction);
            default:
                return OperationResult.Unknown;
        }
    }

    private static int FarSize(in Instruction instruction) => instruction.Code switch
    {
        Code.Retfw or Code.Retfw_imm16 => 2,
        Code.Retfd or Code.Retfd_imm16 => 4,
        _ => 8,
    };

    private static ushort FarRelease(in Instruction instruction) => instruction.OpCount != 0 ? instruction.Immediate16 : (ushort)0;

    private OperationResult JumpTo(ulong target)
    {
        target = _memory.Mode.IsLong ? target : (uint)target;
        if (IsOutsideSegment(target))
        {
            return RefuseProtection();
        }

        _context->Registers.Rip = target;
        return OperationResult.Transferred;
    }

    /// <summary>Whether a branch leads beyond the limit of CS: #GP of the branch itself (SDM volume 2, JMP).</summary>
    private bool IsOutsideSegment(ulong target) => _memory.Mode.IsCodeLimited && target > _context->Registers.Cs.Limit;

    private OperationResult NearCall(in Instruction instruction, ulong target)
    {
        int size = -instruction.StackPointerIncrement;
        target = size == 2 ? (ushort)target : target;
        return IsOutsideSegment(target) ? RefuseProtection()
            : _stack.TryPush(size, instruction.NextIP) ? JumpTo(target) : OperationResult.Fault;
    }

    private OperationResult NearReturn(in Instruction instruction)
    {
        int size = instruction.Code switch
        {
            Code.Retnw or Code.Retnw_imm16 => 2,
            Code.Retnd or Code.Retnd_imm16 => 4,
            _ => 8,
        };
        if (!_stack.TryPeek(0, size, out ulong target))
        {
            return OperationResult.Fault;
        }

        if (IsOutsideSegment(target))
        {
            return RefuseProtection();
        }

        _stack.Release(size + FarRelease(instruction));
        return JumpTo(target);
    }

    /// <summary>What Jcc asks of the flags (SDM volume 1, appendix B).</summary>
    private bool IsMet(ConditionCode condition)
    {
        ulong flags = _context->Registers.Rflags;
        bool carry = (flags & 1) != 0;
        bool parity = (flags & 4) != 0;
        bool zero = (flags & 0x40) != 0;
        bool sign = (flags & 0x80) != 0;
        bool overflow = (flags & 0x800) != 0;
        return condition switch
        {
            ConditionCode.o => overflow,
            ConditionCode.no => !overflow,
            ConditionCode.b => carry,
            ConditionCode.ae => !carry,
            ConditionCode.e => zero,
            ConditionCode.ne => !zero,
            ConditionCode.be => carry || zero,
            ConditionCode.a => !carry && !zero,
            ConditionCode.s => sign,
            ConditionCode.ns => !sign,
            ConditionCode.p => parity,
            ConditionCode.np => !parity,
            ConditionCode.l => sign != overflow,
            ConditionCode.ge => sign == overflow,
            ConditionCode.le => zero || sign != overflow,
            _ => !zero && sign == overflow,
        };
    }

    /// <summary>LOOP, LOOPE, LOOPNE and JCXZ in their widths.</summary>
    private OperationResult Loop(in Instruction instruction)
    {
        Register counter = instruction.Code switch
        {
            Code.Loop_rel8_16_CX or Code.Loop_rel8_32_CX or Code.Loope_rel8_16_CX or Code.Loope_rel8_32_CX
                or Code.Loopne_rel8_16_CX or Code.Loopne_rel8_32_CX or Code.Jcxz_rel8_16 or Code.Jcxz_rel8_32 => Iced.Intel.Register.CX,
            Code.Loop_rel8_64_RCX or Code.Loop_rel8_16_RCX or Code.Loope_rel8_64_RCX or Code.Loope_rel8_16_RCX
                or Code.Loopne_rel8_64_RCX or Code.Loopne_rel8_16_RCX or Code.Jrcxz_rel8_64 or Code.Jrcxz_rel8_16 => Iced.Intel.Register.RCX,
            _ => Iced.Intel.Register.ECX,
        };
        ulong count = _operands.ReadRegister(counter);
        bool zeroFlag = (_context->Registers.Rflags & 0x40) != 0;
        bool taken;
        if (instruction.Mnemonic is Mnemonic.Jcxz or Mnemonic.Jecxz or Mnemonic.Jrcxz)
        {
            taken = count == 0;
        }
        else if (instruction.Mnemonic is Mnemonic.Loop or Mnemonic.Loope or Mnemonic.Loopne)
        {
            _operands.WriteRegister(counter, count - 1);
            bool more = _operands.ReadRegister(counter) != 0;
            taken = instruction.Mnemonic switch
            {
                Mnemonic.Loope => more && zeroFlag,
                Mnemonic.Loopne => more && !zeroFlag,
                _ => more,
            };
        }
        else
        {
            return OperationResult.Unknown;
        }

        return taken ? JumpTo(instruction.NearBranchTarget) : OperationResult.Next;
    }

    private OperationResult FarTransfer(in Instruction instruction)
    {
        ushort selector;
        ulong offset;
        int size;
        if (instruction.Op0Kind is OpKind.FarBranch16 or OpKind.FarBranch32)
        {
            selector = instruction.FarBranchSelector;
            bool narrow = instruction.Op0Kind == OpKind.FarBranch16;
            offset = narrow ? instruction.FarBranch16 : instruction.FarBranch32;
            size = narrow ? 2 : 4;
        }
        else
        {
            size = instruction.MemorySize switch { MemorySize.SegPtr16 => 2, MemorySize.SegPtr32 => 4, _ => 8 };
            offset = 0;
            if (!_operands.TryLocate(instruction, size + 2, write: false, out ulong address)
                || !_memory.TryRead(address, size, LinearAccess.Ordinary, out offset)
                || !_memory.TryRead(address + (ulong)size, 2, LinearAccess.Ordinary, out ulong value))
            {
                return OperationResult.Fault;
            }

            selector = (ushort)value;
        }

        return Transferred(instruction.Mnemonic == Mnemonic.Jmp
            ? _system.FarJump(selector, offset, size, instruction.NextIP)
            : _system.FarCall(selector, offset, size, instruction.NextIP));
    }

    private OperationResult Interrupt(in Instruction instruction, byte vector, InterruptKind kind) =>
        _system.DeliverInterrupt(vector, kind, instruction.NextIP) == Delivery.Shutdown
            ? OperationResult.Shutdown
            : OperationResult.Transferred;
}
