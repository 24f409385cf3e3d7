using System.Buffers.Binary;
using Iced.Intel;

namespace Nacelle.Translation.Tests.Oracle;

/// <summary>
/// Makes instructions that save and restore x87 and vector state. Each kind has places of its own in the state area, so that
/// the fields in an image that are not compared are known: opcode and addresses of the last x87 instruction.
/// </summary>
internal sealed class StateImages(SequenceRandom random, int bitness = 64)
{
    private const int FastImages = 0x800;
    private static readonly int[] s_extendedImages = [0x1000, 0x1E00];

    // The environment in its 14-byte and 28-byte forms, and the same before the registers.
    private static readonly Code[] s_unit =
    [
        Code.Fnstenv_m14byte, Code.Fldenv_m14byte, Code.Fnsave_m94byte, Code.Frstor_m94byte,
        Code.Fnstenv_m28byte, Code.Fldenv_m28byte, Code.Fnsave_m108byte, Code.Frstor_m108byte,
    ];

    private static readonly Code[] s_fast =
        [Code.Fxsave_m512byte, Code.Fxsave64_m512byte, Code.Fxrstor_m512byte, Code.Fxrstor64_m512byte];

    private static readonly Code[] s_extended =
    [
        Code.Xsave_mem, Code.Xsave64_mem, Code.Xrstor_mem, Code.Xrstor64_mem,
        Code.Xsaveopt_mem, Code.Xsaveopt64_mem, Code.Xsavec_mem, Code.Xsavec64_mem,
    ];

    /// <summary>Makes one with what has to come before it.</summary>
    public IEnumerable<Instruction> Make()
    {
        int kind = random.Below(3);
        Code code = random.Of(kind == 0 ? s_unit : kind == 1 ? s_fast : s_extended);
        if (!PromisedFeatures.Contains(code) || (bitness == 32 && !code.ToOpCode().Mode32))
        {
            yield break;
        }

        int place = kind switch
        {
            0 => (Array.IndexOf(s_unit, code) / 2 * 512) + (random.Percent(30) ? 4 : 0),
            1 => FastImages + (512 * random.Below(4)),
            _ => random.Of(s_extendedImages),
        };
        if (kind == 2)
        {
            yield return Instruction.Create(Code.Mov_r32_imm32, Register.EAX, Request(code));
            yield return Instruction.Create(Code.Xor_r32_rm32, Register.EDX, Register.EDX);
        }

        // Two in a hundred are misaligned.
        place += kind != 0 && random.Percent(2) ? 8 : 0;
        ulong address = OracleLayout.DataBase + OracleLayout.StateArea + (ulong)place;
        yield return Instruction.Create(code, new MemoryOperand(Register.None, (long)address, bitness / 8));
    }

    /// <summary>Components to ask for. Of the compact format only those that lie where they do in the standard one.</summary>
    private int Request(Code code) => code is Code.Xsavec_mem or Code.Xsavec64_mem || random.Percent(40)
        ? random.Percent(70) ? 7 : random.Below(8)
        : random.Percent(50) ? 0xE7 : random.Below(256);

    /// <summary>Clears, in a snapshot, what is not compared in images.</summary>
    public static void Normalise(Span<byte> snapshot, int bitness)
    {
        Span<byte> area = snapshot[(OracleLayout.SnapshotSize - 0x3000)..];
        for (int place = 0; place < FastImages; place += 512)
        {
            bool narrow = place < 1024;
            for (int shift = 0; shift <= 4; shift += 4)
            {
                area.Slice(place + shift + (narrow ? 6 : 12), narrow ? 8 : 16).Clear();
            }
        }

        for (int place = FastImages; place < 0x1000; place += 512)
        {
            area.Slice(place + 6, 18).Clear();
        }

        // Which components are in their initial state is up to the processor, and so is what is then written of them.
        foreach (int place in s_extendedImages)
        {
            Span<byte> image = area.Slice(place, ProcessorImage.ExtendedStateSize);
            bool wasCompact = (image[527] & 0x80) != 0;
            if (wasCompact)
            {
                // MXCSR belongs to the SSE component there; a later XSAVE writes it always, and leaves the mark.
                BinaryPrimitives.WriteUInt32LittleEndian(image[24..], 0x1F80);
            }

            ExtendedStates.Normalise(image, TranslatedProcessor.Features, narrow: bitness == 32);
        }
    }
}
