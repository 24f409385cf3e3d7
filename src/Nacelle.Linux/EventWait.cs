using System.Runtime.InteropServices;

namespace Nacelle.Linux;

/// <summary>struct epoll_event, which x86-64 has packed.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct EpollEvent
{
    public uint Events;
    public ulong Data;
}

/// <summary>
/// Waits for descriptors and time: with epoll_pwait2(2) to the nanosecond, and where the kernel is older than 5.11 or a filter refuses that
/// call, with epoll_wait(2) to the next millisecond.
/// </summary>
/// <remarks>Thread safe. What was refused once is not asked again.</remarks>
internal static unsafe partial class EventWait
{
    private const long PreciseCall = 441;
    private const int NotPermitted = 1;
    private const int Interrupted = 4;
    private const int NoSuchCall = 38;
    private const long NanosecondsPerMillisecond = 1_000_000;
    private static volatile bool s_refused;

    /// <summary>Waits.</summary>
    /// <param name="epoll">An epoll instance.</param>
    /// <param name="events">Takes what is ready.</param>
    /// <param name="maximum">Room in it.</param>
    /// <param name="nanoseconds">At most this long; negative for ever.</param>
    /// <returns>How many are ready; 0 also after a signal.</returns>
    /// <exception cref="LinuxException">The host refuses both calls: no loop can run, and none may go round for ever.</exception>
    internal static int Wait(int epoll, EpollEvent* events, int maximum, long nanoseconds)
    {
        if (!s_refused)
        {
            Timespec timeout = new() { Seconds = nanoseconds / 1_000_000_000, Nanoseconds = nanoseconds % 1_000_000_000 };
            int ready = (int)SystemCall(PreciseCall, epoll, events, maximum, nanoseconds < 0 ? null : &timeout, null, 8);
            if (ready >= 0)
            {
                return ready;
            }

            int error = Marshal.GetLastPInvokeError();
            if (error is not (NotPermitted or NoSuchCall))
            {
                return error == Interrupted ? 0 : throw new LinuxException("wait for events", error);
            }

            s_refused = true;
        }

        int count = WaitMilliseconds(epoll, events, maximum, Milliseconds(nanoseconds));
        return count >= 0 || Marshal.GetLastPInvokeError() == Interrupted
            ? Math.Max(count, 0)
            : throw LinuxException.FromLastError("wait for events");
    }

    /// <summary>Rounded up: a wait that ends early would go round until the time has come.</summary>
    internal static int Milliseconds(long nanoseconds) => nanoseconds < 0
        ? -1
        : (int)Math.Min((nanoseconds / NanosecondsPerMillisecond) + (nanoseconds % NanosecondsPerMillisecond == 0 ? 0 : 1), int.MaxValue);

    [StructLayout(LayoutKind.Sequential)]
    private struct Timespec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    // By number, since a C library before 2.35 has no name for it.
    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall(
        long number, nint epoll, EpollEvent* events, nint maximum, Timespec* timeout, void* signalMask, nuint signalMaskSize);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    private static partial int WaitMilliseconds(int epoll, EpollEvent* events, int maximum, int milliseconds);
}
