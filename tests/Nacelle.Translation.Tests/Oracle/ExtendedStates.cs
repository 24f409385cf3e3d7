using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Nacelle.Translation.Tests.Oracle;

/// <summary>Makes and normalises images of x87 and vector state in the standard format of XSAVE (SDM volume 1, 13.4).</summary>
internal static class ExtendedStates
{
    private const int LegacyRegisters = 32;
    private const int VectorRegisters = 160;
    private const int SoftwareReserved = 464;
    private const int Header = 512;
    private const int HighHalves = 576;
    private static readonly ulong[] s_vectorPatterns =
    [
        0, ulong.MaxValue, 0x3FF0_0000_0000_0000, 0x3F80_0000_3F80_0000, 0x8000_0000_0000_0000, 0x7F80_0000_FF80_0000,
        0x7FF0_0000_0000_0000, 0x7FC0_0000_0000_0001, 0x0000_0001_0000_0001, 0x4330_0000_0000_0001, 0x4B00_0001_C1F0_0000,
    ];

    /// <summary>Fills an image.</summary>
    /// <param name="random">Random numbers.</param>
    /// <param name="area">Where to; cleared first.</param>
    /// <param name="features">Components that may be there.</param>
    public static void Fill(SequenceRandom random, Span<byte> area, ulong features)
    {
        area.Clear();
        ulong present = random.Percent(80) ? features : features & random.Next();
        BinaryPrimitives.WriteUInt64LittleEndian(area[Header..], present);
        FillUnit(random, area);

        // Mostly all exceptions masked; sometimes other rounding, flush to zero, denormals are zero, unmasked exceptions.
        uint control = 0x1F80;
        control |= random.Percent(30) ? (uint)random.Next() & 0xE07F : 0;
        control &= random.Percent(10) ? ~((uint)random.Next() & 0x1F80) : uint.MaxValue;
        BinaryPrimitives.WriteUInt32LittleEndian(area[24..], control);
        for (int offset = VectorRegisters; offset < VectorRegisters + 256; offset += 16)
        {
            FillVector(random, area.Slice(offset, 16));
        }

        for (int offset = HighHalves; offset + 16 <= area.Length; offset += 16)
        {
            FillVector(random, area.Slice(offset, 16));
        }
    }

    /// <summary>
    /// Makes two images of the same state the same: components in their initial state are written out, and what is no state
    /// is cleared. The last x87 instruction's opcode and addresses are cleared too: a translator's are those of its own code,
    /// and not kept (see <see cref="StateComparison"/>).
    /// </summary>
    /// <param name="area">The image.</param>
    /// <param name="features">Components that there are.</param>
    /// <param name="narrow">Whether 32-bit code has made it, which leaves the places of registers that it does not see.</param>
    public static void Normalise(Span<byte> area, ulong features, bool narrow = false)
    {
        ulong present = BinaryPrimitives.ReadUInt64LittleEndian(area[Header..]);
        if ((present & 1) == 0)
        {
            area[..24].Clear();
            area.Slice(LegacyRegisters, 128).Clear();
            BinaryPrimitives.WriteUInt16LittleEndian(area, 0x37F);
        }

        area[6..24].Clear();
        for (int i = 0; i < 8; i++)
        {
            area.Slice(LegacyRegisters + (i * 16) + 10, 6).Clear();
        }

        if ((present & 2) == 0)
        {
            area.Slice(VectorRegisters, narrow ? 128 : 256).Clear();
        }

        BinaryPrimitives.WriteUInt32LittleEndian(area[28..], 0);
        area[SoftwareReserved..HighHalves].Clear();
        area[416..SoftwareReserved].Clear();
        int end = HighHalves;
        for (int component = 2; component < 8; component++)
        {
            (int offset, int size) = ComponentLayout.Of(component);
            bool offered = (features & (1UL << component)) != 0 && size != 0;
            if (offered && offset + size <= area.Length)
            {
                area[end..offset].Clear();
                end = offset + size;
                if ((present & (1UL << component)) == 0)
                {
                    int hidden = !narrow ? 0 : component switch { 2 or 6 => size / 2, 7 => size, _ => 0 };
                    area[offset..(end - hidden)].Clear();
                }
            }
        }

        area[end..].Clear();
    }

    private static void FillUnit(SequenceRandom random, Span<byte> area)
    {
        ushort control = 0x37F;
        control = random.Percent(30) ? (ushort)((control & ~0xF00) | (random.Below(16) << 8)) : control;
        control &= random.Percent(8) ? (ushort)~random.Below(64) : ushort.MaxValue;
        BinaryPrimitives.WriteUInt16LittleEndian(area, control);

        // Condition codes, top of stack, sometimes exception flags.
        int status = (random.Below(8) << 11) | ((int)random.Next() & 0x4700);
        status |= random.Percent(10) ? random.Below(128) : 0;

        // An unmasked exception shows in the summary bits 7 and 15, which a processor keeps so (SDM volume 1, 8.1.3).
        status |= (status & ~control & 0x3F) != 0 ? 0x8080 : 0;
        status &= (status & ~control & 0x3F) != 0 ? 0xFFFF : 0x7F7F;
        BinaryPrimitives.WriteUInt16LittleEndian(area[2..], (ushort)status);
        area[4] = random.Below(4) switch { 0 => 0, 1 => 0xFF, _ => (byte)random.Next() };
        for (int i = 0; i < 8; i++)
        {
            Span<byte> register = area.Slice(LegacyRegisters + (i * 16), 10);
            ulong significand = random.Percent(60) ? random.Next() | 0x8000_0000_0000_0000 : random.Of(s_vectorPatterns);
            ushort exponent = random.Below(6) switch
            {
                0 => 0,
                1 => 0x7FFF,
                2 => 0xFFFF,
                3 => (ushort)random.Next(),
                _ => (ushort)(0x3FFF + random.Below(64) - 32),
            };
            BinaryPrimitives.WriteUInt64LittleEndian(register, significand);
            BinaryPrimitives.WriteUInt16LittleEndian(register[8..], exponent);
        }
    }

    private static void FillVector(SequenceRandom random, Span<byte> register)
    {
        Span<ulong> halves = MemoryMarshal.Cast<byte, ulong>(register);
        int kind = random.Below(6);
        for (int i = 0; i < 2; i++)
        {
            halves[i] = kind switch
            {
                // Small numbers serve gathers as indices.
                0 => random.Next() & 0x0000_03FF_0000_03FF,
                1 => (ulong)random.Below(1024),
                2 => random.Of(s_vectorPatterns),
                3 => random.Next() & 0x8000_0000_8000_0000,
                _ => random.Next(),
            };
        }
    }
}
