using System.Buffers.Binary;
using Iced.Intel;
using Nacelle.Translation.Frontend;
using Nacelle.Translation.State;
using static Nacelle.Translation.Emit.HostRegister;

namespace Nacelle.Translation.Emit;

/// <summary>Emits what blocks in pages whose code keeps changing do more than others; see <see cref="ChangingCode"/>.</summary>
internal sealed class ChangingCodeEmitter(
    CodeEmitter emit, Thunks thunks, ProgramCounterEmitter addresses, FlagsEmitter flags, MemoryAccessEmitter memory,
    LoadAddressEmitter loads)
{
    private readonly List<int> _stale = [];
    private bool _flagsSaved;

    /// <summary>Compares the block's code with what it was translated from; the flags are dead or set aside.</summary>
    public void Check(ChangingCode code, DecodedBlock block)
    {
        _flagsSaved = flags.AreSaved;
        int from = 0;
        for (int i = 0; i < block.Count; i++)
        {
            if ((code.Variable & (1UL << i)) != 0)
            {
                (int offset, int size) = ChangingCode.ConstantOf(block, i);
                Compare(code, from, block.Offsets[i] + offset);
                from = block.Offsets[i] + offset + size;
            }
        }

        Compare(code, from, code.Bytes.Length);
    }

    /// <summary>Emits what happens when the code has changed.</summary>
    /// <param name="number">The block's number.</param>
    /// <param name="rip">Its guest address.</param>
    public void EmitStale(int number, ulong rip)
    {
        if (_stale.Count == 0)
        {
            return;
        }

        foreach (int jump in _stale)
        {
            emit.PatchHere(jump);
        }

        _stale.Clear();
        if (_flagsSaved)
        {
            flags.Load();
        }

        emit.StoreContextImmediate32(ContextOffsets.ExitArgument, (uint)number);
        addresses.Load(Scratch2, rip);
        emit.JumpTo(thunks.Stale);
    }

    /// <summary>LEA with a displacement, or MOV of a constant, that lies in the guest's code.</summary>
    /// <param name="instruction">The instruction.</param>
    /// <param name="constant">Host address of the constant.</param>
    public void EmitVariable(in Instruction instruction, ulong constant)
    {
        bool address = instruction.Mnemonic == Mnemonic.Lea;
        if (address)
        {
            Instruction without = instruction;
            without.MemoryDisplacement64 = 0;
            memory.EffectiveAddress(without, Scratch1);
        }

        emit.MoveImmediate(Scratch2, constant);
        if (address)
        {
            // movsxd r15, dword [r15]; lea r14, [r14 + r15].
            emit.Bytes([0x4D, 0x63, 0x3F]);
            emit.LoadAddress(Scratch1, Scratch1, Scratch2, 1, 0);
        }
        else if (instruction.Op0Register.GetSize() == 4)
        {
            // mov r14d, [r15].
            emit.Bytes([0x45, 0x8B, 0x37]);
        }
        else
        {
            emit.Load(Scratch1, Scratch2, 0);
        }

        memory.Lose();
        loads.Assign(instruction.Op0Register);
    }

    private void Compare(ChangingCode code, int from, int to)
    {
        while (from < to)
        {
            int here = from < code.FirstLength ? Math.Min(to, code.FirstLength) - from : to - from;
            int size = here >= 8 ? 8 : here >= 4 ? 4 : here >= 2 ? 2 : 1;
            ReadOnlySpan<byte> bytes = code.Bytes.AsSpan(from, size);
            emit.MoveImmediate(Scratch1, code.AddressOf(from));
            switch (size)
            {
                case 8:
                    // cmp [r14], r15.
                    emit.MoveImmediate(Scratch2, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
                    emit.Bytes([0x4D, 0x39, 0x3E]);
                    break;
                case 4:
                    emit.Bytes([0x41, 0x81, 0x3E]);
                    emit.Bytes(bytes);
                    break;
                case 2:
                    emit.Bytes([0x66, 0x41, 0x81, 0x3E]);
                    emit.Bytes(bytes);
                    break;
                default:
                    emit.Bytes([0x41, 0x80, 0x3E]);
                    emit.Bytes(bytes);
                    break;
            }

            _stale.Add(emit.JumpIf(Condition.NotEqual));
            from += size;
        }
    }
}
