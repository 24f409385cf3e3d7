using System.Runtime.InteropServices;

namespace Nacelle.Linux;

/// <summary>Asks for the status of files: statx(2), or fstatat(2) where an older kernel or a filter refuses that. Stateless.</summary>
internal static unsafe partial class HostStatus
{
    /// <summary>Bytes of struct statx.</summary>
    internal const int Length = 256;

    private const long OldCall = 262;
    private const int NotPermitted = 1;
    private const int NoSuchCall = 38;

    /// <summary>Fills a struct statx; what only statx(2) knows stays zero where that is refused.</summary>
    /// <returns>0, or -1 with errno set.</returns>
    internal static int Query(int directory, string path, int flags, uint mask, byte* buffer)
    {
        new Span<byte>(buffer, Length).Clear();
        int result = Extended(directory, path, flags, mask, buffer);
        if (result == 0 || Marshal.GetLastPInvokeError() is not (NotPermitted or NoSuchCall))
        {
            return result;
        }

        byte* old = stackalloc byte[Length];
        if (Plain(OldCall, directory, path, old, flags) != 0)
        {
            return -1;
        }

        *(ushort*)(buffer + 28) = (ushort)*(uint*)(old + 24);
        *(ulong*)(buffer + 32) = *(ulong*)(old + 8);
        *(ulong*)(buffer + 40) = *(ulong*)(old + 48);
        PutDevice(*(ulong*)(old + 40), (uint*)(buffer + 128));
        PutDevice(*(ulong*)old, (uint*)(buffer + 136));
        return 0;
    }

    /// <summary>Takes the numbers of a device apart as makedev(3) puts them together.</summary>
    private static void PutDevice(ulong device, uint* numbers)
    {
        numbers[0] = (uint)(((device >> 8) & 0xFFF) | ((device >> 32) & 0xFFFF_F000));
        numbers[1] = (uint)((device & 0xFF) | ((device >> 12) & 0xFFFF_FF00));
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Extended(int directory, string path, int flags, uint mask, byte* buffer);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint Plain(long number, nint directory, string path, byte* buffer, nint flags);
}
