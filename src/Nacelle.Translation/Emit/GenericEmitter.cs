using Iced.Intel;
using Nacelle.Translation.Frontend;
using Nacelle.Translation.Operations;
using Nacelle.Translation.State;
using static Nacelle.Translation.Emit.HostRegister;

namespace Nacelle.Translation.Emit;

/// <summary>
/// Emits instructions of plain computation: the guest's own encoding wherever possible, else the same instruction with
/// registers renamed and its memory operand redirected to a host pointer.
/// </summary>
internal sealed class GenericEmitter
{
    private readonly CodeEmitter _emit;
    private readonly MemoryAccessEmitter _memory;
    private readonly BitStringEmitter _bits;
    private readonly Encoder _encoder;
    private readonly InstructionInfoFactory _information = new();

    public GenericEmitter(CodeEmitter emit, MemoryAccessEmitter memory)
    {
        _emit = emit;
        _memory = memory;
        _bits = new BitStringEmitter(emit);
        _encoder = Encoder.Create(64, new EmitterWriter(emit));
    }

    /// <summary>How a memory operand is used.</summary>
    /// <returns>No bits when the instruction has no memory operand or does not touch it.</returns>
    public AccessKind AccessOf(in Instruction instruction)
    {
        int operand = MemoryOperand(instruction);
        if (operand < 0)
        {
            return 0;
        }

        AccessKind kind = _information.GetInfo(instruction).GetOpAccess(operand) switch
        {
            OpAccess.Read or OpAccess.CondRead => AccessKind.Read,
            OpAccess.Write or OpAccess.CondWrite => AccessKind.Write,
            OpAccess.ReadWrite or OpAccess.ReadCondWrite => AccessKind.Read | AccessKind.Write,
            _ => 0,
        };

        kind |= kind != 0 && MaskedForm.Of(instruction).IsMasked ? AccessKind.Masked : 0;

        // Some processors read four bytes for the 16-bit form of MOVSXD.
        int size = instruction.Code == Code.Movsxd_r16_rm16 ? 4 : Math.Max(1, instruction.MemorySize.GetSize());
        return kind == 0 ? 0 : kind | (AccessKind)size;
    }

    /// <summary>Which operand is in memory, or -1.</summary>
    public static int MemoryOperand(in Instruction instruction)
    {
        for (int i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) == OpKind.Memory)
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>Emits an instruction whose memory operand goes through the soft TLB.</summary>
    /// <param name="instruction">As decoded.</param>
    /// <param name="original">The guest's bytes; empty where they cannot be copied as they are.</param>
    /// <param name="keepFlags">Whether the flags before the instruction are still needed.</param>
    /// <param name="member">Its access in a group, if it is in one.</param>
    /// <param name="guestOffset">Its offset in the block.</param>
    public void Emit(
        in Instruction instruction, ReadOnlySpan<byte> original, bool keepFlags, GroupMember? member, ushort guestOffset)
    {
        if (member is not null)
        {
            _memory.PointToGroup(member, instruction);
            EmitRedirected(instruction, member.Distance);
            return;
        }

        AccessKind access = AccessOf(instruction);
        if (access != 0)
        {
            _memory.LinearAddress(instruction, access, keepFlags);
            if (BitStringEmitter.Applies(instruction))
            {
                _bits.AddDistance(instruction, _memory.Mode.IsLong);
            }

            _memory.Probe((ushort)access, access & ~(AccessKind)0xFFFF, keepFlags, instruction.IP);
            EmitRedirected(instruction);
            if ((access & (AccessKind.Write | AccessKind.Masked)) == AccessKind.Write)
            {
                // What is copied back across pages is the whole operand.
                _memory.CanRepeat(instruction, guestOffset);
            }
        }
        else if (original.Length != 0 && MemoryOperand(instruction) < 0 && !NeedsRenaming(instruction))
        {
            _emit.Bytes(original);
        }
        else
        {
            EmitRedirected(instruction);
        }
    }

