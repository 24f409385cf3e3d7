using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Translation.Cache;
using Nacelle.Translation.Frontend;
using Nacelle.Translation.Operations;
using Nacelle.Translation.Signals;
using Nacelle.Translation.State;

namespace Nacelle.Translation.Runtime;

/// <content>The careful way: accesses across pages, to devices and to watched code, through the bounce buffer.</content>
internal sealed unsafe partial class TranslatorVirtualCpu
{
    private readonly HiddenVectors _hidden;
    private readonly CarefulCode?[] _careful = new CarefulCode?[CarefulCode.Count];

    /// <summary>Carries out the one instruction at RIP.</summary>
    private VirtualCpuExit? OperateAtRip()
    {
        ulong rip = _context->Registers.Rip;
        ExecutionMode mode = _memory.Mode;
        if (_careful[CarefulCode.SlotOf(rip)] is CarefulCode known && known.IsFor(rip, mode, CodeAt(rip, mode)))
        {
            return Careful(known);
        }

        if (!TryCopyCode(1, out _, out _))
        {
            return Deliver(_memory.PendingFault) ? null : TripleFault();
        }

        Instruction instruction = _decoded.Instructions[0];
        return _decoded.Kinds[0] is InstructionKind.Generic ? Careful(Prepare(instruction)) : Operate(instruction);
    }

    /// <summary>The code in RAM at an address up to the end of its page; empty where it cannot be fetched.</summary>
    private ReadOnlySpan<byte> CodeAt(ulong rip, ExecutionMode mode)
    {
        ulong linear = mode.IsLong ? rip : (uint)(_context->Registers.Cs.Base + rip);
        int length = (int)Math.Min(15, 4096 - (linear & 0xFFF));
        return _memory.TryTranslateCode(linear, out ulong physical) && _bus.Ram.TryGetHostAddress(physical, (ulong)length, out byte* host)
            ? new ReadOnlySpan<byte>(host, length)
            : default;
    }

    private CarefulCode Prepare(in Instruction instruction)
    {
        AccessKind access = _translator.AccessOf(instruction);
        bool bulk = instruction.Mnemonic is Mnemonic.Xsave or Mnemonic.Xsave64 or Mnemonic.Xsavec or Mnemonic.Xsavec64
            or Mnemonic.Xsaveopt or Mnemonic.Xsaveopt64 or Mnemonic.Xrstor or Mnemonic.Xrstor64;
        Instruction executed = instruction;
        if (bulk)
        {
            // Never the modified optimisation, which would take the bounce buffer for the area of another XRSTOR.
            access = instruction.Mnemonic is Mnemonic.Xrstor or Mnemonic.Xrstor64 ? AccessKind.Read : AccessKind.Read | AccessKind.Write;
            executed.Code = instruction.Mnemonic switch
            {
                Mnemonic.Xsaveopt => Code.Xsave_mem,
                Mnemonic.Xsaveopt64 => Code.Xsave64_mem,
                _ => instruction.Code,
            };
        }

        int slot = CarefulCode.SlotOf(instruction.IP);
        int position = _emit.Position;
        _emit.Position = _carefulStart + (slot * CarefulCode.Size);
        ulong code = _translator.TranslateCareful(executed, _memory.Mode);
        if (_emit.Position > _carefulStart + ((slot + 1) * CarefulCode.Size))
        {
            throw new InvalidOperationException($"'{instruction}' takes more room than the careful way has");
        }

        _emit.Position = position;
        CarefulCode result = _careful[slot] ??= new CarefulCode();
        result.Set(instruction, _memory.Mode, CodeAt(instruction.IP, _memory.Mode), access, bulk, code);
        return result;
    }

    /// <summary>Carries out plain computation with its memory operand in the bounce buffer.</summary>
    private VirtualCpuExit? Careful(CarefulCode code)
    {
        if (code.Form.IsMasked)
        {
            return CarefulMasked(code);
        }

        Instruction instruction = code.Instruction;
        AccessKind access = code.Access;
        int size = (ushort)access;
        ulong rax = _context->Registers.General[0];
        ulong rdx = _context->Registers.General[2];
        ulong requested = 0;
        if (code.IsBulk)
        {
            // Only what the guest has enabled, whatever the host has.
            requested = ((uint)rax | (rdx << 32)) & _context->Registers.Xcr0;
            _context->Registers.General[0] = (uint)requested;
            _context->Registers.General[2] = requested >> 32;
            size = ExtendedStateArea.SizeOf(instruction, requested);
        }

        bool writes = (access & AccessKind.Write) != 0;
        ulong address = 0;
        bool located = access == 0 || _operations.Operands.TryLocate(instruction, size, writes, out address);
        bool misaligned = located && Alignment.IsVector(size) && !code.IsBulk && _operations.Operands.IsMisaligned(address, 16);
        if (misaligned)
        {
            located = false;
            _memory.PendingFault = IsRefusedForAlignment(code, address, size) ? Fault.GeneralProtectionFault() : new Fault(Fault.AlignmentCheck, true);
        }

        byte* bounce = ContextOffsets.Bounce(_context) + (address & 63);
        _context->BouncePointer = (ulong)bounce;

        // A store of the x87 that raises an exception writes nothing, so what is there has to be in the buffer.
        bool reads = (access & AccessKind.Read) != 0 || (writes && VectorInstructions.NeedsState(instruction));
        bool ready = access == 0 || (located && !(reads || writes))
            || (located && (!writes || _memory.TryProbeWrite(address, size)) && (!reads || _memory.TryCopyIn(_memory.CurrentTlb, address, bounce, size)));
        ExitReason reason = ExitReason.Attention;
        if (ready)
        {
            bool hides = !_memory.Mode.IsLong && HiddenVectors.Concerns(instruction);
            _context->Registers.Rip = instruction.IP;
            if (hides)
            {
                _hidden.Keep(instruction, new ReadOnlySpan<byte>(bounce, size));
            }

            reason = Enter(code.HostCode);
            if (hides && reason == ExitReason.Attention)
            {
                _hidden.Restore(instruction, requested, new Span<byte>(bounce, size));
            }
        }

        if (code.IsBulk)
        {
            _context->Registers.General[0] = rax;
            _context->Registers.General[2] = rdx;
        }

        if (!ready || (writes && reason == ExitReason.Attention && !_memory.TryCopyOut(_memory.CurrentTlb, address, bounce, size)))
        {
            _context->Registers.Rip = instruction.IP;
            Fault fault = _memory.PendingFault;
            fault = located && IsRefusedForAlignment(code, address, size) ? Fault.GeneralProtectionFault() : Refine(fault, instruction);
            return Deliver(fault) ? null : TripleFault();
        }

        if (reason == ExitReason.HostFault)
        {
            _context->Registers.Rip = instruction.IP;
            return Deliver(HostFaults.Translate(_context->ExitArgument)) ? null : TripleFault();
        }

        _stepCompleted = true;
        return null;
    }
}
