namespace Nacelle.Translation.Frontend;

/// <summary>
/// How many bytes an encoding takes, whether or not it is an instruction: a processor fetches all of them before it refuses an
/// undefined opcode (SDM volume 2, chapter 2 and appendix A). Stateless.
/// </summary>
internal static class InstructionLength
{
    private const int Longest = 15;

    /// <summary>Opcodes with a ModRM byte, a bit an opcode in rows of 16.</summary>
    private static ReadOnlySpan<ushort> OneByteModRm =>
    [
        0x0F0F, 0x0F0F, 0x0F0F, 0x0F0F, 0, 0, 0x0A0C, 0, 0xFFFF, 0, 0, 0, 0x00F3, 0xFF0F, 0, 0xC0C0,
    ];

    private static ReadOnlySpan<ushort> TwoByteModRm =>
    [
        0xA00F, 0xFFFF, 0xFF0F, 0, 0xFFFF, 0xFFFF, 0xFFFF, 0xFF7F, 0, 0xFFFF, 0xF8F8, 0xFFFF, 0x00FF, 0xFFFF, 0xFFFF, 0xFFFF,
    ];

    /// <summary>The length.</summary>
    /// <param name="bytes">The encoding's bytes, as far as they are there.</param>
    /// <param name="bitness">Width of the code.</param>
    /// <param name="isAmd">Whether the processor reads it as AMD's do.</param>
    /// <returns>More than <paramref name="bytes"/> has where it goes on, and more than 15 where it is longer than any may be.</returns>
    public static int Of(ReadOnlySpan<byte> bytes, int bitness, bool isAmd)
    {
        bool narrow = bitness == 16;
        bool is64 = bitness == 64;
        bool wide = false;
        int at = 0;
        while (true)
        {
            if (at >= Math.Min(bytes.Length, Longest))
            {
                return at + 1;
            }

            byte prefix = bytes[at];
            if (prefix == 0x66)
            {
                narrow = bitness != 16;
            }
            else if (is64 && (prefix & 0xF0) == 0x40)
            {
                // Only the one right before the opcode counts.
                wide = (prefix & 8) != 0;
                at++;
                continue;
            }
            else if (prefix is not (0x67 or 0xF0 or 0xF2 or 0xF3 or 0x26 or 0x2E or 0x36 or 0x3E or 0x64 or 0x65))
            {
                break;
            }

            wide = false;
            at++;
        }

        bool changesAddress = bytes[..at].Contains((byte)0x67);
        int addressSize = is64 ? changesAddress ? 4 : 8 : (bitness == 16) == changesAddress ? 4 : 2;
        Cursor cursor = new(bytes, at, is64, narrow && !wide ? 2 : 4, wide, addressSize, isAmd);
        return cursor.Measure();
    }

