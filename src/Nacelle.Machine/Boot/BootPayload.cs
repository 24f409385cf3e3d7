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
    /// <summary>Where the command line is put.</summary>
    internal const ulong CommandLineAddress = 0x2_0000;

    /// <summary>Room for the command line.</summary>
    internal const int CommandLineRoom = 0x1_0000;

    /// <summary>Reads the files, recognises the kernel's kind and places everything.</summary>
    /// <returns>The bootstrap processor's registers, on top of those after reset.</returns>
    /// <exception cref="MachineException">A file cannot be read, is not what it has to be, or does not fit.</exception>
    internal static CpuRegisters Load(MachineDescription description, GuestMemory ram, ulong rootPointer, in CpuRegisters reset)
    {
        byte[] kernel = Read("kernel", description.KernelPath);
        byte[] initrd = description.InitrdPath is string path ? Read("initrd", path) : [];
        BootPayload payload = new(
            ram, description.KernelPath, kernel, description.InitrdPath ?? "", initrd, description.KernelCommandLine, rootPointer);
        if (BzImage.IsRecognised(kernel))
        {
            return BzImage.Load(payload, reset);
        }

        if (Multiboot.IsRecognised(kernel))
        {
            return Multiboot.Load(payload, reset);
        }

        return ElfFile.IsRecognised(kernel)
            ? PvhImage.Load(payload, reset)
            : throw GuestImageError.Of(
                description.KernelPath, "not a bzImage, a PVH ELF file or a multiboot ELF32 file: name a kernel of one of these kinds");
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
        ulong end = Math.Min(PhysicalLayout.LowRamEnd(Ram), highest + 1);
        ulong available = end > lowest ? end - lowest : 0;
        if (size > available)
        {
            throw GuestImageError.TooLarge("initrd", InitrdPath, size, available);
        }

        ulong address = (end - size) & ~0xFFFUL;
        if (address < lowest)
        {
            throw GuestImageError.TooLarge("initrd", InitrdPath, size, available);
        }

        Write(address, Initrd.Span, "initrd", InitrdPath);
        return address;
    }

    /// <summary>Places the command line with its terminating zero.</summary>
    /// <param name="limit">Bytes that the kernel takes, without the zero.</param>
    /// <param name="program">What comes before it, as the name of a program does before its arguments; null for nothing.</param>
    internal void PlaceCommandLine(int limit, string? program = null)
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
        Write(CommandLineAddress, bytes, "kernel command line", "");
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

    private static byte[] Read(string what, string path)
    {
        try
        {
            byte[] bytes = File.ReadAllBytes(path);
            return bytes.Length != 0
                ? bytes
                : throw new MachineException(MachineErrorKind.GuestImage, $"{what} '{path}' is empty");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            string reason = error switch
            {
                FileNotFoundException or DirectoryNotFoundException => "no such file",
                UnauthorizedAccessException => Directory.Exists(path) ? "it is a directory" : "permission denied",
                _ => error.Message,
            };
            throw new MachineException(MachineErrorKind.HostResource, $"could not open {what} '{path}': {reason}", error);
        }
    }
}
