using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Translation.Cache;
using Nacelle.Translation.Emit;
using Nacelle.Translation.Frontend;
using Nacelle.Translation.Operations;
using Nacelle.Translation.Signals;
using Nacelle.Translation.State;

namespace Nacelle.Translation.Runtime;

internal sealed unsafe partial class TranslatorVirtualCpu
{
    private int _pendingLink = -1;
    private bool _decodedChanging;

    // What the block to be translated next was translated from before.
    private ChangingCode? _stale;

    // Where the next block is to make its accesses one by one.
    private ulong? _ungrouped;

    /// <inheritdoc/>
    public VirtualCpuExit Run()
    {
        // The caller's stack may be another one than last time.
        StopTranslatedCode();
        while (true)
        {
            if (IsStopped || _halted || _waitForStartup)
            {
                if (TakeRequests() is VirtualCpuExit exit)
                {
                    return exit;
                }

                if (_waitForStartup || _halted)
                {
                    _wake.WaitOne();
                    continue;
                }
            }

            if (_modeStale)
            {
                RefreshMode();
            }

            if (_debug is not null && StopBefore() is VirtualCpuExit before)
            {
                return before;
            }

            bool stepped = _memory.Mode.IsSingleStep;
            if (stepped && BeginStep(out VirtualCpuExit? stopped))
            {
                if (stopped is not null)
                {
                    return stopped.Value;
                }

                continue;
            }

            Block? block = FindBlock();
            if (block is null)
            {
                if (!Deliver(_memory.PendingFault))
                {
                    return TripleFault();
                }

                continue;
            }

            if (_pendingLink >= 0)
            {
                if (_debug is null || _debug.MayLink(block.Rip))
                {
                    _blocks.Connect(_pendingLink, block);
                }

                _pendingLink = -1;
            }

            _system.InterruptShadow = false;
            _context->CodePage = _context->Registers.Rip & ~0xFFFUL;
            if (HandleExit(Enter(block.HostCode)) is VirtualCpuExit end)
            {
                return end;
            }

            if ((stepped || _stepTrap) && EndStep() is VirtualCpuExit ended)
            {
                return ended;
            }

            if (_debug is not null && StopAfter() is VirtualCpuExit after)
            {
                return after;
            }
        }
    }

    private ExitReason Enter(ulong hostCode) =>
        (ExitReason)((delegate* unmanaged<TranslatorContext*, ulong, uint>)_thunks.Enter)(_context, hostCode);

    private VirtualCpuExit? HandleExit(ExitReason reason)
    {
        switch (reason)
        {
            case ExitReason.Link:
                _counters.LinkExits++;
                _stepCompleted = true;
                _pendingLink = (int)(uint)_context->ExitArgument;
                Link link = _links[_pendingLink];
                ulong target = _memory.Mode.IsRelative ? _context->CodePage | (link.TargetRip & 0xFFF) : link.TargetRip;
                _context->Registers.Rip = target;
                _ungrouped = link.IsUngrouped ? target : null;
                _pendingLink = _memory.Mode.IsSingleStep ? -1 : _pendingLink;
                return null;
            case ExitReason.Ungroup:
                _counters.UngroupExits++;
                _ungrouped = _context->Registers.Rip;
                return null;
            case ExitReason.Lookup:
                _counters.LookupExits++;
                _stepCompleted = true;
                return null;
            case ExitReason.Stale:
                _counters.StaleExits++;
                DropStale(_blocks[(int)(uint)_context->ExitArgument]);
                return null;
            case ExitReason.Attention:
                _counters.AttentionExits++;

                // A block may ask for attention before it has begun.
                _stepCompleted = _context->Registers.Rip != _step.IP;
                ReleaseInterrupts();
                return null;
            case ExitReason.Operation:
                _counters.OperationExits++;
                return Operate(AtRip(_blocks[(int)(uint)_context->ExitArgument].Operation));
            case ExitReason.Repeated:
                _counters.OperationExits++;
                return Operate(AtRip(_translator.Repeated((int)(uint)_context->ExitArgument)));
            case ExitReason.Fault:
                _counters.FaultExits++;
                return TakeAccessFault();
            case ExitReason.Careful:
                _counters.CarefulExits++;
                return OperateAtRip();
            case ExitReason.HostFault:
                _counters.HostFaultExits++;
                return TakeHostFault();
            default:
                return Failure($"translated code returned {reason}");
        }
    }

    private void DropStale(Block block)
    {
        _stale = block.Changing;
        _blocks.Remove(block);
        _jumps.Remove(block);
        _pendingLink = -1;
    }

