using System.Numerics;

namespace Nacelle.Translation.Operations;

/// <summary>What #AC wants of addresses (SDM volume 3, table 6-7; AMD APM volume 2, 8.2.18; the details as AMD's processors have them).</summary>
internal static class Alignment
{
    private const int Largest = 16;

    /// <summary>The most that any access of a size may want: the power of two in it, at most 16.</summary>
    public static int OfSize(int size) => Math.Min(1 << BitOperations.Log2((uint)size), Largest);

    /// <summary>What an operand of a size wants, but for vectors, of which some want their own size and raise #GP.</summary>
    public static int OfOperand(int size) => size switch
    {
        2 or 4 or 8 => size,

        // A far pointer, and numbers of ten bytes.
        6 => 4,
        10 => 8,

        // x87 state and environment of 16-bit and of 32-bit code, FXSAVE.
        14 or 94 => 2,
        28 or 108 or 512 => 4,
        _ => 1,
    };

    /// <summary>Whether an operand is a vector, which #AC wants to be aligned to 16 bytes.</summary>
    public static bool IsVector(int size) => size is 16 or 32 or 64;
}
