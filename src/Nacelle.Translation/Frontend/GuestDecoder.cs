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
    private readonly byte[] _lenient = new byte[TooLong];
    private Decoder _decoder;
    private Decoder _last;

    /// <param name="reader">Where the bytes come from.</param>
    /// <param name="set">What the processor has.</param>
    public GuestDecoder(GuestCodeReader reader, InstructionSet set)
    {
        _reader = reader;
        _set = set;
        _decoders = [Create(16), Create(32), Create(64)];
        _decoder = _decoders[2];
        _last = _decoder;
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
    public ConstantOffsets ConstantsOf(in Instruction instruction) => _last.GetConstantOffsets(instruction);

    /// <summary>Reads the next instruction.</summary>
    public void Decode(out Instruction instruction)
    {
        int start = _reader.Offset;
        _decoder.Decode(out instruction);
        _last = _decoder;
        IsCut = false;
        if (instruction.IsInvalid && !(_set.IsAmd && TryLeniently(ref instruction, start)))
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
        else if (_set.IsAmd && instruction.Mnemonic is Mnemonic.Loope or Mnemonic.Loopne)
        {
            instruction.Code = LoopOf(instruction);
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

        // AMD's processors have prefetches of memory alone (AMD volume 3, PREFETCHlevel); Intel's take those of registers for NOPs.
        if (instruction.Code is Code.Reservednop_rm16_r16_0F0D or Code.Reservednop_rm32_r32_0F0D or Code.Reservednop_rm64_r64_0F0D)
        {
            return !_set.IsAmd || instruction.Op0Kind == OpKind.Memory;
        }

        if (instruction.Code is Code.VEX_Vpextrd_rm32_xmm_imm8 or Code.VEX_Vpinsrd_xmm_xmm_rm32_imm8 or Code.EVEX_Vpextrd_rm32_xmm_imm8
            or Code.EVEX_Vpinsrd_xmm_xmm_rm32_imm8)
        {
            // W would make it the form of 64 bits, which AMD's processors refuse elsewhere and Intel's take for that of 32.
            const byte wide = 0x80;
            ReadOnlySpan<byte> bytes = _reader.From(start)[..instruction.Length];
            return !_set.IsAmd || (bytes[bytes.IndexOfAny<byte>(0xC4, 0x62) + 2] & wide) == 0;
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

    /// <summary>
    /// Reads once more without bits that AMD's processors do not look at and Intel's want clear: of VEX the one that extends a mask
    /// register; W of VPERMQ and VPERMPD; of EVEX broadcasting without memory, zeroing where there is no mask, and outside 64-bit mode those that extend the
    /// register of the second source.
    /// </summary>
    private bool TryLeniently(ref Instruction instruction, int start) =>
        TryLeniently(ref instruction, start, broadcasts: true) || TryLeniently(ref instruction, start, broadcasts: false);

    private bool TryLeniently(ref Instruction instruction, int start, bool broadcasts)
    {
        ReadOnlySpan<byte> bytes = _reader.From(start);
        bytes = bytes[..Math.Min(bytes.Length, TooLong)];
        int opening = bytes.IndexOfAny<byte>(0xC4, 0xC5, 0x62);
        bool is64 = _decoder.Bitness == 64;
        if (opening < 0 || opening + 3 >= bytes.Length)
        {
            return false;
        }

        bytes.CopyTo(_lenient);
        bool isWide = bytes[opening] == 0x62;
        if (isWide)
        {
            const int modRm = 5;
            bool isRegister = opening + modRm < bytes.Length && bytes[opening + modRm] >= 0xC0;
            _lenient[opening + 2] |= is64 ? (byte)0 : (byte)0x40;
            _lenient[opening + 3] |= is64 ? (byte)0 : (byte)8;
            _lenient[opening + 3] &= isRegister && !broadcasts ? (byte)0xEF : (byte)0xFF;
            _lenient[opening + 3] &= (bytes[opening + 3] & 7) == 0 ? (byte)0x7F : (byte)0xFF;
        }
        else if (bytes[opening] == 0xC4 && (bytes[opening + 1] & 0x1F) == 3 && bytes[opening + 3] < 2)
        {
            _lenient[opening + 2] |= 0x80;
        }
        else if (is64)
        {
            // Operations on two mask registers have one more in vvvv.
            int operation = bytes[opening] == 0xC4 ? opening + 3 : opening + 2;
            bool hasSource = bytes[operation] is 0x41 or 0x42 or (>= 0x45 and <= 0x47) or 0x4A or 0x4B;
            _lenient[opening + 1] |= 0x80;
            _lenient[operation - 1] |= hasSource ? (byte)0x40 : (byte)0;
        }

        if (_lenient.AsSpan(0, bytes.Length).SequenceEqual(bytes))
        {
            return false;
        }

        Decoder decoder = Decoder.Create(_decoder.Bitness, _lenient, _set.Options);
        decoder.IP = instruction.IP;
        decoder.Decode(out Instruction lenient);
        bool isMask = lenient.Op0Register.IsK() || lenient.Op1Register.IsK();
        bool isPermutation = lenient.Mnemonic is Mnemonic.Vpermq or Mnemonic.Vpermpd;
        bool isZeroed = isWide && (bytes[opening + 3] & 0x87) == 0x80;
        if (lenient.IsInvalid || lenient.Length > bytes.Length || (!isWide && !isMask && !isPermutation)
            || (isZeroed && (lenient.Code.ToOpCode().CanUseOpMaskRegister || lenient.Op0Kind == OpKind.Memory))
            || (isWide && !MayIgnore(lenient.Code.ToOpCode(), bytes.Slice(opening, 4), _lenient.AsSpan(opening, 4))))
        {
            return false;
        }

        instruction = lenient;
        _last = decoder;
        _decoder.IP = lenient.NextIP;
        _reader.MoveTo(start + lenient.Length);
        return true;
    }

    /// <summary>Whether AMD's processors leave out of account what was changed: broadcasting where memory could be, a second source's high bits.</summary>
    private static bool MayIgnore(OpCodeInfo info, ReadOnlySpan<byte> read, ReadOnlySpan<byte> changed)
    {
        const int broadcast = 0x10;
        bool broadcasts = ((read[3] ^ changed[3]) & broadcast) != 0;
        bool extends = read[2] != changed[2];
        bool hasSource = false;
        for (int i = 0; i < info.OpCount; i++)
        {
            hasSource |= info.GetOpKind(i) is OpCodeOperandKind.xmm_vvvv or OpCodeOperandKind.ymm_vvvv or OpCodeOperandKind.zmm_vvvv
                or OpCodeOperandKind.xmmp3_vvvv or OpCodeOperandKind.zmmp3_vvvv;
        }

        return (!broadcasts || info.CanBroadcast) && (!extends || hasSource);
    }

    private static void Refuse(ref Instruction instruction, int length)
    {
        ulong rip = instruction.IP;
        instruction.Code = Code.INVALID;
        instruction.Length = length;
        instruction.IP = rip;
    }

    /// <summary>LOOPE and LOOPNE have their condition from a repeat prefix on AMD's processors, as CMPS and SCAS have.</summary>
    private static Code LoopOf(in Instruction instruction) => (instruction.Code, instruction.HasRepePrefix, instruction.HasRepnePrefix) switch
    {
        (Code.Loopne_rel8_16_CX, true, _) => Code.Loope_rel8_16_CX,
        (Code.Loopne_rel8_32_CX, true, _) => Code.Loope_rel8_32_CX,
        (Code.Loopne_rel8_16_ECX, true, _) => Code.Loope_rel8_16_ECX,
        (Code.Loopne_rel8_32_ECX, true, _) => Code.Loope_rel8_32_ECX,
        (Code.Loopne_rel8_64_ECX, true, _) => Code.Loope_rel8_64_ECX,
        (Code.Loopne_rel8_16_RCX, true, _) => Code.Loope_rel8_16_RCX,
        (Code.Loopne_rel8_64_RCX, true, _) => Code.Loope_rel8_64_RCX,
        (Code.Loope_rel8_16_CX, _, true) => Code.Loopne_rel8_16_CX,
        (Code.Loope_rel8_32_CX, _, true) => Code.Loopne_rel8_32_CX,
        (Code.Loope_rel8_16_ECX, _, true) => Code.Loopne_rel8_16_ECX,
        (Code.Loope_rel8_32_ECX, _, true) => Code.Loopne_rel8_32_ECX,
        (Code.Loope_rel8_64_ECX, _, true) => Code.Loopne_rel8_64_ECX,
        (Code.Loope_rel8_16_RCX, _, true) => Code.Loopne_rel8_16_RCX,
        (Code.Loope_rel8_64_RCX, _, true) => Code.Loopne_rel8_64_RCX,
        _ => instruction.Code,
    };

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
