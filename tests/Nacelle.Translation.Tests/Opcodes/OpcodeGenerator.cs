using Iced.Intel;
using Nacelle.Translation.Frontend;
using Nacelle.Translation.Tests.Oracle;

namespace Nacelle.Translation.Tests.Opcodes;

/// <summary>
/// Makes encodings of the whole opcode space, most of which no assembler makes: all opcodes of all maps in turn, with prefixes,
/// fields, operands and places by chance. The same number makes the same case always.
/// </summary>
internal static class OpcodeGenerator
{
    private static readonly byte[] s_legacy = [0x66, 0xF2, 0xF3, 0xF0, 0x67, 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65];

    /// <summary>Opcode spaces: the legacy maps more often, as most of their encodings differ by prefix and ModRM.</summary>
    private static readonly Space[] s_spaces =
    [
        new([], 0), new([], 0), new([0x0F], 0), new([0x0F], 0), new([0x0F, 0x38], 0), new([0x0F, 0x3A], 0), new([], 0), new([0x0F], 0),
        new([0xC4], 1), new([0xC4], 2), new([0xC4], 3), new([0xC4], 4), new([0xC4], 5), new([0xC4], 6), new([0xC4], 7), new([0xC5], 1),
        new([0x62], 1), new([0x62], 2), new([0x62], 3), new([0x62], 4), new([0x62], 5), new([0x62], 6), new([0x62], 7), new([0x62], 0),
        new([0x8F], 8), new([0x8F], 9), new([0x8F], 10), new([0x8F], 11),
    ];

    /// <summary>Cases in which every opcode of every map is once.</summary>
    public static int Round => s_spaces.Length * 256;

    /// <summary>Makes a case.</summary>
    /// <param name="number">Which.</param>
    /// <param name="bitness">Width of the code.</param>
    /// <returns>The case, or null where its effect is none of the user's own or differs from run to run.</returns>
    public static TestSequence? Make(ulong number, int bitness)
    {
        SequenceRandom random = new(number * 0x1_0000_0001);
        byte[] bytes = Encode(random, s_spaces[(int)(number / 256 % (ulong)s_spaces.Length)], (byte)number, bitness);
        InstructionSet set = InstructionSet.OfHost;
        Instruction instruction = Iced.Intel.Decoder.Create(bitness, bytes, OracleLayout.CodeBase, set.Options).Decode();
        if (!OpcodeScope.Contains(instruction, bytes, set, bitness))
        {
            return null;
        }

        int length = instruction.IsInvalid ? InstructionLength.Of(bytes, bitness, set.IsAmd) : instruction.Length;
        byte[] kept = bytes[..Math.Clamp(length, 1, bytes.Length)];
        List<SequenceItem> items = [new SequenceItem(instruction) { Bytes = kept }];
        if (!instruction.IsInvalid && instruction.Op0Kind is OpKind.NearBranch16 or OpKind.NearBranch32 or OpKind.NearBranch64)
        {
            // Over an undefined instruction to what follows it.
            int size = instruction.Code.ToString().Contains("rel8", StringComparison.Ordinal) ? 1
                : instruction.Op0Kind == OpKind.NearBranch16 ? 2 : 4;
            kept.AsSpan(^size..).Clear();
            kept[^size] = 2;
            byte[] undefined = [0x0F, 0x0B];
            items.Add(new SequenceItem(Iced.Intel.Decoder.Create(bitness, undefined).Decode()) { Bytes = undefined });
        }

        int place = random.Below(8);
        return new TestSequence(number, items, InitialStates.Make(random, bitness))
        {
            Bitness = bitness,
            IsAtEdge = place == 0,
            BeforePageEnd = place < 2 ? 1 + random.Below(kept.Length) : -1,
        };
    }

    /// <summary>Where the first byte is that is no prefix of the legacy kind.</summary>
    public static int Opening(byte[] bytes)
    {
        int at = 0;
        while (at < bytes.Length - 8 && (s_legacy.Contains(bytes[at]) || (bytes[at] & 0xF0) == 0x40))
        {
            at++;
        }

        return at;
    }

    private static byte[] Encode(SequenceRandom random, Space space, byte opcode, int bitness)
    {
        List<byte> bytes = [];
        bool extended = space.Map != 0 || space.Escape is [0x62];
        int prefixes = random.Below(extended ? 40 : 8) switch { 0 => 1, 1 => 2, 2 => random.Below(4), 3 when !extended => 1, 4 when random.Percent(20) => random.Below(15), _ => 0 };
        for (int i = 0; i < prefixes; i++)
        {
            bytes.Add(random.Of(s_legacy));
        }

        if (bitness == 64 && random.Percent(extended ? 3 : 50))
        {
            bytes.Add((byte)(0x40 | random.Below(16)));
            if (random.Percent(4))
            {
                bytes.Add(random.Of(s_legacy));
            }
        }

        bytes.AddRange(space.Escape);
        AddPayload(bytes, random, space, bitness);
        bytes.Add(opcode);
        AddModRm(bytes, random);
        for (int i = 0; i < 12; i++)
        {
            bytes.Add((byte)random.Next());
        }

        return [.. bytes];
    }

    private static void AddPayload(List<byte> bytes, SequenceRandom random, Space space, int bitness)
    {
        int inverted = bitness == 64 ? random.Below(16) << 4 : 0xF0;
        int source = random.Percent(50) ? 0xF : random.Below(16);
        switch (space.Escape)
        {
            case [0xC4] or [0x8F]:
                bytes.Add((byte)((inverted & 0xE0) | space.Map));
                bytes.Add((byte)((random.Next() & 0x87) | (uint)(source << 3)));
                break;
            case [0xC5]:
                bytes.Add((byte)((inverted & 0x80) | (int)(random.Next() & 7) | (bitness == 64 ? source << 3 : 0x40 | ((source & 7) << 3))));
                bytes[^1] |= bitness == 64 ? (byte)0 : (byte)0xC0;
                break;
            case [0x62]:
                bytes.Add((byte)(inverted | space.Map | (random.Percent(3) ? 8 : 0)));
                bytes.Add((byte)((random.Next() & 0x83) | (uint)(source << 3) | (random.Percent(97) ? 4u : 0)));
                bytes.Add((byte)((random.Next() & 0xE0) | (random.Percent(70) ? 8u : 0) | (random.Percent(50) ? 0 : random.Next() & 0x17)));
                break;
        }
    }

    /// <summary>Registers, memory through a register, and every other form by chance.</summary>
    private static void AddModRm(List<byte> bytes, SequenceRandom random)
    {
        int kind = random.Below(10);
        byte modRm = (byte)random.Next();
        bytes.Add(kind < 4 ? (byte)(modRm | 0xC0) : kind < 6 ? (byte)((modRm & 0x3F & ~4) | 3) : kind == 6 ? (byte)((modRm & 0x3F) | 0x40) : modRm);
    }

    /// <param name="Escape">The bytes that open it.</param>
    /// <param name="Map">Its number where they do not tell.</param>
    private sealed record Space(byte[] Escape, int Map);
}
