using System.Runtime.InteropServices;

namespace Nacelle.Linux;

/// <summary>Random bytes of the host kernel (getrandom(2)).</summary>
public static unsafe partial class HostRandom
{
    /// <summary>Fills a buffer of at most 256 bytes, which the kernel never cuts short once it is seeded.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public static void Fill(Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(destination.Length, 256, nameof(destination));
        fixed (byte* buffer = destination)
        {
            if (GetRandom(buffer, (nuint)destination.Length, 0) != destination.Length)
            {
                throw LinuxException.FromLastError("read random bytes");
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "getrandom", SetLastError = true)]
    private static partial nint GetRandom(byte* buffer, nuint length, uint flags);
}
