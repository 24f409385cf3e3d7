using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Translation.Frontend;
using Nacelle.Translation.Operations;
using Nacelle.Translation.Signals;
using Nacelle.Translation.State;

namespace Nacelle.Translation.Runtime;

/// <content>Which exception a refused memory access raises, where that depends on the instruction.</content>
internal sealed unsafe partial class TranslatorVirtualCpu
{
    /// <summary>Delivers the fault of an access that translated code made at RIP.</summary>
    private VirtualCpuExit? TakeAccessFault()
    {
        const int smallestAligned = 16;
        Fault fault = _memory.PendingFault;
        bool depends = fault.Vector == Fault.GeneralProtection || (ushort)_context->AccessKind >= smallestAligned || IsUnitWaiting;
        if (depends && TryCopyCode(1, out _, out _))
        {
            Instruction instruction = _decoded.Instructions[0];
            ulong address = _operations.Operands.LinearAddress(instruction);
            int size = instruction.MemorySize.GetSize();
            fault = size >= smallestAligned && _decoded.Kinds[0] == InstructionKind.Generic
                && IsRefusedForAlignment(Prepare(instruction), address, size)
                ? Fault.GeneralProtectionFault()
                : Refine(fault, instruction);
        }

        return Deliver(fault) ? null : TripleFault();
    }

    /// <summary>Whether the x87 has an exception to raise: the summary bit of its status word.</summary>
    private bool IsUnitWaiting
    {
        get
        {
            byte* state = ContextOffsets.ExtendedState(_context);
            return (*(ulong*)(state + 512) & 1) != 0 && (state[2] & 0x80) != 0;
        }
    }

    /// <summary>A pending #MF comes before the fault of an operand; the #GP of a non-canonical address is an #SS where it is the stack's.</summary>
    private Fault Refine(in Fault fault, in Instruction instruction)
    {
        if (IsUnitWaiting && VectorInstructions.WaitsForUnit(instruction))
        {
            return new Fault(Fault.FloatingPoint);
        }

        if (fault.Vector != Fault.GeneralProtection || fault.Address == 0 || !_memory.Mode.IsLong)
        {
            return fault;
        }

        ulong rsp = _context->Registers.General[(int)GeneralRegister.Rsp];
        ulong rbp = _context->Registers.General[(int)GeneralRegister.Rbp];
        return OperandRules.IsStackAccess(instruction, fault.Address, rsp, rbp) ? new Fault(Fault.StackFault, true) : fault;
    }

    /// <summary>
    /// Whether an instruction refuses its operand for its alignment, which comes before any page fault. Processors do not agree
    /// on the details, so the host is asked: the instruction runs on a buffer that is misaligned in the same way, and all it
    /// does is undone.
    /// </summary>
    private bool IsRefusedForAlignment(CarefulCode code, ulong address, int size)
    {
        const int smallestAligned = 16;
        const ulong alignments = 63;
        if (size < smallestAligned || (address & Math.Min((ulong)size - 1, alignments)) == 0)
        {
            return false;
        }

        CpuRegisters registers = _context->Registers;
        ulong flags = _context->HostFlags;
        Span<byte> state = new(ContextOffsets.ExtendedState(_context), TranslatorContext.ExtendedStateSize);
        byte[] kept = state.ToArray();
        byte* buffer = ContextOffsets.Bounce(_context) + (address & alignments);
        new Span<byte>(buffer, size).Clear();
        _context->BouncePointer = (ulong)buffer;
        ExitReason reason = Enter(code.HostCode);
        bool refused = reason == ExitReason.HostFault && HostFaults.Translate(_context->ExitArgument).Vector == Fault.GeneralProtection;
        _context->Registers = registers;
        _context->HostFlags = flags;
        kept.CopyTo(state);
        return refused;
    }
}
