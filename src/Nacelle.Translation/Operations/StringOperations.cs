using System.Runtime.CompilerServices;
using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Translation.Memory;
using Nacelle.Translation.State;

namespace Nacelle.Translation.Operations;

/// <summary>
/// MOVS, STOS, LODS, CMPS, SCAS, INS and OUTS with and without repeat prefix. A fault in the middle leaves the registers at the
/// element that faulted, so that the instruction goes on from there (SDM volume 2, REP). Owned by the vCPU's thread.
/// </summary>
internal sealed unsafe class StringOperations(
    TranslatorContext* context, LinearMemory memory, OperandAccess operands, IProcessorEnvironment ports)
{
    /// <summary>Most elements that are done before interrupts are looked at.</summary>
    public const ulong MostElements = 1 << 16;

    private const int Rcx = (int)GeneralRegister.Rcx;
    private const int Rsi = (int)GeneralRegister.Rsi;
    private const int Rdi = (int)GeneralRegister.Rdi;

    /// <summary>Carries out as much as may be done before interrupts are looked at again.</summary>
    /// <param name="instruction">The instruction.</param>
    /// <param name="most">Most elements to do; at least one.</param>
    /// <param name="finished">Whether it is complete; otherwise RIP stays.</param>
    /// <returns>False for a fault.</returns>
    public bool TryExecute(in Instruction instruction, ulong most, out bool finished)
    {
        int size = ElementSize(instruction.Mnemonic);
        int addressSize = AddressSize(instruction);
        bool repeated = instruction.HasRepPrefix || instruction.HasRepnePrefix;
        finished = true;
        ulong count = repeated ? Cut(context->Registers.General[Rcx], addressSize) : 1;
        if (count == 0)
        {
            return true;
        }

        ulong left = Math.Min(count, most);
        finished = left == count;
        while (left != 0)
        {
            ulong done = 1;
            bool stop = false;
            bool succeeded = instruction.Mnemonic switch
            {
                Mnemonic.Movsb or Mnemonic.Movsw or Mnemonic.Movsd or Mnemonic.Movsq => Move(instruction, size, addressSize, left, out done),
                Mnemonic.Stosb or Mnemonic.Stosw or Mnemonic.Stosd or Mnemonic.Stosq => Store(size, addressSize, left, out done),
                Mnemonic.Lodsb or Mnemonic.Lodsw or Mnemonic.Lodsd or Mnemonic.Lodsq => Load(instruction, size, addressSize),
                Mnemonic.Cmpsb or Mnemonic.Cmpsw or Mnemonic.Cmpsd or Mnemonic.Cmpsq => Compare(instruction, size, addressSize, out stop),
                Mnemonic.Scasb or Mnemonic.Scasw or Mnemonic.Scasd or Mnemonic.Scasq => Scan(instruction, size, addressSize, out stop),
                Mnemonic.Insb or Mnemonic.Insw or Mnemonic.Insd => Input(size, addressSize),
                _ => Output(instruction, size, addressSize),
            };
            if (!succeeded)
            {
                return false;
            }

            left -= done;
            if (repeated)
            {
                Set(Rcx, Cut(context->Registers.General[Rcx], addressSize) - done, addressSize);
            }

            if (stop)
            {
                finished = true;
                break;
            }
        }

        return true;
    }

    /// <summary>How many elements a repeated instruction has still to do.</summary>
    /// <param name="instruction">The instruction.</param>
    /// <param name="rcx">RCX, of which its address size says how much counts.</param>
    public static ulong CountOf(in Instruction instruction, ulong rcx) => Cut(rcx, AddressSize(instruction));

    private static int ElementSize(Mnemonic mnemonic) => mnemonic switch
    {
        Mnemonic.Movsb or Mnemonic.Stosb or Mnemonic.Lodsb or Mnemonic.Cmpsb or Mnemonic.Scasb or Mnemonic.Insb or Mnemonic.Outsb => 1,
        Mnemonic.Movsw or Mnemonic.Stosw or Mnemonic.Lodsw or Mnemonic.Cmpsw or Mnemonic.Scasw or Mnemonic.Insw or Mnemonic.Outsw => 2,
        Mnemonic.Movsq or Mnemonic.Stosq or Mnemonic.Lodsq or Mnemonic.Cmpsq or Mnemonic.Scasq => 8,
        _ => 4,
    };

    private static int AddressSize(in Instruction instruction)
    {
        for (int i = 0; i < instruction.OpCount; i++)
        {
            switch (instruction.GetOpKind(i))
            {
                case OpKind.MemoryESDI or OpKind.MemorySegSI:
                    return 2;
                case OpKind.MemoryESEDI or OpKind.MemorySegESI:
                    return 4;
                case OpKind.MemoryESRDI or OpKind.MemorySegRSI:
                    return 8;
            }
        }

        return 8;
    }

    private static ulong Cut(ulong value, int size) => size switch { 2 => (ushort)value, 4 => (uint)value, _ => value };

    private void Set(int register, ulong value, int size)
    {
        ref ulong target = ref context->Registers.General[register];
        target = size switch { 2 => (target & ~0xFFFFUL) | (ushort)value, 4 => (uint)value, _ => value };
    }

    private void Advance(int register, int addressSize, int size, ulong elements)
    {
        ulong distance = (ulong)size * elements;
        ulong value = context->Registers.General[register];
        Set(register, context->DirectionFlag != 0 ? value - distance : value + distance, addressSize);
    }

    private bool TrySource(in Instruction instruction, int addressSize, int size, out ulong address) =>
        operands.TryLocate(instruction.MemorySegment, Cut(context->Registers.General[Rsi], addressSize), size, write: false, out address);

    private bool TryDestination(int addressSize, int size, bool write, out ulong address) =>
        operands.TryLocate(Register.ES, Cut(context->Registers.General[Rdi], addressSize), size, write, out address);

    private bool Move(in Instruction instruction, int size, int addressSize, ulong left, out ulong done)
    {
        done = 1;
        if (!TrySource(instruction, addressSize, size, out ulong source))
        {
            return false;
        }

        if (!TryDestination(addressSize, size, write: true, out ulong destination))
        {
            // Whatever is wrong with reading the source comes first.
            Fault fault = memory.PendingFault;
            if (memory.TryProbeRead(source, size))
            {
                memory.PendingFault = fault;
            }

            return false;
        }

        ulong run = Run(source, destination, size, addressSize, left);
        run = IsAllowed(instruction.MemorySegment, Rsi, (int)run * size, write: false)
            && IsAllowed(Register.ES, Rdi, (int)run * size, write: true) ? run : 1;
        if (run > 1)
        {
            if (!memory.TryGetPage(source, write: false, out _, out byte* from)
                || !memory.TryGetPage(destination, write: true, out ulong physical, out byte* to))
            {
                return false;
            }

            if (from != null && to != null)
            {
                int bytes = (int)run * size;
                CopyForward(from, to, bytes, size);
                memory.NoteWrite(physical, bytes);
                done = run;
                Advance(Rsi, addressSize, size, run);
                Advance(Rdi, addressSize, size, run);
                return true;
            }
        }

        if (!memory.TryRead(source, size, LinearAccess.Ordinary, out ulong value)
            || !memory.TryWrite(destination, size, LinearAccess.Ordinary, value))
        {
            return false;
        }

        Advance(Rsi, addressSize, size, 1);
        Advance(Rdi, addressSize, size, 1);
        return true;
    }

    private bool Store(int size, int addressSize, ulong left, out ulong done)
    {
        done = 1;
        if (!TryDestination(addressSize, size, write: true, out ulong destination))
        {
            return false;
        }

        ulong value = context->Registers.General[(int)GeneralRegister.Rax];
        ulong run = Run(destination, destination, size, addressSize, left);
        run = IsAllowed(Register.ES, Rdi, (int)run * size, write: true) ? run : 1;
        if (run > 1)
        {
            if (!memory.TryGetPage(destination, write: true, out ulong physical, out byte* to))
            {
                return false;
            }

            if (to != null)
            {
                Fill(to, value, size, (int)run);
                memory.NoteWrite(physical, (int)run * size);
                done = run;
                Advance(Rdi, addressSize, size, run);
                return true;
            }
        }

        if (!memory.TryWrite(destination, size, LinearAccess.Ordinary, value))
        {
            return false;
        }

        Advance(Rdi, addressSize, size, 1);
        return true;
    }

    private bool Load(in Instruction instruction, int size, int addressSize)
    {
        if (!TrySource(instruction, addressSize, size, out ulong source)
            || !memory.TryRead(source, size, LinearAccess.Ordinary, out ulong value))
        {
            return false;
        }

        Register accumulator = size switch { 1 => Register.AL, 2 => Register.AX, 4 => Register.EAX, _ => Register.RAX };
        operands.WriteRegister(accumulator, value);
        Advance(Rsi, addressSize, size, 1);
        return true;
    }

    private bool Compare(in Instruction instruction, int size, int addressSize, out bool stop)
    {
        stop = false;
        if (!TrySource(instruction, addressSize, size, out ulong source)
            || !memory.TryRead(source, size, LinearAccess.Ordinary, out ulong left)
            || !TryDestination(addressSize, size, write: false, out ulong destination)
            || !memory.TryRead(destination, size, LinearAccess.Ordinary, out ulong right))
        {
            return false;
        }

        stop = SetFlags(instruction, left, right, size);
        Advance(Rsi, addressSize, size, 1);
        Advance(Rdi, addressSize, size, 1);
        return true;
    }

    private bool Scan(in Instruction instruction, int size, int addressSize, out bool stop)
    {
        stop = false;
        if (!TryDestination(addressSize, size, write: false, out ulong destination)
            || !memory.TryRead(destination, size, LinearAccess.Ordinary, out ulong right))
        {
            return false;
        }

        ulong left = context->Registers.General[(int)GeneralRegister.Rax];
        stop = SetFlags(instruction, left, right, size);
        Advance(Rdi, addressSize, size, 1);
        return true;
    }

    private bool Input(int size, int addressSize)
    {
        if (!TryDestination(addressSize, size, write: true, out ulong destination)
            || !memory.TryGetPage(destination, write: true, out _, out _))
        {
            return false;
        }

        uint value = ports.ReadPort((ushort)context->Registers.General[(int)GeneralRegister.Rdx], size);
        if (!memory.TryWrite(destination, size, LinearAccess.Ordinary, value))
        {
            return false;
        }

        Advance(Rdi, addressSize, size, 1);
        return true;
    }

    private bool Output(in Instruction instruction, int size, int addressSize)
    {
        if (!TrySource(instruction, addressSize, size, out ulong source)
            || !memory.TryRead(source, size, LinearAccess.Ordinary, out ulong value))
        {
            return false;
        }

        ports.WritePort((ushort)context->Registers.General[(int)GeneralRegister.Rdx], size, (uint)value);
        Advance(Rsi, addressSize, size, 1);
        return true;
    }

    /// <summary>How many elements can be done at one go: forwards, and inside the pages that both addresses are in.</summary>
    private ulong Run(ulong source, ulong destination, int size, int addressSize, ulong left)
    {
        if (context->DirectionFlag != 0 || addressSize == 2)
        {
            return 1;
        }

        ulong room = Math.Min(4096 - (source & 0xFFF), 4096 - (destination & 0xFFF)) / (ulong)size;
        return Math.Min(room, left);
    }

    /// <summary>Whether a run may be made at once; where not, the element at which it stops is found one by one.</summary>
    private bool IsAllowed(Register segment, int register, int bytes, bool write) =>
        operands.IsAllowed(segment, (uint)context->Registers.General[register], bytes, write);

    /// <summary>Overlapping forward copies repeat a pattern, element by element; a plain block copy would not.</summary>
    private static void CopyForward(byte* from, byte* to, int bytes, int size)
    {
        if (to <= from || to >= from + bytes)
        {
            Buffer.MemoryCopy(from, to, bytes, bytes);
            return;
        }

        for (int i = 0; i < bytes; i += size)
        {
            Unsafe.CopyBlockUnaligned(to + i, from + i, (uint)size);
        }
    }

    private static void Fill(byte* to, ulong value, int size, int count)
    {
        switch (size)
        {
            case 1:
                new Span<byte>(to, count).Fill((byte)value);
                break;
            case 2:
                new Span<ushort>(to, count).Fill((ushort)value);
                break;
            case 4:
                new Span<uint>(to, count).Fill((uint)value);
                break;
            default:
                new Span<ulong>(to, count).Fill(value);
                break;
        }
    }

    /// <summary>Flags of a subtraction (SDM volume 1, appendix A).</summary>
    /// <returns>Whether a repetition ends here.</returns>
    private bool SetFlags(in Instruction instruction, ulong left, ulong right, int size)
    {
        int shift = 64 - (size * 8);
        ulong a = left << shift;
        ulong b = right << shift;
        ulong difference = a - b;
        ulong flags = a < b ? 1UL : 0;
        flags |= (ulong)(System.Numerics.BitOperations.PopCount((byte)(difference >> shift)) & 1 ^ 1) << 2;
        flags |= ((left ^ right ^ (left - right)) & 0x10);
        flags |= difference == 0 ? 0x40UL : 0;
        flags |= (difference >> 63) << 7;
        flags |= (((a ^ b) & (a ^ difference)) >> 63) << 11;
        context->Registers.Rflags = (context->Registers.Rflags & ~0x8D5UL) | flags;
        bool equal = difference == 0;
        return instruction.HasRepPrefix ? !equal : instruction.HasRepnePrefix && equal;
    }
}
