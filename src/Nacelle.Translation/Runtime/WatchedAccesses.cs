using System.Collections.Immutable;
using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Translation.State;

namespace Nacelle.Translation.Runtime;

/// <summary>
/// Tells from an instruction and the registers before it whether it touches watched data. Memory that the processor reads or
/// writes by itself (descriptor tables, interrupt frames) and elements of gathers and scatters are not seen. Owned by the vCPU's
/// thread.
/// </summary>
internal sealed unsafe class WatchedAccesses(TranslatorContext* context)
{
    /// <summary>Taken for accesses whose size is in no table: XSAVE and its like.</summary>
    private const ulong LargestSize = 4096;

    private readonly InstructionInfoFactory _information = new();

    /// <summary>Finds the first watchpoint that the instruction touches if it completes; null for none.</summary>
    public Watchpoint? Find(in Instruction instruction, ImmutableArray<Watchpoint> watchpoints)
    {
        if (instruction.IsInvalid || instruction.Mnemonic is Mnemonic.Lea or Mnemonic.Nop)
        {
            return null;
        }

        InstructionInfo information = _information.GetInfo(instruction);
        foreach (UsedMemory memory in information.GetUsedMemory())
        {
            bool reads = memory.Access is OpAccess.Read or OpAccess.CondRead or OpAccess.ReadWrite or OpAccess.ReadCondWrite;
            bool writes = memory.Access is OpAccess.Write or OpAccess.CondWrite or OpAccess.ReadWrite or OpAccess.ReadCondWrite;
            if (!(reads || writes) || !memory.TryGetVirtualAddress(0, out ulong address, TryGetRegister))
            {
                continue;
            }

            ulong size = (ulong)memory.MemorySize.GetSize();
            size = size == 0 ? LargestSize : size;
            if (instruction.IsStringInstruction && (instruction.HasRepPrefix || instruction.HasRepnePrefix))
            {
                ulong left = Count(instruction);
                if (left == 0)
                {
                    continue;
                }

                ulong all = left > ulong.MaxValue / size ? ulong.MaxValue : left * size;
                address = context->DirectionFlag != 0 ? address + size - all : address;
                size = all;
            }

            foreach (Watchpoint watchpoint in watchpoints)
            {
                bool wanted = watchpoint.Kind switch
                {
                    WatchpointKind.Write => writes,
                    WatchpointKind.Read => reads,
                    _ => true,
                };
                if (wanted && (watchpoint.Address - address < size || address - watchpoint.Address < (ulong)watchpoint.Length))
                {
                    return watchpoint;
                }
            }
        }

        return null;
    }

    private ulong Count(in Instruction instruction)
    {
        ulong rcx = context->Registers.General[(int)GeneralRegister.Rcx];
        bool wide = instruction.Op0Kind is OpKind.MemorySegRSI or OpKind.MemoryESRDI or OpKind.MemorySegRDI
            || instruction.Op1Kind is OpKind.MemorySegRSI or OpKind.MemoryESRDI or OpKind.MemorySegRDI;
        bool narrow = instruction.Op0Kind is OpKind.MemorySegSI or OpKind.MemoryESDI or OpKind.MemorySegDI
            || instruction.Op1Kind is OpKind.MemorySegSI or OpKind.MemoryESDI or OpKind.MemorySegDI;
        return wide ? rcx : narrow ? (ushort)rcx : (uint)rcx;
    }

    private bool TryGetRegister(Register register, int elementIndex, int elementSize, out ulong value)
    {
        value = 0;
        if (register.IsSegmentRegister())
        {
            ref SegmentRegister segment = ref context->Registers.Segment((SegmentName)register.GetNumber());
            bool flat = context->Registers.Cs.IsLong && context->Registers.IsLongModeActive && register is not (Register.FS or Register.GS);
            value = flat ? 0 : segment.Base;
            return true;
        }

        if (!register.IsGPR())
        {
            return false;
        }

        ulong full = context->Registers.General[register.GetFullRegister().GetNumber()];
        value = register.GetSize() switch
        {
            8 => full,
            4 => (uint)full,
            2 => (ushort)full,
            _ => full,
        };
        return true;
    }
}
