using System.Collections.Immutable;
using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Translation.Operations;
using Nacelle.Translation.State;

namespace Nacelle.Translation.Runtime;

/// <summary>
/// Tells from an instruction and the registers around it whether it has touched watched data. Memory that the processor reads or
/// writes by itself (descriptor tables, interrupt frames) is not seen; of a masked operand, a gather or a scatter only what the mask
/// selects counts. Owned by the vCPU's thread.
/// </summary>
internal sealed unsafe class WatchedAccesses(TranslatorContext* context, MaskedMemory masked)
{
    /// <summary>Taken for accesses whose size is in no table: XSAVE and its like.</summary>
    private const ulong LargestSize = 4096;

    private readonly InstructionInfoFactory _information = new();
    private readonly List<Access> _accesses = [];
    private readonly List<(ulong Address, int Size)> _elements = [];
    private Instruction _repeated;
    private bool _isRepeated;
    private ulong _countBefore;

    /// <summary>Looks at an instruction before it is executed.</summary>
    public void Begin(in Instruction instruction)
    {
        _accesses.Clear();
        if (instruction.IsInvalid || instruction.Mnemonic is Mnemonic.Lea or Mnemonic.Nop)
        {
            return;
        }

        _isRepeated = instruction.IsStringInstruction && (instruction.HasRepPrefix || instruction.HasRepnePrefix);
        if (masked.TryList(instruction, _elements))
        {
            bool stores = instruction.Op0Kind == OpKind.Memory;
            foreach ((ulong address, int size) in _elements)
            {
                _accesses.Add(new Access(address, (ulong)size, Reads: !stores, Writes: stores));
            }

            return;
        }

        foreach (UsedMemory memory in _information.GetInfo(instruction).GetUsedMemory())
        {
            bool reads = memory.Access is OpAccess.Read or OpAccess.CondRead or OpAccess.ReadWrite or OpAccess.ReadCondWrite;
            bool writes = memory.Access is OpAccess.Write or OpAccess.CondWrite or OpAccess.ReadWrite or OpAccess.ReadCondWrite;
            if ((reads || writes) && memory.TryGetVirtualAddress(0, out ulong address, TryGetRegister))
            {
                // Of a repeated instruction the decoder tells no size, for it depends on a register.
                ulong size = (ulong)(_isRepeated ? instruction.MemorySize : memory.MemorySize).GetSize();
                _accesses.Add(new Access(address, size == 0 ? LargestSize : size, reads, writes));
            }
        }

        if (_isRepeated)
        {
            _repeated = instruction;
            _countBefore = Count(instruction);
        }
    }

    /// <summary>Finds the first watchpoint that the instruction has touched; null for none.</summary>
    /// <param name="watchpoints">What is watched.</param>
    /// <param name="completed">Whether it was completed. Of a repeated one the elements before its end count even so.</param>
    public Watchpoint? Find(ImmutableArray<Watchpoint> watchpoints, bool completed)
    {
        ulong elements = _isRepeated ? _countBefore - Count(_repeated) : completed ? 1UL : 0;
        if (elements == 0)
        {
            return null;
        }

        foreach (Access access in _accesses)
        {
            ulong size = access.Size * elements;
            ulong address = _isRepeated && context->DirectionFlag != 0 ? access.Address + access.Size - size : access.Address;
            foreach (Watchpoint watchpoint in watchpoints)
            {
                bool wanted = watchpoint.Kind switch
                {
                    WatchpointKind.Write => access.Writes,
                    WatchpointKind.Read => access.Reads,
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

    /// <summary>An access of the instruction; of a repeated one that of its first element.</summary>
    private readonly record struct Access(ulong Address, ulong Size, bool Reads, bool Writes);
}
