using Iced.Intel;
using Nacelle.Translation.Frontend;
using Nacelle.Translation.State;
using static Nacelle.Translation.Emit.HostRegister;

namespace Nacelle.Translation.Emit;

/// <summary>Emits PUSH, POP, LEAVE and the stack's part of CALL and RET in 64-bit mode. RSP changes after the access succeeded.</summary>
/// <remarks>
/// Between pushes and pops that cannot fail, because they belong to a group that has been asked for, the changes of RSP add up
/// until something may look at it.
/// </remarks>
internal sealed class StackEmitter(CodeEmitter emit, MemoryAccessEmitter memory, ProgramCounterEmitter addresses)
{
    private int _owed;

    /// <summary>Makes RSP what it has to be.</summary>
    public void Settle()
    {
        if (_owed != 0)
        {
            emit.LoadAddress(GuestStack, GuestStack, _owed);
            _owed = 0;
        }
    }

    /// <summary>Whether RSP may stay as it is over an instruction, which neither fails nor uses it.</summary>
    public static bool MayOwe(in Instruction instruction, InstructionKind kind, GroupMember? member)
    {
        const int stack = 4;
        switch (kind)
        {
            case InstructionKind.Push or InstructionKind.Pop:
                return member is { IsLeader: false } && (instruction.Op0Kind != OpKind.Register || GuestRegisters.NumberOf(instruction.Op0Register) != stack);
            case InstructionKind.Return:
                return member is { IsLeader: false };
            case InstructionKind.Generic:
                break;
            default:
                return false;
        }

        if (instruction.Mnemonic is not (Mnemonic.Mov or Mnemonic.Xor or Mnemonic.And or Mnemonic.Or or Mnemonic.Add or Mnemonic.Sub
            or Mnemonic.Cmp or Mnemonic.Test or Mnemonic.Movsxd or Mnemonic.Movzx))
        {
            return false;
        }

        for (int i = 0; i < instruction.OpCount; i++)
        {
            OpKind operand = instruction.GetOpKind(i);
            if (operand == OpKind.Memory
                || (operand == OpKind.Register && (!instruction.GetOpRegister(i).IsGPR() || GuestRegisters.NumberOf(instruction.GetOpRegister(i)) == stack)))
            {
                return false;
            }
        }

        return true;
    }

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

        _owed -= 8;
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

        _owed += 8;
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
        _owed += 8 + (instruction.Code == Code.Retnq_imm16 ? instruction.Immediate16 : 0);
        Settle();
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