    /// <summary>Emits an instruction whose memory operand, if it has one, is at a distance from the host pointer in <see cref="Scratch1"/>.</summary>
    public void EmitRedirected(in Instruction instruction, int distance = 0)
    {
        if (BitStringEmitter.Applies(instruction))
        {
            EmitBitString(instruction);
            return;
        }

        if (instruction.Mnemonic is Mnemonic.Vzeroall or Mnemonic.Vzeroupper && !_memory.Mode.IsLong)
        {
            EmitZeroLowerVectors(all: instruction.Mnemonic == Mnemonic.Vzeroall);
            return;
        }

        if (IsHighByteToStackPointer(instruction))
        {
            EmitHighByteToStackPointer(instruction);
            return;
        }

        Instruction copy = WithoutShortForms(instruction);
        bool hasMemory = MemoryOperand(copy) >= 0;
        HostRegister? borrowed = hasMemory && UsesHighByte(copy) ? Borrow(instruction) : null;
        if (borrowed is HostRegister low)
        {
            // AH to BH cannot be encoded beside R8 to R15: lend the pointer a register that needs no REX prefix.
            _emit.StoreContext(ContextOffsets.SavedScratch, low);
            _emit.Move(low, Scratch1);
        }

        if (hasMemory)
        {
            PointAt(ref copy, borrowed ?? Scratch1, distance);
        }
        else
        {
            SpilledOperands.TryRedirect(ref copy, _information.GetInfo(copy), _emit.ContextAddress(0));
        }

        Span<(int Guest, HostRegister Host)> stores = stackalloc (int, HostRegister)[4];
        int storeCount = RenameOperands(ref copy, hasMemory, stores);
        Encode(copy);

        foreach ((int guest, HostRegister host) in stores[..storeCount])
        {
            _emit.StoreContext(guest * 8, host);
        }

        if (borrowed is HostRegister lent)
        {
            _emit.LoadContext(lent, ContextOffsets.SavedScratch);
        }
    }

    private static bool IsHighByteToStackPointer(in Instruction instruction) => instruction.OpCount == 2
        && instruction.Op0Kind == OpKind.Register && GuestRegisters.NumberOf(instruction.Op0Register) == 4
        && instruction.Op1Kind == OpKind.Register && instruction.Op1Register is >= Register.AH and <= Register.BH;

    /// <summary>MOVZX and MOVSX of AH to BH to the stack pointer, whose register needs a REX prefix, beside which they cannot be encoded.</summary>
    private void EmitHighByteToStackPointer(in Instruction instruction)
    {
        HostRegister low = Borrow(instruction);
        _emit.StoreContext(ContextOffsets.SavedScratch, low);
        _emit.Move(low, GuestStack);
        Instruction copy = instruction;
        copy.Op0Register = GuestRegisters.Rename(instruction.Op0Register, low);
        Encode(copy);
        _emit.Move(GuestStack, low);
        _emit.LoadContext(low, ContextOffsets.SavedScratch);
    }

    /// <summary>VZEROALL and VZEROUPPER outside 64-bit mode: they clear the eight registers that there are (SDM volume 2, VZEROALL).</summary>
    private void EmitZeroLowerVectors(bool all)
    {
        for (int i = 0; i < 8; i++)
        {
            Register register = Register.XMM0 + i;
            Encode(all
                ? Instruction.Create(Code.VEX_Vpxor_xmm_xmm_xmmm128, register, register, register)
                : Instruction.Create(Code.VEX_Vmovaps_xmm_xmmm128, register, register));
        }
    }

    private void EmitBitString(in Instruction instruction)
    {
        _bits.LoadBit(instruction);
        Instruction copy = instruction;
        PointAt(ref copy, Scratch1);
        copy.Op1Register = GuestRegisters.Rename(instruction.Op1Register, Scratch2);
        Encode(copy);
    }

    private void Encode(in Instruction instruction)
    {
        if (!_encoder.TryEncode(instruction, _emit.Address, out _, out string? error))
        {
            throw new InvalidOperationException($"cannot encode '{instruction}': {error}");
        }
    }

    private static void PointAt(ref Instruction instruction, HostRegister pointer, int distance = 0)
    {
        instruction.MemoryBase = Register.RAX + (int)pointer;
        instruction.MemoryIndex = Register.None;
        instruction.MemoryIndexScale = 1;
        instruction.MemoryDisplacement64 = (ulong)(long)distance;
        instruction.MemoryDisplSize = distance == 0 ? 0 : 8;
        instruction.SegmentPrefix = Register.None;
    }

