using Iced.Intel;
using Nacelle.Cpu;

namespace Nacelle.Translation.Operations;

internal sealed unsafe partial class OperationExecutor
{
    private OperationResult ExecuteStack(in Instruction instruction)
    {
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Push:
                return Push(instruction);
            case Mnemonic.Pop:
                return Pop(instruction);
            case Mnemonic.Pusha or Mnemonic.Pushad:
                return PushAll(instruction.Mnemonic == Mnemonic.Pushad ? 4 : 2);
            case Mnemonic.Popa or Mnemonic.Popad:
                return PopAll(instruction.Mnemonic == Mnemonic.Popad ? 4 : 2);
            case Mnemonic.Pushf or Mnemonic.Pushfd or Mnemonic.Pushfq:
                return Done(_system.CheckVirtual8086() && _stack.TryPush(FlagSize(instruction), _system.FlagsForPush()));
            case Mnemonic.Popf or Mnemonic.Popfd or Mnemonic.Popfq:
                return PopFlags(FlagSize(instruction));
            case Mnemonic.Leave:
                return Leave(instruction.Code switch { Code.Leavew => 2, Code.Leaved => 4, _ => 8 });
            case Mnemonic.Enter:
                return Enter(instruction);
            default:
                return OperationResult.Unknown;
        }
    }

    private static int FlagSize(in Instruction instruction) => instruction.Mnemonic switch
    {
        Mnemonic.Pushf or Mnemonic.Popf => 2,
        Mnemonic.Pushfd or Mnemonic.Popfd => 4,
        _ => 8,
    };

    private OperationResult Push(in Instruction instruction)
    {
        int size = -instruction.StackPointerIncrement;
        ulong value;
        if (instruction.Op0Kind == OpKind.Register && instruction.Op0Register.IsSegmentRegister())
        {
            value = _context->Registers.Segment((SegmentName)(instruction.Op0Register - Iced.Intel.Register.ES)).Selector;
        }
        else if (!_operands.TryRead(instruction, 0, out value))
        {
            return OperationResult.Fault;
        }

        return Done(_stack.TryPush(size, value));
    }

    private OperationResult Pop(in Instruction instruction)
    {
        int size = instruction.StackPointerIncrement;
        if (!_stack.TryPeek(0, size, out ulong value))
        {
            return OperationResult.Fault;
        }

        if (instruction.Op0Kind == OpKind.Register && instruction.Op0Register.IsSegmentRegister())
        {
            SegmentName name = (SegmentName)(instruction.Op0Register - Iced.Intel.Register.ES);
            if (!_system.LoadSegment(name, (ushort)value))
            {
                return OperationResult.Fault;
            }

            _stack.Release(size);
            return OperationResult.Next;
        }

        // The operand's address is formed after RSP has moved (SDM volume 2, POP).
        ulong before = Register(GeneralRegister.Rsp);
        _stack.Release(size);
        if (_operands.TryWrite(instruction, 0, value))
        {
            return OperationResult.Next;
        }

        Register(GeneralRegister.Rsp) = before;
        return OperationResult.Fault;
    }

    private OperationResult PushAll(int size)
    {
        ulong original = Register(GeneralRegister.Rsp);
        for (int number = 0; number < 8; number++)
        {
            ulong value = number == 4 ? original : _context->Registers.General[number];
            if (!_stack.TryPush(size, value))
            {
                Register(GeneralRegister.Rsp) = original;
                return OperationResult.Fault;
            }
        }

        return OperationResult.Next;
    }

    private OperationResult PopAll(int size)
    {
        Span<ulong> values = stackalloc ulong[8];
        for (int i = 0; i < 8; i++)
        {
            if (!_stack.TryPeek(i * size, size, out values[i]))
            {
                return OperationResult.Fault;
            }
        }

        for (int i = 0; i < 8; i++)
        {
            int number = 7 - i;
            if (number != 4)
            {
                Register part = size == 4 ? Iced.Intel.Register.EAX + number : Iced.Intel.Register.AX + number;
                _operands.WriteRegister(part, values[i]);
            }
        }

        _stack.Release(8 * size);
        return OperationResult.Next;
    }

    private OperationResult PopFlags(int size)
    {
        if (!_system.CheckVirtual8086() || !_stack.TryPeek(0, size, out ulong value))
        {
            return OperationResult.Fault;
        }

        _stack.Release(size);
        _system.PopFlags(value, size);
        return OperationResult.Next;
    }

    private OperationResult Leave(int size)
    {
        ulong before = Register(GeneralRegister.Rsp);
        _stack.SetPointer(Register(GeneralRegister.Rbp));
        if (!_stack.TryPeek(0, size, out ulong value))
        {
            Register(GeneralRegister.Rsp) = before;
            return OperationResult.Fault;
        }

        _stack.Release(size);
        Register part = size switch { 2 => Iced.Intel.Register.BP, 4 => Iced.Intel.Register.EBP, _ => Iced.Intel.Register.RBP };
        _operands.WriteRegister(part, value);
        return OperationResult.Next;
    }

    private OperationResult Enter(in Instruction instruction)
    {
        int size = instruction.Code switch { Code.Enterw_imm16_imm8 => 2, Code.Enterd_imm16_imm8 => 4, _ => 8 };
        int level = instruction.Immediate8_2nd & 31;
        ulong rsp = Register(GeneralRegister.Rsp);
        ulong rbp = Register(GeneralRegister.Rbp);
        bool done = _stack.TryPush(size, rbp);
        ulong frame = Register(GeneralRegister.Rsp);
        for (int i = 1; done && i < level; i++)
        {
            ulong link = _stack.Truncate(rbp - (ulong)(i * size));
            Register(GeneralRegister.Rbp) = link;
            ulong value = 0;
            done = _operands.TryLocate(Iced.Intel.Register.SS, link, size, write: false, out ulong address)
                && _memory.TryRead(address, size, LinearAccess.Ordinary, out value)
                && _stack.TryPush(size, value);
        }

        if (done && level > 0)
        {
            done = _stack.TryPush(size, frame);
        }

        // A push at the final stack pointer has to be possible (SDM volume 2, ENTER).
        ulong top = _stack.Truncate(Register(GeneralRegister.Rsp) - instruction.Immediate16);
        done = done && _operands.TryLocate(Iced.Intel.Register.SS, top, size, write: true, out ulong last) && _memory.TryProbeWrite(last, size);
        Register(GeneralRegister.Rbp) = rbp;
        if (!done)
        {
            Register(GeneralRegister.Rsp) = rsp;
            return OperationResult.Fault;
        }

        Register part = size switch { 2 => Iced.Intel.Register.BP, 4 => Iced.Intel.Register.EBP, _ => Iced.Intel.Register.RBP };
        _operands.WriteRegister(part, frame);
        _stack.SetPointer(top);
        return OperationResult.Next;
    }
}
