using Iced.Intel;
using Nacelle.Cpu;

namespace Nacelle.Translation.Operations;

// Instructions whose operand is a selector (SDM volume 3, 5.10).
internal sealed unsafe partial class OperationExecutor
{
    private bool TryReadSelector(in Instruction instruction, int operand, out ushort selector)
    {
        bool read = _operands.TryRead(instruction, operand, out ulong value);
        selector = (ushort)value;
        return read;
    }

    /// <summary>LAR, LSL, VERR, VERW: ZF tells whether the selector may be used.</summary>
    private OperationResult InspectSegment(in Instruction instruction)
    {
        int operand = instruction.OpCount - 1;
        if (!TryReadSelector(instruction, operand, out ushort selector))
        {
            return OperationResult.Fault;
        }

        uint value = 0;
        bool accessible;
        bool succeeded = instruction.Mnemonic switch
        {
            Mnemonic.Lar => _system.LoadAccessRights(selector, out value, out accessible),
            Mnemonic.Lsl => _system.LoadSegmentLimit(selector, out value, out accessible),
            _ => _system.VerifySegment(selector, instruction.Mnemonic == Mnemonic.Verw, out accessible),
        };
        if (!succeeded)
        {
            return OperationResult.Fault;
        }

        const ulong zeroFlag = 0x40;
        ref ulong flags = ref _context->Registers.Rflags;
        flags = accessible ? flags | zeroFlag : flags & ~zeroFlag;
        if (accessible && operand == 1)
        {
            _operands.WriteRegister(instruction.Op0Register, value);
        }

        return OperationResult.Next;
    }

    /// <summary>ARPL raises the privilege number in a selector to that of another.</summary>
    private OperationResult AdjustPrivilege(in Instruction instruction)
    {
        if (!_system.IsProtected)
        {
            return Refuse(Fault.UndefinedInstruction);
        }

        if (!_operands.TryRead(instruction, 0, out ulong selector))
        {
            return OperationResult.Fault;
        }

        const ulong zeroFlag = 0x40;
        ulong wanted = _operands.ReadRegister(instruction.Op1Register) & 3;
        bool raised = (selector & 3) < wanted;
        if (raised && !_operands.TryWrite(instruction, 0, (selector & ~3UL) | wanted))
        {
            return OperationResult.Fault;
        }

        ref ulong flags = ref _context->Registers.Rflags;
        flags = raised ? flags | zeroFlag : flags & ~zeroFlag;
        return OperationResult.Next;
    }

    private OperationResult LoadFarPointer(in Instruction instruction)
    {
        int size = instruction.Op0Register.GetSize();
        SegmentName name = instruction.Mnemonic switch
        {
            Mnemonic.Lds => SegmentName.Ds,
            Mnemonic.Les => SegmentName.Es,
            Mnemonic.Lfs => SegmentName.Fs,
            Mnemonic.Lgs => SegmentName.Gs,
            _ => SegmentName.Ss,
        };
        if (!_operands.TryLocate(instruction, size + 2, write: false, out ulong address)
            || !_memory.TryRead(address, size, LinearAccess.Ordinary, out ulong offset)
            || !_memory.TryRead(address + (ulong)size, 2, LinearAccess.Ordinary, out ulong selector)
            || !_system.LoadSegment(name, (ushort)selector))
        {
            return OperationResult.Fault;
        }

        _operands.WriteRegister(instruction.Op0Register, offset);
        return OperationResult.Next;
    }
}
