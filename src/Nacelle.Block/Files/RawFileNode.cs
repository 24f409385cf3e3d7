using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Nacelle.Block;

/// <summary>A raw file or block device of the host.</summary>
/// <remarks>Owned by the event loop of its <see cref="FileEngine"/>; opening and disposing happen there too.</remarks>
public sealed unsafe class RawFileNode : IBlockNode
{
    private const int Sector = 512;
    private const int DurableWrite = 2; // RWF_DSYNC of pwritev2(2)
    private const int KeepSize = 1; // FALLOC_FL_*
    private const int PunchHole = 2;
    private const int ZeroRange = 16;
    private const int Interrupted = 4;
    private const int InputOutputError = 5;
    private const int TryAgain = 11;
    private const int InvalidArgument = 22;
    private const int NoSpace = 28;
    private const int ReadOnlyFileSystem = 30;
    private const int NotSupported = 95;

    private const int ZeroBufferAlignment = 4096;
    private const int ZeroBufferSize = 1 << 20;
    private readonly FileEngine _engine;
    private readonly RawFileHandles _file;
    private readonly BlockCacheMode _cache;
    private byte* _zeroes;
    private bool _writeCache;
    private bool _unflushed;
    private bool _disposed;

    private RawFileNode(FileEngine engine, RawFileHandles file, RawFileOptions options)
    {
        _engine = engine;
        _file = file;
        _cache = options.Cache;
        IsReadOnly = options.ReadOnly;
        CanDiscard = options.Discard && !options.ReadOnly;
        Length = (file.Size + Sector - 1) / Sector * Sector;
        PreferredAlignment = Math.Max(Sector, file.Direct is null ? Sector : file.OffsetAlignment);
        _writeCache = CacheAllowed;
    }

    /// <inheritdoc/>
    public long Length { get; }

    /// <inheritdoc/>
    public bool IsReadOnly { get; }

    /// <inheritdoc/>
    public bool CanDiscard { get; }

    /// <inheritdoc/>
    public int PreferredAlignment { get; }

    /// <inheritdoc/>
    public bool WriteCache
    {
        get => _writeCache;
        set => _writeCache = value && CacheAllowed;
    }

    /// <inheritdoc/>
    public int LostWriteError { get; private set; }

    /// <summary>Requests started and not completed.</summary>
    internal int InFlight { get; private set; }

    private bool CacheAllowed => _cache is not (BlockCacheMode.Writethrough or BlockCacheMode.DirectSync);

    private bool WritesAreDurable => !_writeCache && _cache != BlockCacheMode.Unsafe;

