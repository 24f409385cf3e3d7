namespace Nacelle.Block;

/// <summary>System calls an engine makes for a file node.</summary>
internal enum FileCommandKind
{
    Read,
    Write,
    Synchronise,
    Allocate,
}

/// <summary>The system call a request is at, and how far it has come. Owned by the node, then by the engine.</summary>
internal sealed unsafe class FileCommand
{
    public FileCommandKind Kind;
    public int FileDescriptor;
    public long Offset;

    /// <summary>Bytes still to do.</summary>
    public long Remaining;

    /// <summary>What is left of the segments; changed in place as parts of a transfer are done.</summary>
    public BlockSegment* Segments;
    public int SegmentCount;

    /// <summary>RWF_*, fsync or fallocate flags.</summary>
    public int Flags;
    public RawFileNode? Node;
    public BlockRequest? Request;
    public FileCommand? Next;
    public int Result;
}