    private ref struct Cursor(
        ReadOnlySpan<byte> bytes, int at, bool is64, int operandSize, bool wide, int addressSize, bool isAmd)
    {
        private readonly ReadOnlySpan<byte> _bytes = bytes;
        private readonly int _start = at;
        private int _at = at;

        public int Measure()
        {
            byte opcode = Next();
            if (opcode == 0x0F)
            {
                return TwoBytes();
            }

            int second = Peek();
            bool extended = second < 0 || is64 || second >= 0xC0;
            if (opcode is 0xC4 or 0xC5 or 0x62 && extended)
            {
                return Extended(opcode);
            }

            if (opcode == 0x8F && (second & 0x1F) >= 8)
            {
                return Extended(opcode);
            }

            int extension = -1;
            if ((OneByteModRm[opcode >> 4] & (1 << (opcode & 15))) != 0)
            {
                extension = ModRm();
            }

            return _at + Immediate(opcode, extension);
        }

        private int TwoBytes()
        {
            byte opcode = Next();
            switch (opcode)
            {
                case 0x38:
                    Next();
                    ModRm();
                    return _at;
                case 0x3A or 0x0F:
                    if (opcode == 0x3A)
                    {
                        Next();
                    }

                    ModRm();
                    return _at + 1;
                case 0xB9 or 0xFF when isAmd:
                    return _at;
            }

            if (opcode is >= 0x20 and <= 0x23)
            {
                // Moves of control and debug registers have no form with memory.
                Next();
                return _at;
            }

            if ((TwoByteModRm[opcode >> 4] & (1 << (opcode & 15))) != 0)
            {
                ModRm();
            }

            return _at + (opcode switch
            {
                // EXTRQ and INSERTQ.
                0x78 when _bytes[.._start].ContainsAny<byte>(0x66, 0xF2) => 2,
                >= 0x80 and <= 0x8F => is64 && !isAmd ? 4 : operandSize,
                >= 0x70 and <= 0x73 or 0xA4 or 0xAC or 0xBA or 0xC2 or 0xC4 or 0xC5 or 0xC6 => 1,
                _ => 0,
            });
        }

        /// <summary>VEX and EVEX, whose map tells whether a constant follows; XOP, which no guest has, is taken for one without.</summary>
        private int Extended(byte opcode)
        {
            byte payload = Next();
            int map = opcode switch { 0xC5 => 1, 0x62 => payload & 7, _ => payload & 0x1F };
            _at += opcode switch { 0xC5 => 0, 0x62 => 2, _ => 1 };
            byte operation = Next();
            if (map == 1 && opcode != 0x62 && operation == 0x77)
            {
                return _at;
            }

            ModRm();
            return _at + (map switch
            {
                1 => operation is (>= 0x70 and <= 0x73) or 0xC2 or 0xC4 or 0xC5 or 0xC6 ? 1 : 0,
                3 => 1,
                _ => 0,
            });
        }

        private readonly int Immediate(byte opcode, int extension) => opcode switch
        {
            < 0x40 => (opcode & 7) switch { 4 => 1, 5 => operandSize, _ => 0 },
            0x68 or 0x69 or 0x81 or 0xA9 or 0xC7 => operandSize,
            0x6A or 0x6B or (>= 0x70 and <= 0x7F) or 0x80 or 0x82 or 0x83 or 0xA8 or (>= 0xB0 and <= 0xB7) or 0xC0 or 0xC1 or 0xC6
                or 0xCD or 0xD4 or 0xD5 or (>= 0xE0 and <= 0xE7) or 0xEB => is64 && opcode is 0x82 or 0xD4 or 0xD5 ? 0 : 1,
            0x9A or 0xEA => operandSize + 2,
            >= 0xA0 and <= 0xA3 => addressSize,
            >= 0xB8 and <= 0xBF => wide ? 8 : operandSize,
            0xC2 or 0xCA => 2,
            0xC8 => 3,
            0xE8 or 0xE9 => is64 && !isAmd ? 4 : operandSize,
            0xF6 when extension is 0 or 1 => 1,
            0xF7 when extension is 0 or 1 => operandSize,
            _ => 0,
        };

        /// <summary>Takes a ModRM byte with what belongs to it.</summary>
        /// <returns>Its middle field.</returns>
        private int ModRm()
        {
            byte modRm = Next();
            int mode = modRm >> 6;
            int register = modRm & 7;
            if (mode != 3)
            {
                if (addressSize > 2)
                {
                    int place = register == 4 ? Next() & 7 : register;
                    _at += mode switch { 0 => place == 5 ? 4 : 0, 1 => 1, _ => 4 };
                }
                else
                {
                    _at += mode switch { 0 => register == 6 ? 2 : 0, 1 => 1, _ => 2 };
                }
            }

            return (modRm >> 3) & 7;
        }

        private readonly int Peek() => _at < _bytes.Length ? _bytes[_at] : -1;

        private byte Next() => _at < _bytes.Length ? _bytes[_at++] : Beyond();

        private byte Beyond()
        {
            _at++;
            return 0;
        }
    }
}
