namespace Nacelle.Translation.Tests.Oracle;

/// <summary>Makes states to begin with: many registers hold addresses of data, some small numbers, the rest anything.</summary>
internal static unsafe class InitialStates
{
    /// <summary>Makes a state; RIP is left to whoever places the sequence. For 32-bit code registers have 32 bits.</summary>
    public static ProcessorImage Make(SequenceRandom random, int bitness = 64)
    {
        ProcessorImage image = default;
        for (int i = 0; i < 16; i++)
        {
            // RBX, RSI and RDI are implied addresses, RCX an implied count.
            int addressChance = i switch { 3 or 6 or 7 => 65, 1 => 15, _ => 40 };
            image.General[i] = random.Percent(addressChance) ? Address(random)
                : i == 1 && random.Percent(60) ? (ulong)random.Below(48)
                : random.Number();
        }

        image.General[4] = OracleLayout.DataBase + 0x1800 + ((ulong)random.Below(256) * 8);
        image.General[4] += random.Percent(5) ? (ulong)random.Below(8) : 0;
        if (bitness == 32)
        {
            for (int i = 0; i < 16; i++)
            {
                image.General[i] = (uint)image.General[i];
            }
        }

        image.FsBase = OracleLayout.DataBase + (ulong)random.Below(0x2000);
        image.GsBase = OracleLayout.DataBase + ((ulong)random.Below(0x200) * 16);

        // Arithmetic flags and sometimes DF; bit 1 and IF are always set.
        image.Flags = 0x202 | (random.Next() & 0x8D5) | (random.Percent(15) ? 0x400u : 0);
        ExtendedStates.Fill(
            random, new Span<byte>(image.ExtendedState, ProcessorImage.ExtendedStateSize), TranslatedProcessor.Features);
        return image;
    }

    private static ulong Address(SequenceRandom random)
    {
        int offset = random.Below(0x4000);
        return OracleLayout.DataBase + (ulong)(random.Percent(75) ? offset & ~63 : offset);
    }
}
