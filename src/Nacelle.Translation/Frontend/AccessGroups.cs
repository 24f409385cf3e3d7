using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Translation.Cache;
using Nacelle.Translation.Emit;
using Nacelle.Translation.State;

namespace Nacelle.Translation.Frontend;

/// <summary>
/// Finds memory accesses of a block that lie at constant distances from each other: the fields of a structure, the locals on a
/// stack, pushes and pops. The first of them asks the soft TLB for all; the others use its answer. Reused; for one thread.
/// </summary>
/// <remarks>Flat code only, whose addresses differ as their registers do. A group never reaches over a call, because the callee may change page tables.</remarks>
internal sealed class AccessGroups
{
    /// <summary>Groups of one block whose answers can be kept.</summary>
    public const int MaximumGroups = TranslatorContext.GroupPointers;

    /// <summary>The widest span of a group: the wider, the more often it lies across two pages.</summary>
    private const long MaximumSpan = 256;

    private const long FarthestDisplacement = 1 << 30;
    private const int AbsoluteRoot = -1;
    private const int NoRoot = -2;
    private readonly InstructionInfoFactory _information = new();
    private readonly int[] _roots = new int[16];
    private readonly long[] _offsets = new long[16];
    private readonly List<Group> _open = [];
    private readonly GroupMember?[] _members = new GroupMember?[DecodedBlock.MaximumInstructions];
    private int _nextRoot;
    private bool _wide;
    private int _slots;

    /// <summary>What an instruction is in its group, if it is in one of several.</summary>
    public GroupMember? this[int instruction] => _members[instruction] is { Group.Count: > 1 } member ? member : null;

    /// <summary>Forgets the last block.</summary>
    public void Clear() => Array.Clear(_members);

    /// <summary>Analyses a block of flat code.</summary>
    public void Find(DecodedBlock block, ExecutionMode mode, GenericEmitter generic)
    {
        _wide = mode.IsLong;
        Array.Clear(_members);
        _nextRoot = 0;
        _slots = 0;
        Forget();
        int branches = 0;
        for (int i = 0; i < block.Count; i++)
        {
            ref Instruction instruction = ref block.Instructions[i];
            InstructionKind kind = block.Kinds[i];
            if (TryFindAccess(instruction, kind, generic, mode, out Access access))
            {
                Join(i, access, branches, !(block.FlagsLive[i] && block.UsesFlags(i)));
            }

            branches += kind == InstructionKind.ConditionalJump ? 1 : 0;
            if (kind is InstructionKind.Call or InstructionKind.IndirectCall)
            {
                Forget();
            }
            else
            {
                Follow(instruction, kind);
            }
        }
    }

    private void Forget()
    {
        _open.Clear();
        for (int i = 0; i < 16; i++)
        {
            _roots[i] = _nextRoot++;
            _offsets[i] = 0;
        }
    }

    private void Join(int i, in Access access, int branches, bool mayLead)
    {
        foreach (Group group in _open)
        {
            bool writes = (access.Kind & AccessKind.Write) != 0;

            // To ask for writing at once is no harm where the write is certain to follow.
            bool compatible = !writes || (group.Kind & AccessKind.Write) != 0 || group.Branches == branches;
            long first = Math.Min(group.First, access.Offset);
            long end = Math.Max(group.End, access.Offset + access.Size);
            if (group.Base == access.Base && group.Index == access.Index && group.Scale == access.Scale && compatible
                && end - first <= MaximumSpan)
            {
                if (group.Count == 1)
                {
                    if (_slots == MaximumGroups)
                    {
                        continue;
                    }

                    group.Slot = _slots++;
                }

                group.First = first;
                group.End = end;
                group.Kind |= access.Kind;
                group.Count++;
                _members[i] = new GroupMember(group, access.Offset, IsLeader: false);
                return;
            }
        }

        if (!mayLead)
        {
            // It needs the flags that asking would lose.
            return;
        }

        Group started = new()
        {
            Base = access.Base,
            Index = access.Index,
            Scale = access.Scale,
            First = access.Offset,
            End = access.Offset + access.Size,
            Kind = access.Kind,
            Branches = branches,
            Count = 1,
        };
        _open.Add(started);
        _members[i] = new GroupMember(started, access.Offset, IsLeader: true);
    }

