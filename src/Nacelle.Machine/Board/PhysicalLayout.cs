using Nacelle.Memory;

namespace Nacelle.Machine.Board;

/// <summary>Where things lie in the guest-physical address space of a q35-shaped machine.</summary>
internal static class PhysicalLayout
{
    /// <summary>RAM above this goes to 4 GiB and beyond.</summary>
    internal const ulong LowRamLimit = 0x8000_0000;

    /// <summary>
    /// The last PCI bus there is. A guest looks for devices on every bus up to it, 32 slots a bus, and each look is an exit.
    /// </summary>
    internal const byte LastBus = 0;

    /// <summary>PCI Express configuration space, which the host bridge decodes for 256 buses.</summary>
    internal const ulong ConfigurationBase = 0xB000_0000;

    /// <summary>Bytes of <see cref="ConfigurationBase"/>.</summary>
    internal const ulong ConfigurationLength = 0x1000_0000;

    /// <summary>Window for 32-bit base address registers.</summary>
    internal const ulong DeviceWindowBase = 0xC000_0000;

    /// <summary>Last address of the window for 32-bit base address registers.</summary>
    internal const ulong DeviceWindowLast = 0xFEBF_FFFF;

    /// <summary>First address above the hole below 4 GiB.</summary>
    internal const ulong HighRamBase = 0x1_0000_0000;

    /// <summary>Bytes of the window for 64-bit base address registers.</summary>
    internal const ulong HighWindowLength = 0x10_0000_0000;

    /// <summary>End of conventional memory that the firmware area leaves to the kernel.</summary>
    internal const ulong ConventionalEnd = 0x9_FC00;

    /// <summary>ACPI and SMBIOS tables, from here to 1 MiB.</summary>
    internal const ulong TablesBase = 0xE_0000;

    /// <summary>The SMBIOS entry point is looked for from here on.</summary>
    internal const ulong SmbiosBase = 0xF_0000;

    /// <summary>1 MiB.</summary>
    internal const ulong ExtendedBase = 0x10_0000;

    /// <summary>The stretches of RAM for a size; a hole stays for VGA memory, and one for devices below 4 GiB.</summary>
    internal static List<(ulong Start, ulong Length)> RamRanges(ulong size)
    {
        List<(ulong, ulong)> ranges = [(0, 0xA_0000), (0xC_0000, Math.Min(size, LowRamLimit) - 0xC_0000)];
        if (size > LowRamLimit)
        {
            ranges.Add((HighRamBase, size - LowRamLimit));
        }

        return ranges;
    }

    /// <summary>Where the window for 64-bit base address registers begins: after RAM, on a multiple of its own length.</summary>
    internal static ulong HighWindowBase(ulong size)
    {
        ulong end = size > LowRamLimit ? HighRamBase + (size - LowRamLimit) : HighRamBase;
        return (end + HighWindowLength - 1) & ~(HighWindowLength - 1);
    }

    /// <summary>The memory map that boot protocols hand over.</summary>
    internal static IEnumerable<MemoryMapEntry> MemoryMap(GuestMemory ram)
    {
        yield return new MemoryMapEntry(0, ConventionalEnd, MemoryKind.Usable);
        yield return new MemoryMapEntry(ConventionalEnd, 0xA_0000 - ConventionalEnd, MemoryKind.Reserved);
        yield return new MemoryMapEntry(TablesBase, ExtendedBase - TablesBase, MemoryKind.Reserved);
        yield return new MemoryMapEntry(ExtendedBase, LowRamEnd(ram) - ExtendedBase, MemoryKind.Usable);
        yield return new MemoryMapEntry(ConfigurationBase, ConfigurationLength, MemoryKind.Reserved);
        foreach (RamRange range in ram.Ranges)
        {
            if (range.Start >= HighRamBase)
            {
                yield return new MemoryMapEntry(range.Start, range.Length, MemoryKind.Usable);
            }
        }
    }

    /// <summary>First address after the RAM below 4 GiB.</summary>
    internal static ulong LowRamEnd(GuestMemory ram)
    {
        ulong end = 0;
        foreach (RamRange range in ram.Ranges)
        {
            end = range.Start < HighRamBase ? range.End : end;
        }

        return end;
    }
}

/// <summary>Kinds of memory as the E820 interface numbers them.</summary>
internal enum MemoryKind
{
    /// <summary>RAM for the operating system.</summary>
    Usable = 1,

    /// <summary>Not for the operating system.</summary>
    Reserved = 2,
}

/// <summary>An entry of the memory map.</summary>
internal readonly record struct MemoryMapEntry(ulong Start, ulong Length, MemoryKind Kind);
