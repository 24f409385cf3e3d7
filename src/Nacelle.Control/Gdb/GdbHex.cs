using System.Globalization;

namespace Nacelle.Control.Gdb;

/// <summary>Numbers and bytes as the protocol writes them.</summary>
internal static class GdbHex
{
    /// <summary>The value of a hexadecimal digit, or -1.</summary>
    public static int Digit(byte character) => character switch
    {
        >= (byte)'0' and <= (byte)'9' => character - '0',
        >= (byte)'a' and <= (byte)'f' => character - 'a' + 10,
        >= (byte)'A' and <= (byte)'F' => character - 'A' + 10,
        _ => -1,
    };

    /// <summary>Takes a number off the front: digits, the most significant first.</summary>
    /// <returns>False where there is none or it has more than 64 bits.</returns>
    public static bool TryTakeNumber(ref ReadOnlySpan<byte> text, out ulong value)
    {
        value = 0;
        int count = 0;
        while (count < text.Length && Digit(text[count]) is int digit and >= 0)
        {
            if (value >> 60 != 0)
            {
                return false;
            }

            value = (value << 4) | (uint)digit;
            count++;
        }

        text = text[count..];
        return count != 0;
    }

    /// <summary>Takes one character off the front.</summary>
    public static bool TryTake(ref ReadOnlySpan<byte> text, char character)
    {
        if (text.IsEmpty || text[0] != character)
        {
            return false;
        }

        text = text[1..];
        return true;
    }

    /// <summary>Reads bytes, two digits each.</summary>
    /// <returns>False where it is anything else.</returns>
    public static bool TryReadBytes(ReadOnlySpan<byte> text, out byte[] bytes)
    {
        bytes = [];
        if (text.Length % 2 != 0)
        {
            return false;
        }

        byte[] result = new byte[text.Length / 2];
        for (int i = 0; i < result.Length; i++)
        {
            int high = Digit(text[i * 2]);
            int low = Digit(text[(i * 2) + 1]);
            if (high < 0 || low < 0)
            {
                return false;
            }

            result[i] = (byte)((high << 4) | low);
        }

        bytes = result;
        return true;
    }

    /// <summary>Writes bytes, two digits each.</summary>
    public static string Write(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(bytes);

    /// <summary>Writes a number.</summary>
    public static string Write(ulong value) => value.ToString("x", CultureInfo.InvariantCulture);
}