    private VirtualCpuExit? Operate(in Instruction instruction)
    {
        JoinFlags();
        _context->Registers.Rip = instruction.IP;
        bool blocked = _system.NmiBlocked;
        OperationResult result = _operations.Execute(instruction);
        if (blocked && !_system.NmiBlocked)
        {
            // Another non-maskable interrupt may have waited for this IRET.
            LocalInterrupts?.EndNonMaskable();
            Volatile.Write(ref _context->Runnable, 0);
        }

        switch (result)
        {
            case OperationResult.Next:
                _stepCompleted = true;
                _context->Registers.Rip = Truncate(instruction.NextIP);

                // STAR and the flag mask are among what fast calls depend on.
                _modeStale |= instruction.Mnemonic == Mnemonic.Wrmsr;
                break;
            case OperationResult.Halt:
                _context->Registers.Rip = Truncate(instruction.NextIP);
                _stepCompleted = true;
                _halted = true;
                break;
            case OperationResult.Transferred:
                _stepCompleted = true;

                // SYSRET that sets TF is followed by the trap at once (SDM volume 2, SYSRET).
                if (instruction.Mnemonic is Mnemonic.Sysret or Mnemonic.Sysretq
                    && (_context->Registers.Rflags & Cpu.RflagsBits.Trap) != 0)
                {
                    _step = instruction;
                    _stepTrap = true;
                }

                break;
            case OperationResult.Again:
                break;
            case OperationResult.Fault:
                SplitFlags();
                return Deliver(Refine(_memory.PendingFault, instruction)) ? null : TripleFault();
            case OperationResult.Shutdown:
                return TripleFault();
            case OperationResult.Careful:
                SplitFlags();
                return Careful(Prepare(instruction));
            case OperationResult.Unknown:
                return Failure($"no translation for '{instruction}' at 0x{instruction.IP:x}");
        }

        SplitFlags();
        ReleaseInterrupts();
        return null;
    }

    /// <summary>What the interrupt flag or the task priority held back may go now.</summary>
    private void ReleaseInterrupts()
    {
        if (_context->InterruptFlag != 0 && !_system.InterruptShadow && Volatile.Read(ref _context->NoInterruptWaiting) == 0)
        {
            StopTranslatedCode();
        }
    }

    private VirtualCpuExit? TakeHostFault()
    {
        ulong program = _context->ExitArgument & HostFaults.AddressMask;
        if (!_blocks.TryFindInstruction(program, _context->CodePage, out ulong rip, out bool flagsSaved))
        {
            return Failure($"host exception in shared translated code at 0x{program:x}");
        }

        if (flagsSaved)
        {
            _context->HostFlags = FlagsEmitter.FromSaved((ushort)_context->SavedFlags) | 0x202;
        }

        _context->Registers.Rip = rip;
        return Deliver(HostFaults.Translate(_context->ExitArgument)) ? null : TripleFault();
    }

    private bool Deliver(Fault fault)
    {
        _pendingLink = -1;
        _counters.Deliveries++;
        JoinFlags();
        Delivery outcome = _system.DeliverFault(fault, _context->Registers.Rip);
        SplitFlags();
        return outcome == Delivery.Delivered;
    }

    private VirtualCpuExit TripleFault() => new(VirtualCpuExitReason.Shutdown, $"triple fault at 0x{_context->Registers.Rip:x}");

    private static VirtualCpuExit Failure(string detail) => new(VirtualCpuExitReason.Failed, detail);

    private ulong Truncate(ulong rip) => _memory.Mode.IsLong ? rip : (uint)rip;

    /// <summary>Looks at everything that other threads may have left.</summary>
    private VirtualCpuExit? TakeRequests()
    {
        LetTranslatedCodeRun();
        Interlocked.MemoryBarrier();
        DropChangedCode();
        if (_exitRequested)
        {
            _exitRequested = false;
            return new VirtualCpuExit(VirtualCpuExitReason.Requested);
        }

        if (_initRequested)
        {
            _initRequested = false;
            _pendingLink = -1;
            JoinFlags();
            _system.Init();
            SplitFlags();
            _halted = false;
            _waitForStartup = Index != 0;
            _modeStale = true;
        }

        if (_waitForStartup)
        {
            int vector = Interlocked.Exchange(ref _startupVector, -1);
            if (vector >= 0)
            {
                _system.StartUp((byte)vector);
                SplitFlags();
                _waitForStartup = false;
                _modeStale = true;
            }

            return null;
        }

        return TakeInterrupt() ? null : TripleFault();
    }

