using System.Globalization;
using System.Numerics;

namespace Nacelle.Configuration;

/// <summary>Sizes of domain XML: a number with the unit in an attribute beside it (libvirt's formatdomain, "Memory Allocation"). Stateless.</summary>
internal static class ScaledSize
{
    // Reading a long number takes time that grows with its square.
    private const int LongestNumber = 100;
    private static readonly (string Name, ulong Bytes)[] s_units =
    [
        ("b", 1), ("byte", 1), ("bytes", 1),
        ("KB", 1000), ("k", 1UL << 10), ("KiB", 1UL << 10),
        ("MB", 1000_000), ("M", 1UL << 20), ("MiB", 1UL << 20),
        ("GB", 1000_000_000), ("G", 1UL << 30), ("GiB", 1UL << 30),
        ("TB", 1000_000_000_000), ("T", 1UL << 40), ("TiB", 1UL << 40),
        ("PB", 1000_000_000_000_000), ("P", 1UL << 50), ("PiB", 1UL << 50),
        ("EB", 1000_000_000_000_000_000), ("E", 1UL << 60), ("EiB", 1UL << 60),
    ];

    /// <summary>Names of units.</summary>
    internal static IReadOnlyList<string> Units { get; } = [.. s_units.Select(unit => unit.Name)];

    /// <summary>Bytes in a unit; case does not matter, as libvirt has it.</summary>
    /// <returns>0 where there is no such unit.</returns>
    internal static ulong BytesOf(string unit)
    {
        foreach ((string name, ulong bytes) in s_units)
        {
            if (string.Equals(name, unit, StringComparison.OrdinalIgnoreCase))
            {
                return bytes;
            }
        }

        return 0;
    }

    /// <summary>Reads a number of units.</summary>
    /// <returns>Bytes; null where it is no number or more than 2^63-1 bytes.</returns>
    internal static ulong? TryParse(string text, ulong unit) =>
        text.Length <= LongestNumber
        && BigInteger.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out BigInteger count)
        && count * unit <= long.MaxValue
            ? (ulong)(count * unit)
            : null;

    /// <summary>Writes bytes in KiB where that is exact, in bytes elsewhere.</summary>
    internal static (string Number, string Unit) Format(ulong bytes) => bytes % 1024 == 0
        ? ((bytes / 1024).ToString(CultureInfo.InvariantCulture), "KiB")
        : (bytes.ToString(CultureInfo.InvariantCulture), "b");
}
