using Iced.Intel;
using Nacelle.Translation.Cache;
using Nacelle.Translation.Emit;
using Nacelle.Translation.Memory;
using Nacelle.Translation.State;
using static Nacelle.Translation.Emit.HostRegister;

namespace Nacelle.Translation.Frontend;

/// <summary>Turns decoded guest instructions into host code, one block at a time. For the vCPU's own thread.</summary>
internal sealed partial class BlockTranslator
{
    private readonly CodeEmitter _emit;
    private readonly Thunks _thunks;
    private readonly AccessSites _sites;
    private readonly ProgramCounterEmitter _addresses;
    private readonly MemoryAccessEmitter _memory;
    private readonly GenericEmitter _generic;
    private readonly BranchEmitter _branches;
    private readonly FlagsEmitter _flags;
    private readonly AccessGroups _groups = new();
    private readonly ChangingCodeEmitter _changing;
    private readonly PollEmitter _polls;
    private readonly ReturnStackEmitter _returns;
    private readonly LoadAddressEmitter _loads;
    private readonly StackEmitter _stack;
    private readonly SystemEmitter _system;
    private readonly StringEmitter _strings;
    private readonly List<Instruction> _repeated = [];
    private readonly List<InstructionPlace> _map = [];
    private ExecutionMode _mode;

    public BlockTranslator(CodeEmitter emit, Thunks thunks, LinkTable links, AccessSites sites)
    {
        _emit = emit;
        _thunks = thunks;
        _sites = sites;
        _addresses = new ProgramCounterEmitter(emit);
        _flags = new FlagsEmitter(emit);
        _memory = new MemoryAccessEmitter(emit, thunks, links, _addresses, _flags, sites);
        _generic = new GenericEmitter(emit, _memory);
        _polls = new PollEmitter(emit, thunks, _addresses, _flags);
        _branches = new BranchEmitter(emit, thunks, links, _addresses, _polls, _flags);
        _returns = new ReturnStackEmitter(emit, thunks, _addresses, _flags);
        _stack = new StackEmitter(emit, _memory, _addresses);
        _loads = new LoadAddressEmitter(emit, _memory);
        _changing = new ChangingCodeEmitter(emit, thunks, _addresses, _flags, _memory, _loads);
        _system = new SystemEmitter(emit, _memory, _stack);
        _strings = new StringEmitter(emit, thunks.FindPage);
    }

    /// <summary>Routines that blocks share and call, with names.</summary>
    public IEnumerable<(ulong Address, string Name)> Routines => _strings.Routines;

    /// <summary>How an instruction uses its memory operand.</summary>
    public AccessKind AccessOf(in Instruction instruction) => _generic.AccessOf(instruction);