    private bool TryFindAccess(
        in Instruction instruction, InstructionKind kind, GenericEmitter generic, ExecutionMode mode, out Access access)
    {
        const int stack = GuestRegisters.StackPointer;
        const int frame = GuestRegisters.FramePointer;
        access = default;
        switch (kind)
        {
            case InstructionKind.Push or InstructionKind.Call or InstructionKind.IndirectCall or InstructionKind.Pop
                or InstructionKind.Return or InstructionKind.Leave when mode.IsChecked(SegmentName.Ss):
                return false;
            case InstructionKind.Push or InstructionKind.Call or InstructionKind.IndirectCall:
                int pushed = StackWidth.Of(instruction);
                access = new Access(_roots[stack], NoRoot, 0, _offsets[stack] - pushed, pushed, AccessKind.Write);
                return true;
            case InstructionKind.Pop or InstructionKind.Return:
                access = new Access(_roots[stack], NoRoot, 0, _offsets[stack], StackWidth.Of(instruction), AccessKind.Read);
                return true;
            case InstructionKind.Leave:
                access = new Access(_roots[frame], NoRoot, 0, _offsets[frame], StackWidth.Of(instruction), AccessKind.Read);
                return true;
            case InstructionKind.Generic:
                break;
            default:
                return false;
        }

        AccessKind use = generic.AccessOf(instruction);
        if (use == 0 || (use & AccessKind.Masked) != 0 || BitStringEmitter.Applies(instruction) || instruction.MemorySegment is Register.FS or Register.GS
            || mode.IsChecked((SegmentName)(instruction.MemorySegment - Register.ES)))
        {
            return false;
        }

        int size = (ushort)use;
        AccessKind how = use & ~(AccessKind)0xFFFF;
        if (instruction.IsIPRelativeMemoryOperand)
        {
            if (instruction.MemoryBase == Register.EIP)
            {
                // Where it lies from other addresses depends on where the code does.
                return false;
            }

            access = new Access(AbsoluteRoot, NoRoot, 0, (long)instruction.IPRelativeMemoryAddress, size, how);
            return true;
        }

        long displacement = DisplacementOf(instruction);
        int addressSize = _wide ? 8 : 4;
        if (instruction.MemoryBase.GetSize() != addressSize
            || (instruction.MemoryIndex != Register.None && instruction.MemoryIndex.GetSize() != addressSize)
            || Math.Abs(displacement) > FarthestDisplacement)
        {
            return false;
        }

        int b = GuestRegisters.NumberOf(instruction.MemoryBase);
        int x = GuestRegisters.NumberOf(instruction.MemoryIndex);
        int scale = x < 0 ? 0 : instruction.MemoryIndexScale;
        long offset = displacement + _offsets[b] + (x < 0 ? 0 : _offsets[x] * scale);
        access = new Access(_roots[b], x < 0 ? NoRoot : _roots[x], scale, offset, size, how);
        return true;
    }

