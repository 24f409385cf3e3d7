using System.Numerics;
using Iced.Intel;

namespace Nacelle.Translation.Operations;

/// <summary>Which elements of a memory operand a mask selects.</summary>
internal enum MaskedShape
{
    /// <summary>The operand is not masked, or there is none.</summary>
    None,

    /// <summary>All of them may fault, whatever the mask says; it only selects what is written.</summary>
    Whole,

    /// <summary>Element n where bit n is set.</summary>
    Each,

    /// <summary>The same elements stand for several bits each, in turn: broadcasts.</summary>
    Repeated,

    /// <summary>As many from the first on as bits are set: expand and compress.</summary>
    Packed,
}

/// <summary>
/// What a masked instruction touches of its memory operand. Elements that are masked out raise no fault (SDM volume 1, 15.6.4)
/// but with instructions of the exception classes whose names end in NF (SDM volume 2, 2.8).
/// </summary>
/// <param name="Shape">How mask and elements belong together.</param>
/// <param name="ElementSize">Bytes of an element in memory.</param>
/// <param name="Elements">How many the operand has, at most 64.</param>
/// <param name="MaskBits">How many bits of the mask count.</param>
internal readonly record struct MaskedForm(MaskedShape Shape, int ElementSize, int Elements, int MaskBits)
{
    // Each element of the result depends on others of the source, or the operand is not of elements as the mask counts them.
    private static readonly HashSet<Mnemonic> s_whole =
    [
        Mnemonic.Valignd, Mnemonic.Valignq, Mnemonic.Vcvtne2ps2bf16, Mnemonic.Vdbpsadbw, Mnemonic.Vextractf32x4, Mnemonic.Vextractf32x8,
        Mnemonic.Vextractf64x2, Mnemonic.Vextractf64x4, Mnemonic.Vextracti32x4, Mnemonic.Vextracti32x8, Mnemonic.Vextracti64x2,
        Mnemonic.Vextracti64x4, Mnemonic.Vgf2p8affineinvqb, Mnemonic.Vgf2p8affineqb, Mnemonic.Vinsertf32x4, Mnemonic.Vinsertf32x8,
        Mnemonic.Vinsertf64x2, Mnemonic.Vinsertf64x4, Mnemonic.Vinserti32x4, Mnemonic.Vinserti32x8, Mnemonic.Vinserti64x2,
        Mnemonic.Vinserti64x4, Mnemonic.Vmovddup, Mnemonic.Vmovshdup, Mnemonic.Vmovsldup, Mnemonic.Vpackssdw, Mnemonic.Vpacksswb,
        Mnemonic.Vpackusdw, Mnemonic.Vpackuswb, Mnemonic.Vpalignr, Mnemonic.Vpconflictd, Mnemonic.Vpconflictq, Mnemonic.Vpermb,
        Mnemonic.Vpermd, Mnemonic.Vpermi2b, Mnemonic.Vpermi2d, Mnemonic.Vpermi2pd, Mnemonic.Vpermi2ps, Mnemonic.Vpermi2q,
        Mnemonic.Vpermi2w, Mnemonic.Vpermilpd, Mnemonic.Vpermilps, Mnemonic.Vpermpd, Mnemonic.Vpermps, Mnemonic.Vpermq,
        Mnemonic.Vpermt2b, Mnemonic.Vpermt2d, Mnemonic.Vpermt2pd, Mnemonic.Vpermt2ps, Mnemonic.Vpermt2q, Mnemonic.Vpermt2w,
        Mnemonic.Vpermw, Mnemonic.Vpmaddubsw, Mnemonic.Vpmaddwd, Mnemonic.Vpmultishiftqb, Mnemonic.Vpshufb, Mnemonic.Vpshufd,
        Mnemonic.Vpshufhw, Mnemonic.Vpshuflw, Mnemonic.Vpunpckhbw, Mnemonic.Vpunpckhdq, Mnemonic.Vpunpckhqdq, Mnemonic.Vpunpckhwd,
        Mnemonic.Vpunpcklbw, Mnemonic.Vpunpckldq, Mnemonic.Vpunpcklqdq, Mnemonic.Vpunpcklwd, Mnemonic.Vshuff32x4, Mnemonic.Vshuff64x2,
        Mnemonic.Vshufi32x4, Mnemonic.Vshufi64x2, Mnemonic.Vshufpd, Mnemonic.Vshufps, Mnemonic.Vunpckhpd, Mnemonic.Vunpckhps,
        Mnemonic.Vunpcklpd, Mnemonic.Vunpcklps, Mnemonic.V4fmaddps, Mnemonic.V4fnmaddps, Mnemonic.V4fmaddss, Mnemonic.V4fnmaddss,
        Mnemonic.Vp4dpwssd, Mnemonic.Vp4dpwssds,
    ];

    private static readonly HashSet<Mnemonic> s_packed =
    [
        Mnemonic.Vcompresspd, Mnemonic.Vcompressps, Mnemonic.Vpcompressb, Mnemonic.Vpcompressd, Mnemonic.Vpcompressq, Mnemonic.Vpcompressw,
        Mnemonic.Vexpandpd, Mnemonic.Vexpandps, Mnemonic.Vpexpandb, Mnemonic.Vpexpandd, Mnemonic.Vpexpandq, Mnemonic.Vpexpandw,
    ];

    private static readonly HashSet<Mnemonic> s_broadcasts =
    [
        Mnemonic.Vbroadcastf32x2, Mnemonic.Vbroadcastf32x4, Mnemonic.Vbroadcastf32x8, Mnemonic.Vbroadcastf64x2, Mnemonic.Vbroadcastf64x4,
        Mnemonic.Vbroadcasti32x2, Mnemonic.Vbroadcasti32x4, Mnemonic.Vbroadcasti32x8, Mnemonic.Vbroadcasti64x2, Mnemonic.Vbroadcasti64x4,
        Mnemonic.Vbroadcastsd, Mnemonic.Vbroadcastss, Mnemonic.Vpbroadcastb, Mnemonic.Vpbroadcastd, Mnemonic.Vpbroadcastq,
        Mnemonic.Vpbroadcastw,
    ];

    /// <summary>Whether a mask has to be looked at.</summary>
    public bool IsMasked => Shape != MaskedShape.None;

    /// <summary>The form of an instruction. A compress is masked also without a mask, by one that is all ones. Gathers and scatters have none here: each of their elements has an address of its own.</summary>
    public static MaskedForm Of(in Instruction instruction)
    {
        if (instruction.Encoding == EncodingKind.VEX)
        {
            return instruction.Mnemonic switch
            {
                Mnemonic.Vmaskmovps or Mnemonic.Vpmaskmovd => EachOf(instruction.MemorySize.GetSize() / 4, 4),
                Mnemonic.Vmaskmovpd or Mnemonic.Vpmaskmovq => EachOf(instruction.MemorySize.GetSize() / 8, 8),
                _ => default,
            };
        }

        if (instruction.Encoding != EncodingKind.EVEX || instruction.IsVsib || !HasMemory(instruction)
            || !(instruction.HasOpMask || (instruction.Op0Kind == OpKind.Memory && s_packed.Contains(instruction.Mnemonic))))
        {
            return default;
        }

        OpCodeInfo code = instruction.Code.ToOpCode();
        MemorySize operand = code.MemorySize;

        // What is broadcast is what the mask counts; of what cannot be, the elements are.
        int element = code.CanBroadcast ? code.BroadcastMemorySize.GetSize() : operand.GetElementSize();
        int count = Math.Max(1, operand.GetSize() / element);
        if (s_whole.Contains(instruction.Mnemonic) || IsShiftByMemory(instruction))
        {
            return instruction.IsBroadcast
                ? new MaskedForm(MaskedShape.Whole, element, 1, 1)
                : new MaskedForm(MaskedShape.Whole, element, count, count);
        }

        if (instruction.IsBroadcast)
        {
            return new MaskedForm(MaskedShape.Repeated, element, 1, count);
        }

        if (s_broadcasts.Contains(instruction.Mnemonic))
        {
            return new MaskedForm(MaskedShape.Repeated, element, count, instruction.Op0Register.GetSize() / element);
        }

        return s_packed.Contains(instruction.Mnemonic)
            ? new MaskedForm(MaskedShape.Packed, element, count, count)
            : EachOf(count, element);
    }

    /// <summary>Which elements may fault, and are read, a bit each.</summary>
    /// <param name="mask">The mask register, or the sign bits of the mask's elements.</param>
    public ulong Touched(ulong mask) => Shape == MaskedShape.Whole ? LowBits(Elements) : Selected(mask);

    /// <summary>Which elements a store writes, a bit each.</summary>
    /// <inheritdoc cref="Touched"/>
    public ulong Selected(ulong mask)
    {
        mask &= LowBits(MaskBits);
        switch (Shape)
        {
            case MaskedShape.Packed:
                return LowBits(BitOperations.PopCount(mask));
            case MaskedShape.Repeated:
                ulong all = 0;
                for (; mask != 0; mask >>= Elements)
                {
                    all |= mask & LowBits(Elements);
                }

                return all;
            default:
                return mask;
        }
    }

    private static MaskedForm EachOf(int count, int element) => new(MaskedShape.Each, element, count, count);

    private static ulong LowBits(int count) => count >= 64 ? ulong.MaxValue : (1UL << count) - 1;

    /// <summary>The count of a shift, for all elements the same, may be 16 bytes in memory.</summary>
    private static bool IsShiftByMemory(in Instruction instruction) => instruction.Op2Kind == OpKind.Memory
        && instruction.Mnemonic is Mnemonic.Vpsllw or Mnemonic.Vpslld or Mnemonic.Vpsllq or Mnemonic.Vpsrlw or Mnemonic.Vpsrld
            or Mnemonic.Vpsrlq or Mnemonic.Vpsraw or Mnemonic.Vpsrad or Mnemonic.Vpsraq;

    private static bool HasMemory(in Instruction instruction)
    {
        for (int i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) == OpKind.Memory)
            {
                return true;
            }
        }

        return false;
    }
}
