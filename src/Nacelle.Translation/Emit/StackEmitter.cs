using Iced.Intel;
using Nacelle.Translation.Frontend;
using Nacelle.Translation.State;
using static Nacelle.Translation.Emit.HostRegister;

namespace Nacelle.Translation.Emit;

/// <summary>Emits PUSH, POP, LEAVE and the stack's part of CALL and RET in 64-bit mode. RSP changes after the access succeeded.</summary>
internal sealed class StackEmitter(CodeEmitter emit, MemoryAccessEmitter memory, ProgramCounterEmitter addresses)
{
    /// <summary>PUSH of a register or a sign-extended constant.</summary>
    public void Push(in Instruction instruction, bool keepFlags, GroupMember? member)
    {
        int at = Point(GuestStack, -8, AccessKind.Write, keepFlags, instruction.IP, member);
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

            emit.Store(Scratch1, at, source);
        }
        else
        {
            emit.MoveImmediate(Scratch2, (ulong)(long)(int)instruction.GetImmediate(0));
            emit.Store(Scratch1, at, Scratch2);
        }

        emit.LoadAddress(GuestStack, GuestStack, -8);
    }

    /// <summary>POP of a register; POP RSP takes the value read (SDM volume 2, POP).</summary>
    public void Pop(in Instruction instruction, bool keepFlags, GroupMember? member)
    {
        int at = Point(GuestStack, 0, AccessKind.Read, keepFlags, instruction.IP, member);
        int guest = GuestRegisters.NumberOf(instruction.Op0Register);
        if (guest == 4)
        {
            emit.Load(GuestStack, Scratch1, at);
            return;
        }

        if (GuestRegisters.IsInMemory(guest))
        {
            emit.Load(Scratch2, Scratch1, at);
            emit.StoreContext(guest * 8, Scratch2);
        }
        else
        {
            emit.Load(GuestRegisters.HostOf(guest), Scratch1, at);
        }

        emit.LoadAddress(GuestStack, GuestStack, 8);
    }

    /// <summary>LEAVE: RSP from RBP, then POP RBP.</summary>
    public void Leave(in Instruction instruction, bool keepFlags, GroupMember? member)
    {
        int at = Point(Rbp, 0, AccessKind.Read, keepFlags, instruction.IP, member);
        emit.LoadAddress(GuestStack, Rbp, 8);
        emit.Load(Rbp, Scratch1, at);
    }

    /// <summary>The push of a CALL.</summary>
    public void PushReturnAddress(ulong address, bool keepFlags, ulong rip, GroupMember? member)
    {
        int at = Point(GuestStack, -8, AccessKind.Write, keepFlags, rip, member);
        addresses.Load(Scratch2, address);
        emit.Store(Scratch1, at, Scratch2);
        emit.LoadAddress(GuestStack, GuestStack, -8);
    }

    /// <summary>The pop of a RET: the target is left in <see cref="Scratch1"/>. The flags are set aside.</summary>
    public void Return(in Instruction instruction, GroupMember? member)
    {
        int at = Point(GuestStack, 0, AccessKind.Read, keepFlags: false, instruction.IP, member);
        emit.Load(Scratch1, Scratch1, at);
        int release = instruction.Code == Code.Retnq_imm16 ? instruction.Immediate16 : 0;
        emit.LoadAddress(GuestStack, GuestStack, 8 + release);
    }

    /// <summary>Leaves a host pointer in <see cref="Scratch1"/>.</summary>
    /// <returns>How far from there the access is.</returns>
    private int Point(HostRegister register, int displacement, AccessKind kind, bool keepFlags, ulong rip, GroupMember? member)
    {
        if (member is not null)
        {
            memory.PointToGroup(member, register, displacement, rip);
            return member.Distance;
        }

        memory.Point(register, displacement);
        memory.Probe(8, kind, keepFlags, rip);
        return 0;
    }
}