    /// <summary>Keeps track of registers that change by constants.</summary>
    private void Follow(in Instruction instruction, InstructionKind kind)
    {
        const int stack = GuestRegisters.StackPointer;
        const int frame = GuestRegisters.FramePointer;
        switch (kind)
        {
            case InstructionKind.Push:
                _offsets[stack] -= StackWidth.Of(instruction);
                return;
            case InstructionKind.Pop:
                _offsets[stack] += StackWidth.Of(instruction);
                Renew(GuestRegisters.NumberOf(instruction.Op0Register));
                return;
            case InstructionKind.Leave:
                _roots[stack] = _roots[frame];
                _offsets[stack] = _offsets[frame] + StackWidth.Of(instruction);
                Renew(frame);
                return;
            case InstructionKind.LoadAddress when IsAddress(instruction.Op0Register) && instruction.MemoryIndex == Register.None
                && IsAddress(instruction.MemoryBase) && Math.Abs(DisplacementOf(instruction)) < FarthestDisplacement:
                Set(instruction.Op0Register, instruction.MemoryBase, DisplacementOf(instruction));
                return;
        }

        if (kind == InstructionKind.Generic && instruction.OpCount == 2 && instruction.Op0Kind == OpKind.Register
            && IsAddress(instruction.Op0Register))
        {
            switch (instruction.Code)
            {
                case Code.Add_rm64_imm8 or Code.Add_rm64_imm32 or Code.Add_RAX_imm32
                    or Code.Add_rm32_imm8 or Code.Add_rm32_imm32 or Code.Add_EAX_imm32:
                    Set(instruction.Op0Register, instruction.Op0Register, (int)instruction.GetImmediate(1));
                    return;
                case Code.Sub_rm64_imm8 or Code.Sub_rm64_imm32 or Code.Sub_RAX_imm32
                    or Code.Sub_rm32_imm8 or Code.Sub_rm32_imm32 or Code.Sub_EAX_imm32:
                    Set(instruction.Op0Register, instruction.Op0Register, -(long)(int)instruction.GetImmediate(1));
                    return;
                case Code.Mov_r64_rm64 or Code.Mov_rm64_r64 or Code.Mov_r32_rm32 or Code.Mov_rm32_r32 when instruction.Op1Kind == OpKind.Register:
                    Set(instruction.Op0Register, instruction.Op1Register, 0);
                    return;
            }
        }

        foreach (UsedRegister used in _information.GetInfo(instruction).GetUsedRegisters())
        {
            if (used.Access is not (OpAccess.Read or OpAccess.CondRead or OpAccess.NoMemAccess or OpAccess.None))
            {
                Renew(GuestRegisters.NumberOf(used.Register));
            }
        }
    }

    private long DisplacementOf(in Instruction instruction) =>
        _wide ? (long)instruction.MemoryDisplacement64 : (int)instruction.MemoryDisplacement32;

    private bool IsAddress(Register register) => _wide ? register.IsGPR64() : register.IsGPR32();

    private void Set(Register target, Register source, long distance)
    {
        int t = GuestRegisters.NumberOf(target);
        int s = GuestRegisters.NumberOf(source);
        _roots[t] = _roots[s];
        _offsets[t] = _offsets[s] + distance;
    }

    private void Renew(int register)
    {
        if (register >= 0)
        {
            _roots[register] = _nextRoot++;
            _offsets[register] = 0;
        }
    }

    private readonly record struct Access(int Base, int Index, int Scale, long Offset, int Size, AccessKind Kind);
}

/// <summary>Accesses at constant distances.</summary>
internal sealed class Group
{
    public required int Base { get; init; }

    public required int Index { get; init; }

    public required int Scale { get; init; }

    /// <summary>Conditional jumps of the block before the first access.</summary>
    public required int Branches { get; init; }

    /// <summary>The lowest byte.</summary>
    public required long First { get; set; }

    /// <summary>The byte after the highest.</summary>
    public required long End { get; set; }

    /// <summary>Whether all only read.</summary>
    public required AccessKind Kind { get; set; }

    /// <summary>How many accesses.</summary>
    public required int Count { get; set; }

    /// <summary>Where the host pointer of the first byte is kept.</summary>
    public int Slot { get; set; }

    /// <summary>Bytes from the first to the last.</summary>
    public int Size => (int)(End - First);
}

/// <summary>One access of a group.</summary>
/// <param name="Group">The group.</param>
/// <param name="Offset">Where the access begins, in the group's terms.</param>
/// <param name="IsLeader">Whether it asks for all.</param>
internal sealed record GroupMember(Group Group, long Offset, bool IsLeader)
{
    /// <summary>Bytes from the group's first to the access.</summary>
    public int Distance => (int)(Offset - Group.First);
}
