using System.Runtime.InteropServices;

namespace Nacelle.Linux;

/// <summary>struct pollfd, for the waits of set-up code that has no event loop.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe partial struct PollDescriptor
{
    public int Descriptor;
    public short Events;
    public short Returned;

    /// <summary>Waits until a descriptor is readable or hung up.</summary>
    /// <returns>False when the time is over first.</returns>
    public static bool WaitReadable(int descriptor, int timeoutMilliseconds) => Wait(descriptor, 1, timeoutMilliseconds);

    /// <summary>Waits until a descriptor takes more or is hung up.</summary>
    /// <returns>False when the time is over first.</returns>
    public static bool WaitWritable(int descriptor, int timeoutMilliseconds) => Wait(descriptor, 4, timeoutMilliseconds);

    private static bool Wait(int descriptor, short events, int timeoutMilliseconds)
    {
        const int interrupted = 4;
        long end = Environment.TickCount64 + timeoutMilliseconds;
        while (true)
        {
            PollDescriptor poll = new() { Descriptor = descriptor, Events = events };
            int remaining = timeoutMilliseconds < 0 ? -1 : (int)Math.Max(0, end - Environment.TickCount64);
            int result = Poll(&poll, 1, remaining);
            if (result >= 0 || Marshal.GetLastPInvokeError() != interrupted)
            {
                return result > 0;
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(PollDescriptor* descriptors, nuint count, int timeout);
}