    /// <summary>Translates.</summary>
    /// <param name="decoded">The instructions.</param>
    /// <param name="number">The number of the block to be.</param>
    /// <param name="rip">Linear address of the first instruction.</param>
    /// <param name="physicalAddress">Guest-physical address of its first byte.</param>
    /// <param name="secondPage">Guest-physical page of the last byte where that is another one, else all ones.</param>
    /// <param name="mode">What the code takes for granted.</param>
    /// <param name="grouped">Whether accesses near each other may be made as one.</param>
    /// <param name="changing">What the block has to compare itself with, where the code keeps changing.</param>
    public Block Translate(
        DecodedBlock decoded, int number, ulong rip, ulong physicalAddress, ulong secondPage, ExecutionMode mode, bool grouped,
        ChangingCode? changing)
    {
        Begin(mode);
        if (grouped && mode.IsFlat && !mode.IsAlignmentChecked)
        {
            _groups.Find(decoded, mode, _generic);
        }

        _branches.Placement = decoded.Placement;
        _addresses.Begin(rip, mode.IsRelative);
        _sites.Begin(rip, physicalAddress, remember: grouped && changing is null);
        for (int i = 0; i < decoded.Count; i++)
        {
            if (decoded.Kinds[i] == InstructionKind.RepeatedString)
            {
                _strings.Prepare(decoded.Instructions[i], mode);
            }
        }

        // Where the code has changed, what is there now may need flags that the block does not.
        bool beginsWithState = BeginsWithState(decoded);
        bool setsFlagsAside = changing is not null || (!beginsWithState && SetsFlagsAsideFirst(decoded));
        ulong lookupCode = _emit.Address;
        _addresses.EnterPage(rip);
        int areAside = 0;
        if (setsFlagsAside)
        {
            areAside = _emit.Jump();
        }
        else if (decoded.FlagsLive[0])
        {
            _flags.Load();
        }

        int start = _emit.Position;
        ulong hostCode = _emit.Address;
        if (setsFlagsAside)
        {
            _flags.Save();
            _emit.PatchHere(areAside);
        }

        if (changing is not null)
        {
            _changing.Check(changing, decoded);
        }

        if (beginsWithState)
        {
            LoadExtendedState();
        }

        ulong liveCode = setsFlagsAside ? hostCode : _emit.Address;
        bool ended = false;
        for (int i = 0; i < decoded.Count; i++)
        {
            ref Instruction instruction = ref decoded.Instructions[i];
            if (i == decoded.PollBefore || !StackEmitter.MayOwe(instruction, decoded.Kinds[i], _groups[i]))
            {
                _stack.Settle();
            }

            if (i == decoded.PollBefore && !_branches.IsPolled)
            {
                _polls.Emit(Truncate(instruction.IP), keepFlags: false);
                _branches.IsPolled = true;
            }

            PrepareFlags(decoded, i);
            _map.Add(new InstructionPlace(_emit.Position - start, decoded.Offsets[i], _flags.AreSaved));
            if (!_branches.IsStateLive && decoded.Kinds[i] == InstructionKind.Generic && VectorInstructions.NeedsState(instruction))
            {
                LoadExtendedState();
            }

            if (changing is not null && (changing.Variable & (1UL << i)) != 0)
            {
                ulong constant = changing.AddressOf(decoded.Offsets[i] + ChangingCode.ConstantOf(decoded, i).Offset);
                _changing.EmitVariable(instruction, constant);
                continue;
            }

            ended = EmitInstruction(decoded, i, number);
            if (!KeepsPointer(decoded.Kinds[i]))
            {
                _memory.Lose();
            }
        }

        _stack.Settle();
        if (!ended)
        {
            ulong next = Truncate(rip + (ulong)decoded.Length);
            if (decoded.EndsBeforeCrossing)
            {
                _branches.Far(next);
            }
            else
            {
                _branches.Exit(next, rip, decoded.FlagsLive[decoded.Count]);
            }
        }

        int inline = _emit.Position - start;
        _changing.EmitStale(number, rip);
        _memory.EmitMisses(number, (instruction, guestOffset, flagsSaved) =>
        {
            _map.Add(new InstructionPlace(_emit.Position - start, guestOffset, flagsSaved));
            _generic.EmitRedirected(instruction);
        });
        _branches.EmitStubs();

        // Last, because ways out have polls of their own.
        _polls.EmitStubs();
        return new Block
        {
            Number = number,
            PhysicalAddress = physicalAddress,
            SecondPage = secondPage,
            Rip = rip,
            Length = decoded.Length,
            CodeLimit = decoded.CodeLimit,
            Mode = grouped ? mode : mode.WithoutGroups,
            HostCode = hostCode,
            LiveCode = liveCode,
            LookupCode = lookupCode,
            LookedAt = decoded.LookedAt,
            Changing = changing,
            InlineLength = inline,
            HostLength = _emit.Position - start,
            Operation = decoded.Instructions[decoded.Count - 1],
            Map = [.. _map],
            Repeated = [.. _repeated],
        };
    }

    /// <summary>Emits one instruction whose memory operand is the bounce buffer; it leaves with <see cref="ExitReason.Attention"/>.</summary>
    public ulong TranslateCareful(in Instruction instruction, ExecutionMode mode)
    {
        Begin(mode);
        _addresses.Begin(instruction.IP, relative: false);
        ulong start = _emit.Address;
        if (VectorInstructions.NeedsState(instruction))
        {
            LoadExtendedState();
        }

        _emit.LoadContext(Scratch1, ContextOffsets.BouncePointer);
        _generic.EmitRedirected(instruction);
        _emit.MoveImmediate(Scratch2, Truncate(instruction.NextIP));
        _emit.JumpTo(_thunks.Attention);
        return start;
    }

    private void Begin(ExecutionMode mode)
    {
        _mode = mode;
        _memory.Mode = mode;
        _branches.Mode = mode;
        _polls.Begin();
        _branches.IsPolled = false;
        _branches.IsStateLive = false;
        _flags.AreSaved = false;
        _memory.Lose();
        _groups.Clear();
        _map.Clear();
        _repeated.Clear();
    }

    /// <summary>Whether the first scratch register is what it was, unless a memory access says that it has changed it.</summary>
    private static bool KeepsPointer(InstructionKind kind) => kind is InstructionKind.Generic or InstructionKind.Nothing
        or InstructionKind.LoadAddress or InstructionKind.Push or InstructionKind.Pop or InstructionKind.Leave
        or InstructionKind.ConditionalJump or InstructionKind.ClearInterruptFlag or InstructionKind.ClearDirectionFlag
        or InstructionKind.SetDirectionFlag;