    /// <summary>Opens and locks a file.</summary>
    /// <param name="options">What and how.</param>
    /// <param name="engine">Of the loop that will own the node.</param>
    /// <exception cref="BlockOpenException">
    /// It is missing, unreadable, empty, a directory, locked by another process or of a size no disk has.
    /// </exception>
    public static RawFileNode Open(RawFileOptions options, FileEngine engine)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(engine);
        return new RawFileNode(engine, RawFileOpener.Open(options), options);
    }

    /// <inheritdoc/>
    public void Start(BlockRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        ObjectDisposedException.ThrowIf(_disposed, this);
        // The host forgets what it could not write and tells so once (fsync(2)): from then on no flush can promise anything.
        int refusal = request.Operation == BlockOperation.Flush && LostWriteError != 0 ? LostWriteError : Refusal(request);
        if (refusal != 0 || IsNothing(request))
        {
            request.Complete(refusal);
            return;
        }

        InFlight++;
        FileCommand command = request.Command;
        command.Node = this;
        command.Request = request;
        command.Offset = request.Offset;
        command.Remaining = request.Length;
        request.CopySegments();
        command.Segments = request.Working.Start;
        command.SegmentCount = request.Working.Count;
        command.Flags = 0;
        switch (request.Operation)
        {
            case BlockOperation.Read:
                command.Kind = FileCommandKind.Read;
                break;
            case BlockOperation.Write:
                command.Kind = FileCommandKind.Write;
                command.Flags = WritesAreDurable ? DurableWrite : 0;
                break;
            case BlockOperation.Flush:
                command.Kind = FileCommandKind.Synchronise;
                break;
            default:
                command.Kind = FileCommandKind.Allocate;
                bool free = request.Operation == BlockOperation.Discard || (request.Unmap && CanDiscard);
                command.Flags = (free ? PunchHole : ZeroRange) | KeepSize;
                break;
        }

        Issue(command);
    }

    /// <inheritdoc/>
    public void Submit() => _engine.Submit();

    /// <inheritdoc/>
    public void Drain() => _engine.WaitUntilIdle(this);

    /// <summary>Waits for the requests in flight, whose completions still run, and closes the file.</summary>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        _engine.WaitUntilIdle(this);
        _file.Direct?.Dispose();
        _file.Buffered.Dispose();
        NativeMemory.AlignedFree(_zeroes);
        _zeroes = null;
    }

    /// <summary>Goes on after a system call.</summary>
    internal void Step(FileCommand command, int result)
    {
        if (result is -Interrupted or -TryAgain)
        {
            Issue(command);
            return;
        }

        switch (command.Kind)
        {
            case FileCommandKind.Read or FileCommandKind.Write:
                StepTransfer(command, result);
                break;
            case FileCommandKind.Allocate:
                StepAllocate(command, result);
                break;
            default:
                NoteFlush(result);
                Finish(command, -Math.Min(result, 0));
                break;
        }
    }

    private void NoteFlush(int result)
    {
        if (result < 0)
        {
            LostWriteError = -result;
        }
    }

    private int Refusal(BlockRequest request)
    {
        if (request.Operation == BlockOperation.Flush)
        {
            return 0;
        }

        if (request.Offset < 0 || request.Length < 0 || request.Offset > Length || request.Length > Length - request.Offset)
        {
            return InvalidArgument;
        }

        return request.Operation switch
        {
            BlockOperation.Read => 0,
            _ when IsReadOnly => ReadOnlyFileSystem,
            BlockOperation.Discard when !CanDiscard => NotSupported,
            _ => 0,
        };
    }

    private bool IsNothing(BlockRequest request) => request.Operation == BlockOperation.Flush
        ? _cache == BlockCacheMode.Unsafe || IsReadOnly
        : request.Length == 0;

    private void Issue(FileCommand command)
    {
        command.FileDescriptor = Descriptor(command);
        _engine.Start(command);
    }

    /// <summary>
    /// Direct I/O wants aligned memory, offsets and lengths. A transfer that is not goes through the page cache, which the
    /// host keeps coherent with direct I/O to the same file (open(2), O_DIRECT): no read-modify-write, so no race with a
    /// neighbouring write. It is made durable at once, since what the mode promises is that nothing lingers in the cache.
    /// </summary>
    private int Descriptor(FileCommand command)
    {
        if (_file.Direct is not { } direct || command.Kind is not (FileCommandKind.Read or FileCommandKind.Write))
        {
            return _file.Buffered.FileDescriptor;
        }

        ulong offsetMask = (ulong)_file.OffsetAlignment - 1;
        ulong misaligned = ((ulong)command.Offset | (ulong)command.Remaining) & offsetMask;
        for (int i = 0; i < command.SegmentCount; i++)
        {
            misaligned |= (ulong)command.Segments[i].Address & ((ulong)_file.MemoryAlignment - 1);
            misaligned |= command.Segments[i].Length & offsetMask;
        }

        if (misaligned == 0)
        {
            return direct.FileDescriptor;
        }

        command.Flags = command.Kind == FileCommandKind.Write ? DurableWrite : 0;
        return _file.Buffered.FileDescriptor;
    }

    private void StepTransfer(FileCommand command, int result)
    {
        if (result < 0)
        {
            // A durable write flushes, too, and may have taken the one report of earlier writes that were lost.
            if (command.Kind == FileCommandKind.Write && (command.Flags & DurableWrite) != 0 && _unflushed)
            {
                LostWriteError = -result;
            }

            Finish(command, -result);
            return;
        }

        _unflushed |= command.Kind == FileCommandKind.Write && (command.Flags & DurableWrite) == 0;
        if (result == 0)
        {
            EndOfFile(command);
            return;
        }

        Advance(command, result);
        if (command.Remaining == 0)
        {
            Finish(command, 0);
            return;
        }

        if (command.SegmentCount == 0)
        {
            // Only zeroing a range longer than all segments together comes here.
            FillZeroes(command);
        }

        Issue(command);
    }

    /// <summary>A read-only file's last sector may be short and reads as zeroes; a file cut off behind our back is an error.</summary>
    private void EndOfFile(FileCommand command)
    {
        if (command.Kind == FileCommandKind.Write)
        {
            Finish(command, NoSpace);
            return;
        }

        if (command.Offset < _file.Size)
        {
            Finish(command, InputOutputError);
            return;
        }

        for (int i = 0; i < command.SegmentCount; i++)
        {
            NativeMemory.Clear(command.Segments[i].Address, command.Segments[i].Length);
        }

        Finish(command, 0);
    }

    private static void Advance(FileCommand command, int bytes)
    {
        command.Offset += bytes;
        command.Remaining -= bytes;
        nuint left = (nuint)bytes;
        while (left > 0)
        {
            Debug.Assert(command.SegmentCount > 0, "the host transferred no more than was asked");
            if (command.Segments->Length > left)
            {
                command.Segments->Address += left;
                command.Segments->Length -= left;
                return;
            }

            left -= command.Segments->Length;
            command.Segments++;
            command.SegmentCount--;
        }
    }

    private void StepAllocate(FileCommand command, int result)
    {
        if (result == -NotSupported)
        {
            if (command.Request!.Operation == BlockOperation.Discard)
            {
                // Discard is advice: leaving the content is one of the outcomes it allows.
                Finish(command, 0);
                return;
            }

            WriteZeroes(command);
            return;
        }

        if (result == 0 && WritesAreDurable)
        {
            command.Kind = FileCommandKind.Synchronise;
            Issue(command);
            return;
        }

        Finish(command, -Math.Min(result, 0));
    }

    /// <summary>Zeroes by plain writes, where the file system cannot zero a range (tmpfs, NFS before 4.2).</summary>
    private void WriteZeroes(FileCommand command)
    {
        if (_zeroes == null)
        {
            _zeroes = (byte*)NativeMemory.AlignedAlloc(ZeroBufferSize, ZeroBufferAlignment);
            NativeMemory.Clear(_zeroes, ZeroBufferSize);
        }

        command.Kind = FileCommandKind.Write;
        command.Flags = WritesAreDurable ? DurableWrite : 0;
        FillZeroes(command);
        Issue(command);
    }

    private void FillZeroes(FileCommand command)
    {
        BlockSegmentList working = command.Request!.Working;
        working.Clear();
        for (long left = command.Remaining; left > 0 && working.Count < BlockRequest.MaximumSegments;)
        {
            long part = Math.Min(left, ZeroBufferSize);
            working.Append(_zeroes, (nuint)part);
            left -= part;
        }

        command.Segments = working.Start;
        command.SegmentCount = working.Count;
    }

    private void Finish(FileCommand command, int error)
    {
        InFlight--;
        BlockRequest request = command.Request!;
        command.Request = null;
        request.Complete(error);
    }
}