    /// <summary>Renames register operands and loads those that live in memory.</summary>
    /// <returns>How many registers must be stored afterwards.</returns>
    private int RenameOperands(ref Instruction copy, bool hasMemory, Span<(int Guest, HostRegister Host)> stores)
    {
        InstructionInfo information = _information.GetInfo(copy);
        bool clears = ClearsRegister(copy);
        Span<(int Guest, HostRegister Host)> assigned = stackalloc (int, HostRegister)[4];
        int count = 0;
        int storeCount = 0;
        bool scratch1Free = !hasMemory;
        bool scratch2Free = true;

        // Two rounds: operands that are read need a register each; pure results may share one with a source.
        for (int round = 0; round < 2; round++)
        {
            for (int i = 0; i < copy.OpCount; i++)
            {
                if (copy.GetOpKind(i) != OpKind.Register)
                {
                    continue;
                }

                Register register = copy.GetOpRegister(i);
                int number = GuestRegisters.NumberOf(register);
                if (number != 4 && !GuestRegisters.IsInMemory(number))
                {
                    continue;
                }

                // A high-byte register is part of RAX to RBX, which keep their places.
                OpAccess access = information.GetOpAccess(i);
                bool writes = access is OpAccess.Write or OpAccess.CondWrite or OpAccess.ReadWrite or OpAccess.ReadCondWrite;
                bool reads = access != OpAccess.Write || register.GetSize() < 4;
                if (reads != (round == 0))
                {
                    continue;
                }

                HostRegister host = number == 4 ? GuestStack : Find(assigned[..count], number);
                if (!reads)
                {
                    // A result may take over the register of a source, which is read before it is written, but not that of
                    // another result: MULX has two.
                    scratch2Free = !IsTaken(stores[..storeCount], Scratch2, number);
                    scratch1Free = !IsTaken(stores[..storeCount], Scratch1, number);
                    host = IsTaken(stores[..storeCount], host, number) ? Rsp : host;
                }

                if (host == Rsp)
                {
                    if (scratch2Free)
                    {
                        host = Scratch2;
                        scratch2Free = false;
                    }
                    else if (scratch1Free || !reads)
                    {
                        _memory.Lose();
                        host = Scratch1;
                        scratch1Free = false;
                    }
                    else
                    {
                        throw new InvalidOperationException($"too many registers in '{copy}'");
                    }

                    assigned[count++] = (number, host);
                    if (reads && !clears)
                    {
                        _emit.LoadContext(host, number * 8);
                    }
                }

                copy.SetOpRegister(i, GuestRegisters.Rename(register, host));
                if (writes && number != 4)
                {
                    stores[storeCount++] = (number, host);
                }
            }
        }

        return storeCount;
    }

    /// <summary>Whether an instruction sets its one register to zero, whatever it was (SDM volume 1, 3.4.1.1 has 32-bit results extended).</summary>
    private static bool ClearsRegister(in Instruction instruction) => instruction.Mnemonic is Mnemonic.Xor or Mnemonic.Sub
        && instruction.Op1Kind == OpKind.Register && instruction.Op0Register == instruction.Op1Register && instruction.Op0Register.GetSize() >= 4;

    private static bool IsTaken(ReadOnlySpan<(int Guest, HostRegister Host)> stores, HostRegister host, int except)
    {
        foreach ((int guest, HostRegister taken) in stores)
        {
            if (taken == host && guest != except)
            {
                return true;
            }
        }

        return false;
    }

    private static HostRegister Find(ReadOnlySpan<(int Guest, HostRegister Host)> assigned, int number)
    {
        foreach ((int guest, HostRegister host) in assigned)
        {
            if (guest == number)
            {
                return host;
            }
        }

        return Rsp;
    }

    private static bool NeedsRenaming(in Instruction instruction)
    {
        for (int i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) == OpKind.Register)
            {
                int number = GuestRegisters.NumberOf(instruction.GetOpRegister(i));
                if (number == 4 || GuestRegisters.IsInMemory(number))
                {
                    return true;
                }
            }
        }

        return false;
    }

    private static bool UsesHighByte(in Instruction instruction)
    {
        for (int i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) == OpKind.Register && instruction.GetOpRegister(i) is >= Register.AH and <= Register.BH)
            {
                return true;
            }
        }

        return false;
    }

    private HostRegister Borrow(in Instruction instruction)
    {
        int used = 0;
        foreach (UsedRegister register in _information.GetInfo(instruction).GetUsedRegisters())
        {
            int number = GuestRegisters.NumberOf(register.Register);
            used |= number >= 0 ? 1 << number : 0;
        }

        HostRegister[] candidates = [Rsi, Rdi, Rbp, Rbx, Rdx];
        return candidates.First(candidate => (used & (1 << (int)candidate)) == 0);
    }

    /// <summary>Replaces encodings that exist only with an absolute address or only outside 64-bit mode.</summary>
    private static Instruction WithoutShortForms(in Instruction instruction)
    {
        Instruction copy = instruction;
        Code code = instruction.Code switch
        {
            Code.Mov_AL_moffs8 => Code.Mov_r8_rm8,
            Code.Mov_AX_moffs16 => Code.Mov_r16_rm16,
            Code.Mov_EAX_moffs32 => Code.Mov_r32_rm32,
            Code.Mov_RAX_moffs64 => Code.Mov_r64_rm64,
            Code.Mov_moffs8_AL => Code.Mov_rm8_r8,
            Code.Mov_moffs16_AX => Code.Mov_rm16_r16,
            Code.Mov_moffs32_EAX => Code.Mov_rm32_r32,
            Code.Mov_moffs64_RAX => Code.Mov_rm64_r64,
            Code.Inc_r16 => Code.Inc_rm16,
            Code.Inc_r32 => Code.Inc_rm32,
            Code.Dec_r16 => Code.Dec_rm16,
            Code.Dec_r32 => Code.Dec_rm32,
            _ => instruction.Code,
        };
        copy.Code = code;
        return copy;
    }
}