    /// <returns>Whether the block has ended with it.</returns>
    private bool EmitInstruction(DecodedBlock decoded, int i, int number)
    {
        ref Instruction instruction = ref decoded.Instructions[i];
        bool keepFlags = decoded.FlagsLive[i] && !_flags.AreSaved;
        switch (decoded.Kinds[i])
        {
            case InstructionKind.Nothing:
                return false;
            case InstructionKind.Generic:
                // The prefix that is none for the guest's BSF makes it TZCNT on a host that has that.
                ReadOnlySpan<byte> original = _mode.IsLong && instruction.Mnemonic is not (Mnemonic.Bsf or Mnemonic.Bsr)
                    ? decoded.Code.Slice(decoded.Offsets[i], instruction.Length)
                    : default;
                _generic.Emit(instruction, original, keepFlags, _groups[i], decoded.Offsets[i]);
                return false;
            case InstructionKind.TouchMemory:
                _memory.LinearAddress(instruction, (AccessKind)1 | AccessKind.Read, keepFlags);
                _memory.Probe(1, AccessKind.Read, keepFlags, instruction.IP);
                return false;
            case InstructionKind.LoadAddress:
                _loads.Emit(instruction);
                return false;
            case InstructionKind.Push:
                _stack.Push(instruction, keepFlags, _groups[i]);
                return false;
            case InstructionKind.Pop:
                _stack.Pop(instruction, keepFlags, _groups[i]);
                return false;
            case InstructionKind.Leave:
                _stack.Leave(instruction, keepFlags, _groups[i]);
                return false;
            case InstructionKind.ClearInterruptFlag:
                _emit.StoreContextImmediate32(ContextOffsets.InterruptFlag, 0);
                return false;
            case InstructionKind.SetInterruptFlag:
                _emit.StoreContextImmediate32(ContextOffsets.InterruptFlag, 1);
                _polls.AfterInterruptsAllowed();
                return false;
            case InstructionKind.ClearDirectionFlag:
                _emit.StoreContextImmediate32(ContextOffsets.DirectionFlag, 0);
                return false;
            case InstructionKind.SetDirectionFlag:
                _emit.StoreContextImmediate32(ContextOffsets.DirectionFlag, 1);
                return false;
            case InstructionKind.ReadTimestamp:
                _system.ReadTimestamp(instruction.Mnemonic == Mnemonic.Rdtscp);
                return false;
            case InstructionKind.PushFlags:
                _system.PushFlags(instruction);
                return false;
            case InstructionKind.PushMemory:
                _system.PushMemory(instruction, keepFlags);
                return false;
            case InstructionKind.ReadSelector:
                _system.ReadSelector(instruction);
                return false;
            case InstructionKind.SwapGs:
                _system.SwapGs();
                return false;
            case InstructionKind.ChangeAlignmentCheck:
                ExecutionMode after = _system.ChangeAlignmentCheck(_mode);
                _emit.MoveImmediate(Scratch1, instruction.NextIP);
                _emit.JumpTo(_thunks.Lookup[after.Tlb]);
                return true;
            case InstructionKind.SystemCall:
                EmitFastCall(instruction.NextIP, _thunks.SystemCall, number);
                return true;
            case InstructionKind.SystemReturn:
                EmitFastCall(instruction.IP, _thunks.SystemReturn, number);
                return true;
            case InstructionKind.RepeatedString:
                EmitRepeatedString(instruction, number);
                return false;
            case InstructionKind.Jump:
                _branches.Exit(instruction.NearBranchTarget, instruction.IP, decoded.TargetFlagsLive[i]);
                return true;
            case InstructionKind.ConditionalJump:
                _branches.Conditional(instruction, decoded.TargetFlagsLive[i]);
                return false;
            case InstructionKind.Call:
                _stack.PushReturnAddress(instruction, keepFlags, _groups[i]);
                _returns.Push();
                _branches.Call(instruction.NearBranchTarget, instruction.IP, decoded.TargetFlagsLive[i]);
                Land(instruction);
                return false;
            case InstructionKind.IndirectJump:
                LoadTarget(instruction);
                _branches.Indirect(call: false);
                return true;
            case InstructionKind.IndirectCall:
                EmitIndirectCall(instruction, keepFlags, _groups[i]);
                Land(instruction);
                return false;
            case InstructionKind.Return:
                _stack.Return(instruction, _groups[i]);
                _returns.Return();
                return true;
            case InstructionKind.Operation:
                EmitOperation(instruction, number);
                return true;
            case InstructionKind.BulkState:
            default:
                throw new InvalidOperationException($"no translation for {decoded.Kinds[i]}");
        }
    }

