using System.Runtime.ExceptionServices;
using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Translation.Cache;
using Nacelle.Translation.Emit;
using Nacelle.Translation.Operations;
using Nacelle.Translation.Signals;
using Nacelle.Translation.State;

namespace Nacelle.Translation.Runtime;

internal sealed unsafe partial class TranslatorVirtualCpu
{
    private int _pendingLink = -1;
    private ExceptionDispatchInfo? _defect;

    /// <summary>Keeps an exception that cannot pass through translated code; <see cref="Run"/> throws it.</summary>
    internal void NoteDefect(Exception error) => _defect = ExceptionDispatchInfo.Capture(error);

    /// <inheritdoc/>
    public VirtualCpuExit Run()
    {
        _parked = false;
        try
        {
            return RunUntilExit();
        }
        finally
        {
            _clock?.End();
            _parked = true;
        }
    }

    private VirtualCpuExit RunUntilExit()
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
                    _clock?.End();
                    Wait();
                    continue;
                }
            }

            RefreshStaleMode();
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

            if (_forced is not null && _forced.IsDue())
            {
                EvictAtRandom();
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
                if ((_debug is null || _debug.MayLink(block.Rip)) && _links[_pendingLink].IsRelative == block.Mode.IsRelative)
                {
                    _blocks.Connect(_pendingLink, block);
                }

                _pendingLink = -1;
            }

            _system.InterruptShadow = false;
            _midRepeat = false;
            _context->CodePage = _context->Registers.Rip & ~0xFFFUL;
            _clock?.End();
            ExitReason reason = Enter(block.HostCode);
            _clock?.Begin(reason);
            EndWriting();
            if (HandleExit(reason) is VirtualCpuExit end)
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

    /// <summary>Ends what emitted code claimed to write, unless somebody who has seen a claim waits to be told of it.</summary>
    private void EndWriting()
    {
        if (_memory.IsWriting)
        {
            // What was written comes before the look at the requests: who asks later reads it.
            Interlocked.MemoryBarrier();
            if (_codeRequests.IsEmpty && !_forgetsCode)
            {
                _memory.EndWriting();
            }
        }
    }

    private void Wait()
    {
        _parked = true;
        Interlocked.MemoryBarrier();
        DropChangedCode();
        _wake.Wait();
        _parked = false;
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
                ulong target = link.IsRelative ? _context->CodePage | (link.TargetRip & 0xFFF) : link.TargetRip;
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
                _context->Registers.Rip = Truncate(_context->Registers.Rip);
                _stepCompleted = true;
                return null;
            case ExitReason.Stale:
                _counters.StaleExits++;
                DropStale(_blocks[(int)(uint)_context->ExitArgument]);
                return null;
            case ExitReason.Roaming:
                _counters.RoamingExits++;
                NoteRoaming(_blocks[(int)(uint)_context->ExitArgument], (int)(_context->ExitArgument >> 32));
                return null;
            case ExitReason.Attention:
                _counters.AttentionExits++;

                _context->Registers.Rip = Truncate(_context->Registers.Rip);

                // A block may ask for attention before it has begun.
                _stepCompleted = _context->Registers.Rip != _step.IP;
                ReleaseInterrupts();
                return null;
            case ExitReason.Operation:
                _counters.OperationExits++;
                return Operate(AtRip(_blocks[(int)(uint)_context->ExitArgument].Operation));
            case ExitReason.Repeated:
                _counters.OperationExits++;
                uint repeated = (uint)_context->ExitArgument;
                return Operate(AtRip(_blocks[(int)(repeated >> Block.RepeatedBits)].Repeated[repeated & ((1 << Block.RepeatedBits) - 1)]));
            case ExitReason.Fault:
                _counters.FaultExits++;
                return TakeAccessFault();
            case ExitReason.Careful:
                _counters.CarefulExits++;
                return OperateAtRip();
            case ExitReason.HostFault:
                _counters.HostFaultExits++;
                return TakeHostFault();
            case ExitReason.Defect:
                _defect!.Throw();
                return null;
            default:
                return Failure($"translated code returned {reason}");
        }
    }

    private VirtualCpuExit? Operate(in Instruction instruction)
    {
        JoinFlags();
        _context->Registers.Rip = instruction.IP;
        bool blocked = _system.NmiBlocked;
        OperationResult result = _operations.Execute(instruction, oneElement: _memory.Mode.IsSingleStep);
        if (blocked && !_system.NmiBlocked)
        {
            // Another non-maskable interrupt may have waited for this IRET.
            LocalInterrupts?.EndNonMaskable();
            StopTranslatedCode();
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
                _stepCompleted = true;
                _midRepeat = true;
                break;
            case OperationResult.Fault:
                SplitFlags();
                return Deliver(Refine(_memory.PendingFault, instruction)) ? null : TripleFault();
            case OperationResult.Shutdown:
                return TripleFault();
            case OperationResult.Careful:
                SplitFlags();
                return Careful(Prepare(instruction));
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
        if (_context->ExitArgument >> 56 == Fault.PageFault)
        {
            // A non-canonical address that an empty entry of the soft TLB matched.
            return OperateAtRip();
        }

        return Deliver(HostFaults.Translate(_context->ExitArgument)) ? null : TripleFault();
    }

    /// <summary>
    /// Makes the mode what the last instruction has left. What is delivered right after an instruction that changed the privilege
    /// level reads tables and pushes frames at the new one.
    /// </summary>
    private void RefreshStaleMode()
    {
        if (_modeStale)
        {
            RefreshMode();
        }
    }

    private bool Deliver(Fault fault)
    {
        _pendingLink = -1;
        _counters.Deliveries++;
        RefreshStaleMode();
        JoinFlags();
        Delivery outcome = _system.DeliverFault(fault, _context->Registers.Rip);
        _midRepeat = false;
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
        RefreshStaleMode();
        JoinFlags();
        _context->Registers.Rflags |= _midRepeat ? Cpu.RflagsBits.Resume : 0;
        Delivery outcome = _system.DeliverInterrupt(vector, kind, _context->Registers.Rip);
        _midRepeat = false;
        SplitFlags();
        return outcome == Delivery.Delivered;
    }
}