    /// <summary>Delivers the interrupt that is due, if any.</summary>
    /// <returns>False on a triple fault.</returns>
    private bool TakeInterrupt()
    {
        ILocalInterruptController? controller = _configuration.LocalInterrupts;
        if (controller is null || _system.InterruptShadow || (_debug is { IsStep: true } && !_halted))
        {
            return true;
        }

        if (!_system.NmiBlocked && controller.TakeNonMaskable())
        {
            return DeliverInterrupt(2, InterruptKind.Nmi);
        }

        Volatile.Write(ref _context->NoInterruptWaiting, 1);
        Interlocked.MemoryBarrier();
        if (!controller.HasInterrupt)
        {
            return true;
        }

        if (_context->InterruptFlag == 0)
        {
            Volatile.Write(ref _context->NoInterruptWaiting, 0);
            return true;
        }

        int vector = controller.Acknowledge();
        if (controller.HasInterrupt)
        {
            Volatile.Write(ref _context->NoInterruptWaiting, 0);
        }

        return vector < 0 || DeliverInterrupt((byte)vector, InterruptKind.External);
    }

    private bool DeliverInterrupt(byte vector, InterruptKind kind)
    {
        _halted = false;

        // The branch that was about to be linked leads elsewhere than to the handler.
        _pendingLink = -1;
        _counters.Deliveries++;
        JoinFlags();
        Delivery outcome = _system.DeliverInterrupt(vector, kind, _context->Registers.Rip);
        SplitFlags();
        return outcome == Delivery.Delivered;
    }

    private void DropChangedCode()
    {
        while (_codeRequests.TryDequeue(out CodeRequest request))
        {
            _counters.CodeChanges++;
            if (request.Chunks == 0)
            {
                if (_memory.Tlb.Protect(request.Page))
                {
                    // It may have been written unseen between the other vCPU's translation and now.
                    _watch.Changed(request.Page, 4096);
                }
            }
            else if (_blocks.Invalidate(request.Page, request.Chunks, _jumps.Remove))
            {
                _pendingLink = -1;
            }
        }
    }

    private Block? FindBlock()
    {
        ulong rip = _context->Registers.Rip;
        ExecutionMode mode = _memory.Mode;
        ulong linear = mode.IsLong ? rip : (uint)(_context->Registers.Cs.Base + rip);
        if (!_memory.TryTranslateCode(linear, out ulong physical, out bool global))
        {
            return null;
        }

        // A group that turns out not to be one leaves before its first access, which is no step.
        bool grouped = _ungrouped != rip && _debug is null;
        _ungrouped = null;
        Block? block = _blocks.Find(physical, grouped ? mode : mode.WithoutGroups);
        if (block is null || (!mode.IsRelative && block.Rip != rip) || (block.SecondPage != ulong.MaxValue && !IsStillThere(block, linear)))
        {
            block = TranslateBlock(rip, physical, grouped);
        }

        if (block is null)
        {
            return null;
        }

        if (block.SecondPage != ulong.MaxValue)
        {
            _pendingLink = -1;
        }
        else if ((_debug is null ? grouped : !_debug.IsOneInstruction) && !mode.IsSingleStep)
        {
            _jumps.Set(mode.Tlb, rip, block.LookupCode, global);
        }

        return block;
    }

    /// <summary>An instruction of a block with its addresses as they are where it runs now.</summary>
    private Instruction AtRip(in Instruction instruction)
    {
        Instruction moved = instruction;
        ulong distance = _context->Registers.Rip - instruction.IP;
        if (distance == 0 || !_memory.Mode.IsRelative)
        {
            return moved;
        }

        moved.NextIP = instruction.NextIP + distance;
        if (instruction.IsIPRelativeMemoryOperand)
        {
            moved.MemoryDisplacement64 = instruction.MemoryDisplacement64 + distance;
        }

        if (instruction.OpCount != 0 && instruction.Op0Kind == OpKind.NearBranch64)
        {
            moved.NearBranch64 = instruction.NearBranch64 + distance;
        }

        return moved;
    }

    /// <summary>Whether the second page of a block that crosses into it is still the one it was translated from.</summary>
    private bool IsStillThere(Block block, ulong linear) =>
        _memory.TryTranslateCode((linear | 0xFFF) + 1, out ulong second) && second == block.SecondPage;

    private Block? TranslateBlock(ulong rip, ulong physical, bool grouped)
    {
        if (_emit.Remaining < CodeMemory.LargestBlock)
        {
            _counters.CodeFlushes++;
            FlushCode();
        }

        if (!TryCopyCode(_debug is { IsOneInstruction: true } ? 1 : DecodedBlock.MaximumInstructions, out int firstPage, out ulong second)
            || (_debug is not null && _debug.InstructionsBeforeStop(_decoded, rip) is int limit && !TryCopyCode(limit, out firstPage, out second)))
        {
            _stale = null;
            return null;
        }

        bool crosses = _decoded.Length > firstPage;
        ChangingCode? changing = _decodedChanging ? DescribeChanging(physical, firstPage, crosses ? second : ulong.MaxValue) : null;
        _stale = null;
        Block block = _translator.Translate(
            _decoded, _blocks.NextNumber, rip, physical, crosses ? second : ulong.MaxValue, _memory.Mode, grouped, changing);
        _blocks.Add(block);
        _counters.Blocks++;
        _counters.Instructions += (ulong)_decoded.Count;
        _counters.EmittedBytes += (ulong)block.HostLength;
        return block;
    }

