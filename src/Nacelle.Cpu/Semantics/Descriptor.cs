namespace Nacelle.Cpu;

/// <summary>A segment descriptor as it stands in a table (SDM volume 3, figure 3-8).</summary>
internal readonly struct Descriptor(ulong low)
{
    internal ulong Low { get; } = low;

    /// <summary>Attributes in the form of <see cref="SegmentRegister.Attributes"/>.</summary>
    internal ushort Attributes => (ushort)((Low >> 40) & 0xF0FF);

    internal ulong Base => ((Low >> 16) & 0xFF_FFFF) | ((Low >> 32) & 0xFF00_0000);

    internal uint Limit
    {
        get
        {
            uint raw = (uint)((Low & 0xFFFF) | ((Low >> 32) & 0xF_0000));
            return (Attributes & 0x8000) != 0 ? (raw << 12) | 0xFFF : raw;
        }
    }

    internal int Type => (int)(Low >> 40) & 0xF;

    internal bool IsSystem => (Low & (1UL << 44)) == 0;

    internal int PrivilegeLevel => (int)(Low >> 45) & 3;

    internal bool IsPresent => (Low & (1UL << 47)) != 0;

    internal bool IsCode => !IsSystem && (Type & 8) != 0;

    internal bool IsConforming => (Type & 0xC) == 0xC;

    internal bool IsReadable => !IsSystem && (Type & 0xA) != 8;

    internal bool IsWritableData => !IsSystem && (Type & 0xA) == 2;

    internal bool IsAccessed => (Type & 1) != 0;

    internal bool IsLong => (Attributes & 0x2000) != 0;

    internal bool IsDefault32 => (Attributes & 0x4000) != 0;

    internal SegmentRegister ToRegister(ushort selector) => new()
    {
        Selector = selector,
        Base = Base,
        Limit = Limit,
        Attributes = IsSystem ? Attributes : (ushort)(Attributes | 1),
    };
}
