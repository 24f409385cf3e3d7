using Nacelle.Cpu;

namespace Nacelle.Translation.Cache;

/// <summary>
/// Numbers the code segments that the jump tables hold code of: the same offset is other code under another base, and other
/// branches are refused under another limit. Owned by the vCPU's thread.
/// </summary>
/// <param name="forget">Makes the jump tables empty, because all numbers are given anew.</param>
internal sealed class CodeSegments(Action forget)
{
    // Real mode alone has as many bases.
    private const int Most = 1 << 17;
    private readonly Dictionary<(ulong Base, uint Limit), uint> _numbers = [];

    /// <summary>What is added to an offset before it is looked up: the segment's number, in the upper half.</summary>
    public ulong KeyOf(in SegmentRegister code)
    {
        (ulong, uint) segment = (code.Base, code.Limit);
        if (!_numbers.TryGetValue(segment, out uint number))
        {
            if (_numbers.Count == Most)
            {
                _numbers.Clear();
                forget();
            }

            // Zero is flat code.
            number = (uint)_numbers.Count + 1;
            _numbers.Add(segment, number);
        }

        return (ulong)number << 32;
    }
}
