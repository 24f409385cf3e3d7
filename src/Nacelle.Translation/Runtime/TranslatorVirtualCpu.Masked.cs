using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Translation.Operations;
using Nacelle.Translation.Signals;
using Nacelle.Translation.State;

namespace Nacelle.Translation.Runtime;

/// <content>The careful way of masked operands: only what the mask selects is looked at, read and written.</content>
internal sealed unsafe partial class TranslatorVirtualCpu
{
    /// <summary>Carries out an instruction with a masked memory operand.</summary>
    private VirtualCpuExit? CarefulMasked(CarefulCode code)
    {
        Instruction instruction = code.Instruction;
        MaskedForm form = code.Form;
        MaskedMemory masked = _operations.Masked;
        OperandAccess operands = _operations.Operands;
        int size = (ushort)code.Access;
        bool writes = (code.Access & AccessKind.Write) != 0;
        ulong mask = masked.MaskOf(instruction, form);
        ulong touched = form.Touched(mask);
        ulong address = operands.LinearAddress(instruction);
        byte* bounce = ContextOffsets.Bounce(_context) + (address & 63);
        new Span<byte>(bounce, size).Clear();
        _context->BouncePointer = (ulong)bounce;

        bool ready = !operands.IsMisaligned(address, AlignmentOf(code, touched));
        if (!ready)
        {
            _memory.PendingFault = new Fault(Fault.AlignmentCheck, true);
        }

        ready = ready && masked.TryProbe(instruction, form.ElementSize, touched, writes)
            && (writes || masked.TryCopy(instruction, form.ElementSize, touched, write: false, bounce));
        ExitReason reason = ExitReason.Attention;
        if (ready)
        {
            _context->Registers.Rip = instruction.IP;
            reason = Enter(code.HostCode);
        }

        if (!ready || (writes && reason == ExitReason.Attention
            && !masked.TryCopy(instruction, form.ElementSize, form.Selected(mask), write: true, bounce)))
        {
            _context->Registers.Rip = instruction.IP;
            Fault fault = _memory.PendingFault;
            fault = IsRefusedForAlignment(code, address, size) ? Fault.GeneralProtectionFault() : Refine(fault, instruction);
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

    /// <summary>
    /// What #AC wants of a masked operand, as AMD's processors have it: what an element does, for they make the access element by
    /// element once it cannot be made at once; VMASKMOV nothing.
    /// </summary>
    private static int AlignmentOf(CarefulCode code, ulong touched)
    {
        int size = (ushort)code.Access;
        return touched == 0 || code.Instruction.Encoding == EncodingKind.VEX ? 1
            : code.Form.Shape != MaskedShape.Whole ? code.Form.ElementSize
            : Alignment.IsVector(size) ? 16 : Alignment.OfOperand(size);
    }
}
