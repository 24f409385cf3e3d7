using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Nacelle.Linux;

/// <summary>A submission and completion ring shared with the host kernel (io_uring(7)).</summary>
/// <remarks>
/// Owned by one thread: nothing here is thread safe. The owner keeps at most <see cref="Entries"/> operations in flight, so
/// the completion ring, twice as long, cannot overflow. Buffers of operations in flight must stay mapped until they complete.
/// </remarks>
public sealed unsafe partial class IoUring : IDisposable
{
    private const long SetupCall = 425;
    private const long EnterCall = 426;
    private const long RegisterCall = 427;
    private const long EntriesMapOffset = 0x1000_0000;
    private readonly int _ring;
    private readonly byte* _rings;
    private readonly nuint _ringsLength;
    private readonly IoUringSubmission* _entries;
    private readonly nuint _entriesLength;
    private readonly Parameters _parameters;
    private readonly EventFileDescriptor _completions = new();
    private uint _unsubmitted;
    private bool _disposed;

    private IoUring(int ring, in Parameters parameters, byte* rings, nuint ringsLength, byte* entries, nuint entriesLength)
    {
        _ring = ring;
        _parameters = parameters;
        _rings = rings;
        _ringsLength = ringsLength;
        _entries = (IoUringSubmission*)entries;
        _entriesLength = entriesLength;
    }

    /// <summary>The most operations that may be in flight.</summary>
    public int Entries => (int)_parameters.SubmissionEntries;

    /// <summary>Becomes readable when there are completions.</summary>
    public EventFileDescriptor CompletionEvent => _completions;

    /// <summary>Makes a ring.</summary>
    /// <param name="entries">Operations in flight, 1 to 4096; rounded up to a power of two.</param>
    /// <returns>Null where the host refuses io_uring (seccomp, sysctl kernel.io_uring_disabled) or it is older than 5.5.</returns>
    public static IoUring? TryCreate(int entries)
    {
        const uint singleMapAndNoDrop = 3;
        Parameters parameters = default;
        int ring = (int)SystemCall(SetupCall, entries, (nint)(&parameters), 0, 0, 0, 0);
        if (ring < 0)
        {
            return null;
        }

        nuint ringsLength = Math.Max(
            parameters.Submission.Array + (parameters.SubmissionEntries * sizeof(uint)),
            parameters.Completion.Entries + (parameters.CompletionEntries * (uint)sizeof(Completion)));
        nuint entriesLength = parameters.SubmissionEntries * (uint)sizeof(IoUringSubmission);
        byte* rings = (parameters.Features & singleMapAndNoDrop) == singleMapAndNoDrop ? Map(ring, 0, ringsLength) : null;
        byte* slots = rings == null ? null : Map(ring, EntriesMapOffset, entriesLength);
        if (slots == null)
        {
            if (rings != null)
            {
                _ = Unmap(rings, ringsLength);
            }

            _ = Close(ring);
            return null;
        }

        IoUring made = new(ring, parameters, rings, ringsLength, slots, entriesLength);
        const int registerEvent = 4;
        int descriptor = made._completions.FileDescriptor;
        // A filter may let rings be made and not be entered: such a ring would take operations and never do them.
        if (SystemCall(RegisterCall, ring, registerEvent, (nint)(&descriptor), 1, 0, 0) != 0
            || SystemCall(EnterCall, ring, 0, 0, 0, 0, 0) < 0)
        {
            made.Dispose();
            return null;
        }

        return made;
    }

    /// <summary>Queues an operation; the kernel sees it at the next <see cref="Submit"/>.</summary>
    /// <returns>False when the submission ring is full.</returns>
    public bool TryQueue(in IoUringSubmission submission)
    {
        uint* tail = (uint*)(_rings + _parameters.Submission.Tail);
        uint head = Volatile.Read(ref *(uint*)(_rings + _parameters.Submission.Head));
        uint current = *tail;
        if (current - head >= _parameters.SubmissionEntries)
        {
            return false;
        }

        uint index = current & (_parameters.SubmissionEntries - 1);
        Unsafe.InitBlockUnaligned(_entries + index, 0, (uint)sizeof(IoUringSubmission));
        _entries[index] = submission;
        ((uint*)(_rings + _parameters.Submission.Array))[index] = index;
        Volatile.Write(ref *tail, current + 1);
        _unsubmitted++;
        return true;
    }