    private ChangingCode DescribeChanging(ulong physical, int firstPage, ulong secondPage)
    {
        int inFirst = Math.Min(_decoded.Length, firstPage);
        _bus.Ram.TryGetHostAddress(physical, (ulong)inFirst, out byte* first);
        byte* second = null;
        if (secondPage != ulong.MaxValue)
        {
            _bus.Ram.TryGetHostAddress(secondPage, (ulong)(_decoded.Length - inFirst), out second);
        }

        ulong variable = _stale is null ? 0 : ChangingCode.FindVariable(_stale, _decoded);
        return new ChangingCode((ulong)first, inFirst, (ulong)second, _decoded.Code.Slice(0, _decoded.Length).ToArray(), variable);
    }

    /// <summary>Gives up all translated code.</summary>
    private void FlushCode()
    {
        _emit.Position = _codeStart;
        _blocks.Clear();
        _translator.Clear();
        _jumps.ClearAll();
        _pendingLink = -1;
    }

    /// <summary>Copies guest code at RIP, watches it, and decodes it.</summary>
    /// <param name="limit">Most instructions.</param>
    /// <param name="firstPage">Bytes of the copy in the first page.</param>
    /// <param name="secondPage">Guest-physical address of the next page, where the copy reaches into it.</param>
    private bool TryCopyCode(int limit, out int firstPage, out ulong secondPage)
    {
        const int longestInstruction = 15;
        ExecutionMode mode = _memory.Mode;
        ulong rip = _context->Registers.Rip;
        ulong linear = mode.IsLong ? rip : (uint)(_context->Registers.Cs.Base + rip);
        firstPage = (int)(4096 - (linear & 0xFFF));
        secondPage = ulong.MaxValue;
        if (!_memory.TryTranslateCode(linear, out ulong physical))
        {
            return false;
        }

        int start = 4096 - firstPage;
        ulong page = physical - (ulong)start;
        if (!_memory.TryReadCode(page, _decoded.Code.Page[..4096]))
        {
            _memory.PendingFault = Fault.GeneralProtectionFault();
            return false;
        }

        _decodedChanging = _watch.KeepsChanging(page);
        _decoded.Decode(rip, mode, start, firstPage, limit, _decodedChanging);
        if (_decoded.Count == 1 && _decoded.Instructions[0].IsInvalid && firstPage < longestInstruction)
        {
            // The first instruction runs on into the next page.
            if (!_memory.TryTranslateCode((linear | 0xFFF) + 1, out secondPage))
            {
                return false;
            }

            if (!_memory.TryReadCode(secondPage, _decoded.Code.Page.Slice(4096, longestInstruction)))
            {
                _memory.PendingFault = Fault.GeneralProtectionFault();
                return false;
            }

            _decodedChanging |= _watch.KeepsChanging(secondPage);
            _decoded.Decode(rip, mode, start, firstPage + longestInstruction, 1, _decodedChanging);
        }

        // Watched first, read again after: a write in between is either seen in the copy or reported.
        int inFirst = Math.Min(_decoded.Length, firstPage);
        ulong chunks = CodeWatch.Mask(physical, inFirst) | _decoded.LookedAt;
        _watch.Watch(page, chunks, this);
        bool changing = _watch.KeepsChanging(page) || (secondPage != ulong.MaxValue && _watch.KeepsChanging(secondPage));
        if (_decodedChanging != changing || (!_decodedChanging && !IsUnchanged(page, chunks)))
        {
            return TryCopyCode(limit, out firstPage, out secondPage);
        }

        if (_decoded.Length > firstPage)
        {
            _watch.Watch(secondPage, CodeWatch.Mask(secondPage, _decoded.Length - firstPage), this);
        }

        return true;
    }

    /// <summary>Whether chunks of a page in RAM are what the copy of it says.</summary>
    private bool IsUnchanged(ulong page, ulong chunks)
    {
        if (!_bus.Ram.TryGetHostAddress(page, 4096, out byte* host))
        {
            return false;
        }

        for (ulong left = chunks; left != 0; left &= left - 1)
        {
            int offset = System.Numerics.BitOperations.TrailingZeroCount(left) * 64;
            if (!new ReadOnlySpan<byte>(host + offset, 64).SequenceEqual(_decoded.Code.Page.Slice(offset, 64)))
            {
                return false;
            }
        }

        return true;
    }
}
