using System.Runtime.InteropServices;

namespace Nacelle.Linux;

/// <summary>A program run as a child with chosen descriptors, in a session of its own: a terminal's Ctrl-C does not reach it.</summary>
/// <remarks>Thread safe but for <see cref="Dispose"/>.</remarks>
public sealed unsafe partial class ChildProcess : IDisposable
{
    private const int KillSignal = 9;
    private readonly int _handle;
    private bool _ended;

    private ChildProcess(int processId, int handle)
    {
        ProcessId = processId;
        _handle = handle;
        Leftovers.Add(this, () => SendSignal(_handle, KillSignal, null, 0));
    }

    /// <summary>The process id.</summary>
    public int ProcessId { get; }

    /// <summary>A pidfd: readable once the process has ended. Owned by this object.</summary>
    public int FileDescriptor => _handle;

    /// <summary>Starts a program with default signal dispositions, no signal blocked and standard input from /dev/null.</summary>
    /// <param name="path">The program; a name without a slash is looked up in PATH.</param>
    /// <param name="arguments">All arguments, the program's own name first.</param>
    /// <param name="descriptors">Descriptors of this process and the numbers under which the child finds them; all others that are closed on exec are not passed.</param>
    /// <exception cref="LinuxException">The program cannot be started; ENOENT where there is none.</exception>
    public static ChildProcess Start(
        string path, IReadOnlyList<string> arguments, params ReadOnlySpan<(int Descriptor, int InChild)> descriptors)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        byte* actions = stackalloc byte[256];
        byte* attributes = stackalloc byte[512];
        nint* vector = stackalloc nint[arguments.Count + 1];
        _ = InitialiseActions(actions);
        _ = InitialiseAttributes(attributes);
        try
        {
            _ = AddOpen(actions, 0, "/dev/null", 0, 0);
            foreach ((int descriptor, int inChild) in descriptors)
            {
                _ = AddDuplicate(actions, descriptor, inChild);
            }

            SetAttributes(attributes);
            for (int i = 0; i < arguments.Count; i++)
            {
                vector[i] = Marshal.StringToCoTaskMemUTF8(arguments[i]);
            }

            vector[arguments.Count] = 0;
            int error = Spawn(out int processId, path, actions, attributes, vector, Environment());
            if (error != 0)
            {
                throw new LinuxException($"start {path}", error);
            }

            int handle = OpenProcess(processId, 0);
            if (handle < 0)
            {
                LinuxException failure = LinuxException.FromLastError($"watch process {processId}");
                _ = Kill(processId, KillSignal);
                _ = WaitProcess(processId, null, 0);
                throw failure;
            }

            return new ChildProcess(processId, handle);
        }
        finally
        {
            for (int i = 0; i < arguments.Count; i++)
            {
                Marshal.FreeCoTaskMem(vector[i]);
            }

            _ = DestroyActions(actions);
            _ = DestroyAttributes(attributes);
        }
    }

    /// <summary>Waits for the end.</summary>
    /// <param name="timeoutMilliseconds">At most this long.</param>
    /// <returns>Whether it has ended.</returns>
    public bool WaitForEnd(int timeoutMilliseconds)
    {
        if (!_ended && PollDescriptor.WaitReadable(_handle, timeoutMilliseconds))
        {
            // The runtime may have collected the child already; either way nothing of it is left.
            _ = WaitProcess(ProcessId, null, 0);
            _ended = true;
        }

        return _ended;
    }

    /// <summary>Waits a moment for the process to end by itself, then kills it; when this returns it is gone.</summary>
    public void Dispose()
    {
        const int graceMilliseconds = 2000;
        if (!WaitForEnd(graceMilliseconds))
        {
            _ = SendSignal(_handle, KillSignal, null, 0);
            WaitForEnd(-1);
        }

        Leftovers.Remove(this);
        _ = Close(_handle);
    }

    private static void SetAttributes(byte* attributes)
    {
        const short setMask = 0x08;
        const short setDefaults = 0x04;
        const short newSession = 0x80;
        byte* none = stackalloc byte[128];
        byte* all = stackalloc byte[128];
        new Span<byte>(none, 128).Clear();
        new Span<byte>(all, 128).Fill(0xFF);
        _ = SetSignalMask(attributes, none);
        _ = SetSignalDefaults(attributes, all);
        _ = SetSpawnFlags(attributes, setMask | setDefaults | newSession);
    }

    /// <summary>The environment of this process, as libc has it.</summary>
    private static nint* Environment()
    {
        nint library = NativeLibrary.Load("libc.so.6");
        return *(nint**)NativeLibrary.GetExport(library, "environ");
    }

    [LibraryImport("libc", EntryPoint = "posix_spawnp", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Spawn(
        out int processId, string path, byte* actions, byte* attributes, nint* arguments, nint* environment);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_init")]
    private static partial int InitialiseActions(byte* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_destroy")]
    private static partial int DestroyActions(byte* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_adddup2")]
    private static partial int AddDuplicate(byte* actions, int descriptor, int newDescriptor);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_addopen", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int AddOpen(byte* actions, int descriptor, string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_init")]
    private static partial int InitialiseAttributes(byte* attributes);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_destroy")]
    private static partial int DestroyAttributes(byte* attributes);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setflags")]
    private static partial int SetSpawnFlags(byte* attributes, short flags);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setsigmask")]
    private static partial int SetSignalMask(byte* attributes, byte* signals);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setsigdefault")]
    private static partial int SetSignalDefaults(byte* attributes, byte* signals);

    [LibraryImport("libc", EntryPoint = "waitpid", SetLastError = true)]
    private static partial int WaitProcess(int processId, int* status, int options);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int processId, int signal);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);

    private static int OpenProcess(int processId, uint flags) => (int)SystemCall(434, processId, (nint)flags, 0, 0);

    private static int SendSignal(int handle, int signal, void* information, uint flags) =>
        (int)SystemCall(424, handle, signal, (nint)information, (nint)flags);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall(long number, nint a, nint b, nint c, nint d);
}
