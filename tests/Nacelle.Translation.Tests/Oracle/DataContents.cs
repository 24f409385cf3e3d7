using System.Runtime.InteropServices;

namespace Nacelle.Translation.Tests.Oracle;

/// <summary>What the data pages hold before a run: numbers of all kinds. The state area holds images that XRSTOR accepts.</summary>
internal sealed class DataContents
{
    private static readonly double[] s_doubles =
    [
        0, -0.0, 1, -1, 0.5, 1e300, 1e-310, double.NaN, double.PositiveInfinity, double.NegativeInfinity, Math.PI, -65536.5, 1e18,
    ];

    public DataContents(ulong seed)
    {
        SequenceRandom random = new(seed);
        Fill(random, ReadOnly);
        Fill(random, Writable.AsSpan(0, 0x5000));
        Span<byte> images = Writable.AsSpan(0x5000);
        for (int page = 0; page < images.Length; page += 1024)
        {
            ExtendedStates.Fill(random, images.Slice(page, 1024), features: 3);
        }
    }

    /// <summary>The read-only page.</summary>
    public byte[] ReadOnly { get; } = new byte[4096];

    /// <summary>The writable pages, as in a snapshot.</summary>
    public byte[] Writable { get; } = new byte[OracleLayout.SnapshotSize];

    private static void Fill(SequenceRandom random, Span<byte> destination)
    {
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(destination);
        for (int i = 0; i < words.Length; i++)
        {
            words[i] = random.Below(4) switch
            {
                0 => random.Number(),
                1 => BitConverter.DoubleToUInt64Bits(random.Of(s_doubles)),
                2 => BitConverter.SingleToUInt32Bits((float)random.Of(s_doubles)) | ((ulong)BitConverter.SingleToUInt32Bits(1.5f) << 32),
                _ => random.Next(),
            };
        }
    }
}
