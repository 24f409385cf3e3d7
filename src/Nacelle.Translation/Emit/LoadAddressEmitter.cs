using Iced.Intel;
using static Nacelle.Translation.Emit.HostRegister;

namespace Nacelle.Translation.Emit;

/// <summary>Emits LEA, and what else ends with a value in the first scratch register that belongs to a guest register.</summary>
internal sealed class LoadAddressEmitter(CodeEmitter emit, MemoryAccessEmitter memory)
{
    /// <summary>LEA.</summary>
    public void Emit(in Instruction instruction)
    {
        int guest = GuestRegisters.NumberOf(instruction.Op0Register);
        int size = instruction.Op0Register.GetSize();
        bool computed = GuestRegisters.NumberOf(instruction.MemoryBase) >= 0 || GuestRegisters.NumberOf(instruction.MemoryIndex) >= 0;
        if (!GuestRegisters.IsInMemory(guest) && (size == 8 || (size == 4 && computed)))
        {
            memory.EffectiveAddress(instruction, GuestRegisters.HostOf(guest), narrow: size == 4);
            return;
        }

        memory.EffectiveAddress(instruction, Scratch1);
        Assign(instruction.Op0Register);
    }

    /// <summary>Gives a guest register the value in <see cref="Scratch1"/>, as wide as the register.</summary>
    public void Assign(Register target)
    {
        int guest = GuestRegisters.NumberOf(target);
        int size = target.GetSize();
        if (size == 2)
        {
            AssignLowHalf(guest);
        }
        else if (GuestRegisters.IsInMemory(guest))
        {
            if (size == 4)
            {
                emit.Move32(Scratch1, Scratch1);
            }

            emit.StoreContext(guest * 8, Scratch1);
        }
        else if (size == 4)
        {
            emit.Move32(GuestRegisters.HostOf(guest), Scratch1);
        }
        else
        {
            emit.Move(GuestRegisters.HostOf(guest), Scratch1);
        }
    }

    /// <summary>The rest of the register stays.</summary>
    private void AssignLowHalf(int guest)
    {
        if (GuestRegisters.IsInMemory(guest))
        {
            emit.StoreContext16(guest * 8, Scratch1);
            return;
        }

        emit.Move16(GuestRegisters.HostOf(guest), Scratch1);
    }
}
