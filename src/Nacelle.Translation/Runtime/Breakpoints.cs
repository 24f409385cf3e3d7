using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Translation.Operations;
using Nacelle.Translation.State;

namespace Nacelle.Translation.Runtime;

/// <summary>
/// Compares instructions with the breakpoints of DR0 to DR3 (SDM volume 3, 17.2). What the processor reads or writes by itself,
/// such as descriptor tables, is not seen; of a masked operand, a gather or a scatter only what the mask selects counts. Owned by the
/// vCPU's thread.
/// </summary>
internal sealed unsafe class Breakpoints(TranslatorContext* context, MaskedMemory masked)
{
    private const int OnExecution = 0;
    private const int OnWrite = 1;
    private const int OnPort = 2;
    private const int OnAny = 3;
    private readonly InstructionInfoFactory _information = new();
    private readonly List<(ulong Address, int Size)> _elements = [];

    /// <summary>Breakpoints on an instruction.</summary>
    /// <param name="linear">Its address.</param>
    /// <returns>Bits of DR6.</returns>
    public ulong OnInstruction(ulong linear)
    {
        ulong hits = 0;
        for (int i = 0; i < 4; i++)
        {
            hits |= KindOf(i) == OnExecution && context->Registers.Breakpoint(i) == linear ? 1UL << i : 0;
        }

        return hits;
    }

    /// <summary>Breakpoints on the data that an instruction is about to touch, or on its port.</summary>
    /// <returns>Bits of DR6.</returns>
    public ulong OnData(in Instruction instruction)
    {
        if ((context->Registers.BreakpointControl & 0xFF) == 0 || instruction.IsInvalid
            || instruction.Mnemonic is Mnemonic.Lea or Mnemonic.Nop)
        {
            return 0;
        }

        bool repeated = instruction.IsStringInstruction && (instruction.HasRepPrefix || instruction.HasRepnePrefix);
        if (repeated && StringOperations.CountOf(instruction, context->Registers.General[(int)GeneralRegister.Rcx]) == 0)
        {
            return 0;
        }

        ulong hits = OnPorts(instruction);
        if (masked.TryList(instruction, _elements))
        {
            foreach ((ulong address, int size) in _elements)
            {
                hits |= OnAccess(address, (ulong)size, writes: instruction.Op0Kind == OpKind.Memory);
            }

            return hits;
        }

        foreach (UsedMemory memory in _information.GetInfo(instruction).GetUsedMemory())
        {
            bool writes = memory.Access is OpAccess.Write or OpAccess.CondWrite or OpAccess.ReadWrite or OpAccess.ReadCondWrite;
            bool reads = memory.Access is OpAccess.Read or OpAccess.CondRead or OpAccess.ReadWrite or OpAccess.ReadCondWrite;
            if ((!reads && !writes) || !memory.TryGetVirtualAddress(0, out ulong address, TryGetRegister))
            {
                continue;
            }

            // Of a repeated instruction the decoder tells no size, for it depends on a register; elements are made one by one.
            hits |= OnAccess(address, (ulong)Math.Max((repeated ? instruction.MemorySize : memory.MemorySize).GetSize(), 1), writes);
        }

        return hits;
    }

    private ulong OnAccess(ulong address, ulong size, bool writes)
    {
        ulong hits = 0;
        for (int i = 0; i < 4; i++)
        {
            int kind = KindOf(i);
            bool wanted = kind == OnAny || (kind == OnWrite && writes);
            hits |= wanted && Overlaps(i, address, size) ? 1UL << i : 0;
        }

        return hits;
    }

    private ulong OnPorts(in Instruction instruction)
    {
        const ulong debugExtensions = 8;
        bool transfers = instruction.Mnemonic is Mnemonic.In or Mnemonic.Out or Mnemonic.Insb or Mnemonic.Insw or Mnemonic.Insd
            or Mnemonic.Outsb or Mnemonic.Outsw or Mnemonic.Outsd;
        if (!transfers || (context->Registers.Cr4 & debugExtensions) == 0)
        {
            return 0;
        }

        bool constant = instruction.Op0Kind == OpKind.Immediate8 || instruction.Op1Kind == OpKind.Immediate8;
        ulong port = constant ? instruction.Immediate8 : (ushort)context->Registers.General[(int)GeneralRegister.Rdx];
        ulong size = instruction.Mnemonic switch
        {
            Mnemonic.In => (ulong)instruction.Op0Register.GetSize(),
            Mnemonic.Out => (ulong)instruction.Op1Register.GetSize(),
            _ => (ulong)instruction.MemorySize.GetSize(),
        };
        ulong hits = 0;
        for (int i = 0; i < 4; i++)
        {
            hits |= KindOf(i) == OnPort && Overlaps(i, port, size) ? 1UL << i : 0;
        }

        return hits;
    }

    /// <summary>R/W of an enabled breakpoint; -1 of one that is not.</summary>
    private int KindOf(int number)
    {
        ulong control = context->Registers.BreakpointControl;
        return ((control >> (number * 2)) & 3) == 0 ? -1 : (int)(control >> (16 + (number * 4))) & 3;
    }

    private bool Overlaps(int number, ulong address, ulong size)
    {
        ulong length = ((context->Registers.BreakpointControl >> (18 + (number * 4))) & 3) switch { 0 => 1UL, 1 => 2, 2 => 8, _ => 4 };
        ulong start = context->Registers.Breakpoint(number) & ~(length - 1);
        return start - address < size || address - start < length;
    }

    private bool TryGetRegister(Register register, int elementIndex, int elementSize, out ulong value)
    {
        value = 0;
        if (register.IsSegmentRegister())
        {
            bool flat = context->Registers.IsLongModeActive && context->Registers.Cs.IsLong && register is not (Register.FS or Register.GS);
            value = flat ? 0 : context->Registers.Segment((SegmentName)register.GetNumber()).Base;
            return true;
        }

        if (!register.IsGPR())
        {
            return false;
        }

        ulong full = context->Registers.General[register.GetFullRegister().GetNumber()];
        value = register.GetSize() switch { 2 => (ushort)full, 4 => (uint)full, _ => full };
        return true;
    }
}
