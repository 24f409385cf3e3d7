using Nacelle.Linux;

namespace Nacelle.Cli;

/// <summary>Recognises files that people take for descriptions of machines. Stateless.</summary>
internal static class FileKind
{
    // The header of a bzImage (Documentation/arch/x86/boot.rst) begins at 1F1h and says so at 202h.
    private const int LinuxSignature = 0x202;
    private const int IsoSignature = 0x8001;

    /// <summary>What to type instead.</summary>
    /// <param name="text">The beginning of the file.</param>
    /// <returns>A sentence with {0} for the file's name; null where it may be a description.</returns>
    internal static string? Guess(ReadOnlySpan<byte> text) =>
        IsLinux(text) || text.StartsWith("\u007fELF"u8) ? "'{0}' looks like a kernel: nacelle run --kernel {0}"
        : text.StartsWith("QFI\u00fb"u8[..3]) || text.StartsWith("KDMV"u8) || text.StartsWith("vhdxfile"u8) || text.StartsWith("conectix"u8)
            ? "'{0}' looks like a disk image: nacelle run --kernel KERNEL --disk {0} takes raw ones, which 'qemu-img convert -O raw' makes"
        : text.Length > IsoSignature && text[IsoSignature..].StartsWith("CD001"u8) ? "'{0}' looks like an image of a CD, which machines cannot boot yet: give --kernel"
        : text.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B]) || text.StartsWith("070701"u8) || text.StartsWith((ReadOnlySpan<byte>)[0x28, 0xB5, 0x2F, 0xFD])
            ? "'{0}' looks like an initial RAM disk: nacelle run --kernel KERNEL --initrd {0}"
        : text.StartsWith("-"u8) ? "'{0}' looks like arguments of QEMU: name it FILE.args for check and convert, or start it with 'xargs nacelle qemu < {0}'"
        : null;

    /// <summary>Whether a file begins as a Linux kernel does.</summary>
    internal static bool IsLinux(ReadOnlySpan<byte> text) => text.Length > LinuxSignature + 4 && text[LinuxSignature..].StartsWith("HdrS"u8);

    /// <summary>Whether a file is a Linux kernel; false where it cannot be read, which the start will tell.</summary>
    internal static bool IsLinux(string path)
    {
        // What is read from a FIFO would be missing when the kernel is loaded, and nobody may be writing to it yet.
        if (HostFile.KindOf(path) != HostFileKind.Regular)
        {
            return false;
        }

        try
        {
            using FileStream file = File.OpenRead(path);
            Span<byte> start = stackalloc byte[LinuxSignature + 8];
            return file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) == start.Length && IsLinux(start);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            return false;
        }
    }
}
