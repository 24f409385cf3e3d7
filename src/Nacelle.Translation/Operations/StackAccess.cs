using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Translation.Memory;
using Nacelle.Translation.State;

namespace Nacelle.Translation.Operations;

/// <summary>The guest's stack at the width of the present mode. Owned by the vCPU's thread.</summary>
internal sealed unsafe class StackAccess(TranslatorContext* context, LinearMemory memory, OperandAccess operands)
{
    private const int Rsp = (int)GeneralRegister.Rsp;

    /// <summary>Pushes; RSP changes only when the write succeeded.</summary>
    public bool TryPush(int size, ulong value)
    {
        ulong pointer = Truncate(context->Registers.General[Rsp] - (ulong)size);
        if (!operands.TryLocate(Register.SS, pointer, size, write: true, out ulong address)
            || !memory.TryWrite(address, size, LinearAccess.Ordinary, value))
        {
            return false;
        }

        SetPointer(pointer);
        return true;
    }

    /// <summary>Reads a value above the top without popping it.</summary>
    public bool TryPeek(int offset, int size, out ulong value)
    {
        value = 0;
        ulong pointer = Truncate(context->Registers.General[Rsp] + (ulong)offset);
        return operands.TryLocate(Register.SS, pointer, size, write: false, out ulong address)
            && memory.TryRead(address, size, LinearAccess.Ordinary, out value);
    }

    /// <summary>Moves the stack pointer up.</summary>
    public void Release(int bytes) => SetPointer(Truncate(context->Registers.General[Rsp] + (ulong)bytes));

    /// <summary>Sets the stack pointer; bits beyond the stack's width are kept.</summary>
    public void SetPointer(ulong value)
    {
        ref ulong rsp = ref context->Registers.General[Rsp];
        rsp = memory.Mode.IsLong ? value
            : context->Registers.Ss.IsDefault32 ? (uint)value
            : (rsp & ~0xFFFFUL) | (ushort)value;
    }

    /// <summary>Cuts an offset to the stack's width (SDM volume 1, 6.2.3).</summary>
    public ulong Truncate(ulong value) =>
        memory.Mode.IsLong ? value : context->Registers.Ss.IsDefault32 ? (uint)value : (ushort)value;
}
