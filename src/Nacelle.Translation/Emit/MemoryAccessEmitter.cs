using System.Numerics;
using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Translation.Cache;
using Nacelle.Translation.Frontend;
using Nacelle.Translation.Memory;
using Nacelle.Translation.State;
using static Nacelle.Translation.Emit.HostRegister;

namespace Nacelle.Translation.Emit;

/// <summary>
/// Emits effective addresses and soft TLB probes. A probe leaves a host pointer in <see cref="Scratch1"/> and loses
/// <see cref="Scratch2"/>; where flags are live it is made of instructions that do not touch them.
/// </summary>
internal sealed partial class MemoryAccessEmitter(
    CodeEmitter emit, Thunks thunks, LinkTable links, ProgramCounterEmitter addresses, FlagsEmitter flags, AccessSites sites)
{
    private readonly List<PendingMiss> _misses = [];
    private readonly int[] _keptAt = new int[TranslatorContext.GroupPointers];
    private int _held = -1;
    private uint _kept;

    /// <summary>The mode of the block under translation.</summary>
    public ExecutionMode Mode { get; set; }

    /// <summary>Whatever <see cref="Scratch1"/> held is lost.</summary>
    public void Lose() => _held = -1;

    /// <summary>Leaves the host pointer of a group's first byte in <see cref="Scratch1"/>: from the soft TLB for its first access, as kept for the others.</summary>
    /// <param name="member">The access.</param>
    /// <param name="instruction">Its instruction, with an explicit memory operand.</param>
    public void PointToGroup(GroupMember member, in Instruction instruction)
    {
        if (member.IsLeader)
        {
            Instruction first = instruction;
            first.MemoryDisplacement64 = instruction.MemoryDisplacement64 - (ulong)member.Distance;
            if (instruction.IsIPRelativeMemoryOperand)
            {
                addresses.Load(Scratch1, instruction.IPRelativeMemoryAddress - (ulong)member.Distance);
            }
            else
            {
                // Members of a group need no check of their segment.
                LinearAddress(first, 0, keepFlags: false);
            }

            ProbeGroup(member, instruction.IP);
        }
        else
        {
            Recall(member);
        }
    }

    /// <summary>The same for an access at a distance from a host register.</summary>
    public void PointToGroup(GroupMember member, HostRegister register, int displacement, ulong rip)
    {
        if (member.IsLeader)
        {
            Point(register, displacement - member.Distance);
            ProbeGroup(member, rip);
        }
        else
        {
            Recall(member);
        }
    }

    /// <summary>Leaves the linear address at a distance from a register that points to the stack in <see cref="Scratch1"/>.</summary>
    /// <param name="register">The register.</param>
    /// <param name="displacement">The distance.</param>
    /// <param name="access">What is about to be done there.</param>
    /// <param name="keepFlags">Whether the host's flags are still needed.</param>
    /// <param name="rip">Guest address of the instruction.</param>
    public void PointToStack(HostRegister register, int displacement, AccessKind access, bool keepFlags, ulong rip)
    {
        Point(register, displacement);
        if (Mode.IsLong)
        {
            return;
        }

        if (!Mode.IsStackWide)
        {
            emit.ZeroExtend16(Scratch1);
        }

        if (Mode.IsChecked(SegmentName.Ss))
        {
            CheckSegment(SegmentName.Ss, access, keepFlags, rip);
        }

        if (Mode.IsSegmented)
        {
            emit.LoadContext(Scratch2, ContextOffsets.SegmentBase(SegmentName.Ss));
            emit.LoadAddress(Scratch1, Scratch1, Scratch2, 1, 0, wide: false);
        }
    }

    private void Point(HostRegister register, int displacement)
    {
        if (!Mode.IsLong)
        {
            emit.LoadAddress(Scratch1, register, null, 1, displacement, wide: false);
        }
        else if (displacement == 0)
        {
            // The host renames a move away; a LEA it has to compute.
            emit.Move(Scratch1, register);
        }
        else
        {
            emit.LoadAddress(Scratch1, register, displacement);
        }
    }

    /// <summary>Leaves the linear address of an instruction's memory operand in <see cref="Scratch1"/>.</summary>
    /// <param name="instruction">The instruction.</param>
    /// <param name="access">What is about to be done there.</param>
    /// <param name="keepFlags">Whether the host's flags are still needed.</param>
    public void LinearAddress(in Instruction instruction, AccessKind access, bool keepFlags)
    {
        Lose();
        EffectiveAddress(instruction, Scratch1);
        Register segment = instruction.MemorySegment;
        SegmentName name = (SegmentName)(segment - Register.ES);
        if (access != 0 && Mode.IsChecked(name))
        {
            CheckSegment(name, access, keepFlags, instruction.IP);
        }

        if (Mode.IsLong)
        {
            if (segment is Register.FS or Register.GS)
            {
                emit.LoadContext(Scratch2, ContextOffsets.SegmentBase(segment == Register.FS ? SegmentName.Fs : SegmentName.Gs));
                emit.LoadAddress(Scratch1, Scratch1, Scratch2, 1, 0);
            }
        }
        else if (Mode.IsSegmented || segment is Register.FS or Register.GS)
        {
            emit.LoadContext(Scratch2, ContextOffsets.SegmentBase(name));
            emit.LoadAddress(Scratch1, Scratch1, Scratch2, 1, 0, wide: false);
        }
    }

    /// <summary>Leaves the offset part of an instruction's memory operand in a register; flags and all others but the scratch registers are kept.</summary>
    /// <param name="instruction">The instruction.</param>
    /// <param name="destination">The register.</param>
    /// <param name="narrow">Whether only the lower half of a computed offset is wanted, which is extended with zeros.</param>
    public void EffectiveAddress(in Instruction instruction, HostRegister destination, bool narrow = false)
    {
        if (destination == Scratch1)
        {
            Lose();
        }

        if (instruction.IsIPRelativeMemoryOperand)
        {
            if (instruction.MemoryBase == Register.EIP)
            {
                addresses.LoadCut(destination, (uint)instruction.IPRelativeMemoryAddress);
            }
            else
            {
                addresses.Load(destination, instruction.IPRelativeMemoryAddress);
            }

            return;
        }

        Register baseRegister = instruction.MemoryBase;
        Register indexRegister = instruction.MemoryIndex;
        if (baseRegister == Register.None && indexRegister == Register.None)
        {
            emit.MoveImmediate(destination, instruction.MemoryDisplacement64);
            return;
        }

        if (GuestRegisters.IsInMemory(GuestRegisters.NumberOf(baseRegister)))
        {
            Lose();
        }

        HostRegister? b = Locate(baseRegister, Scratch1);
        HostRegister? x = Locate(indexRegister, Scratch2);
        int addressSize = Math.Max(baseRegister.GetSize(), indexRegister.GetSize());
        int displacement = (int)instruction.MemoryDisplacement64;
        if (addressSize == 2)
        {
            // 16-bit registers: only the low halves count, and the sum wraps at 64 KiB (SDM volume 1, 3.3.7).
            emit.LoadAddress(destination, b, x, 1, (short)displacement, wide: false);
            emit.ZeroExtend16(destination);
            return;
        }

        if (x is null && displacement == 0 && addressSize == 8 && b is HostRegister only)
        {
            if (narrow)
            {
                emit.Move32(destination, only);
            }
            else if (only != destination)
            {
                emit.Move(destination, only);
            }

            return;
        }

        emit.LoadAddress(destination, b, x, instruction.MemoryIndexScale, displacement, wide: addressSize == 8 && !narrow);
    }

    /// <summary>Turns the linear address in <see cref="Scratch1"/> into a host pointer.</summary>
    /// <param name="size">Bytes of the access.</param>
    /// <param name="kind">Whether it reads, writes or both.</param>
    /// <param name="keepFlags">Whether the host's flags are still needed.</param>
    /// <param name="rip">Guest address of the instruction.</param>
    public void Probe(int size, AccessKind kind, bool keepFlags, ulong rip)
    {
        Lose();
        bool write = (kind & AccessKind.Write) != 0;
        if (Mode.IsAlignmentChecked && size > 1)
        {
            CheckAlignment(size, keepFlags, rip);
        }

        int tags = ContextOffsets.TlbTags(Mode.Tlb, write);
        int hosts = ContextOffsets.TlbHosts(Mode.Tlb, write);
        int site = keepFlags ? 0 : SiteOf(rip);
        bool conflicting = !keepFlags && sites.IsConflicting(rip);
        ulong afterCheck = 0;
        int miss;
        if (keepFlags)
        {
            const int entrySizeBits = 5;
            emit.StoreContext(ContextOffsets.SavedRcx, Rcx);
            emit.ExtractContext(Scratch2, Scratch1, ContextOffsets.TlbIndexMask);
            emit.RotateRight(Scratch2, Scratch2, 64 - entrySizeBits);
            emit.LoadEntry(Rcx, tags, Scratch2);
            emit.LoadAddress(Scratch1, Scratch1, Rcx, 1, 0);
            emit.LoadAddress(Rcx, Scratch1, size - 1);
            emit.ExtractContext(Rcx, Rcx, ContextOffsets.PageMask);
            int hit = emit.JumpIfRcxZero();
            miss = emit.Jump();
            emit.PatchShort(hit);
            emit.LoadContext(Rcx, ContextOffsets.SavedRcx);
            emit.LoadEntry(Scratch2, hosts, Scratch2);
            emit.LoadAddress(Scratch1, Scratch1, Scratch2, 1, 0);
        }
        else
        {
            if (site != 0)
            {
                // The entry is asked that the same access used last, so that the pointer does not wait for the address's way
                // through the table.
                emit.LoadContext32(Scratch2, site);
            }
            else
            {
                SelectEntry(conflicting);
            }

            emit.AddEntry(Scratch1, tags, Scratch2);
            emit.Compare(Scratch1, 4096 - size);
            miss = emit.JumpIf(Condition.Above);
            afterCheck = emit.Address;
            emit.AddEntry(Scratch1, hosts, Scratch2);
        }

        _misses.Add(new PendingMiss(miss, tags, rip, (AccessKind)size | kind, emit.Address, keepFlags, flags.AreSaved)
        {
            Site = site,
            Hit = afterCheck,
            IsConflicting = conflicting,
        });
    }

    /// <summary>Leaves in <see cref="Scratch2"/> which entry the address in <see cref="Scratch1"/> selects.</summary>
    /// <remarks>PEXT would do what three instructions do here, but takes longer than they do.</remarks>
    /// <param name="conflicting">Whether in the place that higher bits have a part in.</param>
    private void SelectEntry(bool conflicting)
    {
        if (conflicting)
        {
            emit.RotateRight(Scratch2, Scratch1, 12);
            emit.ExclusiveOr32(Scratch2, Scratch1);
        }
        else
        {
            emit.Move32(Scratch2, Scratch1);
        }

        emit.ShiftRight32(Scratch2, SoftTlb.IndexShift);
        emit.And32(Scratch2, SoftTlb.IndexMask);
    }

    /// <summary>Offset in the context of what the access remembers, or 0 where it remembers nothing.</summary>
    /// <remarks>Kernels go from task to task, and with them their accesses from page to page.</remarks>
    private int SiteOf(ulong rip) => Mode.IsUser && !sites.IsRoaming(rip) ? ContextOffsets.Site(sites.Next()) : 0;

    /// <summary>Says how to make the access again that was probed last, for the case that it lies across pages.</summary>
    /// <param name="instruction">The instruction, which has been emitted by now.</param>
    /// <param name="guestOffset">Its offset in the block.</param>
    public void CanRepeat(in Instruction instruction, ushort guestOffset)
    {
        int last = _misses.Count - 1;
        _misses[last] = _misses[last] with { Repeated = instruction, GuestOffset = guestOffset, After = emit.Address };
    }

    private void ProbeGroup(GroupMember member, ulong rip)
    {
        Probe(member.Group.Size, member.Group.Kind | AccessKind.Group, keepFlags: false, rip);
        _held = member.Group.Slot;
        _keptAt[_held] = emit.Position;
        _kept |= 1U << _held;
        emit.StoreContext(ContextOffsets.Group(_held), Scratch1);
    }

    /// <summary>Takes back what was emitted to keep the pointers that nothing has asked for again.</summary>
    private void ForgetGroups()
    {
        for (; _kept != 0; _kept &= _kept - 1)
        {
            emit.EraseStore(_keptAt[BitOperations.TrailingZeroCount(_kept)]);
        }
    }

    private void Recall(GroupMember member)
    {
        if (_held != member.Group.Slot)
        {
            _held = member.Group.Slot;
            emit.LoadContext(Scratch1, ContextOffsets.Group(_held));
            _kept &= ~(1U << _held);
        }
    }

    /// <summary>Brings a guest register into a host register of its own or the given scratch register.</summary>
    private HostRegister? Locate(Register register, HostRegister scratch)
    {
        int number = GuestRegisters.NumberOf(register);
        if (number < 0)
        {
            return null;
        }

        if (!GuestRegisters.IsInMemory(number))
        {
            return GuestRegisters.HostOf(number);
        }

        emit.LoadContext(scratch, number * 8);
        return scratch;
    }
}
