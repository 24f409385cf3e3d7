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

/// <summary>A request to a <see cref="IBlockNode"/>, made once and used again and again.</summary>
/// <remarks>Belongs to the caller until <see cref="IBlockNode.Start"/> and to the node until its completion.</remarks>
public sealed unsafe class BlockRequest : IDisposable
{
    /// <summary>The most segments a request can have (IOV_MAX of the host).</summary>
    public const int MaximumSegments = 1024;

    private readonly BlockSegmentList _segments = new();
    private readonly BlockSegmentList _working = new();

    /// <summary>What to do.</summary>
    public BlockOperation Operation { get; private set; }

    /// <summary>First byte on the disk.</summary>
    public long Offset { get; private set; }

    /// <summary>Bytes; for reads and writes the sum of the segments.</summary>
    public long Length { get; private set; }

    /// <summary>Whether <see cref="BlockOperation.WriteZeroes"/> may free the space.</summary>
    public bool Unmap { get; private set; }

    /// <summary>Number of segments.</summary>
    public int SegmentCount => _segments.Count;

    /// <summary>Who is told of the end.</summary>
    public IBlockCompletion? Completion { get; set; }

    /// <summary>The caller's own note, for instance the queue and chain a request came from.</summary>
    public object? Context { get; set; }

    internal FileCommand Command { get; } = new();

    /// <summary>The segments still to transfer, or zeroes to write in place of any.</summary>
    internal BlockSegmentList Working => _working;

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
        _segments.Clear();
    }

    /// <summary>Adds memory to read into or write from; it stays mapped until the completion.</summary>
    /// <returns>False when there are <see cref="MaximumSegments"/> already.</returns>
    public bool TryAddSegment(byte* address, nuint length)
    {
        if (SegmentCount == MaximumSegments)
        {
            return false;
        }

        _segments.Append(address, length);
        Length += (long)length;
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _segments.Dispose();
        _working.Dispose();
    }

    /// <summary>Makes a working copy of the segments, which a partial transfer eats up; a retry needs the originals.</summary>
    internal void CopySegments()
    {
        _working.Clear();
        for (int i = 0; i < SegmentCount; i++)
        {
            _working.Append(_segments.Start[i].Address, _segments.Start[i].Length);
        }
    }

    internal void Complete(int error) => Completion?.Completed(this, error);
}
