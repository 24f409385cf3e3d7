using System.Runtime.InteropServices;

namespace Nacelle.Block;

/// <summary>What a request does.</summary>
public enum BlockOperation
{
    /// <summary>Fills the segments from the disk.</summary>
    Read,

    /// <summary>Writes the segments to the disk.</summary>
    Write,

    /// <summary>Makes all completed writes durable.</summary>
    Flush,

    /// <summary>Gives up a range's content; what it reads as afterwards is not defined.</summary>
    Discard,

    /// <summary>Makes a range read as zeroes.</summary>
    WriteZeroes,
}

/// <summary>A stretch of host memory, in the layout of struct iovec.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct BlockSegment
{
    /// <summary>First byte.</summary>
    public byte* Address;

    /// <summary>Bytes.</summary>
    public nuint Length;
}

/// <summary>A request to a <see cref="IBlockNode"/>, made once and used again and again.</summary>
/// <remarks>Belongs to the caller until <see cref="IBlockNode.Start"/> and to the node until its completion.</remarks>
public sealed unsafe class BlockRequest : IDisposable
{
    /// <summary>The most segments a request can have (IOV_MAX of the host).</summary>
    public const int MaximumSegments = 1024;

    private BlockSegment* _segments;
    private int _capacity;

    /// <summary>What to do.</summary>
    public BlockOperation Operation { get; private set; }

    /// <summary>First byte on the disk.</summary>
    public long Offset { get; private set; }

    /// <summary>Bytes; for reads and writes the sum of the segments.</summary>
    public long Length { get; private set; }

    /// <summary>Whether <see cref="BlockOperation.WriteZeroes"/> may free the space.</summary>
    public bool Unmap { get; private set; }

    /// <summary>Number of segments.</summary>
    public int SegmentCount { get; private set; }

    /// <summary>Who is told of the end.</summary>
    public IBlockCompletion? Completion { get; set; }

    /// <summary>The caller's own note, for instance the queue and chain a request came from.</summary>
    public object? Context { get; set; }

    internal FileCommand Command { get; } = new();

    internal BlockSegment* Segments => _segments;

    /// <summary>Begins a new request in this object.</summary>
    /// <param name="operation">What to do.</param>
    /// <param name="offset">First byte on the disk; the node checks it.</param>
    /// <param name="length">Bytes, for discards and zeroing; reads and writes count their segments.</param>
    /// <param name="unmap">Whether zeroing may free the space.</param>
    public void Reset(BlockOperation operation, long offset, long length = 0, bool unmap = false)
    {
        Operation = operation;
        Offset = offset;
        Length = operation is BlockOperation.Read or BlockOperation.Write ? 0 : length;
        Unmap = unmap;
        SegmentCount = 0;
    }

    /// <summary>Adds memory to read into or write from; it stays mapped until the completion.</summary>
    /// <returns>False when there are <see cref="MaximumSegments"/> already.</returns>
    public bool TryAddSegment(byte* address, nuint length)
    {
        if (SegmentCount == MaximumSegments)
        {
            return false;
        }

        AppendSegment(address, length);
        Length += (long)length;
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.Free(_segments);
        _segments = null;
        (_capacity, SegmentCount) = (0, 0);
    }

    internal void AppendSegment(byte* address, nuint length)
    {
        if (SegmentCount == _capacity)
        {
            _capacity = Math.Max(16, _capacity * 2);
            _segments = (BlockSegment*)NativeMemory.Realloc(_segments, (nuint)(_capacity * sizeof(BlockSegment)));
        }

        _segments[SegmentCount++] = new BlockSegment { Address = address, Length = length };
    }

    internal void ClearSegments() => SegmentCount = 0;

    internal void Complete(int error) => Completion?.Completed(this, error);
}