    private void EmitIndirectCall(in Instruction instruction, bool keepFlags, GroupMember? member)
    {
        bool outlivesPush = instruction.Op0Kind == OpKind.Register && GuestRegisters.NumberOf(instruction.Op0Register) != GuestRegisters.StackPointer;
        if (!outlivesPush)
        {
            LoadTarget(instruction);
            _emit.StoreContext(ContextOffsets.SavedScratch, Scratch1);
        }

        _stack.PushReturnAddress(instruction, keepFlags, member);
        _returns.Push();
        if (outlivesPush)
        {
            LoadTarget(instruction);
        }
        else
        {
            _emit.LoadContext(Scratch1, ContextOffsets.SavedScratch);
        }

        _branches.Indirect(call: true);
    }

    /// <summary>Where a call returns to. The callee may have been anywhere, the monitor included.</summary>
    private void Land(in Instruction call)
    {
        _returns.Land(call.NextIP, _mode);
        _branches.IsStateLive = false;
    }

    /// <summary>Whether vector state is needed on every way through the block.</summary>
    private static bool BeginsWithState(DecodedBlock decoded)
    {
        for (int i = 0; i < decoded.Count; i++)
        {
            if (decoded.Kinds[i] is InstructionKind.ConditionalJump or InstructionKind.Call or InstructionKind.IndirectCall)
            {
                return false;
            }

            if (decoded.Kinds[i] == InstructionKind.Generic && VectorInstructions.NeedsState(decoded.Instructions[i]))
            {
                return true;
            }
        }

        return false;
    }

    private ulong Truncate(ulong rip) => _mode.IsLong ? rip : (uint)rip;

    private void LoadTarget(in Instruction instruction)
    {
        if (instruction.Op0Kind == OpKind.Register)
        {
            int guest = GuestRegisters.NumberOf(instruction.Op0Register);
            if (GuestRegisters.IsInMemory(guest))
            {
                _emit.LoadContext(Scratch1, guest * 8);
            }
            else if (_mode.IsLong)
            {
                _emit.Move(Scratch1, GuestRegisters.HostOf(guest));
            }
            else
            {
                _emit.Move32(Scratch1, GuestRegisters.HostOf(guest));
                if (_mode.Bitness == 16)
                {
                    _emit.ZeroExtend16(Scratch1);
                }
            }

            return;
        }

        int width = _mode.Bitness / 8;
        _memory.LinearAddress(instruction, (AccessKind)width | AccessKind.Read, keepFlags: false);
        _memory.Probe(width, AccessKind.Read, keepFlags: false, instruction.IP);
        _emit.Load(Scratch1, Scratch1, 0, width);
    }

    /// <summary>Leaves to the monitor, which carries out the block's last instruction.</summary>
    private void EmitOperation(in Instruction instruction, int number)
    {
        _emit.StoreContextImmediate32(ContextOffsets.ExitArgument, (uint)number);
        _addresses.Load(Scratch2, instruction.IP);
        _emit.JumpTo(_thunks.Operation);
    }

    /// <summary>Leaves for the other privilege level; the argument is for the case that the monitor has to do it.</summary>
    private void EmitFastCall(ulong address, ulong thunk, int number)
    {
        _emit.StoreContextImmediate32(ContextOffsets.ExitArgument, (uint)number);
        _addresses.Load(Scratch1, address);
        _emit.JumpTo(thunk);
    }

    /// <summary>What the emitted routine leaves undone, as RCX tells, the monitor goes on with.</summary>
    private void EmitRepeatedString(in Instruction instruction, int number)
    {
        _strings.Call(instruction, _mode);
        int done = _emit.JumpIfRcxZero();
        if (_flags.AreSaved)
        {
            _flags.Load();
        }

        _emit.StoreContextImmediate32(ContextOffsets.ExitArgument, ((uint)number << Block.RepeatedBits) | (uint)_repeated.Count);
        _addresses.Load(Scratch2, instruction.IP);
        _emit.JumpTo(_thunks.Repeated);
        _emit.PatchShort(done);
        _repeated.Add(instruction);
    }

    private void LoadExtendedState()
    {
        _memory.Lose();
        _emit.Move(Scratch1, Rcx);
        _emit.LoadContext32(Rcx, ContextOffsets.ExtendedStateDead);
        int live = _emit.JumpIfRcxZero();
        _emit.CallTo(_thunks.RestoreExtendedState);
        _emit.PatchShort(live);
        _emit.Move(Rcx, Scratch1);
        _branches.IsStateLive = true;
    }
}
