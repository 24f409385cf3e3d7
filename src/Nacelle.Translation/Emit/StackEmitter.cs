using Iced.Intel;
using Nacelle.Translation.State;
using static Nacelle.Translation.Emit.HostRegister;

namespace Nacelle.Translation.Emit;

/// <summary>Emits PUSH, POP, LEAVE and the stack's part of CALL and RET in 64-bit mode. RSP changes after the access succeeded.</summary>
internal sealed class StackEmitter(CodeEmitter emit, MemoryAccessEmitter memory, ProgramCounterEmitter addresses)
{
    /// <summary>PUSH of a register or a sign-extended constant.</summary>
    public void Push(in Instruction instruction, bool keepFlags)
    {
        emit.LoadAddress(Scratch1, GuestStack, -8);
        memory.Probe(8, AccessKind.Write, keepFlags, instruction.IP);
        if (instruction.Op0Kind == OpKind.Register)
        {
            int guest = GuestRegisters.NumberOf(instruction.Op0Register);
            HostRegister source = Scratch2;
            if (GuestRegisters.IsInMemory(guest))
            {
                emit.LoadContext(Scratch2, guest * 8);
            }
            else
            {
                source = GuestRegisters.HostOf(guest);
            }

            emit.Store(Scratch1, source, 8);
        }
        else
        {
            emit.MoveImmediate(Scratch2, (ulong)(long)(int)instruction.GetImmediate(0));
            emit.Store(Scratch1, Scratch2, 8);
        }

        emit.LoadAddress(GuestStack, GuestStack, -8);
    }

    /// <summary>POP of a register; POP RSP takes the value read (SDM volume 2, POP).</summary>
    public void Pop(in Instruction instruction, bool keepFlags)
    {
        emit.Move(Scratch1, GuestStack);
        memory.Probe(8, AccessKind.Read, keepFlags, instruction.IP);
        int guest = GuestRegisters.NumberOf(instruction.Op0Register);
        if (guest == 4)
        {
            emit.Load(GuestStack, Scratch1, 8);
            return;
        }

        if (GuestRegisters.IsInMemory(guest))
        {
            emit.Load(Scratch2, Scratch1, 8);
            emit.StoreContext(guest * 8, Scratch2);
        }
        else
        {
            emit.Load(GuestRegisters.HostOf(guest), Scratch1, 8);
        }

        emit.LoadAddress(GuestStack, GuestStack, 8);
    }

    /// <summary>LEAVE: RSP from RBP, then POP RBP.</summary>
    public void Leave(in Instruction instruction, bool keepFlags)
    {
        emit.Move(Scratch1, Rbp);
        memory.Probe(8, AccessKind.Read, keepFlags, instruction.IP);
        emit.LoadAddress(GuestStack, Rbp, 8);
        emit.Load(Rbp, Scratch1, 8);
    }

    /// <summary>The push of a CALL.</summary>
    public void PushReturnAddress(ulong address, bool keepFlags, ulong rip)
    {
        emit.LoadAddress(Scratch1, GuestStack, -8);
        memory.Probe(8, AccessKind.Write, keepFlags, rip);
        addresses.Load(Scratch2, address);
        emit.Store(Scratch1, Scratch2, 8);
        emit.LoadAddress(GuestStack, GuestStack, -8);
    }

    /// <summary>The pop of a RET: the target is left in <see cref="Scratch1"/>. The flags are set aside.</summary>
    public void Return(in Instruction instruction)
    {
        emit.Move(Scratch1, GuestStack);
        memory.Probe(8, AccessKind.Read, keepFlags: false, instruction.IP);
        emit.Load(Scratch1, Scratch1, 8);
        int release = instruction.Code == Code.Retnq_imm16 ? instruction.Immediate16 : 0;
        emit.LoadAddress(GuestStack, GuestStack, 8 + release);
    }
}
