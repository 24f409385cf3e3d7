using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Translation.Cache;
using Nacelle.Translation.State;
using static Nacelle.Translation.Emit.HostRegister;

namespace Nacelle.Translation.Emit;

/// <summary>
/// Emits BT, BTS, BTR and BTC of a bit string: in memory with the bit's number in a register, which reaches far beyond the
/// operand (SDM volume 2, BT). The unit that holds the bit is found first, so that it is what the soft TLB is asked for.
/// </summary>
internal sealed class BitStringEmitter(CodeEmitter emit)
{
    /// <summary>Whether an instruction is of this kind.</summary>
    public static bool Applies(in Instruction instruction) =>
        instruction.Mnemonic is Mnemonic.Bt or Mnemonic.Bts or Mnemonic.Btr or Mnemonic.Btc
        && instruction.Op0Kind == OpKind.Memory && instruction.Op1Kind == OpKind.Register;

    /// <summary>Whether it is emitted: addresses of another width than the code's wrap in ways that the monitor follows, and it checks segments.</summary>
    /// <param name="instruction">A bit string instruction.</param>
    /// <param name="mode">The mode of the block.</param>
    public static bool IsEmitted(in Instruction instruction, ExecutionMode mode)
    {
        int bitness = mode.Bitness;
        Register register = instruction.MemoryBase != Register.None ? instruction.MemoryBase : instruction.MemoryIndex;
        int size = register is Register.RIP ? 8 : register is Register.EIP ? 4
            : register == Register.None ? instruction.MemoryDisplSize : register.GetSize();
        return bitness != 16 && size * 8 == bitness && !mode.IsChecked((SegmentName)(instruction.MemorySegment - Register.ES));
    }

    /// <summary>Bytes from the operand's address to the unit that holds the bit.</summary>
    /// <param name="size">Bytes of the operand.</param>
    /// <param name="number">The register with the bit's number.</param>
    public static long Distance(int size, ulong number)
    {
        long bit = size switch { 2 => (short)number, 4 => (int)number, _ => (long)number };
        return (bit >> UnitShift(size)) * size;
    }

    /// <summary>Moves the linear address in <see cref="Scratch1"/> to the unit that holds the bit; flags are kept.</summary>
    /// <param name="instruction">The instruction.</param>
    /// <param name="isLong">Whether linear addresses have more than 32 bits.</param>
    public void AddDistance(in Instruction instruction, bool isLong)
    {
        int size = instruction.MemorySize.GetSize();
        LoadNumber(instruction);

        // movsx r15, r15w or movsxd r15, r15d.
        emit.Bytes(size switch { 2 => [0x4D, 0x0F, 0xBF, 0xFF], 4 => [0x4D, 0x63, 0xFF], _ => (byte[])[] });
        emit.StoreContext(ContextOffsets.SavedRcx, Rcx);
        emit.MoveImmediate(Rcx, (ulong)UnitShift(size));

        // sarx r15, r15, rcx.
        emit.Bytes([0xC4, 0x42, 0xF2, 0xF7, 0xFF]);
        emit.LoadContext(Rcx, ContextOffsets.SavedRcx);
        emit.LoadAddress(Scratch1, Scratch1, Scratch2, size, 0, isLong);
    }

    /// <summary>Leaves the bit's number in its unit in <see cref="Scratch2"/>; flags are kept.</summary>
    public void LoadBit(in Instruction instruction)
    {
        int unused = 64 - UnitShift(instruction.MemorySize.GetSize());
        LoadNumber(instruction);
        emit.StoreContext(ContextOffsets.SavedRcx, Rcx);
        emit.MoveImmediate(Rcx, (ulong)unused);

        // shlx r15, r15, rcx; shrx r15, r15, rcx.
        emit.Bytes([0xC4, 0x42, 0xF1, 0xF7, 0xFF, 0xC4, 0x42, 0xF3, 0xF7, 0xFF]);
        emit.LoadContext(Rcx, ContextOffsets.SavedRcx);
    }

    /// <summary>Bits of a bit's number that count inside its unit.</summary>
    private static int UnitShift(int size) => size switch { 2 => 4, 4 => 5, _ => 6 };

    private void LoadNumber(in Instruction instruction)
    {
        int guest = GuestRegisters.NumberOf(instruction.Op1Register);
        if (GuestRegisters.IsInMemory(guest))
        {
            emit.LoadContext(Scratch2, guest * 8);
        }
        else
        {
            emit.Move(Scratch2, GuestRegisters.HostOf(guest));
        }
    }
}
