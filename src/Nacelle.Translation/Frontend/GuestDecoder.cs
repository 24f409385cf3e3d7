using Iced.Intel;
using Nacelle.Translation.Cache;

namespace Nacelle.Translation.Frontend;

/// <summary>
/// Reads instructions as the processor that CPUID describes reads them. What it does not have, or no processor has, comes out
/// invalid, with the length of <see cref="TooLong"/> where more than 15 bytes are the reason. For one thread.
/// </summary>
internal sealed class GuestDecoder
{
    /// <summary>Most bytes of an instruction; with as many an invalid one is refused for its length (SDM volume 2, 2.3.11).</summary>
    public const int TooLong = 15;

    private readonly GuestCodeReader _reader;
    private readonly InstructionSet _set;
    private readonly Decoder[] _decoders;
    private Decoder _decoder;

    /// <param name="reader">Where the bytes come from.</param>
    /// <param name="set">What the processor has.</param>
    public GuestDecoder(GuestCodeReader reader, InstructionSet set)
    {
        _reader = reader;
        _set = set;
        _decoders = [Create(16), Create(32), Create(64)];
        _decoder = _decoders[2];
    }

    /// <summary>Whether the last instruction wants bytes beyond those that the reader has.</summary>
    public bool IsCut { get; private set; }

    /// <summary>Goes to a place; the reader is there already.</summary>
    public void Begin(ulong rip, ExecutionMode mode)
    {
        _decoder = _decoders[mode.Bitness switch { 16 => 0, 32 => 1, _ => 2 }];
        _decoder.IP = rip;
    }

    /// <summary>Where the constants of the last instruction are.</summary>
    public ConstantOffsets ConstantsOf(in Instruction instruction) => _decoder.GetConstantOffsets(instruction);

    /// <summary>Reads the next instruction.</summary>
    public void Decode(out Instruction instruction)
    {
        int start = _reader.Offset;
        _decoder.Decode(out instruction);
        IsCut = false;
        if (instruction.IsInvalid)
        {
            JudgeInvalid(ref instruction, start);
            return;
        }

        instruction.Code = NarrowEncodings.ToWide(instruction.Code);
        if (!IsOffered(instruction, start))
        {
            Refuse(ref instruction, Math.Min(instruction.Length, TooLong - 1));
        }
        else if (instruction.Code == Code.Pause && _set.IsAmd && _decoder.Bitness == 64)
        {
            ReadAsExchange(ref instruction, _reader.From(start)[..instruction.Length]);
        }
        else if (instruction.Mnemonic is Mnemonic.Bsf or Mnemonic.Bsr)
        {
            // Encoded anew it must not become TZCNT or LZCNT.
            instruction.HasRepPrefix = false;
            instruction.HasRepnePrefix = false;
        }
    }

    private Decoder Create(int bitness) => Decoder.Create(bitness, _reader, _set.Options);

    private bool IsOffered(in Instruction instruction, int start)
    {
        if (!_set.Offers(instruction.Code))
        {
            return false;
        }

        if (_set.IsAmd && !_set.HasLockedControlMoves && instruction.Mnemonic == Mnemonic.Mov
            && (instruction.Op0Register == Register.CR8 || instruction.Op1Register == Register.CR8))
        {
            return !_reader.From(start)[..instruction.Length].Contains((byte)0xF0);
        }

        return true;
    }

    private void JudgeInvalid(ref Instruction instruction, int start)
    {
        ReadOnlySpan<byte> bytes = _reader.From(start);
        int length = InstructionLength.Of(bytes, _decoder.Bitness, _set.IsAmd);
        IsCut = length > bytes.Length && bytes.Length < TooLong;
        _reader.MoveTo(start + Math.Min(length, Math.Min(bytes.Length, TooLong)));
        Refuse(ref instruction, length > TooLong ? TooLong : Math.Min(length, TooLong - 1));
    }

    private static void Refuse(ref Instruction instruction, int length)
    {
        instruction.Code = Code.INVALID;
        instruction.Length = length;
    }

    /// <summary>F3 90 with REX.B exchanges R8 on AMD's processors; Intel's have it as PAUSE.</summary>
    private static void ReadAsExchange(ref Instruction instruction, ReadOnlySpan<byte> bytes)
    {
        byte rex = bytes.Length > 2 ? bytes[^2] : (byte)0;
        if ((rex & 0xF1) != 0x41)
        {
            return;
        }

        const byte wide = 8;
        (instruction.Code, Register other, Register accumulator) = (rex & wide) != 0 ? (Code.Xchg_r64_RAX, Register.R8, Register.RAX)
            : bytes.Contains((byte)0x66) ? (Code.Xchg_r16_AX, Register.R8W, Register.AX)
            : (Code.Xchg_r32_EAX, Register.R8D, Register.EAX);
        instruction.Op0Register = other;
        instruction.Op1Register = accumulator;
    }
}