    /// <summary>Hands the queued operations to the kernel in one system call.</summary>
    /// <returns>False where the kernel did not take all of them, for want of memory: the rest stays queued for the next call.</returns>
    public bool Submit()
    {
        while (_unsubmitted != 0)
        {
            if (!Enter(0))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Submits and blocks until at least one completion is there.</summary>
    /// <returns>False where the kernel refused for now: nothing was submitted and nothing waited for.</returns>
    public bool Wait() => Enter(1);

    /// <summary>Takes one completion.</summary>
    /// <param name="userData">The operation's <see cref="IoUringSubmission.UserData"/>.</param>
    /// <param name="result">What the system call would have returned: negative values are -errno.</param>
    /// <returns>False when there is none.</returns>
    public bool TryReap(out ulong userData, out int result)
    {
        uint* head = (uint*)(_rings + _parameters.Completion.Head);
        uint current = *head;
        if (current == Volatile.Read(ref *(uint*)(_rings + _parameters.Completion.Tail)))
        {
            (userData, result) = (0, 0);
            return false;
        }

        Completion* completion = (Completion*)(_rings + _parameters.Completion.Entries)
            + (current & (_parameters.CompletionEntries - 1));
        (userData, result) = (completion->UserData, completion->Result);
        Volatile.Write(ref *head, current + 1);
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        _ = Unmap(_rings, _ringsLength);
        _ = Unmap((byte*)_entries, _entriesLength);
        _ = Close(_ring);
        _completions.Dispose();
    }

    /// <returns>False where the kernel refused.</returns>
    private bool Enter(uint waitFor)
    {
        const nint getEvents = 1;
        const int interrupted = 4;
        nint taken = SystemCall(EnterCall, _ring, (nint)_unsubmitted, (nint)waitFor, waitFor == 0 ? 0 : getEvents, 0, 0);
        if (taken < 0)
        {
            return Marshal.GetLastPInvokeError() == interrupted;
        }

        // None taken though some were offered: as good as a refusal, and no reason to ask at once again.
        bool moved = taken > 0 || _unsubmitted == 0;
        _unsubmitted -= (uint)taken;
        return moved;
    }

    private static byte* Map(int ring, long offset, nuint length)
    {
        const int readWrite = 3;
        const int sharedAndPopulated = 0x8001;
        byte* mapped = MapMemory(null, length, readWrite, sharedAndPopulated, ring, offset);
        return (nint)mapped == -1 ? null : mapped;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Completion
    {
        public ulong UserData;
        public int Result;
        public uint Flags;
    }

    [StructLayout(LayoutKind.Explicit, Size = 120)]
    private struct Parameters
    {
        [FieldOffset(0)]
        public uint SubmissionEntries;
        [FieldOffset(4)]
        public uint CompletionEntries;
        [FieldOffset(20)]
        public uint Features;
        [FieldOffset(40)]
        public SubmissionOffsets Submission;
        [FieldOffset(80)]
        public CompletionOffsets Completion;
    }

    [StructLayout(LayoutKind.Sequential, Size = 40)]
    private struct SubmissionOffsets
    {
        public uint Head;
        public uint Tail;
        public uint RingMask;
        public uint RingEntries;
        public uint Flags;
        public uint Dropped;
        public uint Array;
    }

    [StructLayout(LayoutKind.Sequential, Size = 40)]
    private struct CompletionOffsets
    {
        public uint Head;
        public uint Tail;
        public uint RingMask;
        public uint RingEntries;
        public uint Overflow;
        public uint Entries;
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall(long number, nint a, nint b, nint c, nint d, nint e, nint f);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial byte* MapMemory(byte* address, nuint length, int protection, int flags, int descriptor, long offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int Unmap(byte* address, nuint length);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}
