using Iced.Intel;
using Nacelle.Translation.Frontend;
using Nacelle.Translation.State;
using static Nacelle.Translation.Emit.HostRegister;

namespace Nacelle.Translation.Emit;

/// <summary>Emits PUSH, POP, LEAVE and the stack's part of CALL and RET. RSP changes after the access succeeded.</summary>
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
            Move(GuestStack, _owed);
            _owed = 0;
        }
    }

    /// <summary>Whether RSP may stay as it is over an instruction, which neither fails nor uses it.</summary>
    public static bool MayOwe(in Instruction instruction, InstructionKind kind, GroupMember? member)
    {
        switch (kind)
        {
            case InstructionKind.Push or InstructionKind.Pop:
                return member is { IsLeader: false } && (instruction.Op0Kind != OpKind.Register || GuestRegisters.NumberOf(instruction.Op0Register) != GuestRegisters.StackPointer);
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
                || (operand == OpKind.Register && (!instruction.GetOpRegister(i).IsGPR() || GuestRegisters.NumberOf(instruction.GetOpRegister(i)) == GuestRegisters.StackPointer)))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>PUSH of a register or a sign-extended constant.</summary>
    public void Push(in Instruction instruction, bool keepFlags, GroupMember? member)
    {
        int width = StackWidth.Of(instruction);
        int at = Point(GuestStack, -width, width, AccessKind.Write, keepFlags, instruction.IP, member);
        HostRegister source = Scratch2;
        if (instruction.Op0Kind != OpKind.Register)
        {
            emit.MoveImmediate(Scratch2, (ulong)(long)(int)instruction.GetImmediate(0));
        }
        else if (GuestRegisters.NumberOf(instruction.Op0Register) is var guest && GuestRegisters.IsInMemory(guest))
        {
            emit.LoadContext(Scratch2, guest * 8);
        }
        else
        {
            source = GuestRegisters.HostOf(guest);
        }

        emit.Store(Scratch1, at, source, width);
        _owed -= width;
    }

    /// <summary>POP of a register; POP RSP takes the value read (SDM volume 2, POP).</summary>
    public void Pop(in Instruction instruction, bool keepFlags, GroupMember? member)
    {
        int width = StackWidth.Of(instruction);
        int at = Point(GuestStack, 0, width, AccessKind.Read, keepFlags, instruction.IP, member);
        int guest = GuestRegisters.NumberOf(instruction.Op0Register);
        if (width == sizeof(ushort))
        {
            emit.Load(Scratch2, Scratch1, at, width);
            emit.Move16(GuestRegisters.HostOf(guest), Scratch2);
        }
        else if (GuestRegisters.IsInMemory(guest))
        {
            emit.Load(Scratch2, Scratch1, at, width);
            emit.StoreContext(guest * 8, Scratch2);
        }
        else
        {
            emit.Load(GuestRegisters.HostOf(guest), Scratch1, at, width);
        }

        if (guest != GuestRegisters.StackPointer)
        {
            _owed += width;
        }
    }

    /// <summary>LEAVE: RSP from RBP, then POP RBP.</summary>
    public void Leave(in Instruction instruction, bool keepFlags, GroupMember? member)
    {
        int width = StackWidth.Of(instruction);
        int at = Point(Rbp, 0, width, AccessKind.Read, keepFlags, instruction.IP, member);
        Move(Rbp, width);
        if (width == sizeof(ushort))
        {
            emit.Load(Scratch2, Scratch1, at, width);
            emit.Move16(Rbp, Scratch2);
        }
        else
        {
            emit.Load(Rbp, Scratch1, at, width);
        }
    }

    /// <summary>The push of a CALL; the return address is left in <see cref="Scratch2"/>.</summary>
    /// <param name="call">The instruction.</param>
    /// <param name="keepFlags">Whether the host's flags are still needed.</param>
    /// <param name="member">Its access in a group.</param>
    public void PushReturnAddress(in Instruction call, bool keepFlags, GroupMember? member)
    {
        int width = StackWidth.Of(call);
        int at = Point(GuestStack, -width, width, AccessKind.Write, keepFlags, call.IP, member);

        // The address has to be in the scratch register afterwards, which a change of SP alone loses.
        bool narrow = !memory.Mode.IsLong && !memory.Mode.IsStackWide;
        if (narrow)
        {
            Move(GuestStack, -width);
        }

        addresses.Load(Scratch2, call.NextIP);
        emit.Store(Scratch1, at, Scratch2, width);
        if (!narrow)
        {
            Move(GuestStack, -width);
        }
    }

    /// <summary>PUSH of what has been set aside in <see cref="ContextOffsets.SavedScratch"/>.</summary>
    public void PushSaved(int width, bool keepFlags, ulong rip)
    {
        int at = Point(GuestStack, -width, width, AccessKind.Write, keepFlags, rip, member: null);
        emit.LoadContext(Scratch2, ContextOffsets.SavedScratch);
        emit.Store(Scratch1, at, Scratch2, width);
        Move(GuestStack, -width);
    }

    /// <summary>The pop of a RET: the target is left in <see cref="Scratch1"/>. The flags are set aside.</summary>
    public void Return(in Instruction instruction, GroupMember? member)
    {
        int width = StackWidth.Of(instruction);
        int at = Point(GuestStack, 0, width, AccessKind.Read, keepFlags: false, instruction.IP, member);
        emit.Load(Scratch1, Scratch1, at, width);
        _owed += width + (instruction.OpCount == 0 ? 0 : instruction.Immediate16);
        Settle();
    }

    /// <summary>Sets the stack pointer to a register plus a distance; what is beyond the stack's width stays (SDM volume 1, 6.2.3).</summary>
    private void Move(HostRegister source, int distance)
    {
        if (memory.Mode.IsLong || memory.Mode.IsStackWide)
        {
            emit.LoadAddress(GuestStack, source, null, 1, distance, wide: memory.Mode.IsLong);
        }
        else
        {
            emit.LoadAddress(Scratch2, source, null, 1, distance, wide: false);
            emit.Move16(GuestStack, Scratch2);
        }
    }

    /// <summary>Leaves a host pointer in <see cref="Scratch1"/>.</summary>
    /// <returns>How far from there the access is.</returns>
    private int Point(
        HostRegister register, int displacement, int width, AccessKind kind, bool keepFlags, ulong rip, GroupMember? member)
    {
        if (member is not null)
        {
            memory.PointToGroup(member, register, displacement, rip);
            return member.Distance;
        }

        memory.PointToStack(register, displacement, (AccessKind)width | kind, keepFlags, rip);
        memory.Probe(width, kind, keepFlags, rip);
        return 0;
    }
}
