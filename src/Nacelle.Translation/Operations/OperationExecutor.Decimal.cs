using System.Numerics;
using Iced.Intel;
using Nacelle.Cpu;

namespace Nacelle.Translation.Operations;

/// <content>Decimal arithmetic, SALC and BOUND (SDM volume 2), which 64-bit code does not have.</content>
internal sealed unsafe partial class OperationExecutor
{
    private const ulong Carry = 1;
    private const ulong Adjust = 0x10;
    private const byte BoundRangeExceeded = 5;

    private OperationResult ExecuteDecimal(in Instruction instruction)
    {
        ref ulong rax = ref Register(GeneralRegister.Rax);
        byte al = (byte)rax;
        byte ah = (byte)(rax >> 8);
        ulong flags = _context->Registers.Rflags;
        bool carry = (flags & Carry) != 0;
        bool low = (al & 0xF) > 9 || (flags & Adjust) != 0;
        bool high = al > 0x99 || carry;
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Daa:
                SetDecimal((byte)(al + (low ? 6 : 0) + (high ? 0x60 : 0)), ah, high, low);
                return OperationResult.Next;
            case Mnemonic.Das:
                bool borrow = high || (low && al < 6);
                SetDecimal((byte)(al - (low ? 6 : 0) - (high ? 0x60 : 0)), ah, borrow, low);
                return OperationResult.Next;
            case Mnemonic.Aaa:
                int sum = (ushort)rax + (low ? 0x106 : 0);
                SetDecimal((byte)(sum & 0xF), (byte)(sum >> 8), low, low);
                return OperationResult.Next;
            case Mnemonic.Aas:
                int difference = (ushort)rax - (low ? 6 : 0);
                SetDecimal((byte)(difference & 0xF), (byte)((difference >> 8) - (low ? 1 : 0)), low, low);
                return OperationResult.Next;
            case Mnemonic.Aam when instruction.Immediate8 == 0:
                return Refuse(new Fault(Fault.DivideError));
            case Mnemonic.Aam:
                SetDecimal((byte)(al % instruction.Immediate8), (byte)(al / instruction.Immediate8), false, false);
                return OperationResult.Next;
            case Mnemonic.Aad:
                SetDecimal((byte)(al + (ah * instruction.Immediate8)), 0, false, false);
                return OperationResult.Next;
            case Mnemonic.Salc:
                rax = (rax & ~0xFFUL) | (carry ? 0xFFUL : 0);
                return OperationResult.Next;
            case Mnemonic.Bound:
                return CheckBounds(instruction);
            default:
                return OperationResult.Unknown;
        }
    }

    /// <summary>Sets AX, and SF, ZF and PF by AL; OF is undefined and cleared.</summary>
    private void SetDecimal(byte al, byte ah, bool carry, bool adjust)
    {
        const ulong parity = 4;
        const ulong zero = 0x40;
        const ulong sign = 0x80;
        const ulong overflow = 0x800;
        ref ulong rax = ref Register(GeneralRegister.Rax);
        rax = (rax & ~0xFFFFUL) | ((ulong)ah << 8) | al;
        ref ulong flags = ref _context->Registers.Rflags;
        flags &= ~(Carry | parity | Adjust | zero | sign | overflow);
        flags |= (carry ? Carry : 0) | (adjust ? Adjust : 0) | (al == 0 ? zero : 0) | ((al & 0x80) != 0 ? sign : 0)
            | ((BitOperations.PopCount(al) & 1) == 0 ? parity : 0);
    }

    private OperationResult CheckBounds(in Instruction instruction)
    {
        int size = instruction.Op0Register.GetSize();
        if (!_operands.TryLocate(instruction, 2 * size, write: false, out ulong address, alignment: size)
            || !_memory.TryRead(address, size, LinearAccess.Ordinary, out ulong lower)
            || !_memory.TryRead(address + (ulong)size, size, LinearAccess.Ordinary, out ulong upper))
        {
            return OperationResult.Fault;
        }

        long index = Signed(_operands.ReadRegister(instruction.Op0Register));
        return index < Signed(lower) || index > Signed(upper) ? Refuse(new Fault(BoundRangeExceeded)) : OperationResult.Next;

        long Signed(ulong value) => size == 2 ? (short)value : (int)value;
    }
}
