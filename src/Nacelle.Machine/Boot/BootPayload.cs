using Nacelle.Cpu;
using Nacelle.Machine.Board;
using Nacelle.Memory;

namespace Nacelle.Machine.Boot;

/// <summary>What a boot protocol places: kernel, initial RAM disk, command line; read anew for each reset.</summary>
/// <param name="Ram">Guest RAM.</param>
/// <param name="KernelPath">For messages.</param>
/// <param name="Kernel">The kernel file.</param>
/// <param name="InitrdPath">For messages.</param>
/// <param name="Initrd">The initial RAM disk; empty for none.</param>
/// <param name="CommandLine">The kernel's command line.</param>
/// <param name="RootPointer">Guest-physical address of ACPI's RSDP.</param>
internal sealed record BootPayload(
    GuestMemory Ram,
    string KernelPath,
    ReadOnlyMemory<byte> Kernel,
    string InitrdPath,
    ReadOnlyMemory<byte> Initrd,
    string CommandLine,
    ulong RootPointer)
{
    private const ulong UsualCommandLine = 0x2_0000;

    /// <summary>Room for the command line.</summary>
    internal const int CommandLineRoom = 0x1_0000;

    /// <summary>What is where in guest memory.</summary>
    internal MemoryClaims Claims { get; } = new(Ram);

    /// <summary>Reads the files, recognises the kernel's kind and places everything.</summary>
    /// <returns>The bootstrap processor's registers, on top of those after reset.</returns>
    /// <exception cref="MachineException">A file cannot be read, is not what it has to be, or does not fit.</exception>
    internal static CpuRegisters Load(MachineDescription description, GuestMemory ram, ulong rootPointer, in CpuRegisters reset)
    {
        // Neither can lie above the hole below 4 GiB.
        ulong limit = PhysicalLayout.LowRamEnd(ram);
        byte[] kernel = GuestFile.Read("kernel", description.KernelPath, limit, head => RefuseUnknown(description.KernelPath, head));
        byte[] initrd = description.InitrdPath is string path ? GuestFile.Read("initrd", path, limit) : [];
        return Enter(
            new BootPayload(
                ram, description.KernelPath, kernel, description.InitrdPath ?? "", initrd, description.KernelCommandLine, rootPointer),
            reset);
    }

    /// <summary>Recognises the kernel's kind and places everything.</summary>
    /// <returns>The bootstrap processor's registers, on top of those after reset.</returns>
    /// <exception cref="MachineException">A file is not what it has to be, or does not fit.</exception>
    internal static CpuRegisters Enter(BootPayload payload, in CpuRegisters reset)
    {
        ReadOnlySpan<byte> kernel = payload.Kernel.Span;
        RefuseUnknown(payload.KernelPath, kernel);
        return BzImage.IsRecognised(kernel) ? BzImage.Load(payload, reset)
            : Multiboot.IsRecognised(kernel) ? Multiboot.Load(payload, reset)
            : PvhImage.Load(payload, reset);
    }

    private static void RefuseUnknown(string path, ReadOnlySpan<byte> head)
    {
        if (!BzImage.IsRecognised(head) && !Multiboot.IsRecognised(head) && !ElfFile.IsRecognised(head))
        {
            throw GuestImageError.Of(path, "not a bzImage, a PVH ELF file or a multiboot ELF32 file: name a kernel of one of these kinds");
        }
    }

    /// <summary>Places the initial RAM disk as high as allowed.</summary>
    /// <param name="lowest">First address that the kernel leaves free.</param>
    /// <param name="highest">Last address that the kernel can read it at.</param>
    /// <returns>Its address; 0 when there is none.</returns>
    internal ulong PlaceInitrd(ulong lowest, ulong highest)
    {
        if (Initrd.IsEmpty)
        {
            return 0;
        }

        ulong size = (ulong)Initrd.Length;
        if (Claims.PlaceHigh(size, GuestMemory.PageSize, lowest, highest, "the initrd") is not ulong address)
        {
            ulong end = Math.Min(PhysicalLayout.LowRamEnd(Ram), highest + 1);
            throw GuestImageError.TooLarge("initrd", InitrdPath, size, end > lowest ? end - lowest : 0);
        }

        Write(address, Initrd.Span, "initrd", InitrdPath);
        return address;
    }

    /// <summary>Puts data for the kernel where it overlaps nothing.</summary>
    /// <param name="usual">Where it lies if that is free.</param>
    /// <param name="bytes">The data.</param>
    /// <param name="what">What it is, for messages.</param>
    /// <returns>Where it lies.</returns>
    /// <exception cref="MachineException">The kernel leaves no room for it.</exception>
    internal ulong PlaceData(ulong usual, ReadOnlySpan<byte> bytes, string what)
    {
        const ulong alignment = 16;
        ulong address = Claims.Place(usual, (ulong)bytes.Length, alignment, what)
            ?? throw GuestImageError.Of(KernelPath, $"it leaves no memory for {what}: give the machine more memory");
        Write(address, bytes, what, KernelPath);
        return address;
    }

    /// <summary>Puts the descriptor table that the protocols' segments come from.</summary>
    internal ulong PlaceDescriptors(ReadOnlySpan<byte> table) => PlaceData(0x6000, table, "the descriptor table");

    /// <summary>Places the command line with its terminating zero.</summary>
    /// <param name="limit">Bytes that the kernel takes, without the zero.</param>
    /// <param name="program">What comes before it, as the name of a program does before its arguments; null for nothing.</param>
    /// <returns>Where it lies.</returns>
    internal ulong PlaceCommandLine(int limit, string? program = null)
    {
        string line = program is null ? CommandLine : CommandLine.Length == 0 ? program : $"{program} {CommandLine}";
        int size = System.Text.Encoding.UTF8.GetByteCount(line);
        if (size > Math.Min(limit, CommandLineRoom - 1))
        {
            throw new MachineException(
                MachineErrorKind.Configuration,
                $"the kernel command line has {size} bytes and this kernel takes {Math.Min(limit, CommandLineRoom - 1)}: shorten it");
        }

        byte[] bytes = new byte[size + 1];
        System.Text.Encoding.UTF8.GetBytes(line, bytes);
        return PlaceData(UsualCommandLine, bytes, "the command line");
    }

    /// <summary>Writes into RAM.</summary>
    internal void Write(ulong address, ReadOnlySpan<byte> bytes, string what, string path)
    {
        if (!Ram.TryWrite(address, bytes))
        {
            ulong end = PhysicalLayout.LowRamEnd(Ram);
            throw GuestImageError.TooLarge(what, path, address + (ulong)bytes.Length, end);
        }
    }
}
