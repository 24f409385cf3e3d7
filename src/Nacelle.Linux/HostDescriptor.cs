using System.Runtime.InteropServices;

namespace Nacelle.Linux;

/// <summary>Plain reads and writes on descriptors that somebody else owns, such as the standard streams.</summary>
/// <remarks>Safe from any thread. A signal in between is not an error: the call is made again.</remarks>
public static unsafe partial class HostDescriptor
{
    /// <summary>Standard input.</summary>
    public const int Input = 0;

    /// <summary>Standard output.</summary>
    public const int Output = 1;

    /// <summary>Standard error.</summary>
    public const int Error = 2;

    private const int Interrupted = 4;
    private const int TryAgain = 11;

    /// <summary>Waits until there is something to read, then reads.</summary>
    /// <returns>Bytes read; 0 at the end; -errno for a failure.</returns>
    public static int Read(int descriptor, Span<byte> buffer)
    {
        while (true)
        {
            fixed (byte* pointer = buffer)
            {
                nint count = ReadBytes(descriptor, pointer, (nuint)buffer.Length);
                if (count >= 0)
                {
                    return (int)count;
                }
            }

            int error = Marshal.GetLastPInvokeError();
            if (error is not (Interrupted or TryAgain))
            {
                return -error;
            }

            if (error == TryAgain)
            {
                Wait(descriptor, PollEvents.Readable);
            }
        }
    }

    /// <summary>Writes all of it, waiting for room as long as that takes.</summary>
    /// <returns>0; -errno for a failure, with some bytes possibly written.</returns>
    public static int WriteAll(int descriptor, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            nint count;
            fixed (byte* pointer = bytes)
            {
                count = WriteBytes(descriptor, pointer, (nuint)bytes.Length);
            }

            if (count >= 0)
            {
                bytes = bytes[(int)count..];
                continue;
            }

            int error = Marshal.GetLastPInvokeError();
            if (error is not (Interrupted or TryAgain))
            {
                return -error;
            }

            if (error == TryAgain)
            {
                Wait(descriptor, PollEvents.Writable);
            }
        }

        return 0;
    }

    /// <summary>The standard streams may have been left non-blocking by whoever had them before.</summary>
    private static void Wait(int descriptor, PollEvents events)
    {
        PollRequest request = new() { Descriptor = descriptor, Events = (short)events };
        _ = Poll(&request, 1, -1);
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PollRequest
    {
        public int Descriptor;
        public short Events;
        public short Result;
    }

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint ReadBytes(int descriptor, byte* buffer, nuint size);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint WriteBytes(int descriptor, byte* buffer, nuint size);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(PollRequest* requests, nuint count, int milliseconds);
}
