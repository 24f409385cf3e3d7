using System.Runtime.InteropServices;

namespace Nacelle.Kvm.Interop;

/// <summary>The calls of the C library that KVM needs.</summary>
internal static unsafe partial class Libc
{
    public const int EINTR = 4;
    public const int EAGAIN = 11;
    public const int ENOENT = 2;
    public const int ENXIO = 6;
    public const int EPERM = 1;
    public const int EACCES = 13;
    public const int ENODEV = 19;

    /// <summary>SIG_BLOCK and SIG_SETMASK of sigprocmask(2).</summary>
    public const int SignalBlock = 0;
    public const int SignalSetMask = 2;

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    public static partial int Ioctl(int descriptor, nuint request, nuint argument);

    [LibraryImport("libc", EntryPoint = "gettid")]
    public static partial int ThreadId();

    [LibraryImport("libc", EntryPoint = "tgkill", SetLastError = true)]
    public static partial int SignalThread(int process, int thread, int signal);

    [LibraryImport("libc", EntryPoint = "pthread_sigmask")]
    public static partial int SignalMask(int how, SignalSet* replacement, SignalSet* previous);

    [LibraryImport("libc", EntryPoint = "sigtimedwait", SetLastError = true)]
    public static partial int TakeSignal(SignalSet* signals, void* information, long* timeout);
}

/// <summary>sigset_t of the C library: 1024 bits, of which the kernel knows the first 64. Bit n is signal n + 1.</summary>
[StructLayout(LayoutKind.Sequential, Size = 128)]
internal struct SignalSet
{
    public ulong Kernel;
}
