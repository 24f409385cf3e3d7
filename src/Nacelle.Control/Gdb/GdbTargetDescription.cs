using System.Globalization;
using System.Text;

namespace Nacelle.Control.Gdb;

/// <summary>The XML by which gdb learns the registers (GDB manual, appendix G).</summary>
internal static class GdbTargetDescription
{
    private static readonly (string Name, int Size, (string Name, int Bit)[] Bits)[] s_flags =
    [
        ("i386_eflags", 4,
        [
            ("CF", 0), ("", 1), ("PF", 2), ("AF", 4), ("ZF", 6), ("SF", 7), ("TF", 8), ("IF", 9), ("DF", 10), ("OF", 11), ("NT", 14),
            ("RF", 16), ("VM", 17), ("AC", 18), ("VIF", 19), ("VIP", 20), ("ID", 21),
        ]),
        ("i386_mxcsr", 4,
        [
            ("IE", 0), ("DE", 1), ("ZE", 2), ("OE", 3), ("UE", 4), ("PE", 5), ("DAZ", 6), ("IM", 7), ("DM", 8), ("ZM", 9), ("OM", 10),
            ("UM", 11), ("PM", 12), ("FZ", 15),
        ]),
        ("x86_cr0", 8,
        [
            ("PE", 0), ("MP", 1), ("EM", 2), ("TS", 3), ("ET", 4), ("NE", 5), ("WP", 16), ("AM", 18), ("NW", 29), ("CD", 30), ("PG", 31),
        ]),
        ("x86_cr4", 8,
        [
            ("VME", 0), ("PVI", 1), ("TSD", 2), ("DE", 3), ("PSE", 4), ("PAE", 5), ("MCE", 6), ("PGE", 7), ("PCE", 8), ("OSFXSR", 9),
            ("OSXMMEXCPT", 10), ("UMIP", 11), ("LA57", 12), ("VMXE", 13), ("SMXE", 14), ("FSGSBASE", 16), ("PCIDE", 17), ("OSXSAVE", 18),
            ("SMEP", 20), ("SMAP", 21), ("PKE", 22), ("CET", 23), ("PKS", 24),
        ]),
        ("x86_efer", 8, [("SCE", 0), ("LME", 8), ("LMA", 10), ("NXE", 11), ("SVME", 12), ("LMSLE", 13), ("FFXSR", 14), ("TCE", 15)]),
    ];

    private static readonly (string Name, string Element, int Count)[] s_vectors =
    [
        ("v4_float", "ieee_single", 4), ("v2_double", "ieee_double", 2), ("v16_int8", "int8", 16), ("v8_int16", "int16", 8),
        ("v4_int32", "int32", 4), ("v2_int64", "int64", 2),
    ];

    /// <summary>The whole document.</summary>
    public static string Text { get; } = Write();

    private static string Write()
    {
        StringBuilder text = new("""
            <?xml version="1.0"?>
            <!DOCTYPE target SYSTEM "gdb-target.dtd">
            <target version="1.0">
            <architecture>i386:x86-64</architecture>

            """);
        foreach ((string feature, IReadOnlyList<GdbRegister> registers) in GdbRegisterMap.Features)
        {
            text.Append(CultureInfo.InvariantCulture, $"<feature name=\"{feature}\">\n");
            HashSet<string> types = [.. registers.Select(register => register.Type)];
            WriteTypes(text, types);
            foreach (GdbRegister register in registers)
            {
                text.Append(
                    CultureInfo.InvariantCulture,
                    $"<reg name=\"{register.Name}\" bitsize=\"{register.Bits}\" type=\"{register.Type}\" group=\"{register.Group}\"/>\n");
            }

            text.Append("</feature>\n");
        }

        return text.Append("</target>\n").ToString();
    }

    private static void WriteTypes(StringBuilder text, HashSet<string> used)
    {
        foreach ((string name, int size, (string Name, int Bit)[] bits) in s_flags.Where(flags => used.Contains(flags.Name)))
        {
            text.Append(CultureInfo.InvariantCulture, $"<flags id=\"{name}\" size=\"{size}\">\n");
            foreach ((string bit, int number) in bits)
            {
                text.Append(CultureInfo.InvariantCulture, $"<field name=\"{bit}\" start=\"{number}\" end=\"{number}\"/>\n");
            }

            text.Append("</flags>\n");
        }

        if (used.Contains("vec128"))
        {
            foreach ((string name, string element, int count) in s_vectors)
            {
                text.Append(CultureInfo.InvariantCulture, $"<vector id=\"{name}\" type=\"{element}\" count=\"{count}\"/>\n");
            }

            text.Append("<union id=\"vec128\">\n");
            foreach ((string name, _, _) in s_vectors)
            {
                text.Append(CultureInfo.InvariantCulture, $"<field name=\"{name}\" type=\"{name}\"/>\n");
            }

            text.Append("<field name=\"uint128\" type=\"uint128\"/>\n</union>\n");
        }
    }
}
