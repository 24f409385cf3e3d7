using System.Numerics;

namespace Nacelle.Devices.Interrupts;

/// <summary>A set of the 256 vectors, as the IRR, ISR and TMR are.</summary>
internal struct VectorSet
{
    private ulong _a;
    private ulong _b;
    private ulong _c;
    private ulong _d;

    /// <summary>The highest vector, or -1.</summary>
    public readonly int Highest =>
        _d != 0 ? 255 - BitOperations.LeadingZeroCount(_d)
        : _c != 0 ? 191 - BitOperations.LeadingZeroCount(_c)
        : _b != 0 ? 127 - BitOperations.LeadingZeroCount(_b)
        : _a != 0 ? 63 - BitOperations.LeadingZeroCount(_a)
        : -1;

    /// <summary>Whether a vector is in it.</summary>
    public readonly bool Contains(int vector) => (Quarter(vector >> 6) >> (vector & 63) & 1) != 0;

    /// <summary>Adds or removes a vector.</summary>
    public void Set(int vector, bool present)
    {
        ulong bit = 1UL << (vector & 63);
        switch (vector >> 6)
        {
            case 0:
                _a = present ? _a | bit : _a & ~bit;
                break;
            case 1:
                _b = present ? _b | bit : _b & ~bit;
                break;
            case 2:
                _c = present ? _c | bit : _c & ~bit;
                break;
            default:
                _d = present ? _d | bit : _d & ~bit;
                break;
        }
    }

    /// <summary>The 32 vectors from <paramref name="index"/> × 32, as the register shows them.</summary>
    public readonly uint Word(int index) => (uint)(Quarter(index >> 1) >> ((index & 1) * 32));

    private readonly ulong Quarter(int index) => index switch { 0 => _a, 1 => _b, 2 => _c, _ => _d };
}
